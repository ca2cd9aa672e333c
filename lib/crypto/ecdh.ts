import { curve } from "./backends.ts";
import type { PublicKey, SecretKey } from "./keys.ts";

/** The shared point d·P, compressed: 33 bytes. For vectors and derivations; {@link ecdh} is faster. */
export function sharedPoint(secret: SecretKey, peer: PublicKey): Uint8Array {
  return curve().multiply(secret.reveal(), peer.bytes);
}

/** The generic shared secret: SHA-256 of the compressed point, prefix byte included (noise.md 2). */
export function ecdh(secret: SecretKey, peer: PublicKey): Uint8Array {
  return curve().ecdh(secret.reveal(), peer.bytes);
}
