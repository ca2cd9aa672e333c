import { type Random, systemRandom } from "#kit";
import { CIPHER_KEY_LENGTH, MAX_ASSOCIATED, MAX_DATA, TAG_LENGTH } from "./cipher.ts";
import moduleBase64 from "./wasm/libsodium.base64" with { type: "text" };

/**
 * What libsodium is called in `wasm/libsodium.base64`. Numbers are addresses; a 64-bit length takes
 * two, the low half first. 0 is success.
 */
export interface LibsodiumExports {
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
  /** crypto_kem_mlkem768_seed_keypair; the seed is d || z. */
  lc(encapsulationKey: number, decapsulationKey: number, seed: number): number;
  /** crypto_kem_mlkem768_enc_deterministic; -1 for a coefficient of the key that is not below q. */
  oc(ciphertext: number, sharedSecret: number, encapsulationKey: number, m: number): number;
  /** crypto_kem_mlkem768_dec; it rejects implicitly. */
  pc(sharedSecret: number, ciphertext: number, decapsulationKey: number): number;
  /** sodium_init */
  xe(): number;
  /** malloc */
  Ee(bytes: number): number;
}

const NONCE_LENGTH = 12;

/**
 * libsodium compiled to WebAssembly, with buffers that every call may use: they are loaded, a
 * function is called, the result is copied out, and nothing in them is counted on afterwards.
 */
export class Libsodium {
  readonly exports: LibsodiumExports;
  /** All of the module's memory. The module cannot grow it: it would have to call `refuse`. */
  readonly memory: Uint8Array;
  /** The same memory. */
  readonly view: DataView;
  /** Address of 32 bytes. */
  readonly key: number;
  /** Address of 12 bytes. */
  readonly nonce: number;
  /** Address of {@link MAX_ASSOCIATED} bytes. */
  readonly associated: number;
  /** Address of {@link MAX_DATA} bytes and a tag. */
  readonly input: number;
  /** Address of {@link MAX_DATA} bytes and a tag. */
  readonly output: number;

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
    this.exports = exports as unknown as LibsodiumExports;
    if (this.exports.xe() !== 0) throw new Error("Cannot start libsodium");
    this.key = this.exports.Ee(CIPHER_KEY_LENGTH);
    this.nonce = this.exports.Ee(NONCE_LENGTH);
    this.associated = this.exports.Ee(MAX_ASSOCIATED);
    this.input = this.exports.Ee(MAX_DATA + TAG_LENGTH);
    this.output = this.exports.Ee(MAX_DATA + TAG_LENGTH);
    this.memory = new Uint8Array(this.exports.e.buffer);
    this.view = new DataView(this.exports.e.buffer);
  }
}

let shared: Libsodium | undefined;

/**
 * The one instance, started at first use: no call leaves state behind that another could meet.
 *
 * @throws {Error} WebAssembly's own, when it cannot run here.
 */
export function libsodium(): Libsodium {
  return shared ??= new Libsodium();
}

/** What libsodium draws when it starts, for checks of its own heap; no result depends on it. */
function randomNumber(random: Random): number {
  const { buffer, byteOffset } = random.bytes(4);
  return new DataView(buffer, byteOffset).getUint32(0);
}

/** libsodium calls out for this only to report a misuse or to ask for more memory; it has enough. */
function refuse(): never {
  throw new Error("Cannot go on: libsodium reported a misuse");
}
