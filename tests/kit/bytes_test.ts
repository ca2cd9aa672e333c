import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, equalBytes, equalSecrets, fromHex, toHex, utf8, utf8Into, utf8Text } from "#kit";

Deno.test("fromHex and toHex are inverse for any bytes, either case", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
    assert.deepEqual(fromHex(toHex(bytes)), bytes);
    assert.deepEqual(fromHex(toHex(bytes).toUpperCase()), bytes);
  }));
});

Deno.test("fromHex refuses odd counts, blanks and other characters", () => {
  for (const text of ["0", "0g", " 00", "00\n", "0x00", "é0", "00 00"]) {
    assert.equal(fromHex(text), undefined, JSON.stringify(text));
  }
  assert.deepEqual(fromHex(""), new Uint8Array(0));
});

Deno.test("utf8Text replaces invalid bytes and keeps a leading BOM", () => {
  assert.equal(utf8Text(Uint8Array.of(0x61, 0xff, 0x62)), "a\ufffdb");
  assert.equal(utf8Text(utf8("\ufeffx")), "\ufeffx");
});

Deno.test("utf8Into puts what utf8 makes, and touches nothing behind it", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const target = new Uint8Array(3 * text.length + 1).fill(7);
    const count = utf8Into(text, target);
    assert.deepEqual(target.subarray(0, count), utf8(text));
    assert.ok(target.subarray(count).every((byte) => byte === 7));
  }));
});

Deno.test("equalBytes and equalSecrets agree with each other and with hex equality", () => {
  const small = fc.uint8Array({ maxLength: 4, max: 2 });
  fc.assert(fc.property(small, small, (a, b) => {
    assert.equal(equalBytes(a, b), toHex(a) === toHex(b));
    assert.equal(equalSecrets(a, b), toHex(a) === toHex(b));
  }));
});

Deno.test("concat joins in order and copies", () => {
  const part = Uint8Array.of(1, 2);
  const whole = concat(part, new Uint8Array(0), Uint8Array.of(3));
  part[0] = 9;
  assert.deepEqual(whole, Uint8Array.of(1, 2, 3));
});
