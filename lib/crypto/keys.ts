import { CodedError, concat, equalSecrets, fromHex, type Random, toHex, utf8 } from "#kit";
import { curve } from "./backends.ts";
import { hmacSha256, sha256 } from "./hash.ts";
import { isScalar, SCALAR_LENGTH } from "./scalar.ts";

/** Bytes of a secret key: a big-endian scalar. */
export const SECRET_KEY_LENGTH: number = SCALAR_LENGTH;
/** Bytes of a public key: a compressed secp256k1 point. */
export const PUBLIC_KEY_LENGTH = 33;

/** A key that cannot be one. The text is the one that peers' tools print (noise.md 1.2). */
export class KeyError extends CodedError {
  /** An error of code `invalid-key` with one of those texts. */
  constructor(message: string) {
    super("invalid-key", message);
  }
}

/**
 * A public key: a point of secp256k1, checked when it was made. Compare with {@link equals}; use
 * {@link hex} as a map key.
 */
export class PublicKey {
  /** The 33 compressed bytes. Not to be changed. */
  readonly bytes: Uint8Array;
  /** The 66 lower-case hex digits by which people know it. */
  readonly hex: string;

  private constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.hex = toHex(bytes);
  }

  /**
   * Reads the 66 hex digits of a key; nothing is trimmed (noise.md 1.2).
   *
   * @throws {KeyError} with the text of the specification.
   */
  static parse(text: string): PublicKey {
    const bytes = fromHex(text);
    if (bytes === undefined) throw new KeyError("Invalid public key");
    if (bytes.length !== PUBLIC_KEY_LENGTH) throw new KeyError("Invalid public key length");
    const key = PublicKey.fromBytes(bytes);
    if (key === undefined) throw new KeyError("Invalid public key");
    return key;
  }

  /**
   * Reads a key of a JSON field, where the empty text and text made of zeros mean "not set":
   * undefined.
   *
   * @throws {KeyError} as {@link parse} does.
   */
  static parseField(text: string): PublicKey | undefined {
    return /^0*$/.test(text) ? undefined : PublicKey.parse(text);
  }

  /** The key with these bytes, or undefined when they are no point of the curve (x >= p included). */
  static fromBytes(bytes: Uint8Array): PublicKey | undefined {
    return curve().isPoint(bytes) ? new PublicKey(bytes.slice()) : undefined;
  }

  /** Whether both are the same key. */
  equals(other: PublicKey): boolean {
    return this.hex === other.hex;
  }

  /** The hex digits. */
  toString(): string {
    return this.hex;
  }

  /** The hex digits, as every JSON output has them. */
  toJSON(): string {
    return this.hex;
  }
}

/**
 * A secret key, checked when it was made. Its bytes never appear in texts, logs or JSON; only this
 * layer and a deliberate {@link reveal} see them.
 */
export class SecretKey {
  readonly #bytes: Uint8Array;
  #publicKey: PublicKey | undefined;

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /**
   * Reads the 64 hex digits of a key; nothing is trimmed (noise.md 1.2).
   *
   * @throws {KeyError} with the text of the specification.
   */
  static parse(text: string): SecretKey {
    const bytes = fromHex(text);
    if (bytes === undefined) throw new KeyError("Invalid secret key");
    if (bytes.length !== SECRET_KEY_LENGTH) throw new KeyError("Invalid secret key length");
    const key = SecretKey.fromBytes(bytes);
    if (key === undefined) throw new KeyError("Invalid secret key");
    return key;
  }

  /** The key with these bytes, or undefined unless they are a scalar d with 1 <= d < n. */
  static fromBytes(bytes: Uint8Array): SecretKey | undefined {
    return isScalar(bytes) ? new SecretKey(bytes.slice()) : undefined;
  }

  /** A new key from 32 random bytes, drawn again while they are no valid scalar. */
  static generate(random: Random): SecretKey {
    for (;;) {
      const key = SecretKey.fromBytes(random.bytes(SECRET_KEY_LENGTH));
      if (key !== undefined) return key;
    }
  }

  /** The public key d·G, computed once. */
  get publicKey(): PublicKey {
    return this.#publicKey ??= derivePublicKey(this.#bytes);
  }

  /** A copy of the 32 bytes, for crypto code and for the one command that prints a new key. */
  reveal(): Uint8Array {
    return this.#bytes.slice();
  }

  /** Whether both are the same key, in constant time. */
  equals(other: SecretKey): boolean {
    return equalSecrets(this.#bytes, other.#bytes);
  }

  /** Never the key. */
  toString(): string {
    return "[secret key]";
  }

  /** Never the key. */
  toJSON(): string {
    return "[secret key]";
  }
}

/** Derives the compressed public key of a secret one. */
function derivePublicKey(secret: Uint8Array): PublicKey {
  const key = PublicKey.fromBytes(curve().publicKey(secret));
  if (key === undefined) throw new Error("Cannot derive a public key: backend returned no point");
  return key;
}

/**
 * The secret key that any non-empty seed determines (noise.md 1.3).
 *
 * @throws {KeyError} `Seed input is empty`.
 */
export function deterministicSecretKey(seed: Uint8Array): SecretKey {
  if (seed.length === 0) throw new KeyError("Seed input is empty");
  const first = sha256(seed);
  const inner = firstValidSecret(first);
  const outer = firstValidSecret(sha256(first));
  const point = curve().multiply(inner, curve().publicKey(outer));
  const secret = SecretKey.fromBytes(
    firstValidSecret(sha256(concat(seed, sha256(concat(first, point))))),
  );
  if (secret === undefined) throw new Error("Cannot make a key: the seed step returned no scalar");
  return secret;
}

/** The secret key of child `index` under a parent key and a label (noise.md 1.3). */
export function childSecretKey(parent: SecretKey, label: string, index: number): SecretKey {
  const number = new Uint8Array(4);
  new DataView(number.buffer).setUint32(0, index);
  return deterministicSecretKey(hmacSha256(parent.reveal(), concat(utf8(label), number)));
}

/** Hashes until the result is a valid scalar; the first hash nearly always is. */
function firstValidSecret(seed: Uint8Array): Uint8Array {
  let candidate = sha256(seed);
  while (!isScalar(candidate)) candidate = sha256(candidate);
  return candidate;
}
