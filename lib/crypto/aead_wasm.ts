import { NO_BYTES, type Random, systemRandom } from "#kit";
import {
  type AeadBackend,
  checkAssociated,
  checkData,
  checkKey,
  type Cipher,
  CIPHER_KEY_LENGTH,
  MAX_ASSOCIATED,
  MAX_DATA,
  TAG_LENGTH,
} from "./cipher.ts";
import moduleBase64 from "./wasm/libsodium.base64" with { type: "text" };

/**
 * What libsodium is called in `wasm/libsodium.base64`. Numbers are addresses; a 64-bit length takes
 * two, the low half first. 0 is success.
 */
interface Library {
  readonly e: WebAssembly.Memory;
  /** crypto_aead_chacha20poly1305_ietf_encrypt; ciphertext and tag are its output. */
  D(
    output: number,
    outputLength: 0,
    input: number,
    inputLength: number,
    inputLengthHigh: 0,
    associated: number,
    associatedLength: number,
    associatedLengthHigh: 0,
    secretNonce: 0,
    nonce: number,
    key: number,
  ): number;
  /** crypto_aead_chacha20poly1305_ietf_decrypt; it checks the tag before it decrypts. */
  H(
    output: number,
    outputLength: 0,
    secretNonce: 0,
    input: number,
    inputLength: number,
    inputLengthHigh: 0,
    associated: number,
    associatedLength: number,
    associatedLengthHigh: 0,
    nonce: number,
    key: number,
  ): number;
  /** sodium_init */
  xe(): number;
  /** malloc */
  Ee(bytes: number): number;
}

const NONCE_LENGTH = 12;

/** libsodium compiled to WebAssembly. One instance serves all keys: no call leaves state behind. */
export class WasmAead implements AeadBackend {
  readonly name = "libsodium-wasm";
  readonly #library: Library;
  readonly #memory: Uint8Array;
  readonly #view: DataView;
  /** Addresses. */
  readonly #key: number;
  readonly #nonce: number;
  readonly #associated: number;
  readonly #input: number;
  readonly #output: number;

  /**
   * Compiles and starts the module: about two milliseconds.
   *
   * @throws {Error} WebAssembly's own, when it cannot run here.
   */
  constructor(random: Random = systemRandom) {
    // As text, because a bundle decodes embedded bytes with a slow loop, at every start.
    const module = new WebAssembly.Module(Uint8Array.fromBase64(moduleBase64));
    const { exports } = new WebAssembly.Instance(module, {
      a: {
        a: refuse,
        b: () => randomNumber(random),
        c: refuse,
        d: refuse,
      },
    });
    const library = exports as unknown as Library;
    if (library.xe() !== 0) throw new Error("Cannot start the cipher library");
    this.#library = library;
    this.#key = library.Ee(CIPHER_KEY_LENGTH);
    this.#nonce = library.Ee(NONCE_LENGTH);
    this.#associated = library.Ee(MAX_ASSOCIATED);
    this.#input = library.Ee(MAX_DATA + TAG_LENGTH);
    this.#output = library.Ee(MAX_DATA + TAG_LENGTH);
    // The module cannot grow its memory (it would have to call `refuse`), so these stay valid.
    this.#memory = new Uint8Array(library.e.buffer);
    this.#view = new DataView(library.e.buffer);
  }

  cipherOf(key: Uint8Array, prefix = 0): Cipher {
    checkKey(key);
    const ownKey = key.slice();
    const load = (counter: bigint, data: Uint8Array, associated: Uint8Array) => {
      this.#memory.set(ownKey, this.#key);
      this.#view.setUint32(this.#nonce, prefix, true);
      this.#view.setBigUint64(this.#nonce + 4, counter, true);
      this.#memory.set(data, this.#input);
      if (associated.length > 0) this.#memory.set(associated, this.#associated);
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
    const [input, output, associated] = [this.#input, this.#output, this.#associated];
    const [nonce, key] = [this.#nonce, this.#key];
    this.#library.D(output, 0, input, length, 0, associated, associatedLength, 0, 0, nonce, key);
    return this.#memory.subarray(output, output + length + TAG_LENGTH);
  }

  /** Opens the loaded bytes. The result is a view, good until the next call. */
  #open(length: number, associatedLength: number): Uint8Array | undefined {
    const [input, output, associated] = [this.#input, this.#output, this.#associated];
    const [nonce, key] = [this.#nonce, this.#key];
    const result = this.#library
      .H(output, 0, 0, input, length, 0, associated, associatedLength, 0, nonce, key);
    if (result !== 0) return undefined;
    return this.#memory.subarray(output, output + length - TAG_LENGTH);
  }
}

/** What libsodium draws when it starts, for checks of its own heap; no cipher depends on it. */
function randomNumber(random: Random): number {
  const { buffer, byteOffset } = random.bytes(4);
  return new DataView(buffer, byteOffset).getUint32(0);
}

/** libsodium calls out for this only to report a misuse or to ask for more memory; it has enough. */
function refuse(): never {
  throw new Error("Cannot go on: the cipher library reported a misuse");
}
