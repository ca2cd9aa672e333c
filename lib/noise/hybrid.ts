import { concat, NO_BYTES, type Random, utf8 } from "#kit";
import {
  encapsulate,
  generateKemKeyPair,
  hkdfSha256,
  KEM_CIPHERTEXT_LENGTH,
  type KemKeyPair,
} from "#crypto";
import type { TransportKeys } from "./transport_keys.ts";

const REKEY_INFO = utf8("skywire-pq-hybrid-v1");
const KEY_LENGTH = 32;

/**
 * The ML-KEM-768 exchange in the payloads of messages 1 and 2 (noise.md 4).
 *
 * A deviation from the Noise specification, which has no payload that changes keys: deployed peers
 * mix the KEM secret in after the split, so that a recorded session stays closed even to somebody
 * who can break the curve later. It leaves the handshake itself untouched, so a peer without it
 * ignores the payloads and connects. Payloads of any other size or content mean "classical".
 */
export class HybridExchange {
  readonly #random: Random;
  #pair: KemKeyPair | undefined;
  #sharedSecret: Uint8Array | undefined;

  /** Draws 64 bytes of `random` for an offer, 32 for an answer, and nothing before. */
  constructor(random: Random) {
    this.#random = random;
  }

  /** Whether we sent an encapsulation key. */
  get offered(): boolean {
    return this.#pair !== undefined;
  }

  /** Whether both sides hold a KEM secret, as far as this side can know. */
  get agreed(): boolean {
    return this.#sharedSecret !== undefined;
  }

  /** The initiator's payload 1: a fresh encapsulation key, 1184 bytes. */
  offer(): Uint8Array {
    this.#pair = generateKemKeyPair(this.#random);
    return this.#pair.encapsulationKey;
  }

  /**
   * The responder's payload 2 for a payload 1: 1088 bytes, or none when that was no usable key. It
   * is the costly step, so call it only once the tag of message 1 held.
   */
  answer(payload: Uint8Array): Uint8Array {
    const answer = encapsulate(payload, this.#random);
    this.#sharedSecret = answer?.sharedSecret;
    return answer?.ciphertext ?? NO_BYTES;
  }

  /** The initiator takes payload 2. A wrong ciphertext gives another secret, not an error. */
  accept(payload: Uint8Array): void {
    if (payload.length !== KEM_CIPHERTEXT_LENGTH) return;
    this.#sharedSecret = this.#pair?.decapsulate(payload);
  }

  /** The final keys: each direction's on its own, or unchanged without a KEM secret. */
  rekey(keys: TransportKeys, handshakeHash: Uint8Array): TransportKeys {
    const sharedSecret = this.#sharedSecret;
    if (sharedSecret === undefined) return keys;
    const derive = (key: Uint8Array) =>
      hkdfSha256({
        ikm: concat(key, sharedSecret),
        salt: handshakeHash,
        info: REKEY_INFO,
        length: KEY_LENGTH,
      });
    return { send: derive(keys.send), receive: derive(keys.receive) };
  }
}
