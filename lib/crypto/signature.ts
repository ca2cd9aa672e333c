import { CodedError, fromHex, toHex } from "#kit";
import { curve } from "./backends.ts";
import { KeyError, PublicKey, type SecretKey } from "./keys.ts";

/** Bytes of a signature: r (32), s (32), recovery id (1, last, not offset). */
export const SIGNATURE_LENGTH = 65;

/** Bytes of a digest: SHA-256. */
export const DIGEST_LENGTH = 32;

/** Why a signature does not hold; texts of noise.md 1.5. */
export class SignatureError extends CodedError {
  /** An error of code `invalid-signature` with one of those texts. */
  constructor(message: string) {
    super("invalid-signature", message);
  }
}

/**
 * Signs a 32-byte digest: low s, RFC 6979 nonce, `r || s || recid`.
 *
 * @throws {SignatureError} for the all-zero digest.
 * @throws {RangeError} for a digest of another length.
 */
export function signDigest(secret: SecretKey, digest: Uint8Array): Uint8Array {
  checkDigest(digest);
  if (digest.every((byte) => byte === 0)) throw new SignatureError("Cannot sign null hash digest");
  return curve().sign(secret.reveal(), digest);
}

/**
 * The key that made this signature of this digest, or undefined when none can have.
 *
 * @throws {RangeError} for a digest of another length.
 */
export function recoverPublicKey(
  signature: Uint8Array,
  digest: Uint8Array,
): PublicKey | undefined {
  const point = recover(signature, digest);
  return point && PublicKey.fromBytes(point);
}

/**
 * Whether {@link recoverPublicKey} gives the key with these hex digits. Faster, since a recovered point need
 * not be looked at once more.
 *
 * @throws {RangeError} for a digest of another length.
 */
export function recoversTo(key: string, signature: Uint8Array, digest: Uint8Array): boolean {
  const point = recover(signature, digest);
  return point !== undefined && toHex(point) === key;
}

/**
 * Checks a signature in the order of noise.md 1.5: shape first, then that recovery gives exactly
 * this key. High s below 2^255 passes, as it does at deployed peers.
 *
 * @returns undefined when it holds, else why not.
 */
export function verifyDigest(
  key: Uint8Array,
  signature: Uint8Array,
  digest: Uint8Array,
): SignatureError | undefined {
  const known = PublicKey.fromBytes(key);
  if (known === undefined) {
    return new SignatureError("VerifySignatureRecoverPubKey, secp256k1.VerifyPubkey failed");
  }
  const topOfS = signature[32] ?? 0xff;
  const recid = signature[64] ?? 0xff;
  if (signature.length !== SIGNATURE_LENGTH || topOfS > 0x7f || recid > 3) {
    return new SignatureError("VerifySignatureRecoverPubKey, VerifySignatureValidity failed");
  }
  const recovered = recoverPublicKey(signature, digest);
  if (recovered === undefined || !recovered.equals(known)) {
    return new SignatureError("Invalid signature for this message");
  }
  return undefined;
}

/**
 * Reads the 130 hex digits of a signature.
 *
 * @throws {KeyError} `Invalid signature` or `Invalid signature length`.
 */
export function parseSignature(text: string): Uint8Array {
  const bytes = fromHex(text);
  if (bytes === undefined) throw new KeyError("Invalid signature");
  if (bytes.length !== SIGNATURE_LENGTH) throw new KeyError("Invalid signature length");
  return bytes;
}

function recover(signature: Uint8Array, digest: Uint8Array): Uint8Array | undefined {
  checkDigest(digest);
  const recid = signature[64];
  if (signature.length !== SIGNATURE_LENGTH || recid === undefined || recid > 3) return undefined;
  return curve().recover(signature.subarray(0, 64), recid, digest);
}

function checkDigest(digest: Uint8Array): void {
  if (digest.length !== DIGEST_LENGTH) {
    throw new RangeError(`Cannot sign or check ${digest.length} bytes: a digest has 32`);
  }
}
