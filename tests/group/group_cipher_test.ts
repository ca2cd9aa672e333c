import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, systemRandom as random, utf8 } from "#kit";
import {
  isSealed,
  openBody,
  openGovernance,
  openStoredKey,
  sealBody,
  sealGovernance,
  sealStoredKey,
} from "../../lib/group/group_cipher.ts";
import {
  type GroupKey,
  KeyRing,
  rotationDue,
  rotationJitterNanos,
} from "../../lib/group/key_ring.ts";
import { MAX_LEAF_BYTES } from "../../lib/group/wire_json.ts";
import { faultCode, pkOf, secretOf } from "./vectors.ts";

const RUNS = { numRuns: 60 };
const keys = fc.uint8Array({ minLength: 32, maxLength: 32 });
const WEEK = 604_800_000_000_000n;

Deno.test("a sealed body opens under its key wherever that stands, and under no other", () => {
  fc.assert(
    fc.property(keys, keys, fc.string({ unit: "grapheme" }), (key, other, text) => {
      fc.pre(key.some((byte, index) => byte !== other[index]));
      const body = sealBody(key, text, random);
      assert.equal(openBody([other, key], body), text);
      assert.equal(openBody([other], body), undefined);
      assert.equal(openBody([], body), undefined);
    }),
    RUNS,
  );
});

Deno.test("a body with a nonce or ciphertext of impossible length opens under nothing", () => {
  const key = new Uint8Array(32);
  const body = sealBody(key, "hello", random);
  for (const length of [0, 11, 13]) {
    assert.equal(openBody([key], { ...body, nonce: new Uint8Array(length) }), undefined);
  }
  for (let length = 0; length < body.ciphertext.length; length++) {
    const ciphertext = body.ciphertext.subarray(0, length);
    assert.equal(openBody([key], { ...body, ciphertext }), undefined);
  }
});

Deno.test("a sealed governance leaf opens under a held key, a plain one is left as it is", () => {
  const [key, other] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const json = utf8('{"op":1}');
  const leaf = sealGovernance(key, json, random);
  assert.deepEqual(openGovernance([other, key], leaf), json);
  assert.equal(openGovernance([other], leaf), "no-key");
  assert.equal(isSealed(json), false);
  assert.deepEqual(openGovernance([], json), json);
  for (const plain of [utf8(""), utf8("SKG"), utf8("skg1")]) {
    assert.deepEqual(openGovernance([key], plain), plain);
  }
});

Deno.test("a seal too short to hold anything is malformed, a huge one is not looked at", () => {
  const key = new Uint8Array(32);
  const leaf = sealGovernance(key, utf8(""), random);
  assert.equal(leaf.length, 32);
  assert.deepEqual(openGovernance([key], leaf), utf8(""));
  for (let length = 4; length < 32; length++) {
    assert.equal(faultCode(openGovernance([key], leaf.subarray(0, length))), "malformed-seal");
  }
  const huge = concat(leaf, new Uint8Array(MAX_LEAF_BYTES));
  assert.equal(faultCode(openGovernance([key], huge)), "too-large");
});

Deno.test("a stored key opens for its identity and place only, whatever its blob", () => {
  const identity = secretOf("alice");
  fc.assert(
    fc.property(keys, fc.string(), fc.bigInt(0n, 2n ** 64n - 1n), (key, groupId, epoch) => {
      const sealed = sealStoredKey(identity, key, { groupId, epoch, random });
      assert.deepEqual(openStoredKey(identity, sealed, { groupId, epoch }), key);
      assert.equal(openStoredKey(identity, sealed, { groupId }), undefined);
      assert.equal(openStoredKey(identity, sealed, { groupId, epoch: epoch + 1n }), undefined);
      assert.equal(openStoredKey(identity, sealed.subarray(1), { groupId, epoch }), undefined);
    }),
    RUNS,
  );
  const short = sealStoredKey(identity, new Uint8Array(16), { groupId: "g", random });
  assert.equal(openStoredKey(identity, short, { groupId: "g" }), undefined);
});

