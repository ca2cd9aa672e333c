import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import fc from "fast-check";
import { gcm } from "@noble/ciphers/aes.js";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { concat, toHex } from "#kit";
import { loadAesGcm, openWithNonce, sealWithNonce } from "#crypto";
import { eachAead } from "#support/each_backend.ts";
import { ScriptedRandom } from "#support/seeded_random.ts";

const aes = await loadAesGcm();
const RUNS = { numRuns: 100 };
const keys = fc.uint8Array({ minLength: 32, maxLength: 32 });
const nonces = fc.uint8Array({ minLength: 12, maxLength: 12 });
const texts = fc.uint8Array({ maxLength: 600 });

Deno.test("AES-256-GCM agrees with test case 14 of the GCM specification", () => {
  const sealed = aes.seal(new Uint8Array(32), new Uint8Array(12), new Uint8Array(16));
  assert.equal(
    toHex(sealed),
    "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919",
  );
});

Deno.test("AES-256-GCM agrees with the platform's and opens what it sealed", () => {
  fc.assert(
    fc.property(keys, nonces, texts, (key, nonce, plaintext) => {
      const sealed = aes.seal(key, nonce, plaintext);
      const other = createCipheriv("aes-256-gcm", key, nonce);
      const body = concat(other.update(plaintext), other.final());
      assert.equal(toHex(sealed), toHex(concat(body, other.getAuthTag())));
      assert.deepEqual(aes.open(key, nonce, sealed), plaintext);
    }),
    RUNS,
  );
});

Deno.test("AES-256-GCM opens nothing that was changed or cut", () => {
  const [key, nonce] = [new Uint8Array(32).fill(7), new Uint8Array(12)];
  const sealed = aes.seal(key, nonce, new Uint8Array(20));
  for (let at = 0; at < sealed.length; at++) {
    assert.equal(aes.open(key, nonce, sealed.with(at, (sealed[at] ?? 0) ^ 1)), undefined);
    assert.equal(aes.open(key, nonce, sealed.subarray(0, at)), undefined);
  }
  assert.equal(aes.open(key, nonce.with(3, 1), sealed), undefined);
  assert.equal(aes.open(key.with(3, 1), nonce, sealed), undefined);
  for (const length of [0, 8, 11, 13, 16]) {
    const odd = new Uint8Array(length);
    assert.equal(
      aes.open(key, odd, length < 8 ? sealed : gcm(key, odd).encrypt(sealed)),
      undefined,
    );
    assert.throws(() => aes.seal(key, new Uint8Array(length), sealed), RangeError);
  }
  assert.throws(() => aes.seal(new Uint8Array(16), nonce, sealed), RangeError);
  assert.throws(() => aes.open(new Uint8Array(16), nonce, sealed), RangeError);
});

eachAead(
  "sealWithNonce agrees with the reference for any nonce, and openWithNonce inverts it",
  () => {
    fc.assert(
      fc.property(keys, nonces, texts, texts, (key, nonce, plaintext, associated) => {
        const random = new ScriptedRandom(nonce);
        const sealed = sealWithNonce(key, plaintext, { random, associated });
        const expected = chacha20poly1305(key, nonce, associated).encrypt(plaintext);
        assert.deepEqual(sealed, concat(nonce, expected));
        assert.deepEqual(openWithNonce(key, sealed, associated), plaintext);
        assert.equal(openWithNonce(key, sealed, concat(associated, nonce)), undefined);
      }),
      RUNS,
    );
  },
);

eachAead("openWithNonce opens nothing that was changed or cut", () => {
  const key = new Uint8Array(32).fill(9);
  const random = new ScriptedRandom(new Uint8Array(12).fill(1));
  const sealed = sealWithNonce(key, new Uint8Array(32), { random });
  for (let at = 0; at < sealed.length; at++) {
    assert.equal(openWithNonce(key, sealed.with(at, (sealed[at] ?? 0) ^ 1)), undefined);
    assert.equal(openWithNonce(key, sealed.subarray(0, at)), undefined);
  }
});
