import { secp256k1 } from "@noble/curves/secp256k1.js";
import type { PublicKey, SecretKey } from "./keys.ts";
import { sha256 } from "./hash.ts";

/** The shared point d·P, compressed: 33 bytes. */
export function sharedPoint(secret: SecretKey, peer: PublicKey): Uint8Array {
  return secp256k1.getSharedSecret(secret.reveal(), peer.bytes, true);
}

/** The generic shared secret: SHA-256 of the compressed point, prefix byte included (noise.md 2). */
export function ecdh(secret: SecretKey, peer: PublicKey): Uint8Array {
  return sha256(sharedPoint(secret, peer));
}
