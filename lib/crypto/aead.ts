import { chacha20poly1305 } from "@noble/ciphers/chacha.js";

/** Bytes that sealing adds. */
export const TAG_LENGTH = 16;

/** ChaCha20-Poly1305 under one key (RFC 8439); nonce = 4 zero bytes, then the counter little-endian. */
export interface Cipher {
  /** Ciphertext and tag: 16 bytes longer than the plaintext. */
  seal(counter: bigint, plaintext: Uint8Array, associated?: Uint8Array): Uint8Array;
  /** Writes ciphertext and tag at `offset` of `target`, which must have room; no associated data. */
  sealInto(target: Uint8Array, offset: number, counter: bigint, plaintext: Uint8Array): void;
  /** The plaintext, or undefined when the tag does not hold. */
  open(counter: bigint, sealed: Uint8Array, associated?: Uint8Array): Uint8Array | undefined;
}

/** The cipher of a 32-byte key. */
export function cipherOf(key: Uint8Array): Cipher {
  return {
    seal: (counter, plaintext, associated) =>
      chacha20poly1305(key, nonceOf(counter), associated).encrypt(plaintext),
    sealInto: (target, offset, counter, plaintext) =>
      target.set(chacha20poly1305(key, nonceOf(counter)).encrypt(plaintext), offset),
    open(counter, sealed, associated) {
      if (sealed.length < TAG_LENGTH) return undefined;
      try {
        return chacha20poly1305(key, nonceOf(counter), associated).decrypt(sealed);
      } catch {
        return undefined;
      }
    },
  };
}

function nonceOf(counter: bigint): Uint8Array {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setBigUint64(4, counter, true);
  return nonce;
}
