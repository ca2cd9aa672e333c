import { type Cipher, cipherOf, TAG_LENGTH } from "#crypto";

/**
 * A key and its counter, as the handshake uses them (Noise specification, section 5.1). Without a
 * key it passes bytes through. Transport records carry their counter: see `transport_state.ts`.
 */
export class CipherState {
  #key: Uint8Array | undefined;
  #cipher: Cipher | undefined;
  #counter = 0n;

  /** Takes a new 32-byte key and starts counting at 0. */
  initializeKey(key: Uint8Array): void {
    this.#key = key;
    this.#cipher = cipherOf(key);
    this.#counter = 0n;
  }

  /** The key in use, for the vectors' step-by-step comparison. */
  get key(): Uint8Array | undefined {
    return this.#key;
  }

  /** Bytes that sealing adds now: 16, or 0 while there is no key. */
  get overhead(): number {
    return this.#cipher === undefined ? 0 : TAG_LENGTH;
  }

  /** Seals under the next counter value. */
  encrypt(plaintext: Uint8Array, associated: Uint8Array): Uint8Array {
    return this.#cipher?.seal(this.#counter++, plaintext, associated) ?? plaintext;
  }

  /** Opens under the next counter value; undefined when the tag does not hold. */
  decrypt(sealed: Uint8Array, associated: Uint8Array): Uint8Array | undefined {
    return this.#cipher === undefined
      ? sealed
      : this.#cipher.open(this.#counter++, sealed, associated);
  }
}
