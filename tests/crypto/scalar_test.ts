import assert from "node:assert/strict";
import fc from "fast-check";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { fromHex, toHex } from "#kit";
import { invertRandomScalar, isScalar } from "../../lib/crypto/scalar.ts";
import vectors from "../vectors/noise.json" with { type: "json" };

const ORDER = BigInt(`0x${vectors.constants.curve_order}`);

function bytesOf(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(64, "0")) ?? assert.fail(`${value}`);
}

Deno.test("isScalar draws the line at 1 and n - 1, and wants 32 bytes", () => {
  assert.equal(ORDER, secp256k1.Point.Fn.ORDER);
  for (const good of [1n, 2n, 255n, 256n, 1n << 255n, ORDER - 1n, ORDER - 256n]) {
    assert.ok(isScalar(bytesOf(good)), `${good}`);
  }
  for (const bad of [0n, ORDER, ORDER + 1n, ORDER + 256n, (1n << 256n) - 1n]) {
    assert.ok(!isScalar(bytesOf(bad)), `${bad}`);
  }
  for (const length of [0, 31, 33]) assert.ok(!isScalar(new Uint8Array(length).fill(1)));
});

Deno.test("isScalar agrees with noble near the order and anywhere", () => {
  const near = fc.bigInt(-300n, 300n).map((delta) => bytesOf(ORDER + delta));
  fc.assert(
    fc.property(fc.oneof(near, fc.uint8Array({ minLength: 32, maxLength: 32 })), (bytes) => {
      assert.equal(isScalar(bytes), secp256k1.utils.isValidSecretKey(bytes), toHex(bytes));
    }),
  );
});

Deno.test("invertRandomScalar gives what multiplies to one", () => {
  fc.assert(fc.property(fc.bigInt(1n, ORDER - 1n), (value) => {
    const inverse = BigInt(`0x${toHex(invertRandomScalar(bytesOf(value)))}`);
    assert.equal((value * inverse) % ORDER, 1n);
    assert.ok(inverse > 0n && inverse < ORDER);
  }));
});
