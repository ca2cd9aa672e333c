import { concat, type Random, systemRandom } from "#kit";
import type { CurveBackend } from "./curve_backend.ts";
import { invertRandomScalar, isScalar, SCALAR_LENGTH } from "./scalar.ts";
import moduleBase64 from "./wasm/secp256k1.base64" with { type: "text" };

/** What libsecp256k1 is called in `wasm/secp256k1.base64`; numbers are addresses, 1 is success. */
interface Library {
  readonly f: WebAssembly.Memory;
  /** Runs the constructors, once. */
  g(): void;
  /** malloc */
  h(bytes: number): number;
  /** secp256k1_context_create */
  j(flags: number): number;
  /** secp256k1_ec_pubkey_parse */
  k(context: number, key: number, input: number, length: number): number;
  /** secp256k1_ec_pubkey_serialize */
  l(context: number, output: number, length: number, key: number, flags: number): number;
  /** secp256k1_ec_pubkey_create */
  p(context: number, key: number, scalar: number): number;
  /** secp256k1_ec_seckey_tweak_mul */
  s(context: number, scalar: number, factor: number): number;
  /** secp256k1_ec_pubkey_tweak_mul */
  t(context: number, key: number, factor: number): number;
  /** secp256k1_context_randomize */
  u(context: number, seed: number): number;
  /** secp256k1_ecdh, with the library's own hash: SHA-256 of the compressed point */
  v(context: number, output: number, key: number, scalar: number, hash: 0, data: 0): number;
  /** secp256k1_ecdsa_recoverable_signature_parse_compact */
  w(context: number, signature: number, input: number, recoveryId: number): number;
  /** secp256k1_ecdsa_recoverable_signature_serialize_compact */
  x(context: number, output: number, recoveryId: number, signature: number): number;
  /** secp256k1_ecdsa_sign_recoverable, with the library's own nonce: RFC 6979 */
  y(
    context: number,
    signature: number,
    digest: number,
    scalar: number,
    nonceFunction: 0,
    nonceData: 0,
  ): number;
  /** secp256k1_ecdsa_recover */
  z(context: number, key: number, signature: number, digest: number): number;
}

const CONTEXT_NONE = 1;
const COMPRESSED = 258;
const POINT_LENGTH = 33;

/**
 * libsecp256k1 compiled to WebAssembly. Its ECDH, key derivation and signing are written to take the
 * same time for every secret scalar (the library promises that of its C source; a WebAssembly
 * compiler is not bound by it). Its plain point multiplication is not, so {@link WasmCurve.multiply}
 * blinds the scalar with a fresh random factor.
 */
export class WasmCurve implements CurveBackend {
  readonly name = "libsecp256k1-wasm";
  readonly #library: Library;
  readonly #random: Random;
  readonly #context: number;
  readonly #memory: Uint8Array;
  /** Two 32-byte slots for secrets, wiped after every use. */
  readonly #secret: number;
  readonly #factor: number;
  readonly #bytes: number;
  readonly #key: number;
  readonly #signature: number;
  readonly #number: number;

