import type { Random } from "#kit";
import { kem } from "./backends.ts";
import {
  type Encapsulation,
  ENCAPSULATION_KEY_LENGTH,
  KEM_CIPHERTEXT_LENGTH,
} from "./kem_backend.ts";

export { ENCAPSULATION_KEY_LENGTH, KEM_CIPHERTEXT_LENGTH } from "./kem_backend.ts";
export type { Encapsulation } from "./kem_backend.ts";

const SEED_LENGTH = 64;
const M_LENGTH = 32;

/** A fresh ML-KEM-768 key pair. */
export interface KemKeyPair {
  /** 1184 bytes, to be sent. */
  readonly encapsulationKey: Uint8Array;
  /**
   * The 32-byte shared secret of a 1088-byte ciphertext; a wrong one gives another secret.
   *
   * @throws {RangeError} for a ciphertext of another length.
   */
  decapsulate(ciphertext: Uint8Array): Uint8Array;
}

/** Makes a key pair from 64 random bytes (d || z). */
export function generateKemKeyPair(random: Random): KemKeyPair {
  const backend = kem();
  const { encapsulationKey, decapsulationKey } = backend.keyPair(random.bytes(SEED_LENGTH));
  return {
    encapsulationKey,
    decapsulate(ciphertext) {
      if (ciphertext.length !== KEM_CIPHERTEXT_LENGTH) {
        throw new RangeError(
          `Cannot decapsulate ${ciphertext.length} bytes: a ciphertext has ${KEM_CIPHERTEXT_LENGTH}`,
        );
      }
      return backend.decapsulate(ciphertext, decapsulationKey);
    },
  };
}

/**
 * Encapsulates to a peer's key with 32 random bytes; undefined when the key is not well-formed: of
 * another length, or with a coefficient that is not below 3329 (FIPS 203, 7.2).
 */
export function encapsulate(
  encapsulationKey: Uint8Array,
  random: Random,
): Encapsulation | undefined {
  if (encapsulationKey.length !== ENCAPSULATION_KEY_LENGTH) return undefined;
  return kem().encapsulate(encapsulationKey, random.bytes(M_LENGTH));
}
