import { NO_BYTES } from "#kit";
import { type AeadBackend, checkAssociated, checkKey, type Cipher, TAG_LENGTH } from "./cipher.ts";
import moduleBytes from "./wasm/chacha20poly1305.wasm" with { type: "bytes" };

/** What `wasm/chacha20poly1305.as` exports. */
interface Module {
  readonly memory: WebAssembly.Memory;
  /** Addresses of the key, the associated data and the data. */
  readonly KEY: WebAssembly.Global;
  readonly ASSOCIATED: WebAssembly.Global;
  readonly DATA: WebAssembly.Global;
  seal(prefix: number, counter: bigint, associated: number, length: number): void;
  /** 1 when the tag held. */
  open(prefix: number, counter: bigint, associated: number, length: number): number;
}

const PAGE = 65_536;

/** Whether this runtime can run the module (it needs WebAssembly with 128-bit vectors). */
export function wasmAeadRuns(): boolean {
  return typeof WebAssembly === "object" && WebAssembly.validate(moduleBytes);
}

/** Our own WebAssembly module. One instance serves all keys: it holds no state between two calls. */
export class WasmAead implements AeadBackend {
  readonly name = "wasm-simd";
  readonly #module: Module;
  readonly #addresses: { key: number; associated: number; data: number };
  #memory: Uint8Array;

  /** Compiles and starts the module: under a millisecond. */
  constructor() {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes));
    this.#module = exports as unknown as Module;
    const { KEY, ASSOCIATED, DATA, memory } = this.#module;
    this.#addresses = { key: KEY.value, associated: ASSOCIATED.value, data: DATA.value };
    this.#memory = new Uint8Array(memory.buffer);
  }

  cipherOf(key: Uint8Array, prefix = 0): Cipher {
    checkKey(key);
    const ownKey = key.slice();
    const seal = (counter: bigint, plaintext: Uint8Array, associated: Uint8Array) => {
      checkAssociated(associated);
      this.#load(ownKey, plaintext, associated);
      this.#module.seal(prefix, counter, associated.length, plaintext.length);
      return this.#addresses.data + plaintext.length + TAG_LENGTH;
    };
    const open = (counter: bigint, sealed: Uint8Array, associated: Uint8Array) => {
      checkAssociated(associated);
      const length = sealed.length - TAG_LENGTH;
      if (length < 0) return undefined;
      this.#load(ownKey, sealed, associated);
      if (this.#module.open(prefix, counter, associated.length, length) !== 1) return undefined;
      return this.#memory.subarray(this.#addresses.data, this.#addresses.data + length);
    };
    return {
      seal: (counter, plaintext, associated = NO_BYTES) => {
        const end = seal(counter, plaintext, associated);
        return this.#memory.slice(this.#addresses.data, end);
      },
      sealInto: (target, offset, counter, plaintext) => {
        const end = seal(counter, plaintext, NO_BYTES);
        target.set(this.#memory.subarray(this.#addresses.data, end), offset);
      },
      open: (counter, sealed, associated = NO_BYTES) => open(counter, sealed, associated)?.slice(),
      openInPlace: (counter, sealed) => {
        const plaintext = open(counter, sealed, NO_BYTES);
        if (plaintext === undefined) return undefined;
        sealed.set(plaintext);
        return sealed.subarray(0, plaintext.length);
      },
    };
  }

  #load(key: Uint8Array, data: Uint8Array, associated: Uint8Array): void {
    const missing = this.#addresses.data + data.length + TAG_LENGTH - this.#memory.length;
    if (missing > 0) {
      this.#module.memory.grow(Math.ceil(missing / PAGE));
      this.#memory = new Uint8Array(this.#module.memory.buffer);
    }
    this.#memory.set(key, this.#addresses.key);
    this.#memory.set(associated, this.#addresses.associated);
    this.#memory.set(data, this.#addresses.data);
  }
}
