/**
 * ChaCha20-Poly1305 under one key (RFC 8439); nonce = 4 zero bytes, then the counter little-endian.
 * Every method throws a RangeError above {@link MAX_DATA} or {@link MAX_ASSOCIATED}.
 */
export interface Cipher {
  /** Ciphertext and tag: 16 bytes longer than the plaintext. */
  seal(counter: bigint, plaintext: Uint8Array, associated?: Uint8Array): Uint8Array;
  /**
   * Writes ciphertext and tag at `offset` of `target`; no associated data.
   *
   * @throws {RangeError} when they do not fit.
   */
  sealInto(target: Uint8Array, offset: number, counter: bigint, plaintext: Uint8Array): void;
  /** The plaintext, or undefined when the tag does not hold. */
  open(counter: bigint, sealed: Uint8Array, associated?: Uint8Array): Uint8Array | undefined;
  /**
   * Turns ciphertext and tag into the plaintext where they lie, no associated data: the plaintext is
   * a view of the front of `sealed`. Undefined when the tag does not hold, and then nothing changed.
   */
  openInPlace(counter: bigint, sealed: Uint8Array): Uint8Array | undefined;
}

/** One implementation of ChaCha20-Poly1305. All of them give the same bytes. */
export interface AeadBackend {
  /** The name that `/status` and the benchmark show. */
  readonly name: string;
  /**
   * The cipher of a 32-byte key, which is copied. `prefix` is the first four bytes of every nonce as
   * a little-endian number: 0 in Noise, others in published vectors.
   */
  cipherOf(key: Uint8Array, prefix?: number): Cipher;
}

/** Bytes of a key. */
export const CIPHER_KEY_LENGTH = 32;
/** Bytes that sealing adds. */
export const TAG_LENGTH = 16;
/** Bytes of associated data at most: ours, Noise never has more than 32. */
export const MAX_ASSOCIATED = 4096;
/** Bytes of plaintext at most: ours, a Noise message never has more than 65,519. */
export const MAX_DATA = 1_048_576;

/**
 * Guards the two programmer's mistakes that backends would answer differently.
 *
 * @throws {RangeError} for a key of another length.
 */
export function checkKey(key: Uint8Array): void {
  if (key.length !== CIPHER_KEY_LENGTH) {
    throw new RangeError(`Cannot make a cipher: ${key.length} key bytes, not ${CIPHER_KEY_LENGTH}`);
  }
}

/**
 * Guards the length of associated data.
 *
 * @throws {RangeError} above {@link MAX_ASSOCIATED}.
 */
export function checkAssociated(associated: Uint8Array): void {
  if (associated.length > MAX_ASSOCIATED) {
    throw new RangeError(
      `Cannot authenticate ${associated.length} associated bytes: at most ${MAX_ASSOCIATED}`,
    );
  }
}

/**
 * Guards the length of a plaintext.
 *
 * @throws {RangeError} above {@link MAX_DATA}.
 */
export function checkData(length: number): void {
  if (length > MAX_DATA) {
    throw new RangeError(`Cannot seal or open ${length} bytes of plaintext: at most ${MAX_DATA}`);
  }
}
