import assert from "node:assert/strict";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { concat, fromHex, toHex } from "#kit";
import {
  ecdh,
  hkdfSha256,
  hmacSha256,
  PublicKey,
  SecretKey,
  sha256,
  sharedPoint,
  verifyDigest,
} from "#crypto";
import { compactOfDerSignature, pointOfDerKey } from "#support/der.ts";
import { eachAead, eachCurve } from "#support/each_backend.ts";
import { countBy, wycheproof, type WycheproofRow } from "#support/wycheproof.ts";

function bytes(hex: string | undefined): Uint8Array {
  return fromHex(hex ?? "?") ?? assert.fail(`not hex: ${hex}`);
}

function sizes(counts: Map<string, number>): Record<string, number> {
  return Object.fromEntries(counts);
}

/** 02 or 03, then x: how our protocol would carry the point. */
function compress(point: Uint8Array): Uint8Array {
  if (point.length === 33) return point;
  return concat(Uint8Array.of(2 + ((point[64] ?? 0) & 1)), point.subarray(1, 33));
}

/** What becomes of one ECDH vector at our door. */
function agree(row: WycheproofRow): string {
  const der = bytes(row.public);
  assert.equal(PublicKey.fromBytes(der), undefined, "DER is no key of ours");
  const point = pointOfDerKey(der);
  if (point === undefined) return "other encoding or curve";
  const key = PublicKey.fromBytes(compress(point));
  if (key === undefined) return "refused";
  const y = toHex(secp256k1.Point.fromBytes(key.bytes).toBytes(false).subarray(33));
  // Off the curve, but x is good: compression leaves a point of the curve, the attack is gone.
  if (point.length === 65 && y !== toHex(point.subarray(33))) return "y is not carried";
  const secret = SecretKey.fromBytes(bytes(row.private)) ?? assert.fail(`secret of ${row.id}`);
  const shared = sharedPoint(secret, key);
  assert.equal(toHex(shared.subarray(1)), row.shared, row.id);
  assert.deepEqual(ecdh(secret, key), sha256(shared), row.id);
  return "agreed";
}

eachCurve("Wycheproof ECDH: valid ones agree, invalid ones never do", () => {
  const counts = countBy(wycheproof("ecdh_secp256k1"), (row) => `${row.result}: ${agree(row)}`);
  assert.deepEqual(sizes(counts), {
    "acceptable: agreed": 1,
    "acceptable: other encoding or curve": 228,
    "acceptable: y is not carried": 1,
    "invalid: other encoding or curve": 28,
    "invalid: refused": 16,
    "invalid: y is not carried": 5,
    "valid: agreed": 473,
  });
});

/** With how many of the four recovery ids the signature holds. */
function verifying(key: Uint8Array, compact: Uint8Array, digest: Uint8Array): number {
  return [0, 1, 2, 3].filter((id) =>
    verifyDigest(key, concat(compact, Uint8Array.of(id)), digest) === undefined
  ).length;
}

/** What becomes of one ECDSA vector at our door; `decode` gives r || s, if there is one. */
function verify(row: WycheproofRow, decode: (bytes: Uint8Array) => Uint8Array | undefined): string {
  const compact = decode(bytes(row.signature));
  if (compact === undefined) return "other encoding";
  const key = compress(bytes(row.key));
  const digest = sha256(bytes(row.message));
  const count = verifying(key, compact, digest);
  if (count > 0) return `holds with ${count}`;
  const low = (compact[32] ?? 0) > 0x7f ? lowTwin(compact) : undefined;
  return low === undefined
    ? "refused"
    : `refused, low twin holds with ${verifying(key, low, digest)}`;
}

/** r || n - s: the other signature of the same message; undefined when s is n or more. */
function lowTwin(compact: Uint8Array): Uint8Array | undefined {
  const s = BigInt(`0x${toHex(compact.subarray(32))}`);
  const { ORDER } = secp256k1.Point.Fn;
  if (s >= ORDER) return undefined;
  return concat(compact.subarray(0, 32), bytes((ORDER - s).toString(16).padStart(64, "0")));
}

