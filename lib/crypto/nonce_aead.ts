import { concat, NO_BYTES, type Random } from "#kit";
import { aead } from "./backends.ts";
import { type Cipher, TAG_LENGTH } from "./cipher.ts";

/** Bytes of the nonce in front. */
const NONCE_LENGTH = 12;

/** What sealing with a random nonce takes beside key and plaintext. */
export interface NonceSealOptions {
  /** Where the nonce comes from. */
  readonly random: Random;
  /** What is authenticated beside it; default nothing. */
  readonly associated?: Uint8Array;
}

/**
 * Seals under a random nonce, which goes in front: 12 bytes of nonce, then ChaCha20-Poly1305
 * (RFC 8439) ciphertext and 16 bytes of tag.
 *
 * @throws {RangeError} for a key of other than 32 bytes.
 */
export function sealWithNonce(
  key: Uint8Array,
  plaintext: Uint8Array,
  { random, associated = NO_BYTES }: NonceSealOptions,
): Uint8Array {
  const nonce = random.bytes(NONCE_LENGTH);
  const { cipher, counter } = placed(key, nonce);
  return concat(nonce, cipher.seal(counter, plaintext, associated));
}

/**
 * Opens what {@link sealWithNonce} made; undefined when it is too short or the tag does not hold.
 *
 * @throws {RangeError} for a key of other than 32 bytes.
 */
export function openWithNonce(
  key: Uint8Array,
  sealed: Uint8Array,
  associated: Uint8Array = NO_BYTES,
): Uint8Array | undefined {
  if (sealed.length < NONCE_LENGTH + TAG_LENGTH) return undefined;
  const { cipher, counter } = placed(key, sealed.subarray(0, NONCE_LENGTH));
  return cipher.open(counter, sealed.subarray(NONCE_LENGTH), associated);
}

/** A cipher counts its nonces: four bytes of prefix and eight of counter make any 12 bytes. */
function placed(key: Uint8Array, nonce: Uint8Array): { cipher: Cipher; counter: bigint } {
  const view = new DataView(nonce.buffer, nonce.byteOffset, NONCE_LENGTH);
  const cipher = aead().cipherOf(key, view.getUint32(0, true));
  return { cipher, counter: view.getBigUint64(4, true) };
}
