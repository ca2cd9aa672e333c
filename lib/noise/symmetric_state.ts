import { concat, NO_BYTES, utf8 } from "#kit";
import { hmacSha256, sha256 } from "#crypto";
import { CipherState } from "./cipher_state.ts";

const HASH_LENGTH = 32;
const ONE = Uint8Array.of(1);
const TWO = Uint8Array.of(2);

/** The two keys that Noise's Split() returns, before anybody assigns them to a direction. */
export interface SplitKeys {
  /** Output 1, 32 bytes. */
  readonly first: Uint8Array;
  /** Output 2, 32 bytes. */
  readonly second: Uint8Array;
}

/** What the symmetric state holds after a step. Secret: for comparison with vectors only. */
export interface SymmetricSnapshot {
  /** `ck`, 32 bytes. */
  readonly chainingKey: Uint8Array;
  /** `h`, 32 bytes. */
  readonly hash: Uint8Array;
  /** `k`, 32 bytes; undefined before the first MixKey. */
  readonly key: Uint8Array | undefined;
}

/** Chaining key, transcript hash and the current key (Noise specification, 5.2; noise.md 3.2). */
export class SymmetricState {
  readonly #cipher = new CipherState();
  #chainingKey: Uint8Array;
  #hash: Uint8Array;

  /** Starts from the protocol name; a name of up to 32 bytes is padded, a longer one hashed. */
  constructor(protocolName: string) {
    const name = utf8(protocolName);
    this.#hash = name.length <= HASH_LENGTH
      ? concat(name, new Uint8Array(HASH_LENGTH - name.length))
      : sha256(name);
    this.#chainingKey = this.#hash;
  }

  /** The transcript hash: after the last message, the handshake hash (channel binding). */
  get hash(): Uint8Array {
    return this.#hash;
  }

  /** Bytes that {@link encryptAndHash} adds now. */
  get overhead(): number {
    return this.#cipher.overhead;
  }

  /** h := H(h || bytes). */
  mixHash(bytes: Uint8Array): void {
    this.#hash = sha256(concat(this.#hash, bytes));
  }

  /** Derives a new chaining key and key from a DH output. */
  mixKey(input: Uint8Array): void {
    const { first, second } = this.#hkdf(input);
    this.#chainingKey = first;
    this.#cipher.initializeKey(second);
  }

  /** Seals (or, before the first key, passes on) and hashes what goes onto the wire. */
  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const sealed = this.#cipher.encrypt(plaintext, this.#hash);
    this.mixHash(sealed);
    return sealed;
  }

  /** The reverse of {@link encryptAndHash}; undefined when the tag does not hold. */
  decryptAndHash(sealed: Uint8Array): Uint8Array | undefined {
    const plaintext = this.#cipher.decrypt(sealed, this.#hash);
    if (plaintext !== undefined) this.mixHash(sealed);
    return plaintext;
  }

  /** The two transport keys. */
  split(): SplitKeys {
    return this.#hkdf(NO_BYTES);
  }

  /** Copies of everything it holds. */
  snapshot(): SymmetricSnapshot {
    return {
      chainingKey: this.#chainingKey.slice(),
      hash: this.#hash.slice(),
      key: this.#cipher.key?.slice(),
    };
  }

  #hkdf(input: Uint8Array): SplitKeys {
    const secret = hmacSha256(this.#chainingKey, input);
    const first = hmacSha256(secret, ONE);
    return { first, second: hmacSha256(secret, concat(first, TWO)) };
  }
}
