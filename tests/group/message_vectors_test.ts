import assert from "node:assert/strict";
import { toHex, utf8 } from "#kit";
import { sha256 } from "#crypto";
import { ScriptedRandom } from "#support/seeded_random.ts";
import { openBody, sealBody } from "../../lib/group/group_cipher.ts";
import { groupBodyOf } from "../../lib/group/message_body.ts";
import {
  decodeMessageLeaf,
  encodeMessageLeaf,
  messageDigest,
  signMessage,
  verifyMessage,
} from "../../lib/group/message_leaf.ts";
import { checkMessageLeaf, groupMessagePath } from "../../lib/group/message_path.ts";
import { bytes, faultCode, secretOf, sound, vectors } from "./vectors.ts";

for (const vector of vectors.messages) {
  Deno.test(`a message is signed, encoded and read as in the vector ${vector.name}`, () => {
    const ts = BigInt(vector.ts_unix_nano);
    const message = signMessage(secretOf(vector.sender), { ts, text: vector.plaintext });
    const digest = messageDigest(message);
    assert.equal(toHex(sha256(bytes(vector.canonical_hex))), toHex(digest));
    assert.equal(toHex(digest), vector.digest1_hex);
    assert.equal(toHex(sha256(digest)), vector.sign_hash_hex);
    assert.equal(toHex(message.signature), vector.signature_hex);
    assert.deepEqual(encodeMessageLeaf(message), utf8(vector.leaf_json));
    assert.deepEqual(sound(decodeMessageLeaf(utf8(vector.leaf_json))), message);
    assert.equal(verifyMessage(message), undefined);
    const seq = Number(vector.path.split("/").at(-1));
    assert.equal(groupMessagePath({ ...message, seq }), vector.path);
    assert.deepEqual(sound(checkMessageLeaf(vector.path, utf8(vector.leaf_json))), {
      message,
      seq: BigInt(seq),
      digest: vector.digest1_hex,
    });
  });
}

Deno.test("a private message is sealed, signed and opened as in the vector", () => {
  const vector = vectors.private_message;
  const key = bytes(vector.group_key_hex);
  const random = new ScriptedRandom(bytes(vector.nonce_hex));
  const sealed = sealBody(key, vector.plaintext, random);
  assert.equal(toHex(sealed.ciphertext), vector.ciphertext_hex);
  const ts = BigInt(vector.ts_unix_nano);
  const message = signMessage(secretOf(vector.sender), { ts, ...sealed });
  assert.equal(toHex(messageDigest(message)), vector.digest1_hex);
  assert.deepEqual(encodeMessageLeaf(message), utf8(vector.leaf_json));
  const read = sound(checkMessageLeaf(vector.path, utf8(vector.leaf_json)));
  assert.deepEqual(read.message, message);
  assert.equal(openBody([new Uint8Array(32), key], read.message), vector.plaintext);
  assert.equal(openBody([new Uint8Array(32)], read.message), undefined);
});

Deno.test("an unsigned leaf of the vectors is read and refused", () => {
  const message = sound(decodeMessageLeaf(utf8(vectors.unsigned_leaf.leaf_json)));
  const fault = verifyMessage(message);
  assert.equal(fault?.code, "unsigned");
  assert.equal(fault.message, "group: leaf unsigned (legacy publisher)");
});

Deno.test("every leaf of leaf_checks gets the strict verdict", () => {
  const seen = new Set<string>();
  for (const { case: name, path, leaf_json, strict } of vectors.leaf_checks) {
    assert.equal(verdict(path, leaf_json, seen), strict, name);
  }
  const codes = vectors.leaf_checks.map(({ path, leaf_json }) =>
    faultCode(checkMessageLeaf(path, utf8(leaf_json))) ?? "sound"
  );
  assert.deepEqual(codes, [
    "sound",
    "bad-signature",
    "bad-signature",
    "bad-signature",
    "bad-signature",
    "bad-signature",
    "unsigned",
    "sound",
    "bad-path",
    "bad-path",
    "bad-path",
    "sound",
  ]);
});

/** What a receiver that remembers digests does, in the words of the vectors. */
function verdict(path: string, json: string, seen: Set<string>): string {
  const read = checkMessageLeaf(path, utf8(json));
  if (faultCode(read) !== undefined) return "drop";
  const { message, digest } = sound(read);
  if (groupBodyOf(message.text).kind === "heartbeat") return "liveness only";
  if (seen.has(digest)) return "drop as duplicate (same digest)";
  seen.add(digest);
  return "deliver+mirror";
}
