import assert from "node:assert/strict";
import { fromHex, toHex } from "#kit";
import { childSecretKey, deterministicSecretKey, KeyError, PublicKey, SecretKey } from "#crypto";
import { badPoints } from "#support/bad_points.ts";
import { eachCurve } from "#support/each_backend.ts";
import { ScriptedRandom, SeededRandom } from "#support/seeded_random.ts";
import vectors from "../vectors/noise.json" with { type: "json" };

const GROUP_ORDER = vectors.constants.curve_order;

/** What the parser says: the key's hex, or the error text. */
function outcomeOf(parse: () => { toString(): string } | undefined): string {
  try {
    return parse()?.toString() ?? "null key";
  } catch (error) {
    assert.ok(error instanceof KeyError);
    return error.message;
  }
}

/** An x >= p makes upstream panic; ours says what noise.md 1.2 asks for. */
function expectedOf(vector: { ok: boolean; panics?: boolean; hex?: string; error?: string }) {
  if (vector.ok) return /^0*$/.test(vector.hex ?? "") ? "null key" : vector.hex;
  return vector.panics === true ? "Invalid public key" : vector.error;
}

eachCurve("SecretKey derives the recorded public keys", () => {
  for (const { name, sk, pk } of vectors.keypairs) {
    const secret = SecretKey.parse(sk);
    assert.equal(secret.publicKey.hex, pk, name);
    assert.equal(toHex(secret.reveal()), sk, name);
    assert.ok(secret.publicKey.equals(PublicKey.parse(pk)), name);
  }
});

Deno.test("SecretKey.parse accepts and refuses as recorded, with the recorded texts", () => {
  for (const { name, input, ok, error, hex } of vectors.seckey_parse) {
    const outcome = outcomeOf(() => {
      assert.equal(toHex(SecretKey.parse(input).reveal()), hex, name);
      return "parsed";
    });
    assert.equal(outcome, ok ? "parsed" : error, name);
  }
});

eachCurve("PublicKey.parse accepts and refuses as recorded, with the recorded texts", () => {
  for (const vector of vectors.pubkey_parse) {
    const outcome = outcomeOf(() => PublicKey.parse(vector.input));
    assert.equal(outcome, expectedOf(vector), vector.name);
  }
});

eachCurve("PublicKey.parseField takes empty and zero text as not set, else parses", () => {
  for (const { name, input, json_text } of vectors.pubkey_parse) {
    assert.equal(outcomeOf(() => PublicKey.parseField(input)), expectedOf(json_text), name);
  }
});

eachCurve("deterministicSecretKey and childSecretKey give the recorded keys", () => {
  for (const { seed, sk, pk } of vectors.deterministic_keypairs) {
    const secret = deterministicSecretKey(fromHex(seed) ?? new Uint8Array(0));
    assert.deepEqual([toHex(secret.reveal()), secret.publicKey.hex], [sk, pk]);
  }
  for (const { parent_sk, label, index, sk, pk } of vectors.child_keys) {
    const secret = childSecretKey(SecretKey.parse(parent_sk), label, index);
    assert.deepEqual([toHex(secret.reveal()), secret.publicKey.hex], [sk, pk]);
  }
  assert.throws(() => deterministicSecretKey(new Uint8Array(0)), /^KeyError: Seed input is empty$/);
});

eachCurve("PublicKey.fromBytes refuses every bad point as a value", () => {
  for (const { name, bytes } of badPoints) {
    assert.equal(PublicKey.fromBytes(bytes), undefined, name);
  }
  assert.ok(badPoints.length > 25);
});

Deno.test("PublicKey keeps its own copy of the bytes", () => {
  const bytes = fromHex(vectors.keypairs[0]?.pk ?? "") ?? new Uint8Array(0);
  const key = PublicKey.fromBytes(bytes);
  bytes.fill(0);
  assert.equal(key && toHex(key.bytes), key?.hex);
});

Deno.test("SecretKey.generate draws again while the bytes are no scalar", () => {
  const [zero, order] = [new Uint8Array(32), fromHex(GROUP_ORDER) ?? new Uint8Array(32)];
  const good = order.slice();
  good[31] = (good[31] ?? 0) - 1;
  const secret = SecretKey.generate(new ScriptedRandom(zero, order, good));
  assert.deepEqual(secret.reveal(), good);
});

Deno.test("a secret key shows in no text, no JSON and no inspection", () => {
  const secret = SecretKey.generate(new SeededRandom(7));
  assert.equal(secret.publicKey.hex.length, 66);
  const hex = toHex(secret.reveal());
  const decimal = [...secret.reveal()].join(", ");
  const base64 = secret.reveal().toBase64();
  const shown = [
    String(secret),
    `${secret}`,
    JSON.stringify({ secret }),
    Deno.inspect(secret, { depth: 9, showHidden: true }),
    Deno.inspect({ nested: [secret] }, { depth: 9 }),
    Object.getOwnPropertyNames(secret).join(),
    String(structuredClone({ ...secret })),
  ];
  for (const text of shown) {
    for (const form of [hex, hex.slice(0, 16), decimal, decimal.slice(0, 20), base64]) {
      assert.ok(!text.toLowerCase().includes(form.toLowerCase()), text);
    }
  }
  secret.reveal().fill(0);
  assert.equal(toHex(secret.reveal()), hex, "reveal hands out a copy");
});
