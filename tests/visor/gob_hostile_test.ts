import assert from "node:assert/strict";
import { concat, utf8 } from "#kit";
import {
  GobDecoder,
  MAX_GOB_DEPTH,
  MAX_GOB_MESSAGE,
  MAX_GOB_NAME_BYTES,
  MAX_GOB_TYPES,
  MAX_GOB_VALUES,
} from "#visor";
import type { GobDescription } from "../../lib/visor/gob_typedef.ts";
import {
  faultText,
  found,
  int,
  message,
  outcome,
  structOf,
  text,
  typedef,
  uint,
} from "./gob_hand.ts";
import { bytes } from "./gob_vectors.ts";

const ONE = bytes("03 06 00 01");
const EMPTY_STRUCT = typedef(65, structOf());
const NULL_VALUE = bytes("00");

/** A slice type of this element. */
function sliceOf(elem: number): GobDescription {
  return { kind: "slice", name: "", elem };
}

/** A top-level value of a type that is no struct. */
function bare(id: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return message(int(id), NULL_VALUE, ...parts);
}

/** `count` zero bytes. */
function zeros(count: number): Uint8Array {
  return new Uint8Array(count);
}

const CASES: readonly (readonly [string, readonly Uint8Array[], string])[] = [
  ["a message of no bytes", [bytes("00")], "invalid-value"],
  ["a length above the limit", [uint(MAX_GOB_MESSAGE + 1)], "too-large"],
  ["a length of 64 bits", [uint(2n ** 64n - 1n)], "too-large"],
  ["a length of nine bytes, at its first", [bytes("f7")], "invalid-value"],
  ["a length of 128 bytes, at its first", [bytes("80")], "invalid-value"],
  ["a length with a leading zero", [bytes("fe 0003 060001")], "invalid-value"],
  ["a small length in the long form", [bytes("ff 03 060001")], "invalid-value"],
  ["an integer with a leading zero", [bare(3, bytes("fe00ff"))], "invalid-value"],
  ["a small integer in the long form", [bare(3, bytes("ff7f"))], "invalid-value"],
  ["an integer of nine bytes", [bare(3, bytes("f7 010000000000000000"))], "invalid-value"],
  ["an integer that is cut", [bare(3, bytes("fe01"))], "truncated"],
  ["a message of nothing but an id", [message(int(3))], "truncated"],
  ["no zero byte before a value", [message(int(3), bytes("0100"))], "invalid-value"],
  ["bytes after a value", [bare(3, bytes("0100"))], "trailing-bytes"],
  ["a bool of 2", [bare(1, bytes("02"))], "invalid-value"],
  ["a string longer than its message", [bare(6, uint(5), utf8("four"))], "truncated"],
  ["a string of 2^53 bytes", [bare(6, uint(2n ** 53n))], "truncated"],
  ["octets of 2^64 - 1 bytes", [bare(5, uint(2n ** 64n - 1n))], "truncated"],
  ["type 0", [bare(0, bytes("01"))], "bad-type"],
  ["an interface value", [bare(8, bytes("01"))], "bad-type"],
  ["a reserved type", [bare(9, bytes("01"))], "bad-type"],
  ["a type that describes types", [bare(16, bytes("01"))], "bad-type"],
  ["a type that nobody described", [bare(65, bytes("01"))], "bad-type"],
  ["a type id of 33 bits", [message(int(2n ** 31n), bytes("00"))], "bad-type"],
  ["a type id of 64 bits", [message(int(-(2n ** 63n)), bytes("00"))], "bad-type"],
  ["a description of a built-in type", [typedef(3, structOf())], "bad-type"],
  ["a description of the interface type", [typedef(8, structOf())], "bad-type"],
  ["a description of a reserved type", [typedef(63, structOf())], "bad-type"],
  ["a type described twice", [EMPTY_STRUCT, EMPTY_STRUCT], "bad-type"],
  ["a description that names another id", [typedef(65, structOf(), 66)], "bad-type"],
  ["a description of no kind", [message(int(-65), bytes("00"))], "bad-type"],
  ["a description of two kinds", [
    message(int(-65), bytes("05 0102ff820000 01 0102ff820000 00")),
  ], "bad-type"],
  ["a description of an eighth kind", [message(int(-65), bytes("08 00 00"))], "invalid-value"],
  [
    "bytes after a description",
    [message(int(-65), bytes("03 01 02 ff82 00 00 00 00"))],
    "trailing-bytes",
  ],
  ["a field of interface type", [typedef(65, structOf(3, 8))], "bad-type"],
  ["a field of a reserved type", [typedef(65, structOf(20))], "bad-type"],
  ["a field of a negative type", [typedef(65, structOf(-65))], "bad-type"],
  ["a slice of interfaces", [typedef(65, sliceOf(8))], "bad-type"],
  [
    "a map whose key is type 0",
    [typedef(65, { kind: "map", name: "", key: 0, elem: 3 })],
    "bad-type",
  ],
  [
    "an array of -1 elements",
    [typedef(65, { kind: "array", name: "", elem: 3, length: -1 })],
    "bad-type",
  ],
  [
    "a struct that contains itself",
    [typedef(65, structOf(65)), message(int(65), zeros(1))],
    "bad-type",
  ],
  ["a slice of itself", [typedef(65, sliceOf(65)), bare(65, bytes("0101010100"))], "bad-type"],
  ["two types that contain each other", [
    typedef(65, structOf(66)),
    typedef(66, sliceOf(65)),
    bare(66, zeros(1)),
  ], "bad-type"],
  [
    "a part that nobody described",
    [typedef(65, structOf(66)), message(int(65), zeros(1))],
    "bad-type",
  ],
  ["two fields of one name", [
    typedef(65, { kind: "struct", name: "", fields: [{ name: "A", id: 3 }, { name: "A", id: 6 }] }),
  ], "bad-type"],
  ["a field without a name", [
    typedef(65, { kind: "struct", name: "", fields: [{ name: "", id: 3 }] }),
  ], "bad-type"],
  [
    "a step over the last field",
    [typedef(65, structOf(3)), message(int(65), bytes("02 01 00"))],
    "invalid-value",
  ],
  [
    "a step of 2^64 - 1 fields",
    [typedef(65, structOf(3)), message(int(65), uint(2n ** 64n - 1n))],
    "invalid-value",
  ],
  ["a second step over the last field", [
    typedef(65, structOf(3)),
    message(int(65), bytes("01 01 01 00")),
  ], "invalid-value"],
  [
    "a struct without its end",
    [typedef(65, structOf(3)), message(int(65), bytes("01 01"))],
    "truncated",
  ],
  ["a field of an empty struct", [EMPTY_STRUCT, message(int(65), bytes("01 00"))], "invalid-value"],
  [
    "a slice of more elements than bytes",
    [typedef(65, sliceOf(3)), bare(65, uint(3), zeros(2))],
    "truncated",
  ],
  ["a slice of 2^62 elements", [typedef(65, sliceOf(3)), bare(65, uint(2n ** 62n))], "truncated"],
  ["a map of more pairs than bytes", [
    typedef(65, { kind: "map", name: "", key: 3, elem: 3 }),
    bare(65, uint(2), zeros(3)),
  ], "truncated"],
  ["an array of another length", [
    typedef(65, { kind: "array", name: "", elem: 3, length: 2 }),
    bare(65, uint(3), zeros(3)),
  ], "invalid-value"],
  ["opaque octets that are cut", [
    typedef(65, { kind: "opaque", flavour: "binary", name: "PubKey" }),
    bare(65, uint(33), zeros(32)),
  ], "truncated"],
];

