import assert from "node:assert/strict";
import fc from "fast-check";
import { systemRandom, toHex } from "#kit";
import { ScriptedRandom } from "#support/seeded_random.ts";
import { canonicalUuid, isGovernable, newGroupId, uuidBytes } from "../../lib/group/group_id.ts";

const ID = "4f6c1d2e-8b3a-4c59-9e70-1a2b3c4d5e6f";

Deno.test("canonicalUuid reads the four forms in either case", () => {
  const plain = ID.replaceAll("-", "");
  for (const form of [ID, plain, `{${ID}}`, `urn:uuid:${ID}`]) {
    assert.equal(canonicalUuid(form), ID);
    assert.equal(canonicalUuid(form.toUpperCase()), ID);
  }
  for (
    const wrong of [
      "",
      "team-room",
      ID.slice(1),
      `${ID}0`,
      `{${ID}`,
      `${ID}}`,
      `{${ID})`,
      `{${plain}}`,
      `urn:uuid:${plain}`,
      `urn:uuid:{${ID}}`,
      ` ${ID}`,
      ID.replace("-", ""),
      ID.replace("4", "g"),
      `${ID}\n`,
    ]
  ) assert.equal(canonicalUuid(wrong), undefined, wrong);
});

Deno.test("only an id in canonical form can be governed and has bytes", () => {
  assert.equal(toHex(uuidBytes(ID)), ID.replaceAll("-", ""));
  assert.equal(isGovernable(ID), true);
  for (const other of [ID.toUpperCase(), `{${ID}}`, "team-room", ""]) {
    assert.equal(isGovernable(other), false);
    assert.throws(() => uuidBytes(other), RangeError);
  }
});

Deno.test("newGroupId makes canonical UUIDs of version 4", () => {
  const bits = fc.uint8Array({ minLength: 16, maxLength: 16 });
  fc.assert(fc.property(bits, (bytes) => {
    const id = newGroupId(new ScriptedRandom(bytes));
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(canonicalUuid(id), id);
    for (const at of [0, 5, 7, 9, 15]) assert.equal(uuidBytes(id)[at], bytes[at]);
  }));
  assert.notEqual(newGroupId(systemRandom), newGroupId(systemRandom));
});
