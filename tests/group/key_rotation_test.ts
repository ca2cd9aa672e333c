import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, NO_BYTES, systemRandom, utf8 } from "#kit";
import { ecdh, PublicKey, sealWithNonce, SecretKey } from "#crypto";
import {
  decodeRotation,
  encodeRotation,
  type KeyRotation,
  type KeyWrap,
  MAX_WRAPS,
  rotationDigest,
  signRotation,
  unwrapGroupKey,
  verifyRotation,
  wrapGroupKey,
} from "../../lib/group/key_rotation.ts";
import { MAX_LEAF_BYTES, ZERO_TIME } from "../../lib/group/wire_json.ts";
import { altered, faultCode, pkOf, publicOf, secretOf, sound, vectors } from "./vectors.ts";

const RUNS = { numRuns: 25 };
const ID = vectors.group_id;
const ALICE = secretOf("alice");
const LEAF = vectors.key_rotation.leaf_json;
const NAMES = ["bob", "carol", "dave", "erin", "frank"];
const random = systemRandom;

function wrapped(key: Uint8Array, names: readonly string[]): KeyWrap[] {
  const recipients = names.map(publicOf);
  return wrapGroupKey(key, { recipients, ephemeral: SecretKey.generate(random), random });
}

Deno.test("every recipient of a rotation gets the key from its leaf, nobody else does", () => {
  const keys = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const names = fc.subarray(NAMES, { minLength: 1 });
  const numbers = fc.bigInt(0n, 2n ** 64n - 1n);
  fc.assert(
    fc.property(keys, names, numbers, (key, recipients, epoch) => {
      const wraps = wrapped(key, recipients);
      const made = signRotation(ALICE, { groupId: ID, epoch, wraps, issuedAt: 5n });
      const read = sound(decodeRotation(encodeRotation(made)));
      assert.deepEqual(read, made);
      assert.equal(verifyRotation(read), undefined);
      for (const name of NAMES) {
        const expected = recipients.includes(name) ? key : undefined;
        assert.deepEqual(unwrapGroupKey(read, secretOf(name)), expected, name);
      }
    }),
    RUNS,
  );
});

Deno.test("a rotation of older form names its members and is sealed with the issuer's own key", () => {
  const key = new Uint8Array(32).fill(3);
  const named = (name: string): KeyWrap => {
    const sealed = sealWithNonce(ecdh(ALICE, publicOf(name)), key, { random });
    return { recipient: pkOf(name), tag: NO_BYTES, sealed, ephemeral: "" };
  };
  const wraps = [named("bob"), named("carol")];
  const made = signRotation(ALICE, { groupId: ID, epoch: 1n, wraps, issuedAt: 5n });
  const leaf = encodeRotation(made);
  const text = new TextDecoder().decode(leaf);
  assert.ok(text.includes(`"eph_pk":"${"0".repeat(66)}"`));
  assert.equal(text.includes('"tag"'), false);
  const read = sound(decodeRotation(leaf));
  assert.equal(verifyRotation(read), undefined);
  assert.deepEqual(unwrapGroupKey(read, secretOf("bob")), key);
  assert.deepEqual(unwrapGroupKey(read, secretOf("carol")), key);
  assert.equal(unwrapGroupKey(read, secretOf("dave")), undefined);
});

Deno.test("a wrap that does not open is passed over for one that does", () => {
  const key = new Uint8Array(32).fill(4);
  const [good] = wrapped(key, ["bob"]);
  assert.ok(good);
  const broken = { ...good, sealed: good.sealed.with(20, (good.sealed[20] ?? 0) ^ 1) };
  const short = { ...good, sealed: good.sealed.subarray(0, 59) };
  const elsewhere = { ...good, tag: good.tag.with(0, (good.tag[0] ?? 0) ^ 1) };
  const wraps = [broken, short, elsewhere, { ...good, sealed: Uint8Array.of(1) }];
  const content = { groupId: ID, epoch: 1n, issuedAt: 5n };
  const without = signRotation(ALICE, { ...content, wraps });
  assert.equal(unwrapGroupKey(without, secretOf("bob")), undefined);
  const withOne = signRotation(ALICE, { ...content, wraps: [...wraps, good] });
  assert.deepEqual(unwrapGroupKey(withOne, secretOf("bob")), key);
});

