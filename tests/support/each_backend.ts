import {
  aeadBackends,
  curveBackends,
  kemBackends,
  useBackends,
} from "../../lib/crypto/backends.ts";
import type { AeadBackend } from "../../lib/crypto/cipher.ts";
import type { CurveBackend } from "../../lib/crypto/curve_backend.ts";
import type { KemBackend } from "../../lib/crypto/kem_backend.ts";

const curves = await curveBackends();
const aeads = await aeadBackends();
const kems = await kemBackends();

/** Registers one test a curve; each runs with that curve behind the door of `#crypto`. */
export function eachCurve(name: string, test: (backend: CurveBackend) => void): void {
  for (const curve of curves) {
    Deno.test(`${name} [${curve.name}]`, () => {
      useBackends({ curve });
      test(curve);
    });
  }
}

/** Registers one test an AEAD; each runs with that AEAD behind the door of `#crypto`. */
export function eachAead(name: string, test: (backend: AeadBackend) => void): void {
  for (const aead of aeads) {
    Deno.test(`${name} [${aead.name}]`, () => {
      useBackends({ aead });
      test(aead);
    });
  }
}

/** Registers one test a KEM; each runs with that KEM behind the door of `#crypto`. */
export function eachKem(name: string, test: (backend: KemBackend) => void): void {
  for (const kem of kems) {
    Deno.test(`${name} [${kem.name}]`, () => {
      useBackends({ kem });
      test(kem);
    });
  }
}
