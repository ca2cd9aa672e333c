/** Bytes of an AES-256 key. */
const KEY_LENGTH = 32;
/** Bytes of a nonce of GCM. */
const NONCE_LENGTH = 12;
/** Bytes that sealing adds. */
const TAG_LENGTH = 16;

/** AES-256-GCM without additional data (NIST SP 800-38D). Never use a nonce twice under one key. */
export interface AesGcm {
  /**
   * Ciphertext and tag: 16 bytes longer than the plaintext.
   *
   * @throws {RangeError} unless the key has 32 bytes and the nonce 12.
   */
  seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /**
   * The plaintext, or undefined when the tag does not hold or the nonce has not 12 bytes.
   *
   * @throws {RangeError} unless the key has 32 bytes.
   */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array): Uint8Array | undefined;
}

/**
 * Loads AES-GCM. Only encrypted groups need it and its module takes longer to load than all others
 * of this layer, so nobody else waits for it.
 */
export async function loadAesGcm(): Promise<AesGcm> {
  const { gcm } = await import("@noble/ciphers/aes.js");
  return {
    seal(key, nonce, plaintext) {
      checkKey(key);
      if (nonce.length !== NONCE_LENGTH) {
        throw new RangeError(`Cannot seal with a nonce of ${nonce.length} bytes`);
      }
      return gcm(key, nonce).encrypt(plaintext);
    },
    open(key, nonce, sealed) {
      checkKey(key);
      if (nonce.length !== NONCE_LENGTH || sealed.length < TAG_LENGTH) return undefined;
      try {
        return gcm(key, nonce).decrypt(sealed);
      } catch {
        return undefined;
      }
    },
  };
}

function checkKey(key: Uint8Array): void {
  if (key.length !== KEY_LENGTH) {
    throw new RangeError(`Cannot use AES-256 with ${key.length} key bytes, not ${KEY_LENGTH}`);
  }
}
