import { PublicKey } from "#crypto";
import { failure, type NoiseFailure } from "./failure.ts";

/** The prime of secp256k1's field, big-endian hex: no coordinate reaches it. */
const FIELD_PRIME = "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f";

/**
 * Checks a public key from the wire before any secret is multiplied with it.
 *
 * Deployed peers crash on x >= p instead of refusing it, hence the second text (noise.md 3.4).
 *
 * @param bytes 33 bytes.
 */
export function readRemoteKey(bytes: Uint8Array): PublicKey | NoiseFailure {
  const key = PublicKey.fromBytes(bytes);
  if (key !== undefined) return key;
  const compressed = bytes[0] === 2 || bytes[0] === 3;
  return compressed && bytes.subarray(1).toHex() >= FIELD_PRIME
    ? failure(
      "invalid-key",
      "handshake panic: pubkey parses but serialize/deserialize roundtrip fails",
    )
    : failure("invalid-key", "noise DH: ECDH failed: invalid key");
}
