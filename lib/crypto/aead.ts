import { aead } from "./backends.ts";
import type { Cipher } from "./cipher.ts";

export { CIPHER_KEY_LENGTH, MAX_ASSOCIATED, MAX_DATA, TAG_LENGTH } from "./cipher.ts";
export type { Cipher } from "./cipher.ts";

/**
 * The cipher of a 32-byte key, which is copied: ChaCha20-Poly1305 of RFC 8439.
 *
 * @throws {RangeError} for a key of another length.
 */
export function cipherOf(key: Uint8Array): Cipher {
  return aead().cipherOf(key);
}
