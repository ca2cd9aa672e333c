import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import type { KemBackend } from "./kem_backend.ts";

/** ML-KEM-768 in JavaScript: the reference, and the fallback. */
export const nobleKem: KemBackend = {
  name: "noble",
  keyPair(seed) {
    const { publicKey, secretKey } = ml_kem768.keygen(seed);
    return { encapsulationKey: publicKey, decapsulationKey: secretKey };
  },
  encapsulate(encapsulationKey, m) {
    try {
      const { cipherText, sharedSecret } = ml_kem768.encapsulate(encapsulationKey, m);
      return { ciphertext: cipherText, sharedSecret };
    } catch {
      return undefined;
    }
  },
  decapsulate: (ciphertext, decapsulationKey) =>
    ml_kem768.decapsulate(ciphertext, decapsulationKey),
};
