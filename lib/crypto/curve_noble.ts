import { secp256k1 } from "@noble/curves/secp256k1.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concat } from "#kit";
import type { CurveBackend } from "./curve_backend.ts";

/** The curve in plain JavaScript: the reference, and what runs where WebAssembly does not. */
export const nobleCurve: CurveBackend = {
  name: "noble",
  isPoint(bytes) {
    if (bytes.length !== 33) return false;
    try {
      secp256k1.Point.fromBytes(bytes);
      return true;
    } catch {
      return false;
    }
  },
  publicKey: (scalar) => secp256k1.getPublicKey(scalar, true),
  ecdh: (scalar, point) => sha256(multiply(scalar, point)),
  multiply,
  sign(scalar, digest) {
    const options = { prehash: false, lowS: true, format: "recovered" } as const;
    const recoveryIdFirst = secp256k1.sign(digest, scalar, options);
    return concat(recoveryIdFirst.subarray(1), recoveryIdFirst.subarray(0, 1));
  },
  recover(compact, recoveryId, digest) {
    try {
      const recoveryIdFirst = concat(Uint8Array.of(recoveryId), compact);
      return secp256k1.recoverPublicKey(recoveryIdFirst, digest, { prehash: false });
    } catch {
      return undefined;
    }
  },
};

function multiply(scalar: Uint8Array, point: Uint8Array): Uint8Array {
  // noble would take the uncompressed form too.
  if (point.length !== 33) throw new RangeError("Cannot use a point that is not compressed");
  return secp256k1.getSharedSecret(scalar, point, true);
}
