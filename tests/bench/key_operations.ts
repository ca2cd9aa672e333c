import { ecdh, encapsulate, generateKemKeyPair, SecretKey } from "#crypto";
import { systemRandom as random } from "#kit";
import { microseconds } from "./rounds.ts";

/** Microseconds of one ephemeral key and three ECDH: what both roles of XK cannot avoid. */
export function keyOperations(count: number): number {
  const { publicKey } = SecretKey.generate(random);
  return microseconds(count, () => {
    const ephemeral = SecretKey.generate(random);
    void ephemeral.publicKey;
    for (let dh = 0; dh < 3; dh++) ecdh(ephemeral, publicKey);
  });
}

/** Microseconds of the initiator's half of ML-KEM. */
export function kemOffer(count: number): number {
  const sealed = encapsulate(generateKemKeyPair(random).encapsulationKey, random);
  if (sealed === undefined) throw new Error("Cannot encapsulate to a fresh key");
  return microseconds(count, () => {
    generateKemKeyPair(random).decapsulate(sealed.ciphertext);
  });
}

/** Microseconds of the responder's half of ML-KEM. */
export function kemAnswer(count: number): number {
  const { encapsulationKey } = generateKemKeyPair(random);
  return microseconds(count, () => void encapsulate(encapsulationKey, random));
}
