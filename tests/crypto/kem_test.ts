import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, fromHex, toHex } from "#kit";
import {
  cipherOf,
  encapsulate,
  ENCAPSULATION_KEY_LENGTH,
  generateKemKeyPair,
  KEM_CIPHERTEXT_LENGTH,
} from "#crypto";
import { kemBackends } from "../../lib/crypto/backends.ts";
import { WasmKem } from "../../lib/crypto/kem_wasm.ts";
import { libsodium } from "../../lib/crypto/libsodium.ts";
import { eachKem } from "#support/each_backend.ts";
import { ScriptedRandom, SeededRandom } from "#support/seeded_random.ts";
import vectors from "../vectors/noise.json" with { type: "json" };

/** The modulus of ML-KEM: what a coefficient stays below. */
const Q = 3329;
const COEFFICIENTS = 768;

const seeds = fc.uint8Array({ minLength: 64, maxLength: 64 });
const drawn = fc.uint8Array({ minLength: 32, maxLength: 32 });

function bytes(hex: string): Uint8Array {
  return fromHex(hex) ?? assert.fail(hex);
}

/** A copy of an encapsulation key with one 12-bit coefficient replaced. */
function withCoefficient(key: Uint8Array, index: number, value: number): Uint8Array {
  const copy = key.slice();
  const at = (index >> 1) * 3 + (index & 1);
  const old = (copy[at] ?? 0) | ((copy[at + 1] ?? 0) << 8);
  const changed = index % 2 === 0 ? (old & 0xf000) | value : (old & 0x000f) | (value << 4);
  copy.set([changed & 0xff, changed >> 8], at);
  return copy;
}

