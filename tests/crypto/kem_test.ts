import assert from "node:assert/strict";
import { fromHex, toHex } from "#kit";
import {
  encapsulate,
  ENCAPSULATION_KEY_LENGTH,
  generateKemKeyPair,
  KEM_CIPHERTEXT_LENGTH,
} from "#crypto";
import { ScriptedRandom, SeededRandom } from "#support/seeded_random.ts";
import vectors from "../vectors/noise.json" with { type: "json" };

function bytes(hex: string): Uint8Array {
  return fromHex(hex) ?? assert.fail(hex);
}

Deno.test("ML-KEM-768 gives the recorded keys, ciphertexts and secrets", () => {
  let answered = 0;
  for (const { name, mlkem768: kem } of vectors.handshakes) {
    if (kem?.seed === undefined) continue;
    const pair = generateKemKeyPair(new ScriptedRandom(bytes(kem.seed)));
    assert.equal(toHex(pair.encapsulationKey), kem.encapsulation_key, name);
    if (kem.encapsulation_m === undefined || kem.ciphertext === undefined) continue;
    const random = new ScriptedRandom(bytes(kem.encapsulation_m));
    const result = encapsulate(pair.encapsulationKey, random) ?? assert.fail(name);
    assert.equal(toHex(result.ciphertext), kem.ciphertext, name);
    assert.equal(toHex(result.sharedSecret), kem.shared_secret, name);
    assert.equal(toHex(pair.decapsulate(result.ciphertext)), kem.shared_secret, name);
    answered++;
  }
  assert.ok(answered >= 2);
});

Deno.test("encapsulate refuses what is no key, before it draws a random byte", () => {
  const noRandom = new ScriptedRandom();
  for (const length of [0, 1183, 1185, KEM_CIPHERTEXT_LENGTH]) {
    assert.equal(encapsulate(new Uint8Array(length), noRandom), undefined);
  }
  const outOfRange = new Uint8Array(ENCAPSULATION_KEY_LENGTH).fill(0xff);
  assert.equal(encapsulate(outOfRange, new SeededRandom(1)), undefined);
});

Deno.test("a changed ciphertext gives another secret, not an error; one of another length throws", () => {
  const pair = generateKemKeyPair(new SeededRandom(2));
  const { ciphertext, sharedSecret } = encapsulate(pair.encapsulationKey, new SeededRandom(3)) ??
    assert.fail("good key refused");
  assert.deepEqual(pair.decapsulate(ciphertext), sharedSecret);
  const changed = ciphertext.slice();
  changed[100] = (changed[100] ?? 0) ^ 1;
  const implicit = pair.decapsulate(changed);
  assert.equal(implicit.length, 32);
  assert.notDeepEqual(implicit, sharedSecret);
  assert.deepEqual(pair.decapsulate(changed), implicit, "rejection is repeatable");
  assert.throws(() => pair.decapsulate(ciphertext.subarray(1)));
});