for (const [name, chunks, code] of CASES) {
  Deno.test(`GobDecoder ends the stream at ${name}`, () => {
    const whole = concat(ONE, ...chunks);
    assert.deepEqual(found(whole, ONE), [1, `fault: ${code}`]);
    const single = Array.from(whole, (byte) => Uint8Array.of(byte));
    assert.deepEqual(found(...single, ONE), [1, `fault: ${code}`]);
  });
}

Deno.test("GobDecoder refuses a length before the message, and takes the longest", () => {
  const limited = () => new GobDecoder({ maxMessage: 300 });
  assert.deepEqual(outcome(limited(), [bytes("fe012d")]), ["fault: too-large"]);
  assert.deepEqual(outcome(limited(), [bytes("fe012c")]), []);
  const longest = bare(5, uint(295), zeros(295));
  assert.equal(outcome(limited(), [longest]).length, 1);
  assert.equal(longest.length, 303);
});

Deno.test("GobDecoder takes memory for the bytes that came, not for those announced", () => {
  const decoder = new GobDecoder({ maxMessage: 2 ** 52 });
  // No machine has this much: taking it throws.
  assert.deepEqual(outcome(decoder, [uint(2 ** 50), ONE, zeros(100_000), ONE]), []);
  assert.equal(decoder.pending, 8 + 100_008);
});

