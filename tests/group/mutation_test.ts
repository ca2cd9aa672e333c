import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, utf8 } from "#kit";
import {
  decodeMutation,
  encodeMutation,
  familyOf,
  isGroupOp,
  type Mutation,
  mutationDigest,
  type MutationFamily,
  type MutationOp,
  signMutation,
  verifyMutation,
} from "../../lib/group/mutation.ts";
import { MAX_LEAF_BYTES, ZERO_TIME } from "../../lib/group/wire_json.ts";
import { altered, faultCode, pkOf, secretOf, sound, vectors } from "./vectors.ts";

const RUNS = { numRuns: 60 };
const ID = vectors.group_id;
const ALICE = secretOf("alice");
const OPS: Readonly<Record<MutationFamily, readonly MutationOp[]>> = {
  roster: ["add", "remove"],
  admin: ["promote", "demote"],
  mod: ["ban", "unban", "mute", "unmute", "read-only", "read-write", "backfill-on", "backfill-off"],
};
const ops = fc.constantFrom(...Object.values(OPS).flat());
const times = fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n);
const LEAF = vectors.governance[0]?.leaf_json ?? "";

function signed(op: MutationOp, issuedAt = 5n): Mutation {
  return signMutation(ALICE, { groupId: ID, op, peer: isGroupOp(op) ? "" : pkOf("bob"), issuedAt });
}

Deno.test("a signed mutation comes back from its leaf for every operation and time", () => {
  fc.assert(
    fc.property(ops, times, (op, issuedAt) => {
      const made = signed(op, issuedAt);
      const read = sound(decodeMutation(encodeMutation(made), familyOf(op)));
      assert.deepEqual(read, made);
      assert.equal(verifyMutation(read), undefined);
      assert.equal(mutationDigest(read), mutationDigest(made));
    }),
    RUNS,
  );
});

Deno.test("operations have the numbers of groups.md 2.4", () => {
  for (const [family, names] of Object.entries(OPS)) {
    for (const [index, op] of names.entries()) {
      assert.equal(familyOf(op), family);
      const json = JSON.parse(new TextDecoder().decode(encodeMutation(signed(op))));
      assert.equal(json.op, index + 1, op);
      assert.equal(json.peer_pk, isGroupOp(op) ? "0".repeat(66) : pkOf("bob"));
    }
  }
});

Deno.test("numbers that are no operation of the family are unknown", () => {
  const most = { roster: 2, admin: 2, mod: 8 };
  for (const family of ["roster", "admin", "mod"] as const) {
    for (let op = 0; op <= 255; op++) {
      const read = decodeMutation(altered(LEAF, { op: String(op) }), family);
      const known = op >= 1 && op <= most[family];
      assert.equal(faultCode(read), known ? undefined : "unknown-op", `${family} ${op}`);
    }
    assert.equal(faultCode(decodeMutation(altered(LEAF, { op: "" }), family)), "unknown-op");
  }
});

Deno.test("a mutation with any field changed does not verify", () => {
  const made = signed("ban");
  const changes: Partial<Mutation>[] = [
    { groupId: ID.replace("4", "5") },
    { op: "unban" },
    { op: "mute" },
    { family: "roster", op: "add" },
    { peer: pkOf("carol") },
    { parentSeq: 1n },
    { parentSeq: 2n ** 63n },
    { issuedAt: 6n },
    { issuer: pkOf("bob") },
    { signature: made.signature.with(64, 4) },
  ];
  for (const change of changes) {
    const fault = verifyMutation({ ...made, ...change });
    assert.equal(fault?.code, "bad-signature");
    assert.equal(fault.message, "gossip: bad signature");
  }
});

Deno.test("a mutation that breaks the field rules is refused before its signature is looked at", () => {
  const changes: [MutationOp, Partial<Mutation>][] = [
    ["add", { peer: "" }],
    ["promote", { peer: "" }],
    ["mute", { peer: "" }],
    ["read-only", { peer: pkOf("bob") }],
    ["backfill-off", { peer: pkOf("bob") }],
    ["add", { groupId: "" }],
    ["add", { issuer: "" }],
    ["add", { issuedAt: ZERO_TIME }],
    ["add", { signature: new Uint8Array(65) }],
  ];
  for (const [op, change] of changes) {
    const fault = verifyMutation({ ...signed(op), ...change });
    assert.equal(fault?.code, "missing-field", JSON.stringify([op, Object.keys(change)]));
    assert.equal(fault.message, "gossip: missing required field");
  }
});

