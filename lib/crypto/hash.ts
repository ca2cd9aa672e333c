import { hkdf } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";

/** SHA-256 of the bytes: 32 bytes (FIPS 180-4). */
export function sha256(bytes: Uint8Array): Uint8Array {
  return nobleSha256(bytes);
}

/** HMAC-SHA-256: 32 bytes (RFC 2104). */
export function hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array {
  return hmac(nobleSha256, key, message);
}

/** HKDF-SHA-256, extract then expand, `length` bytes (RFC 5869). */
export function hkdfSha256(
  options: { ikm: Uint8Array; salt: Uint8Array; info: Uint8Array; length: number },
): Uint8Array {
  return hkdf(nobleSha256, options.ikm, options.salt, options.info, options.length);
}
