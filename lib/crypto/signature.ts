import { secp256k1 } from "@noble/curves/secp256k1.js";
import { CodedError, concat, fromHex } from "#kit";
import { KeyError, PublicKey, type SecretKey } from "./keys.ts";

/** Bytes of a signature: r (32), s (32), recovery id (1, last, not offset). */
export const SIGNATURE_LENGTH = 65;

/** Why a signature does not hold; texts of noise.md 1.5. */
export class SignatureError extends CodedError {
  constructor(message: string) {
    super("invalid-signature", message);
  }
}

/**
 * Signs a 32-byte digest: low s, RFC 6979 nonce, `r || s || recid`.
 *
 * @throws {SignatureError} for the all-zero digest.
 */
export function signDigest(secret: SecretKey, digest: Uint8Array): Uint8Array {
  if (digest.every((byte) => byte === 0)) throw new SignatureError("Cannot sign null hash digest");
  const recoveredFirst = secp256k1.sign(digest, secret.reveal(), {
    prehash: false,
    lowS: true,
    format: "recovered",
  });
  return concat(recoveredFirst.subarray(1), recoveredFirst.subarray(0, 1));
}

/** The key that made this signature of this digest, or undefined when none can have. */
export function recoverPublicKey(
  signature: Uint8Array,
  digest: Uint8Array,
): PublicKey | undefined {
  const recid = signature[64];
  if (signature.length !== SIGNATURE_LENGTH || recid === undefined || recid > 3) return undefined;
  try {
    const recidFirst = concat(Uint8Array.of(recid), signature.subarray(0, 64));
    return PublicKey.fromBytes(secp256k1.recoverPublicKey(recidFirst, digest, { prehash: false }));
  } catch {
    return undefined;
  }
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
