import assert from "node:assert/strict";
import fc from "fast-check";
import { toHex, utf8Text } from "#kit";
import { CxoFault, decodeWhole, type Reader, Writer } from "#cxo";
import { bytes, faultCode, sound, vectors } from "./vectors.ts";

const MOST = { most: 1000 };

const WRITE: Record<string, (writer: Writer, value: never) => void> = {
  bool: (writer, value: boolean) => writer.bool(value),
  uint8: (writer, value: number) => writer.u8(value),
  int16: (writer, value: number) => writer.u16(value & 0xffff),
  uint32: (writer, value: number) => writer.u32(value),
  int64: (writer, value: number) => writer.i64(BigInt(value)),
  string: (writer, value: string) => writer.text(value),
  bytes: (writer, value: string) => writer.bytes(bytes(value)),
  "[3]uint16": (writer, value: number[]) => value.forEach((element) => writer.u16(element)),
  "[]uint32": (writer, value: number[]) => writer.list(value, (element) => writer.u32(element)),
  "[]bytes": (writer, value: string[]) => writer.list(value, (part) => writer.bytes(bytes(part))),
};

const READ: Record<string, (reader: Reader) => unknown> = {
  bool: (reader) => reader.bool(),
  uint8: (reader) => reader.u8(),
  int16: (reader) => (reader.u16() << 16) >> 16,
  uint32: (reader) => reader.u32(),
  int64: (reader) => Number(reader.i64()),
  string: (reader) => utf8Text(reader.bytes(MOST)),
  bytes: (reader) => toHex(reader.bytes(MOST)),
  "[3]uint16": (reader) => [reader.u16(), reader.u16(), reader.u16()],
  "[]uint32": (reader) => reader.list(() => reader.u32(), { ...MOST, least: 4 }),
  "[]bytes": (reader) => reader.list(() => toHex(reader.bytes(MOST)), { ...MOST, least: 4 }),
};

for (const { name, fields, hex } of vectors.encoder) {
  Deno.test(`Writer and Reader agree with the vector ${name}`, () => {
    const writer = new Writer();
    for (const [type, value] of fields) WRITE[type]?.(writer, value as never);
    assert.equal(toHex(writer.finish()), hex);
    const read = decodeWhole(bytes(hex), (reader) => fields.map(([type]) => READ[type]?.(reader)));
    assert.deepEqual(read, fields.map(([, value]) => value));
  });
}

Deno.test("Reader refuses a bool of 2", () => {
  assert.equal(faultCode(decodeWhole(bytes("02"), (reader) => reader.bool())), "invalid-value");
});

Deno.test("Reader refuses a declared length beyond the end before it reads an element", () => {
  let reads = 0;
  const read = (reader: Reader) => reader.list(() => reads++, { most: 2 ** 32, least: 1 });
  assert.equal(faultCode(decodeWhole(bytes("ffffffff00"), read)), "truncated");
  assert.equal(reads, 0);
});

Deno.test("Reader counts the least size of elements against what is left", () => {
  let reads = 0;
  const read = (reader: Reader) => reader.list(() => reads += reader.u32(), { ...MOST, least: 4 });
  assert.equal(faultCode(decodeWhole(bytes("020000000100000002"), read)), "truncated");
  assert.equal(reads, 0);
});

Deno.test("Reader takes no more than its bound", () => {
  const read = (reader: Reader) => reader.bytes({ most: 1 });
  assert.equal(faultCode(decodeWhole(bytes("020000000000"), read)), "too-large");
});

Deno.test("decodeWhole refuses bytes after the last field", () => {
  assert.equal(faultCode(decodeWhole(bytes("0101"), (reader) => reader.u8())), "trailing-bytes");
});

Deno.test("decodeWhole lets a mistake of ours through", () => {
  assert.throws(() =>
    decodeWhole(bytes("01"), () => {
      throw new TypeError("ours");
    }), TypeError);
});

Deno.test("an empty byte list and an empty list are the same four bytes", () => {
  const none = new Writer().bytes(bytes("")).finish();
  assert.deepEqual(none, new Writer().list([], () => {}).finish());
  assert.equal(toHex(none), "00000000");
});

Deno.test("64-bit fields keep every bit", () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 64n - 1n), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (u, i) => {
      const written = new Writer().u64(u).i64(i).finish();
      const read = sound(decodeWhole(written, (reader) => [reader.u64(), reader.i64()]));
      assert.deepEqual(read, [u, i]);
    }),
  );
});

Deno.test("Writer grows over any number of fields", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (parts) => {
      const written = new Writer().list(parts, () => {}).finish();
      const writer = new Writer();
      writer.list(parts, (part) => writer.bytes(part));
      const whole = writer.finish();
      assert.deepEqual(whole.subarray(0, 4), written);
      const read = (reader: Reader) => reader.list(() => reader.bytes(MOST), { ...MOST, least: 4 });
      assert.deepEqual(sound(decodeWhole(whole, read)).map(toHex), parts.map(toHex));
    }),
    { numRuns: 50 },
  );
});

Deno.test("Reader on hostile bytes throws its own fault only", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (hostile) => {
    const value = decodeWhole(hostile, (reader) => Object.values(READ).map((read) => read(reader)));
    assert.ok(Array.isArray(value) || value instanceof CxoFault);
  }));
});
