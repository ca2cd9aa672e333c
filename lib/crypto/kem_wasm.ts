import {
  type Encapsulation,
  ENCAPSULATION_KEY_LENGTH,
  KEM_CIPHERTEXT_LENGTH,
  type KemBackend,
} from "./kem_backend.ts";
import { libsodium } from "./libsodium.ts";

const DECAPSULATION_KEY_LENGTH = 2400;
const SHARED_SECRET_LENGTH = 32;
/** Bytes of a buffer that any call here writes: the output of a key pair is the most. */
const MOST_USED = ENCAPSULATION_KEY_LENGTH + DECAPSULATION_KEY_LENGTH;

/**
 * The ML-KEM-768 of libsodium. It wipes its own stack; the buffers it works from and to, which hold
 * secrets too, are wiped here.
 */
export class WasmKem implements KemBackend {
  readonly name = "libsodium-wasm";
  readonly #sodium = libsodium();

  keyPair(seed: Uint8Array): { encapsulationKey: Uint8Array; decapsulationKey: Uint8Array } {
    const { exports, input, output } = this.#sodium;
    const decapsulationKey = output + ENCAPSULATION_KEY_LENGTH;
    return this.#wiping([seed], () => {
      expectSuccess(exports.lc(output, decapsulationKey, input), "make a key pair");
      return {
        encapsulationKey: this.#read(output, ENCAPSULATION_KEY_LENGTH),
        decapsulationKey: this.#read(decapsulationKey, DECAPSULATION_KEY_LENGTH),
      };
    });
  }

  encapsulate(encapsulationKey: Uint8Array, m: Uint8Array): Encapsulation | undefined {
    const { exports, input, output } = this.#sodium;
    const sharedSecret = output + KEM_CIPHERTEXT_LENGTH;
    return this.#wiping([encapsulationKey, m], () => {
      const result = exports.oc(output, sharedSecret, input, input + encapsulationKey.length);
      if (result !== 0) return undefined;
      return {
        ciphertext: this.#read(output, KEM_CIPHERTEXT_LENGTH),
        sharedSecret: this.#read(sharedSecret, SHARED_SECRET_LENGTH),
      };
    });
  }

  decapsulate(ciphertext: Uint8Array, decapsulationKey: Uint8Array): Uint8Array {
    const { exports, input, output } = this.#sodium;
    return this.#wiping([ciphertext, decapsulationKey], () => {
      expectSuccess(exports.pc(output, input, input + ciphertext.length), "decapsulate");
      return this.#read(output, SHARED_SECRET_LENGTH);
    });
  }

  /** Runs `call` with `parts` one behind the other in the input, and leaves neither buffer filled. */
  #wiping<Result>(parts: readonly Uint8Array[], call: () => Result): Result {
    const { memory, input, output } = this.#sodium;
    try {
      let end = input;
      for (const part of parts) {
        memory.set(part, end);
        end += part.length;
      }
      return call();
    } finally {
      memory.fill(0, input, input + MOST_USED);
      memory.fill(0, output, output + MOST_USED);
    }
  }

  #read(address: number, length: number): Uint8Array {
    return this.#sodium.memory.slice(address, address + length);
  }
}

function expectSuccess(result: number, task: string): void {
  if (result !== 0) throw new Error(`Cannot ${task}: libsodium refused sound input`);
}
