/** Bytes of an ML-KEM-768 encapsulation key (FIPS 203). */
export const ENCAPSULATION_KEY_LENGTH = 1184;
/** Bytes of an ML-KEM-768 ciphertext (FIPS 203). */
export const KEM_CIPHERTEXT_LENGTH = 1088;

/**
 * One implementation of ML-KEM-768 (FIPS 203). All of them give the same bytes. Callers check the
 * lengths.
 */
export interface KemBackend {
  /** The name that `/status` and the benchmark show. */
  readonly name: string;
  /** The key pair of a 64-byte seed, d || z: 1184 and 2400 bytes in the format of FIPS 203. */
  keyPair(seed: Uint8Array): { encapsulationKey: Uint8Array; decapsulationKey: Uint8Array };
  /**
   * Encapsulates with the 32 bytes of `m`; undefined when the 1184-byte key fails FIPS 203's modulus
   * check: a coefficient of it is not below 3329.
   */
  encapsulate(encapsulationKey: Uint8Array, m: Uint8Array): Encapsulation | undefined;
  /** The 32-byte shared secret of a 1088-byte ciphertext; a wrong one gives another secret. */
  decapsulate(ciphertext: Uint8Array, decapsulationKey: Uint8Array): Uint8Array;
}

/** What encapsulating gives. */
export interface Encapsulation {
  /** 1088 bytes, for the owner of the key. */
  readonly ciphertext: Uint8Array;
  /** 32 bytes, to be kept. */
  readonly sharedSecret: Uint8Array;
}
