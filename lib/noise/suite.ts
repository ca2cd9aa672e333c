import { concat } from "#kit";
import { ecdh, type PublicKey, type SecretKey } from "#crypto";

/**
 * Which of the two keys of Noise's Split() encrypts what.
 *
 * - `initiator-first`: the Noise specification. The first key is the initiator's sending key.
 * - `last-reader-first`: the deviation of deployed skywire peers (noise.md 3.5). The side that
 *   *wrote* the last handshake message takes the pair in swapped order, so in three-message
 *   patterns (XK, XX) the initiator sends with the second key. In two-message patterns the result
 *   is the specification's. It is deliberate here because every peer does it.
 */
export type SplitOrder = "initiator-first" | "last-reader-first";

/**
 * What the handshake machine needs to know beyond the pattern. Hash and cipher are SHA-256 and
 * ChaCha20-Poly1305 in every suite we speak; the curve is secp256k1.
 */
export interface Suite {
  /** What follows the pattern in the protocol name: `Secp256k1_ChaChaPoly_SHA256`. */
  readonly name: string;
  /** The bytes that MixKey takes for a pair of keys. */
  dh(secret: SecretKey, peer: PublicKey): Uint8Array;
  /** Who sends with which split key. */
  readonly splitOrder: SplitOrder;
}

/** The zero byte that ends every DH output: the deployed library declares DHLEN = 33. */
const DH_PADDING = Uint8Array.of(0);

/** The suite of every skywire link: spelling, DH output and split order of noise.md 2, 3.1, 3.5. */
export const SKYWIRE_SUITE: Suite = {
  name: "Secp256k1_ChaChaPoly_SHA256",
  dh: (secret, peer) => concat(ecdh(secret, peer), DH_PADDING),
  splitOrder: "last-reader-first",
};
