import {
  PublicKey,
  recoversTo,
  type SecretKey,
  sha256,
  SIGNATURE_LENGTH,
  signDigest,
} from "#crypto";
import { fromHex } from "#kit";

/** Half the order of secp256k1, big-endian: the largest canonical s. */
const HALF_ORDER = Uint8Array.fromHex(
  "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0",
);
const S_AT = 32;

/**
 * Signs canonical bytes by their SHA-256 (groups.md 2.2): the digest is hashed once more, and that
 * is what ECDSA signs. 65 bytes: r, s (low), recovery id.
 */
export function signCanonical(secret: SecretKey, digest: Uint8Array): Uint8Array {
  return signDigest(secret, sha256(digest));
}

/**
 * Whether a key made this signature of the canonical bytes with this SHA-256, by recovery. Stricter
 * than deployed peers: s must not be above half the order, so that there is one signature, not two.
 */
export function verifyCanonical(
  key: string,
  signature: Uint8Array,
  digest: Uint8Array,
): boolean {
  if (signature.length !== SIGNATURE_LENGTH || !hasLowS(signature)) return false;
  return recoversTo(key, signature, sha256(digest));
}

/** Whether a signature is the zero one, which stands for none. */
export function isUnsigned(signature: Uint8Array): boolean {
  return signature.every((byte) => byte === 0);
}

/** The key with these hex digits; undefined when there is none. */
export function keyOf(hex: string): PublicKey | undefined {
  const bytes = fromHex(hex);
  return bytes && PublicKey.fromBytes(bytes);
}

function hasLowS(signature: Uint8Array): boolean {
  for (const [index, most] of HALF_ORDER.entries()) {
    const byte = signature[S_AT + index] ?? 0;
    if (byte !== most) return byte < most;
  }
  return true;
}
