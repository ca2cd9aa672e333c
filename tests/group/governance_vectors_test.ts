import assert from "node:assert/strict";
import { formatRfc3339, toHex, utf8 } from "#kit";
import { sha256 } from "#crypto";
import { ScriptedRandom } from "#support/seeded_random.ts";
import { isSealed, openGovernance, sealGovernance } from "../../lib/group/group_cipher.ts";
import {
  decodeRotation,
  encodeRotation,
  rotationDigest,
  signRotation,
  unwrapGroupKey,
  verifyRotation,
  wrapGroupKey,
} from "../../lib/group/key_rotation.ts";
import {
  decodeMutation,
  encodeMutation,
  familyOf,
  mutationDigest,
  type MutationFamily,
  signMutation,
  verifyMutation,
} from "../../lib/group/mutation.ts";
import { bytes, faultCode, publicOf, secretOf, sound, vectors } from "./vectors.ts";

const FAMILIES: readonly MutationFamily[] = ["roster", "admin", "mod"];

for (const vector of vectors.governance) {
  Deno.test(`a mutation is signed, encoded and read as in the vector ${vector.name}`, () => {
    const leaf = utf8(vector.leaf_json);
    const read = sound(decodeMutation(leaf, vector.kind));
    assert.equal(familyOf(read.op), vector.kind);
    assert.equal(read.issuedAt, BigInt(vector.issued_at_unix_nano));
    const { groupId, op, peer, issuedAt } = read;
    const made = signMutation(secretOf(vector.issuer), { groupId, op, peer, issuedAt });
    assert.deepEqual(made, read);
    assert.deepEqual(encodeMutation(made), leaf);
    assert.equal(toHex(made.signature), vector.signature_hex);
    assert.equal(mutationDigest(made), vector.digest1_hex);
    assert.equal(mutationDigest(made), toHex(sha256(bytes(vector.canonical_hex))));
    assert.equal(verifyMutation(read), undefined);
  });
}

Deno.test("a mutation does not verify in another family than its own", () => {
  for (const { leaf_json, kind } of vectors.governance) {
    for (const family of FAMILIES) {
      const read = decodeMutation(utf8(leaf_json), family);
      const code = faultCode(read) ?? verifyMutation(sound(read))?.code;
      assert.equal(code === undefined, family === kind, `${kind} as ${family}`);
    }
  }
});

Deno.test("a governance leaf is sealed and opened as in the vector", () => {
  const vector = vectors.sealed_governance;
  const [key, json] = [bytes(vector.group_key_hex), utf8(vector.plaintext_json)];
  const leaf = sealGovernance(key, json, new ScriptedRandom(bytes(vector.nonce_hex)));
  assert.equal(toHex(leaf), vector.leaf_hex);
  assert.equal(leaf.length, vector.leaf_len);
  assert.equal(isSealed(leaf), true);
  assert.deepEqual(openGovernance([new Uint8Array(32), key], leaf), json);
  assert.equal(openGovernance([], leaf), "no-key");
});

Deno.test("a rotation is wrapped, signed, encoded and read as in the vector", () => {
  const vector = vectors.key_rotation;
  const key = bytes(vector.new_key_hex);
  const wraps = wrapGroupKey(key, {
    recipients: vector.wraps.map(({ recipient }) => publicOf(recipient)),
    ephemeral: secretOf("ephemeral"),
    random: new ScriptedRandom(...vector.wraps.map(({ nonce_hex }) => bytes(nonce_hex))),
  });
  assert.deepEqual(
    wraps.map(({ tag, sealed }) => [toHex(tag), toHex(sealed)]),
    vector.wraps.map(({ tag_hex, sealed_hex }) => [tag_hex, sealed_hex]),
  );
  const read = sound(decodeRotation(utf8(vector.leaf_json)));
  assert.equal(formatRfc3339(read.issuedAt), "2026-09-21T14:21:40.000000001Z");
  const { groupId, issuedAt } = read;
  const epoch = BigInt(vector.epoch);
  const made = signRotation(secretOf("alice"), { groupId, epoch, wraps, issuedAt });
  assert.deepEqual(made, read);
  assert.deepEqual(encodeRotation(made), utf8(vector.leaf_json));
  assert.equal(toHex(made.signature), vector.signature_hex);
  assert.equal(rotationDigest(made), vector.digest1_hex);
  assert.equal(rotationDigest(made), toHex(sha256(bytes(vector.canonical_hex))));
  assert.ok(vector.canonical_hex.includes(vector.wraps_digest_hex));
  assert.equal(verifyRotation(read), undefined);
  for (const { recipient } of vector.wraps) {
    assert.deepEqual(unwrapGroupKey(read, secretOf(recipient)), key, recipient);
  }
  assert.equal(unwrapGroupKey(read, secretOf("dave")), undefined);
  const reordered = { ...read, wraps: read.wraps.toReversed() };
  assert.equal(verifyRotation(reordered), undefined);
});