Deno.test("a key of another length in a wrap is none", () => {
  const ephemeral = SecretKey.generate(random);
  const [wrap] = wrapGroupKey(new Uint8Array(32), {
    recipients: [publicOf("bob")],
    ephemeral,
    random,
  });
  assert.ok(wrap);
  const sealed = sealWithNonce(ecdh(ephemeral, publicOf("bob")), new Uint8Array(31), { random });
  const made = signRotation(ALICE, {
    groupId: ID,
    epoch: 1n,
    wraps: [{ ...wrap, sealed }],
    issuedAt: 5n,
  });
  assert.equal(unwrapGroupKey(made, secretOf("bob")), undefined);
});

Deno.test("the digest of a rotation covers every field, and not the order of the wraps", () => {
  const wraps = wrapped(new Uint8Array(32), NAMES);
  const made = signRotation(ALICE, { groupId: ID, epoch: 7n, wraps, issuedAt: 5n });
  fc.assert(
    fc.property(fc.shuffledSubarray(wraps, { minLength: wraps.length }), (order) => {
      assert.equal(rotationDigest({ ...made, wraps: order }), rotationDigest(made));
    }),
    RUNS,
  );
  const [first, ...rest] = wraps;
  assert.ok(first);
  const changes: Partial<KeyRotation>[] = [
    { groupId: ID.replace("4", "5") },
    { epoch: 8n },
    { parentSeq: 1n },
    { issuedAt: 6n },
    { issuer: pkOf("bob") },
    { wraps: rest },
    { wraps: [...wraps, first] },
    { wraps: [{ ...first, tag: first.tag.with(0, (first.tag[0] ?? 0) ^ 1) }, ...rest] },
    { wraps: [{ ...first, sealed: first.sealed.subarray(1) }, ...rest] },
    { wraps: [{ ...first, ephemeral: pkOf("dave") }, ...rest] },
    { wraps: [{ ...first, ephemeral: "" }, ...rest] },
    { wraps: [{ ...first, recipient: pkOf("bob") }, ...rest] },
  ];
  for (const change of changes) {
    assert.equal(verifyRotation({ ...made, ...change })?.code, "bad-signature");
  }
});

Deno.test("a rotation that breaks the field rules is neither signed nor accepted", () => {
  const wraps = wrapped(new Uint8Array(32), ["bob"]);
  const content = { groupId: ID, epoch: 1n, wraps, issuedAt: 5n };
  const made = signRotation(ALICE, content);
  const [wrap] = wraps;
  assert.ok(wrap);
  const broken: Partial<typeof content>[] = [
    { groupId: "" },
    { issuedAt: ZERO_TIME },
    { wraps: [] },
    { wraps: [{ ...wrap, sealed: NO_BYTES }] },
    { wraps: [{ ...wrap, tag: NO_BYTES }] },
    { wraps: Array.from({ length: MAX_WRAPS + 1 }, () => wrap) },
  ];
  for (const change of broken) {
    assert.equal(verifyRotation({ ...made, ...change })?.code, "missing-field");
    assert.throws(() => signRotation(ALICE, { ...content, ...change }), RangeError);
  }
  for (const signature of [new Uint8Array(65), NO_BYTES]) {
    assert.equal(verifyRotation({ ...made, signature })?.code, "missing-field");
  }
  for (const change of [{ groupId: "room" }, { epoch: -1n }, { epoch: 2n ** 64n }]) {
    assert.throws(() => signRotation(ALICE, { ...content, ...change }), RangeError);
  }
  const ephemeral = SecretKey.generate(random);
  const recipients = Array.from({ length: MAX_WRAPS + 1 }, () => publicOf("bob"));
  const options = { recipients: [publicOf("bob")], ephemeral, random };
  assert.throws(() => wrapGroupKey(new Uint8Array(31), options), RangeError);
  assert.throws(() => wrapGroupKey(new Uint8Array(32), { ...options, recipients }), RangeError);
});

