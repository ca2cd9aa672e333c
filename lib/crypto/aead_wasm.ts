import { NO_BYTES } from "#kit";
import {
  type AeadBackend,
  checkAssociated,
  checkData,
  checkKey,
  type Cipher,
  TAG_LENGTH,
} from "./cipher.ts";
import { libsodium } from "./libsodium.ts";

/** The AEAD of libsodium. */
export class WasmAead implements AeadBackend {
  readonly name = "libsodium-wasm";
  readonly #sodium = libsodium();

  cipherOf(key: Uint8Array, prefix = 0): Cipher {
    checkKey(key);
    const ownKey = key.slice();
    const { memory, view, key: keyAt, nonce, input, associated: associatedAt } = this.#sodium;
    const load = (counter: bigint, data: Uint8Array, associated: Uint8Array) => {
      memory.set(ownKey, keyAt);
      view.setUint32(nonce, prefix, true);
      view.setBigUint64(nonce + 4, counter, true);
      memory.set(data, input);
      if (associated.length > 0) memory.set(associated, associatedAt);
    };
    return {
      seal: (counter, plaintext, associated = NO_BYTES) => {
        checkData(plaintext.length);
        checkAssociated(associated);
        load(counter, plaintext, associated);
        return this.#seal(plaintext.length, associated.length).slice();
      },
      sealInto: (target, offset, counter, plaintext) => {
        checkData(plaintext.length);
        load(counter, plaintext, NO_BYTES);
        target.set(this.#seal(plaintext.length, 0), offset);
      },
      open: (counter, sealed, associated = NO_BYTES) => {
        checkData(sealed.length - TAG_LENGTH);
        checkAssociated(associated);
        load(counter, sealed, associated);
        return this.#open(sealed.length, associated.length)?.slice();
      },
      openInPlace: (counter, sealed) => {
        checkData(sealed.length - TAG_LENGTH);
        load(counter, sealed, NO_BYTES);
        const plaintext = this.#open(sealed.length, 0);
        if (plaintext === undefined) return undefined;
        sealed.set(plaintext);
        return sealed.subarray(0, plaintext.length);
      },
    };
  }

  /** Seals the loaded plaintext. The result is a view, good until the next call. */
  #seal(length: number, associatedLength: number): Uint8Array {
    const { exports, memory, input, output, associated, nonce, key } = this.#sodium;
    exports.D(output, 0, input, length, 0, associated, associatedLength, 0, 0, nonce, key);
    return memory.subarray(output, output + length + TAG_LENGTH);
  }

  /** Opens the loaded bytes. The result is a view, good until the next call. */
  #open(length: number, associatedLength: number): Uint8Array | undefined {
    const { exports, memory, input, output, associated, nonce, key } = this.#sodium;
    const result = exports
      .H(output, 0, 0, input, length, 0, associated, associatedLength, 0, nonce, key);
    if (result !== 0) return undefined;
    return memory.subarray(output, output + length - TAG_LENGTH);
  }
}