Deno.test("GobDecoder lets go of what it held at a fault", () => {
  const decoder = new GobDecoder();
  assert.deepEqual(outcome(decoder, [bytes("0400")]), []);
  assert.deepEqual(outcome(decoder, [zeros(3)]), ["fault: bad-type"]);
  assert.equal(decoder.pending, 0);
  assert.deepEqual(outcome(decoder, [ONE, bytes("f7")]), []);
});

Deno.test("a slice of empty structs costs a byte each, and is bounded", () => {
  const describe = concat(EMPTY_STRUCT, typedef(66, sliceOf(65)));
  const most = MAX_GOB_VALUES - 1;
  const [slice] = found(describe, bare(66, uint(most), zeros(most)));
  assert.ok(Array.isArray(slice) && slice.length === most);
  const more = bare(66, uint(MAX_GOB_VALUES), zeros(MAX_GOB_VALUES));
  assert.deepEqual(found(describe, more), ["fault: too-large"]);
  // The bound is for one message, not for the stream.
  assert.equal(found(describe, bare(66, uint(most), zeros(most)), ONE, ONE).length, 3);
});

Deno.test("values inside of values count for the bound of their message", () => {
  const inner = concat(uint(999), zeros(999));
  const describe = concat(typedef(65, sliceOf(3)), typedef(66, sliceOf(65)));
  const nested = (count: number) =>
    bare(66, uint(count), ...Array.from({ length: count }, () => inner));
  assert.equal(found(describe, nested(65)).length, 1);
  assert.deepEqual(found(describe, nested(66)), ["fault: too-large"]);
});

Deno.test("a description cannot have more fields than a message has values", () => {
  const fields = Array.from(
    { length: 30_000 },
    (_, index) => ({ name: index.toString(36), id: 3 }),
  );
  assert.deepEqual(found(typedef(65, { kind: "struct", name: "", fields })), ["fault: too-large"]);
});

Deno.test("types nest to the bound and no further, in whatever order they are described", () => {
  for (const reversed of [false, true]) {
    // Slices around a uint, which is a level of its own.
    const chain = (depth: number) => {
      const types = Array.from({ length: depth - 1 }, (_, index) => {
        return typedef(65 + index, sliceOf(index === 0 ? 3 : 64 + index));
      });
      return [...reversed ? types.reverse() : types, bare(64 + depth - 1, bytes("00"))];
    };
    assert.deepEqual(found(...chain(MAX_GOB_DEPTH)), [[]]);
    assert.deepEqual(found(...chain(MAX_GOB_DEPTH + 1)), ["fault: too-large"]);
    assert.deepEqual(found(...chain(MAX_GOB_TYPES)), ["fault: too-large"]);
  }
});

Deno.test("depth counts also where the inner type was used before", () => {
  const types = Array.from({ length: MAX_GOB_DEPTH }, (_, index) => [
    typedef(65 + index, sliceOf(index === 0 ? 3 : 64 + index)),
    bare(65 + index, bytes("00")),
  ]);
  const outcomes = found(...types.flat());
  assert.deepEqual(outcomes.slice(-2), [[], "fault: too-large"]);
  assert.equal(outcomes.length, MAX_GOB_DEPTH);
});

Deno.test("types whose parts are the same ones twice over are put together once", () => {
  const types = Array.from({ length: MAX_GOB_DEPTH - 2 }, (_, index) => {
    const part = index === 0 ? 3 : 64 + index;
    return typedef(65 + index, structOf(...Array.from({ length: 36 }, () => part)));
  });
  // 36 ** 30 parts if each was walked for itself.
  assert.deepEqual(found(...types, message(int(64 + types.length), bytes("00"))), [{}]);
});