Deno.test("signMutation throws for what breaks the field rules", () => {
  const content = { groupId: ID, op: "add", peer: pkOf("bob"), issuedAt: 5n } as const;
  for (
    const change of [
      { groupId: "team-room" },
      { groupId: ID.toUpperCase() },
      { groupId: "" },
      { peer: "" },
      { peer: "02" },
      { peer: `02${"ff".repeat(32)}` },
      { op: "read-only" as const },
      { issuedAt: 2n ** 63n },
      { issuedAt: ZERO_TIME },
    ]
  ) assert.throws(() => signMutation(ALICE, { ...content, ...change }), RangeError);
});

Deno.test("a governance leaf keeps all 64 bits of parent_seq, which are signed", () => {
  for (const number of [2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
    const read = sound(decodeMutation(altered(LEAF, { parent_seq: `${number}` }), "roster"));
    assert.equal(read.parentSeq, number);
    assert.equal(verifyMutation(read)?.code, "bad-signature");
  }
});

Deno.test("a governance leaf of the wrong shape is a fault, absent fields are zero", () => {
  const undecodable: Readonly<Record<string, readonly string[]>> = {
    group_id: ["5", '""', '"team-room"'],
    op: ["256", "-1", "1.0", "1e0", '"1"', "true"],
    peer_pk: ["5", '"02"', `"02${"ff".repeat(32)}"`, `"04${"11".repeat(32)}"`],
    parent_seq: ["-1", "18446744073709551616", "0.5", '"0"'],
    issued_at: ["0", '"now"', '"9999-01-01T00:00:00Z"'],
    issuer_pk: ["{}", '"02"'],
    signature: ["0", '""'],
  };
  for (const [key, literals] of Object.entries(undecodable)) {
    for (const literal of literals) {
      const read = decodeMutation(altered(LEAF, { [key]: literal }), "roster");
      assert.equal(faultCode(read), "undecodable", `${key} ${literal}`);
    }
  }
  const zeros: Readonly<Record<string, readonly string[]>> = {
    group_id: ["", "null", '"00000000-0000-0000-0000-000000000000"'],
    peer_pk: ["", "null", '""', '"00"'],
    issued_at: ["", "null", '"0001-01-01T00:00:00Z"'],
    issuer_pk: ["", "null", '"000"'],
    signature: ["", "null", `"${"0".repeat(130)}"`],
  };
  for (const [key, literals] of Object.entries(zeros)) {
    for (const literal of literals) {
      const read = sound(decodeMutation(altered(LEAF, { [key]: literal }), "roster"));
      assert.equal(verifyMutation(read)?.code, "missing-field", `${key} ${literal}`);
    }
  }
  for (const literal of ["", "null", "0"]) {
    const read = sound(decodeMutation(altered(LEAF, { parent_seq: literal }), "roster"));
    assert.equal(verifyMutation(read), undefined);
  }
  const wide = concat(utf8(LEAF), new Uint8Array(MAX_LEAF_BYTES).fill(0x20));
  assert.equal(faultCode(decodeMutation(wide, "roster")), "too-large");
});

Deno.test("a group id in another form is the same group", () => {
  for (const form of [ID.toUpperCase(), `{${ID}}`, `urn:uuid:${ID}`, ID.replaceAll("-", "")]) {
    const read = sound(decodeMutation(altered(LEAF, { group_id: `"${form}"` }), "roster"));
    assert.equal(read.groupId, ID);
    assert.equal(verifyMutation(read), undefined);
  }
});

Deno.test("bytes that nobody would send never make a mutation throw", () => {
  const json = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.dictionary(fc.constantFrom(...Object.keys(JSON.parse(LEAF))), fc.jsonValue()).map((value) =>
      utf8(JSON.stringify(value))
    ),
    fc.tuple(fc.nat(LEAF.length), fc.uint8Array({ maxLength: 3 })).map(([at, bytes]) =>
      concat(utf8(LEAF.slice(0, at)), bytes, utf8(LEAF.slice(at + 1)))
    ),
  );
  const original = mutationDigest(sound(decodeMutation(utf8(LEAF), "roster")));
  fc.assert(
    fc.property(json, (bytes) => {
      const read = decodeMutation(bytes, "roster");
      if (faultCode(read) !== undefined || verifyMutation(sound(read)) !== undefined) return;
      assert.equal(mutationDigest(sound(read)), original);
    }),
    { numRuns: 1500 },
  );
});