  /**
   * Compiles and starts the module: a few milliseconds.
   *
   * @throws {Error} WebAssembly's own, when it cannot run here.
   */
  constructor(random: Random = systemRandom) {
    // As text, because a bundle decodes embedded bytes with a slow loop, at every start.
    const module = new WebAssembly.Module(Uint8Array.fromBase64(moduleBase64));
    const { exports } = new WebAssembly.Instance(module, {
      a: { a: refuse, b: refuse, c: refuse, d: refuse, e: refuse },
    });
    const library = exports as unknown as Library;
    library.g();
    this.#library = library;
    this.#random = random;
    this.#secret = library.h(SCALAR_LENGTH);
    this.#factor = library.h(SCALAR_LENGTH);
    this.#bytes = library.h(65);
    this.#key = library.h(64);
    this.#signature = library.h(65);
    this.#number = library.h(4);
    this.#context = library.j(CONTEXT_NONE);
    // The module cannot grow its memory (it would have to call `refuse`), so this view stays valid.
    this.#memory = new Uint8Array(library.f.buffer);
    this.#memory.set(random.bytes(SCALAR_LENGTH), this.#bytes);
    expectSuccess(library.u(this.#context, this.#bytes), "blind the base point");
  }

  isPoint(bytes: Uint8Array): boolean {
    return bytes.length === POINT_LENGTH && this.#parse(bytes);
  }

  publicKey(scalar: Uint8Array): Uint8Array {
    this.#withSecret(scalar, (secret) => this.#library.p(this.#context, this.#key, secret));
    return this.#serialize();
  }

  ecdh(scalar: Uint8Array, point: Uint8Array): Uint8Array {
    this.#load(point);
    this.#withSecret(
      scalar,
      (secret) => this.#library.v(this.#context, this.#bytes, this.#key, secret, 0, 0),
    );
    const shared = this.#read(this.#bytes, SCALAR_LENGTH);
    this.#wipe(this.#bytes);
    return shared;
  }

  /** With b random: d·P = (d/b)·(b·P). Neither factor alone says anything about d. */
  multiply(scalar: Uint8Array, point: Uint8Array): Uint8Array {
    const blinding = this.#randomScalar();
    const { s: multiplyScalar, t: multiplyPoint } = this.#library;
    this.#load(point);
    this.#withSecret(blinding, (secret) => multiplyPoint(this.#context, this.#key, secret));
    this.#withSecret(scalar, (secret) => {
      this.#memory.set(invertRandomScalar(blinding), this.#factor);
      expectSuccess(multiplyScalar(this.#context, secret, this.#factor), "blind a scalar");
      return multiplyPoint(this.#context, this.#key, secret);
    });
    return this.#serialize();
  }

  sign(scalar: Uint8Array, digest: Uint8Array): Uint8Array {
    this.#memory.set(digest, this.#bytes);
    this.#withSecret(
      scalar,
      (secret) => this.#library.y(this.#context, this.#signature, this.#bytes, secret, 0, 0),
    );
    this.#library.x(this.#context, this.#bytes, this.#number, this.#signature);
    return concat(this.#read(this.#bytes, 64), this.#read(this.#number, 1));
  }

  recover(compact: Uint8Array, recoveryId: number, digest: Uint8Array): Uint8Array | undefined {
    const { w: parseSignature, z: recover } = this.#library;
    this.#memory.set(compact, this.#bytes);
    if (parseSignature(this.#context, this.#signature, this.#bytes, recoveryId) !== 1) {
      return undefined;
    }
    this.#memory.set(digest, this.#bytes);
    const found = recover(this.#context, this.#key, this.#signature, this.#bytes) === 1;
    return found ? this.#serialize() : undefined;
  }

  #parse(point: Uint8Array): boolean {
    this.#memory.set(point, this.#bytes);
    return this.#library.k(this.#context, this.#key, this.#bytes, POINT_LENGTH) === 1;
  }

  #load(point: Uint8Array): void {
    if (!this.isPoint(point)) throw new RangeError("Cannot use a point that is not on the curve");
  }

  #serialize(): Uint8Array {
    new DataView(this.#memory.buffer).setUint32(this.#number, POINT_LENGTH, true);
    this.#library.l(this.#context, this.#bytes, this.#number, this.#key, COMPRESSED);
    return this.#read(this.#bytes, POINT_LENGTH);
  }

  #withSecret(scalar: Uint8Array, use: (address: number) => number): void {
    this.#memory.set(scalar, this.#secret);
    try {
      expectSuccess(use(this.#secret), "use a scalar");
    } finally {
      this.#wipe(this.#secret);
      this.#wipe(this.#factor);
    }
  }

  #randomScalar(): Uint8Array {
    for (;;) {
      const scalar = this.#random.bytes(SCALAR_LENGTH);
      if (isScalar(scalar)) return scalar;
    }
  }

  #read(address: number, length: number): Uint8Array {
    return this.#memory.slice(address, address + length);
  }

  #wipe(address: number): void {
    this.#memory.fill(0, address, address + SCALAR_LENGTH);
  }
}

/** libsecp256k1 calls out only to report a misuse and stop; nothing it is given here leads there. */
function refuse(): never {
  throw new Error("Cannot go on: the curve library reported a misuse");
}

function expectSuccess(result: number, what: string): void {
  if (result !== 1) throw new RangeError(`Cannot ${what}: the curve library refused it`);
}
