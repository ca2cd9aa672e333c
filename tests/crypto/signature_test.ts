import assert from "node:assert/strict";
import fc from "fast-check";
import { fromHex, toHex } from "#kit";
import {
  KeyError,
  parseSignature,
  recoverPublicKey,
  recoversTo,
  SecretKey,
  sha256,
  SignatureError,
  signDigest,
  verifyDigest,
} from "#crypto";
import { curveBackends } from "../../lib/crypto/backends.ts";
import { eachCurve } from "#support/each_backend.ts";
import vectors from "../vectors/noise.json" with { type: "json" };

const digests = fc.uint8Array({ minLength: 32, maxLength: 32 }).filter((bytes) =>
  bytes.some(Boolean)
);

function bytes(hex: string): Uint8Array {
  return fromHex(hex) ?? assert.fail(hex);
}

eachCurve(
  "signDigest gives the recorded RFC 6979 signatures, and every recorded one verifies",
  () => {
    let reproduced = 0;
    for (const { name, sk, pk, hash, sig, rfc6979, payload } of vectors.sign) {
      if (payload !== undefined) assert.equal(toHex(sha256(bytes(payload))), hash, name);
      if (rfc6979 === true) {
        assert.equal(toHex(signDigest(SecretKey.parse(sk), bytes(hash))), sig, name);
        reproduced++;
      }
      assert.equal(verifyDigest(bytes(pk), bytes(sig), bytes(hash)), undefined, name);
    }
    assert.equal(reproduced, 9);
  },
);

eachCurve("verifyDigest checks in the recorded order, with the recorded texts", () => {
  for (const { name, pk, hash, sig, ok, error } of vectors.verify) {
    const failure = verifyDigest(bytes(pk), bytes(sig), bytes(hash));
    assert.equal(failure?.message, ok ? undefined : error, name);
    assert.ok(failure === undefined || failure instanceof SignatureError);
  }
});

eachCurve("recoverPublicKey finds the recorded key, or none", () => {
  for (const { name, hash, sig, recover } of vectors.verify) {
    const recovered = recoverPublicKey(bytes(sig), bytes(hash));
    // Upstream's bare recovery looks at two bits of the id only; ours takes 0 to 3.
    const expected = name === "recid 4" || !recover.ok ? undefined : recover.pk;
    assert.equal(recovered?.hex, expected, name);
    const keys = [recover.pk, ...vectors.verify.map(({ pk }) => pk)];
    for (const key of keys) {
      if (key === undefined) continue;
      assert.equal(recoversTo(key, bytes(sig), bytes(hash)), key === expected, name);
    }
  }
});

/** The older, recover-first order, which our two exports can be put together to. */
eachCurve("recovery and verification together give the verdicts of the strict order", () => {
  for (const { name, pk, hash, sig, strict } of vectors.verify) {
    const recovered = recoverPublicKey(bytes(sig), bytes(hash));
    const failure = verifyDigest(bytes(pk), bytes(sig), bytes(hash));
    assert.equal(recovered?.hex === pk && failure === undefined, strict.ok, name);
  }
});

eachCurve("a signature holds for its key and digest, and for nothing a bit away", () => {
  fc.assert(
    fc.property(digests, fc.nat(64 * 8 - 1), (digest, bit) => {
      const secret = SecretKey.parse(vectors.keypairs.at(-1)?.sk ?? "");
      const { bytes: key } = secret.publicKey;
      const signature = signDigest(secret, digest);
      assert.equal(verifyDigest(key, signature, digest), undefined);
      assert.ok(recoverPublicKey(signature, digest)?.equals(secret.publicKey));
      const changed = signature.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.ok(verifyDigest(key, changed, digest) instanceof SignatureError);
      const other = digest.slice();
      other[bit & 31] = (other[bit & 31] ?? 0) ^ 1;
      assert.ok(verifyDigest(key, signature, other) instanceof SignatureError);
    }),
    { numRuns: 15 },
  );
});

Deno.test("every curve signs and recovers alike, digests above the order included", async () => {
  const backends = await curveBackends();
  const scalar = SecretKey.parse(vectors.keypairs.at(-2)?.sk ?? "").reveal();
  const above = fc.constant(new Uint8Array(32).fill(0xff));
  fc.assert(
    fc.property(fc.oneof(digests, above), fc.nat(3), (digest, recoveryId) => {
      const signatures = backends.map((backend) => toHex(backend.sign(scalar, digest)));
      assert.equal(new Set(signatures).size, 1, toHex(digest));
      const compact = bytes(signatures[0] ?? "").subarray(0, 64);
      const recovered = backends.map((backend) => {
        const point = backend.recover(compact, recoveryId, digest);
        return point && toHex(point);
      });
      assert.equal(new Set(recovered).size, 1, toHex(digest));
    }),
    { numRuns: 30 },
  );
});

eachCurve("signDigest refuses the zero digest; other lengths are a programmer's mistake", () => {
  const secret = SecretKey.parse(vectors.keypairs[0]?.sk ?? "");
  assert.throws(() => signDigest(secret, new Uint8Array(32)), {
    name: "SignatureError",
    message: "Cannot sign null hash digest",
  });
  for (const length of [0, 31, 33, 4096]) {
    assert.throws(() => signDigest(secret, new Uint8Array(length)), RangeError);
    assert.throws(() => recoverPublicKey(new Uint8Array(65), new Uint8Array(length)), RangeError);
    assert.throws(() => recoversTo("", new Uint8Array(65), new Uint8Array(length)), RangeError);
  }
});

eachCurve("a signature of another length is refused", () => {
  const { pk, hash, sig } = vectors.verify[0] ?? assert.fail("no vector");
  for (const signature of [bytes(sig).subarray(0, 64), bytes(`${sig}00`), new Uint8Array(0)]) {
    assert.equal(recoverPublicKey(signature, bytes(hash)), undefined);
    assert.ok(verifyDigest(bytes(pk), signature, bytes(hash)) instanceof SignatureError);
  }
});

Deno.test("parseSignature tells bad digits from a bad length", () => {
  const { sig } = vectors.sign[0] ?? assert.fail("no vector");
  assert.equal(toHex(parseSignature(sig.toUpperCase())), sig);
  assert.throws(() => parseSignature(`${sig.slice(1)}`), new KeyError("Invalid signature"));
  assert.throws(() => parseSignature(` ${sig.slice(1)}`), new KeyError("Invalid signature"));
  assert.throws(() => parseSignature(sig.slice(2)), new KeyError("Invalid signature length"));
});