// By noise.md 1.5 an s of 2^255 or more is refused, though mathematically good, and one between n/2
// and 2^255 holds, though Bitcoin calls it malleable: that is the one invalid signature that holds.
for (
  const [name, decode, expected] of [
    ["p1363", (sig: Uint8Array) => sig.length === 64 ? sig : undefined, {
      "invalid: other encoding": 18,
      "invalid: refused": 52,
      "invalid: refused, low twin holds with 0": 9,
      "valid: holds with 1": 95,
      "valid: refused, low twin holds with 1": 68,
    }],
    ["der", compactOfDerSignature, {
      "invalid: other encoding": 231,
      "invalid: refused": 59,
      "invalid: refused, low twin holds with 0": 9,
      "valid: holds with 1": 96,
      "valid: refused, low twin holds with 1": 68,
    }],
    ["bitcoin", compactOfDerSignature, {
      "invalid: holds with 1": 1,
      "invalid: other encoding": 232,
      "invalid: refused": 60,
      "invalid: refused, low twin holds with 0": 7,
      "invalid: refused, low twin holds with 1": 1,
      "valid: holds with 1": 162,
    }],
  ] as const
) {
  eachCurve(
    `Wycheproof ECDSA ${name}: valid ones hold with one recovery id, invalid with none`,
    () => {
      const rows = wycheproof(`ecdsa_secp256k1_sha256_${name}`);
      const counts = countBy(rows, (row) => `${row.result}: ${verify(row, decode)}`);
      assert.deepEqual(sizes(counts), expected);
    },
  );
}

eachAead(
  "Wycheproof ChaCha20-Poly1305: valid ones seal and open, invalid ones do not",
  (backend) => {
    const counts = countBy(wycheproof("chacha20_poly1305"), (row) => {
      const nonce = bytes(row.nonce);
      if (nonce.length !== 12) return `${row.result}: other nonce length`;
      const view = new DataView(nonce.buffer, nonce.byteOffset);
      const counter = view.getBigUint64(4, true);
      const cipher = backend.cipherOf(bytes(row.key), view.getUint32(0, true));
      const sealed = bytes(`${row.ciphertext}${row.tag}`);
      const associated = bytes(row.associated);
      const opened = cipher.open(counter, sealed, associated);
      const same = toHex(cipher.seal(counter, bytes(row.message), associated)) === toHex(sealed);
      assert.equal(same, row.result === "valid", row.id);
      assert.equal(opened && toHex(opened), same ? row.message : undefined, row.id);
      return `${row.result}: ${same ? "opened" : "refused"}`;
    });
    assert.deepEqual(sizes(counts), {
      "invalid: other nonce length": 9,
      "invalid: refused": 60,
      "valid: opened": 256,
    });
  },
);

Deno.test("Wycheproof HKDF-SHA-256: valid ones agree, too long ones are refused", () => {
  const counts = countBy(wycheproof("hkdf_sha256"), (row) => {
    const [ikm, salt, info] = [bytes(row.ikm), bytes(row.salt), bytes(row.info)];
    const derive = () => hkdfSha256({ ikm, salt, info, length: Number(row.size) });
    if (row.result === "invalid") assert.throws(derive, Error, row.id);
    else assert.equal(toHex(derive()), row.okm, row.id);
    return row.result;
  });
  assert.deepEqual(sizes(counts), { invalid: 3, valid: 83 });
});

Deno.test("Wycheproof HMAC-SHA-256: valid tags agree, cut ones in their part, invalid ones differ", () => {
  const counts = countBy(wycheproof("hmac_sha256"), (row) => {
    const mac = toHex(hmacSha256(bytes(row.key), bytes(row.message)));
    const tag = row.tag ?? "";
    assert.equal(mac.slice(0, tag.length) === tag, row.result === "valid", row.id);
    return row.result;
  });
  assert.deepEqual(sizes(counts), { invalid: 108, valid: 66 });
});