Deno.test("a stream describes so many types and no more", () => {
  const types = Array.from(
    { length: MAX_GOB_TYPES },
    (_, index) => typedef(1000 + index, sliceOf(3)),
  );
  assert.deepEqual(found(...types, ONE), [1]);
  assert.deepEqual(found(...types, typedef(64, sliceOf(3)), ONE), ["fault: too-large"]);
});

Deno.test("names of types and fields are bounded together, over the stream", () => {
  const named = (id: number, length: number) =>
    typedef(id, { kind: "struct", name: "T", fields: [{ name: "f".repeat(length), id: 3 }] });
  const half = MAX_GOB_NAME_BYTES / 2 - 1;
  assert.deepEqual(found(named(65, half), named(66, half), ONE), [1]);
  assert.deepEqual(found(named(65, half), named(66, half + 1), ONE), ["fault: too-large"]);
  const type = typedef(65, {
    kind: "opaque",
    flavour: "text",
    name: "n".repeat(MAX_GOB_NAME_BYTES + 1),
  });
  assert.deepEqual(found(type), ["fault: too-large"]);
});

Deno.test("what a fault says about names of a peer fits one line of a log", () => {
  const twice = { name: "A", id: 3 };
  const name = `a\n${"b".repeat(1000)}`;
  const said = faultText(typedef(65, { kind: "struct", name, fields: [twice, twice] }));
  assert.match(said, /^two fields of one name in a\\u000ab+…$/);
  assert.ok(said.length < 300);
});

Deno.test("a fault says what was wrong with a type or a count", () => {
  assert.equal(faultText(bare(8)), "interface values are not taken");
  assert.equal(faultText(bare(9)), "type 9 is reserved");
  assert.equal(faultText(bare(65)), "type 65 is not described");
  assert.equal(faultText(message(int(2n ** 31n))), "type id 2147483648 has more than 32 bits");
  const pairs: GobDescription = { kind: "map", name: "", key: 3, elem: 3 };
  const short = concat(typedef(65, pairs), bare(65, uint(2), zeros(3)));
  assert.equal(faultText(short), "count of 2 with 3 bytes left");
});

Deno.test("a name like one of Object.prototype is a name as others", () => {
  const fields = ["__proto__", "constructor"].map((name) => ({ name, id: 6 }));
  const received = found(
    typedef(65, { kind: "struct", name: "", fields }),
    message(int(65), uint(1), text("a"), uint(1), text("b"), zeros(1)),
  );
  assert.deepEqual(received, [Object.fromEntries([["__proto__", "a"], ["constructor", "b"]])]);
});

Deno.test("what is never used may describe a type that contains itself or lacks a part", () => {
  assert.deepEqual(found(typedef(65, structOf(65)), typedef(66, sliceOf(99)), ONE), [1]);
});

Deno.test("a large message that comes byte by byte is read in linear time", () => {
  const size = 2 ** 20;
  const whole = bare(5, uint(size), new Uint8Array(size).fill(7));
  const decoder = new GobDecoder();
  const received = [];
  for (const byte of whole) received.push(...decoder.push(Uint8Array.of(byte)));
  assert.equal(received.length, 1);
  assert.equal(decoder.pending, 0);
});

Deno.test("the largest message, in pieces", () => {
  const size = MAX_GOB_MESSAGE - 6;
  const whole = bare(5, uint(size), new Uint8Array(size).fill(7));
  const decoder = new GobDecoder();
  const received = [];
  for (let at = 0; at < whole.length; at += 4096) {
    received.push(...decoder.push(whole.subarray(at, at + 4096)));
  }
  const [one] = received;
  assert.ok(one !== undefined && "value" in one && one.value instanceof Uint8Array);
  assert.equal(one.value.length, size);
  assert.ok(one.value.every((byte) => byte === 7));
});

Deno.test("a thousand messages in one chunk, which may be used again", () => {
  const chunk = concat(...Array.from({ length: 1000 }, () => bare(5, text("abc"))));
  const decoder = new GobDecoder();
  const received = decoder.push(chunk);
  chunk.fill(0);
  assert.equal(received.length, 1000);
  assert.ok(
    received.every((one) =>
      "value" in one && one.value instanceof Uint8Array && one.value[2] === 99
    ),
  );
});
