import assert from "node:assert/strict";
import fc from "fast-check";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { concat, fromHex, toHex } from "#kit";
import { ecdh, PublicKey, SecretKey, sha256, sharedPoint } from "#crypto";
import { curveBackends } from "../../lib/crypto/backends.ts";
import { WasmCurve } from "../../lib/crypto/curve_wasm.ts";
import { badPoints } from "#support/bad_points.ts";
import { eachCurve } from "#support/each_backend.ts";
import { ScriptedRandom } from "#support/seeded_random.ts";
import vectors from "../vectors/noise.json" with { type: "json" };

const scalars = fc.uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => SecretKey.fromBytes(bytes)).filter((secret) => secret !== undefined);

eachCurve("ecdh and sharedPoint give the recorded secrets", () => {
  for (const vector of vectors.ecdh) {
    const [secret, peer] = [SecretKey.parse(vector.sk), PublicKey.parse(vector.pk)];
    assert.equal(toHex(ecdh(secret, peer)), vector.ecdh, vector.name);
    assert.equal(toHex(sharedPoint(secret, peer)), vector.point, vector.name);
  }
});

eachCurve("the recorded invalid inputs of a key agreement never become keys", () => {
  for (const { name, sk, pk } of vectors.ecdh_invalid) {
    const secret = SecretKey.fromBytes(fromHex(sk) ?? new Uint8Array(0));
    const peer = PublicKey.fromBytes(fromHex(pk) ?? new Uint8Array(0));
    assert.ok(secret === undefined || peer === undefined, name);
  }
});

eachCurve("both sides agree, and the secret is the hash of the compressed point", () => {
  fc.assert(
    fc.property(scalars, scalars, (a, b) => {
      assert.deepEqual(ecdh(a, b.publicKey), ecdh(b, a.publicKey));
      assert.deepEqual(ecdh(a, b.publicKey), sha256(sharedPoint(a, b.publicKey)));
    }),
    { numRuns: 15 },
  );
});

Deno.test("every curve gives the bytes of noble for random keys and points", async () => {
  const backends = await curveBackends();
  fc.assert(
    fc.property(scalars, scalars, (a, b) => {
      const [secret, point] = [a.reveal(), secp256k1.getPublicKey(b.reveal(), true)];
      const shared = secp256k1.getSharedSecret(secret, point, true);
      for (const backend of backends) {
        assert.deepEqual(backend.publicKey(b.reveal()), point, backend.name);
        assert.deepEqual(backend.multiply(secret, point), shared, backend.name);
        assert.deepEqual(backend.ecdh(secret, point), sha256(shared), backend.name);
      }
    }),
    { numRuns: 25 },
  );
});

Deno.test("every curve judges random bytes, on the curve, on the twist or neither, as noble does", async () => {
  const backends = await curveBackends();
  const candidates = fc.oneof(
    fc.tuple(fc.constantFrom(2, 3), fc.uint8Array({ minLength: 32, maxLength: 32 }))
      .map(([prefix, x]) => concat(Uint8Array.of(prefix), x)),
    fc.uint8Array({ minLength: 33, maxLength: 33 }),
    fc.uint8Array({ maxLength: 70 }),
  );
  const seen = new Set<boolean>();
  fc.assert(fc.property(candidates, (bytes) => {
    const verdicts = backends.map((backend) => backend.isPoint(bytes));
    seen.add(verdicts[0] === true);
    assert.equal(new Set(verdicts).size, 1, toHex(bytes));
  }));
  assert.equal(seen.size, 2, "both verdicts were seen");
});

Deno.test("a blinded multiplication gives the point of a plain one, whatever blinds it", () => {
  const order = fromHex(vectors.constants.curve_order) ?? new Uint8Array(32);
  const one = new Uint8Array(32);
  one[31] = 1;
  const largest = order.slice();
  largest[31] = (largest[31] ?? 0) - 1;
  const seed = new Uint8Array(32).fill(9);
  const { sk, pk, point } = vectors.ecdh.at(-1) ?? assert.fail("no vector");
  const [scalar, peer] = [fromHex(sk) ?? one, fromHex(pk) ?? one];
  // The first draw seeds the context. Zero and the order are drawn again.
  for (const factor of [one, largest, scalar, new Uint8Array(32).fill(0x77)]) {
    const random = new ScriptedRandom(seed, new Uint8Array(32), order, factor);
    assert.equal(toHex(new WasmCurve(random).multiply(scalar, peer)), point, toHex(factor));
  }
});

eachCurve("bad points fed below the door end in an error, and the curve works on", (backend) => {
  const { sk, pk, ecdh: shared } = vectors.ecdh[0] ?? assert.fail("no vector");
  const scalar = SecretKey.parse(sk).reveal();
  for (const { name, bytes } of badPoints) {
    assert.equal(backend.isPoint(bytes), false, name);
    assert.throws(() => backend.multiply(scalar, bytes), Error, name);
    assert.throws(() => backend.ecdh(scalar, bytes), Error, name);
    assert.equal(toHex(backend.ecdh(scalar, PublicKey.parse(pk).bytes)), shared, name);
  }
});