eachKem("ML-KEM-768 gives the recorded keys, ciphertexts and secrets", () => {
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

eachKem("encapsulate refuses another length before it draws a random byte", () => {
  const noRandom = new ScriptedRandom();
  for (const length of [0, 1183, 1185, KEM_CIPHERTEXT_LENGTH]) {
    assert.equal(encapsulate(new Uint8Array(length), noRandom), undefined);
  }
});

eachKem("encapsulate refuses every coefficient that is not below the modulus, and no other", () => {
  const { encapsulationKey } = generateKemKeyPair(new SeededRandom(7));
  const accepts = (key: Uint8Array) => encapsulate(key, new SeededRandom(1)) !== undefined;
  for (let index = 0; index < COEFFICIENTS; index += index < 8 ? 1 : 19) {
    assert.ok(accepts(withCoefficient(encapsulationKey, index, Q - 1)), `${index}`);
    assert.ok(!accepts(withCoefficient(encapsulationKey, index, Q)), `${index}`);
    assert.ok(!accepts(withCoefficient(encapsulationKey, index, 4095)), `${index}`);
  }
  assert.ok(!accepts(withCoefficient(encapsulationKey, COEFFICIENTS - 1, Q)));
  assert.ok(!accepts(new Uint8Array(ENCAPSULATION_KEY_LENGTH).fill(0xff)));
  assert.ok(accepts(encapsulationKey));
});

eachKem("a changed ciphertext gives another secret, not an error; another length throws", () => {
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
  assert.throws(() => pair.decapsulate(ciphertext.subarray(1)), RangeError);
  assert.throws(() => pair.decapsulate(concat(ciphertext, Uint8Array.of(0))), RangeError);
});

eachKem("what one call gave stays what it is, and the caller's bytes too", () => {
  const pairs = [11, 12].map((seed) => generateKemKeyPair(new SeededRandom(seed)));
  const [first, second] = pairs.map(({ encapsulationKey }) => {
    const before = encapsulationKey.slice();
    const answer = encapsulate(encapsulationKey, new SeededRandom(5)) ?? assert.fail();
    assert.deepEqual(encapsulationKey, before);
    return answer;
  });
  assert.ok(first !== undefined && second !== undefined);
  const kept = first.ciphertext.slice();
  assert.deepEqual(pairs[1]?.decapsulate(second.ciphertext), second.sharedSecret);
  assert.deepEqual(pairs[0]?.decapsulate(first.ciphertext), first.sharedSecret);
  assert.deepEqual(first.ciphertext, kept);
});

Deno.test("every KEM gives the same keys, ciphertexts, secrets and rejections", async () => {
  const [preferred, reference] = await kemBackends();
  assert.ok(preferred !== undefined && reference !== undefined);
  fc.assert(
    fc.property(seeds, drawn, fc.nat(KEM_CIPHERTEXT_LENGTH * 8 - 1), (seed, m, bit) => {
      const pair = preferred.keyPair(seed);
      assert.deepEqual(pair, reference.keyPair(seed));
      const { encapsulationKey, decapsulationKey } = pair;
      const answer = preferred.encapsulate(encapsulationKey, m) ?? assert.fail("refused");
      assert.deepEqual(answer, reference.encapsulate(encapsulationKey, m));
      const { ciphertext, sharedSecret } = answer;
      const wrong = ciphertext.slice();
      wrong[bit >> 3] = (wrong[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      for (const kem of [preferred, reference]) {
        assert.deepEqual(kem.decapsulate(ciphertext, decapsulationKey), sharedSecret);
      }
      const rejected = preferred.decapsulate(wrong, decapsulationKey);
      assert.notDeepEqual(rejected, sharedSecret);
      assert.deepEqual(rejected, reference.decapsulate(wrong, decapsulationKey));
    }),
    { numRuns: 40 },
  );
});

Deno.test("every KEM answers the same for any bytes as key or ciphertext", async () => {
  const [preferred, reference] = await kemBackends();
  assert.ok(preferred !== undefined && reference !== undefined);
  const { encapsulationKey, decapsulationKey } = reference.keyPair(new SeededRandom(4).bytes(64));
  const index = fc.nat(COEFFICIENTS - 1);
  const nearTheEdge = fc.oneof(fc.integer({ min: Q - 2, max: Q + 2 }), fc.nat(4095));
  let refused = 0;
  fc.assert(
    fc.property(index, nearTheEdge, drawn, fc.nat(), (index, value, m, seed) => {
      const key = withCoefficient(encapsulationKey, index, value);
      const answer = preferred.encapsulate(key, m);
      assert.deepEqual(answer, reference.encapsulate(key, m));
      assert.equal(answer === undefined, value >= Q);
      if (answer === undefined) refused++;
      const noise = new SeededRandom(seed).bytes(ENCAPSULATION_KEY_LENGTH);
      assert.deepEqual(preferred.encapsulate(noise, m), reference.encapsulate(noise, m));
      const ciphertext = noise.subarray(0, KEM_CIPHERTEXT_LENGTH);
      assert.deepEqual(
        preferred.decapsulate(ciphertext, decapsulationKey),
        reference.decapsulate(ciphertext, decapsulationKey),
      );
    }),
    { numRuns: 60 },
  );
  assert.ok(refused > 0 && refused < 60);
});

Deno.test("libsodium's memory holds no secret of the KEM once a call is over", () => {
  const [kem, random] = [new WasmKem(), new SeededRandom(21)];
  const [seed, m] = [random.bytes(64), random.bytes(32)];
  const { encapsulationKey, decapsulationKey } = kem.keyPair(seed);
  const secrets = [seed, m, decapsulationKey];
  assertAbsent(secrets, "after a key pair");
  const answer = kem.encapsulate(encapsulationKey, m) ?? assert.fail("refused");
  secrets.push(answer.sharedSecret);
  assertAbsent(secrets, "after encapsulating");
  assert.equal(kem.encapsulate(new Uint8Array(encapsulationKey.length).fill(255), m), undefined);
  assertAbsent(secrets, "after a refused key");
  assert.deepEqual(kem.decapsulate(answer.ciphertext, decapsulationKey), answer.sharedSecret);
  assertAbsent(secrets, "after decapsulating");
});

Deno.test("the KEM and the AEAD take turns in one instance without touching each other", () => {
  const [kem, random] = [new WasmKem(), new SeededRandom(22)];
  const cipher = cipherOf(random.bytes(32));
  const plaintext = random.bytes(5000);
  const sealed = cipher.seal(1n, plaintext);
  for (let round = 0; round < 3; round++) {
    const { encapsulationKey, decapsulationKey } = kem.keyPair(random.bytes(64));
    assert.deepEqual(cipher.seal(1n, plaintext), sealed);
    const answer = kem.encapsulate(encapsulationKey, random.bytes(32)) ?? assert.fail("refused");
    assert.deepEqual(cipher.open(1n, sealed), plaintext);
    assert.deepEqual(kem.decapsulate(answer.ciphertext, decapsulationKey), answer.sharedSecret);
  }
});

/** Fails when the module's memory has 16 bytes in a row of a secret, wherever in it they begin. */
function assertAbsent(secrets: readonly Uint8Array[], when: string): void {
  const memory = new TextDecoder("latin1").decode(libsodium().memory);
  for (const secret of secrets) {
    for (let at = 0; at + 16 <= secret.length; at += 16) {
      // The secret of a decapsulation key comes first; then the public key, its hash, and z.
      if (at >= 1152 && at < 2368) continue;
      const piece = new TextDecoder("latin1").decode(secret.subarray(at, at + 16));
      assert.equal(memory.indexOf(piece), -1, `${when}: byte ${at} of ${secret.length}`);
    }
  }
}