Deno.test("a ring holds every key once, at most 33, the highest in front", () => {
  const installs = fc.array(
    fc.record({ epoch: fc.bigInt(0n, 40n), name: fc.nat(3), issuedAt: fc.bigInt(1n, 5n) }),
    { maxLength: 120 },
  );
  fc.assert(fc.property(installs, (steps) => {
    const ring = new KeyRing();
    for (const { epoch, name, issuedAt } of steps) {
      const before = ring.current;
      const verdict = ring.install({ epoch, key: new Uint8Array(32).fill(name), issuedAt });
      assert.equal(verdict === "current", ring.current !== before);
    }
    const held = [ring.current, ...ring.retired].filter((key) => key !== undefined);
    assert.ok(held.length <= 33);
    assert.equal(new Set(held.map(({ epoch, key }) => `${epoch} ${key[0]}`)).size, held.length);
    const highest = steps.reduce((most, { epoch }) => epoch > most ? epoch : most, 0n);
    assert.equal(ring.current?.epoch ?? 0n, highest);
    assert.deepEqual(ring.keys(), held.map(({ key }) => key));
  }));
});

Deno.test("a ring keeps the newest 32 retired keys, also of a record", () => {
  const numbered = (epoch: number): GroupKey => ({
    epoch: BigInt(epoch),
    key: new Uint8Array(32).fill(epoch),
    issuedAt: 1n,
  });
  const ring = new KeyRing();
  for (let epoch = 0; epoch < 40; epoch++) ring.install(numbered(epoch));
  assert.deepEqual(ring.retired.map(({ epoch }) => Number(epoch)), count(38, 32));
  const read = new KeyRing(numbered(50), count(49, 40).map(numbered));
  assert.deepEqual(read.retired.map(({ epoch }) => Number(epoch)), count(49, 32));
});

Deno.test("of two keys of one epoch the later one is current, the first one when nobody was later", () => {
  const key = (fill: number, issuedAt: bigint): GroupKey => ({
    epoch: 5n,
    key: new Uint8Array(32).fill(fill),
    issuedAt,
  });
  const ring = new KeyRing(key(1, 9n));
  assert.equal(ring.install(key(2, 9n)), "ring");
  assert.equal(ring.install(key(3, 10n)), "current");
  assert.deepEqual(ring.keys().map((bytes) => bytes[0]), [3, 1, 2]);
});

Deno.test("installRetired never touches the current key, and nothing takes a key twice or too short", () => {
  const key = (fill: number, epoch = 5n): GroupKey => ({
    epoch,
    key: new Uint8Array(32).fill(fill),
    issuedAt: 9n,
  });
  const ring = new KeyRing(key(1));
  assert.equal(ring.installRetired(key(2, 9n)), "ring");
  assert.equal(ring.current?.key[0], 1);
  for (const known of [key(1), key(2, 9n)]) {
    assert.equal(ring.install(known), "known");
    assert.equal(ring.installRetired(known), "known");
  }
  const short = { ...key(3), key: new Uint8Array(31) };
  assert.equal(ring.install(short), "known");
  assert.equal(ring.installRetired(short), "known");
  assert.equal(ring.keys().length, 2);
  assert.deepEqual(new KeyRing().keys(), []);
});

Deno.test("a rotation is due by age, by count, and when nobody knows the age", () => {
  const self = pkOf("alice");
  const due = WEEK + rotationJitterNanos(self);
  const ring = (issuedAt: bigint) => new KeyRing({ epoch: 0n, key: new Uint8Array(32), issuedAt });
  const state = { self, now: 1n + due, sealedCount: 0 };
  assert.equal(rotationDue(ring(1n), state), true);
  assert.equal(rotationDue(ring(2n), state), false);
  assert.equal(rotationDue(ring(2n), { ...state, sealedCount: 4095 }), false);
  assert.equal(rotationDue(ring(2n), { ...state, sealedCount: 4096 }), true);
  assert.equal(rotationDue(ring(0n), { ...state, now: 1n }), true);
  assert.equal(rotationDue(new KeyRing(), state), false);
});

function count(from: number, length: number): number[] {
  return Array.from({ length }, (_, index) => from - index);
}
