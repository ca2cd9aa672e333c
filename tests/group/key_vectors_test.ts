import assert from "node:assert/strict";
import { concat, NO_BYTES, parseRfc3339, toHex, utf8 } from "#kit";
import { hkdfSha256, sha256 } from "#crypto";
import { ScriptedRandom } from "#support/seeded_random.ts";
import { uuidBytes } from "../../lib/group/group_id.ts";
import { openStoredKey, sealStoredKey } from "../../lib/group/group_cipher.ts";
import { formatInvite, parseInvite } from "../../lib/group/invite.ts";
import { type GroupKey, KeyRing, rotationJitterNanos } from "../../lib/group/key_ring.ts";
import { checkMessageLeaf } from "../../lib/group/message_path.ts";
import { signCanonical } from "../../lib/group/signing.ts";
import { ZERO_TIME } from "../../lib/group/wire_json.ts";
import { bytes, faultCode, pkOf, secretOf, vectors } from "./vectors.ts";

Deno.test("a stored key is sealed and opened as in the vector", () => {
  const vector = vectors.store_seal;
  const [groupId, key] = [vectors.group_id, bytes(vector.plaintext_hex)];
  const identity = secretOf(vector.identity);
  const random = new ScriptedRandom(bytes(vector.nonce_hex), bytes(vector.nonce_hex));
  const sealed = sealStoredKey(identity, key, { groupId, random });
  assert.equal(sealed.toBase64(), vector.sealed_base64);
  assert.deepEqual(openStoredKey(identity, sealed, { groupId }), key);
  const retired = sealStoredKey(identity, key, { groupId, epoch: 0n, random });
  assert.deepEqual(openStoredKey(identity, retired, { groupId, epoch: 0n }), key);
  for (const place of [{ groupId }, { groupId, epoch: 1n }, { groupId: "other", epoch: 0n }]) {
    assert.equal(openStoredKey(identity, retired, place), undefined);
  }
  assert.equal(openStoredKey(secretOf("bob"), sealed, { groupId }), undefined);
});

Deno.test("the share of an admin in the rotation age is that of the vectors", () => {
  for (const { identity, jitter_ns } of vectors.rotation_jitter) {
    assert.equal(rotationJitterNanos(pkOf(identity)), BigInt(jitter_ns));
  }
});

Deno.test("keys are installed as in the vectors", () => {
  const ring = new KeyRing(vectorKey({ epoch: 0, key: "K0" }));
  for (const step of vectors.key_install.install_only) {
    assert.equal(nameOf(ring.current), step.have.key);
    ring.install(vectorKey(step.in));
    assert.equal(nameOf(ring.current), step.current);
    assert.deepEqual(ring.retired.map(nameOf), step.ring);
    assert.deepEqual(ring.keys().length, step.ring.length + 1);
  }
});

Deno.test("the rotation that comes second and is older still leaves its key, as the vectors ask", () => {
  const ring = new KeyRing(vectorKey({ epoch: 0, key: "K0" }));
  const late = { epoch: 1, key: "K1", issued_at: "2026-09-21T15:00:00Z" };
  assert.equal(
    ring.install(vectorKey({ epoch: 2, key: "K2", issued_at: "2026-09-21T15:10:00Z" })),
    "current",
  );
  assert.equal(ring.install(vectorKey(late)), "ring");
  assert.deepEqual([ring.current, ...ring.retired].map(nameOf), ["K2", "K1", "K0"]);
});

Deno.test("the invite of the vectors is written and read", () => {
  const invite = parseInvite(vectors.invite.link);
  assert.deepEqual(invite, {
    id: vectors.group_id,
    name: "ops",
    owner: pkOf("alice"),
    port: 61_234,
    mode: "private",
    kind: "private",
    admins: [pkOf("bob")],
    powBits: 18,
    addresses: [],
  });
  assert.equal(formatInvite(invite), vectors.invite.link);
});

Deno.test("the key of a file is that of the vector", () => {
  const { group_key_hex, info, key_hex, file_id } = vectors.file_key;
  assert.equal(info, `skychat-group-file-v1|${vectors.group_id}|${file_id}`);
  const ikm = bytes(group_key_hex);
  const key = hkdfSha256({ ikm, salt: NO_BYTES, info: utf8(info), length: 32 });
  assert.equal(toHex(key), key_hex);
});

Deno.test("the proofs of work of the vectors have the bits that they claim", () => {
  const { requester, solutions } = vectors.join_pow;
  for (const { bits, ts_unix, nonce, preimage_hex, hash_hex, strength } of solutions) {
    const tail = new Uint8Array(16);
    new DataView(tail.buffer).setBigUint64(0, BigInt(ts_unix));
    new DataView(tail.buffer).setBigUint64(8, BigInt(nonce));
    const head = utf8(`skychat:group-join-pow:v1|${vectors.group_id}|`);
    const preimage = concat(head, bytes(pkOf(requester)), tail);
    assert.equal(toHex(preimage), preimage_hex);
    assert.equal(toHex(sha256(preimage)), hash_hex);
    const zeros = 256 - BigInt(`0x${hash_hex}`).toString(2).length;
    assert.equal(zeros, strength);
    assert.ok(zeros >= bits);
  }
});

Deno.test("a message without a time is refused though its signature holds for the wrapped time", () => {
  const wrapped = BigInt.asUintN(64, ZERO_TIME).toString(16);
  assert.equal(wrapped, vectors.zero_time_unix_nano_u64_hex);
  const canonical = concat(
    bytes(`01${pkOf("alice")}${wrapped}00000000`),
    bytes("0000000000000000"),
  );
  const signature = toHex(signCanonical(secretOf("alice"), sha256(canonical)));
  for (const ts of ['"0001-01-01T00:00:00Z"', '"0001-01-01T00:00:00.000Z"', "null"]) {
    const json = `{"sender_pk":"${pkOf("alice")}","ts":${ts},"signature":"${signature}"}`;
    const path = `msgs/${pkOf("alice")}/${BigInt.asUintN(63, ZERO_TIME)}/1`;
    assert.equal(faultCode(checkMessageLeaf(path, utf8(json))), "missing-field");
  }
});

Deno.test("the id of the vectors has the bytes that are signed", () => {
  const canonical = vectors.governance[0]?.canonical_hex ?? "";
  assert.equal(canonical.slice(4, 36), toHex(uuidBytes(vectors.group_id)));
});

/** The vectors name keys; the name becomes its first bytes. */
function vectorKey(named: { epoch: number; key: string; issued_at?: string }): GroupKey {
  const key = new Uint8Array(32);
  key.set(utf8(named.key));
  const issuedAt = parseRfc3339(named.issued_at ?? "") ?? 0n;
  return { epoch: BigInt(named.epoch), key, issuedAt };
}

function nameOf(key: GroupKey | undefined): string {
  return new TextDecoder().decode(key?.key).replace(/\0+$/, "");
}
