import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import type { Random } from "#kit";

/** Bytes of an ML-KEM-768 encapsulation key (FIPS 203). */
export const ENCAPSULATION_KEY_LENGTH = 1184;
/** Bytes of an ML-KEM-768 ciphertext (FIPS 203). */
export const KEM_CIPHERTEXT_LENGTH = 1088;

/** A fresh ML-KEM-768 key pair. */
export interface KemKeyPair {
  /** 1184 bytes, to be sent. */
  readonly encapsulationKey: Uint8Array;
  /** The 32-byte shared secret of a 1088-byte ciphertext; a wrong one gives another secret. */
  decapsulate(ciphertext: Uint8Array): Uint8Array;
}

/** Makes a key pair from 64 random bytes (d || z). */
export function generateKemKeyPair(random: Random): KemKeyPair {
  const { publicKey, secretKey } = ml_kem768.keygen(random.bytes(64));
  return {
    encapsulationKey: publicKey,
    decapsulate: (ciphertext) => ml_kem768.decapsulate(ciphertext, secretKey),
  };
}

/** Encapsulates to a peer's key with 32 random bytes; undefined when the key is not well-formed. */
export function encapsulate(
  encapsulationKey: Uint8Array,
  random: Random,
): { ciphertext: Uint8Array; sharedSecret: Uint8Array } | undefined {
  if (encapsulationKey.length !== ENCAPSULATION_KEY_LENGTH) return undefined;
  try {
    const { cipherText, sharedSecret } = ml_kem768.encapsulate(encapsulationKey, random.bytes(32));
    return { ciphertext: cipherText, sharedSecret };
  } catch {
    return undefined;
  }
}