Deno.test("a rotation for the most members fits into a leaf", () => {
  const recipients = Array.from({ length: MAX_WRAPS }, () => PublicKey.parse(pkOf("bob")));
  const ephemeral = SecretKey.generate(random);
  const wraps = wrapGroupKey(new Uint8Array(32), { recipients, ephemeral, random });
  const leaf = encodeRotation(
    signRotation(ALICE, { groupId: ID, epoch: 2n ** 64n - 1n, wraps, issuedAt: 5n }),
  );
  assert.ok(leaf.length < MAX_LEAF_BYTES, `${leaf.length}`);
  assert.equal(verifyRotation(sound(decodeRotation(leaf))), undefined);
});

Deno.test("a rotation leaf of the wrong shape is a fault", () => {
  const point = `02${"ff".repeat(32)}`;
  const undecodable: Readonly<Record<string, readonly string[]>> = {
    group_id: ["5", '""'],
    epoch: ["-1", "18446744073709551616", "1.0", '"1"'],
    wraps: [
      "5",
      "{}",
      "[5]",
      "[null]",
      "[[]]",
      '[{"tag":5}]',
      '[{"sealed":"*"}]',
      `[{"eph_pk":"${point}"}]`,
      `[{"recipient_pk":"${point}"}]`,
      '[{"recipient_pk":"02"}]',
    ],
    parent_seq: ["-1"],
    issued_at: ['"now"'],
    issuer_pk: ['"02"'],
    signature: ['""'],
  };
  for (const [key, literals] of Object.entries(undecodable)) {
    for (const literal of literals) {
      const read = decodeRotation(altered(LEAF, { [key]: literal }));
      assert.equal(faultCode(read), "undecodable", `${key} ${literal}`);
    }
  }
  const many = `[${Array.from({ length: MAX_WRAPS + 1 }, () => "{}").join(",")}]`;
  assert.equal(faultCode(decodeRotation(altered(LEAF, { wraps: many }))), "too-large");
  const wide = concat(utf8(LEAF), new Uint8Array(MAX_LEAF_BYTES).fill(0x20));
  assert.equal(faultCode(decodeRotation(wide)), "too-large");
  for (const key of ["group_id", "wraps", "issued_at", "issuer_pk", "signature"]) {
    const read = sound(decodeRotation(altered(LEAF, { [key]: "" })));
    assert.equal(verifyRotation(read)?.code, "missing-field", key);
  }
});

Deno.test("bytes that nobody would send never make a rotation throw", () => {
  const json = fc.oneof(
    fc.dictionary(fc.constantFrom(...Object.keys(JSON.parse(LEAF))), fc.jsonValue()).map((value) =>
      utf8(JSON.stringify(value))
    ),
    fc.tuple(fc.nat(LEAF.length), fc.uint8Array({ maxLength: 3 })).map(([at, bytes]) =>
      concat(utf8(LEAF.slice(0, at)), bytes, utf8(LEAF.slice(at + 1)))
    ),
  );
  const original = rotationDigest(sound(decodeRotation(utf8(LEAF))));
  fc.assert(
    fc.property(json, (bytes) => {
      const read = decodeRotation(bytes);
      if (faultCode(read) !== undefined) return;
      unwrapGroupKey(sound(read), secretOf("bob"));
      if (verifyRotation(sound(read)) !== undefined) return;
      assert.equal(rotationDigest(sound(read)), original);
    }),
    { numRuns: 1000 },
  );
});
