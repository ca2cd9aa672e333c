/**
 * The only place that sees a crypto library: keys, ECDH, signatures, hashes, AEAD, ML-KEM, passwords.
 *
 * Above `#kit`, below `#noise`. It never waits, never logs and never sees a socket. Randomness is
 * handed in, but for what only hardens a computation and shows in no result. The curve, the AEAD
 * and ML-KEM run as WebAssembly, started at first use ({@link selectedBackends}); noble takes over
 * where that cannot run. Formats: `docs/spec/noise.md` sections 1, 2 and 4.
 *
 * @example
 * ```ts
 * import { systemRandom } from "#kit";
 * import { ecdh, SecretKey } from "#crypto";
 *
 * const alice = SecretKey.generate(systemRandom);
 * const bob = SecretKey.generate(systemRandom);
 * console.assert(ecdh(alice, bob.publicKey).toHex() === ecdh(bob, alice.publicKey).toHex());
 * ```
 *
 * @module
 */
export * from "./aead.ts";
export * from "./aes_gcm.ts";
export { selectedBackends } from "./backends.ts";
export * from "./ecdh.ts";
export * from "./hash.ts";
export * from "./kem.ts";
export * from "./keys.ts";
export * from "./nonce_aead.ts";
export {
  hashPassword,
  MAX_PASSWORD_BYTES,
  parsePasswordLine,
  type PasswordForm,
  type PasswordVerifier,
} from "./password.ts";
export { PasswordFileError, type PasswordFileFault } from "./password_file_error.ts";
export * from "./signature.ts";
