import assert from "node:assert/strict";
import { toHex } from "#kit";
import {
  checkGobType,
  GobDecoder,
  GobEncoder,
  type GobField,
  type GobGiven,
  gobInt,
  GobMismatch,
  GobReader,
  type GobReceived,
  gobText,
  gobTime,
  gobTimeNanos,
  type GobType,
  gobUint,
} from "#visor";
import { bytes, sound } from "./gob_vectors.ts";

const BOOL: GobType = { kind: "bool" };
const INT: GobType = { kind: "int" };
const UINT: GobType = { kind: "uint" };
const TEXT: GobType = { kind: "string" };
const BYTES: GobType = { kind: "bytes" };
const PK: GobType = { kind: "opaque", flavour: "binary", name: "PubKey" };
const TIME: GobType = { kind: "opaque", flavour: "gob", name: "Time" };

function struct(fields: Readonly<Record<string, GobType>>, name = "S"): GobType {
  const list: GobField[] = Object.entries(fields).map(([name, type]) => ({ name, type }));
  return { kind: "struct", name, fields: list };
}

const INNER = struct({ Text: TEXT, IsNetErr: BOOL });
const FULL = struct({ U: UINT, I: INT, T: TEXT, B: BYTES, F: BOOL, K: PK, D: TIME, E: INNER });

/** The value as it comes out at the other end. */
function received(type: GobType, given: GobGiven): GobReceived {
  const [one = assert.fail()] = sound(new GobDecoder().push(new GobEncoder().encode(type, given)));
  return one;
}

function mismatch(read: () => unknown, code: string, text?: RegExp): void {
  assert.throws(read, (thrown) => {
    assert.ok(thrown instanceof GobMismatch);
    assert.equal(thrown.code, code);
    assert.match(thrown.message, text ?? /^gob: /);
    return true;
  });
}

Deno.test("GobReader reads every kind by its name", () => {
  const reader = new GobReader(received(FULL, {
    U: 7,
    I: -7,
    T: "text",
    B: bytes("0102"),
    F: true,
    K: bytes("03ff"),
    D: bytes("01"),
    E: { Text: "EOF" },
  }));
  assert.equal(reader.uint("U"), 7);
  assert.equal(reader.int("I"), -7);
  assert.equal(reader.text("T"), "text");
  assert.equal(toHex(reader.bytes("B")), "0102");
  assert.equal(reader.flag("F"), true);
  assert.equal(toHex(reader.opaque("K", "binary")), "03ff");
  assert.equal(toHex(reader.opaque("D", "gob")), "01");
  assert.equal(reader.struct("E")?.text("Text"), "EOF");
  assert.equal(reader.struct("E")?.flag("IsNetErr"), false);
});

for (const [name, type] of [["left out", FULL], ["not declared", struct({ X: UINT })]] as const) {
  Deno.test(`GobReader gives the zero value of a field that is ${name}`, () => {
    const reader = new GobReader(received(type, {}));
    assert.equal(reader.uint("U"), 0);
    assert.equal(reader.int("I"), 0);
    assert.equal(reader.text("T"), "");
    assert.equal(reader.bytes("B").length, 0);
    assert.equal(reader.flag("F"), false);
    assert.equal(reader.opaque("K", "binary").length, 0);
    assert.equal(reader.struct("E"), undefined);
    assert.deepEqual(reader.structs("L"), []);
  });
}

Deno.test("GobReader tells a struct of zeros from none", () => {
  assert.equal(new GobReader(received(FULL, { E: {} })).struct("E")?.text("Text"), "");
});

for (const given of [{ U: 1, I: 1, T: "t", F: true, K: bytes("01"), B: bytes("01"), E: {} }, {}]) {
  const state = "U" in given ? "present" : "left out";
  Deno.test(`GobReader refuses every other kind of a field that is ${state}`, () => {
    const reader = new GobReader(received(FULL, given));
    const reads: Record<string, (name: string) => unknown> = {
      U: (name) => reader.uint(name),
      I: (name) => reader.int(name),
      T: (name) => reader.text(name),
      B: (name) => reader.bytes(name),
      F: (name) => reader.flag(name),
      K: (name) => reader.opaque(name, "binary"),
      D: (name) => reader.opaque(name, "gob"),
      E: (name) => reader.struct(name),
    };
    for (const [own, read] of Object.entries(reads)) {
      for (const other of Object.keys(reads)) {
        if (other !== own) mismatch(() => read(other), "wrong-kind");
      }
    }
    mismatch(() => reader.opaque("K", "text"), "wrong-kind");
    mismatch(() => reader.structs("E"), "wrong-kind");
  });
}

Deno.test("GobReader refuses integers that do not fit", () => {
  const reader = new GobReader(received(FULL, { U: 65_536, I: -(2n ** 53n) }));
  assert.equal(reader.uint("U", 65_536), 65_536);
  mismatch(() => reader.uint("U", 65_535), "out-of-range", /65536 is out of range, at most 65535/);
  mismatch(() => reader.int("I"), "out-of-range");
  const huge = new GobReader(received(FULL, { U: 2n ** 53n, I: 2n ** 53n }));
  mismatch(() => huge.uint("U"), "out-of-range");
  mismatch(() => huge.int("I"), "out-of-range");
});

Deno.test("GobReader is for structs, the functions beside it for the rest", () => {
  mismatch(() => new GobReader(received(TEXT, "x")), "wrong-kind");
  assert.equal(gobUint(received(UINT, 9)), 9);
  assert.equal(gobInt(received(INT, -9)), -9);
  assert.equal(gobText(received(TEXT, "x")), "x");
  mismatch(() => gobUint(received(INT, 9)), "wrong-kind");
  mismatch(() => gobInt(received(UINT, 9)), "wrong-kind");
  mismatch(() => gobText(received(BYTES, bytes("61"))), "wrong-kind");
  mismatch(() => gobUint(received(UINT, 256), 255), "out-of-range");
});

Deno.test("an answer may have other fields in another order, but one at least that is known", () => {
  const local = struct({ ConnID: UINT, LocalPort: UINT }, "DialResp");
  const remote = struct({ New: struct({ Deep: TEXT }), LocalPort: UINT }, "Other");
  const reader = new GobReader(received(remote, { LocalPort: 5 }), local);
  assert.equal(reader.uint("LocalPort"), 5);
  assert.equal(reader.uint("ConnID"), 0);
  const none = /no fields matched decoding into struct DialResp, received struct Other/;
  mismatch(
    () => new GobReader(received(struct({ A: UINT }, "Other"), {}), local),
    "no-common-field",
    none,
  );
  mismatch(() => new GobReader(received(struct({}), {}), local), "no-common-field");
  new GobReader(received(remote, {}), struct({}));
});

const LOCALS: Readonly<Record<string, GobType>> = {
  bool: BOOL,
  int: INT,
  uint: UINT,
  text: TEXT,
  bytes: BYTES,
  float: { kind: "float" },
  complex: { kind: "complex" },
  key: PK,
  time: TIME,
  struct: INNER,
  slice: { kind: "slice", name: "", elem: UINT },
  "slice of int": { kind: "slice", name: "", elem: INT },
  array: { kind: "array", name: "", elem: UINT, length: 2 },
  "longer array": { kind: "array", name: "", elem: UINT, length: 3 },
  "array of int": { kind: "array", name: "", elem: INT, length: 2 },
  map: { kind: "map", name: "", key: UINT, elem: UINT },
  "map from int": { kind: "map", name: "", key: INT, elem: UINT },
  "map to int": { kind: "map", name: "", key: UINT, elem: INT },
};

Deno.test("checkGobType takes the same kind and no other, at any depth", () => {
  for (const [localName, local] of Object.entries(LOCALS)) {
    for (const [remoteName, remote] of Object.entries(LOCALS)) {
      const check = () => checkGobType(struct({ F: remote }), struct({ F: local }));
      if (localName === remoteName) check();
      else mismatch(check, "wrong-kind");
    }
  }
  checkGobType({ kind: "opaque", flavour: "binary", name: "other" }, PK);
});

Deno.test("what a mismatch says of a peer's names fits one line of a log", () => {
  const remote = struct({ A: UINT }, `x\n${"y".repeat(1000)}`);
  mismatch(() => checkGobType(remote, TEXT), "wrong-kind", /^gob: [ -~]{40,270}…$/);
});

Deno.test("times of visor.md 12", () => {
  const utc = gobTimeNanos(bytes("010000000edeac9f02075bcd15ffff"));
  assert.equal(toHex(gobTime(utc ?? 0n)), "010000000edeac9f02075bcd15ffff");
  assert.equal(utc, (0xedeac9f02n - 62_135_596_800n) * 1_000_000_000n + 123_456_789n);
  assert.equal(gobTimeNanos(bytes("010000000edeac9f02075bcd15ff2e")), utc);
  assert.equal(gobTimeNanos(bytes("020000000edeac9f02075bcd15001320")), utc);
  assert.equal(toHex(gobTime(0n)), "010000000e7791f70000000000ffff");
  assert.equal(gobTimeNanos(gobTime(0n)), 0n);
});

Deno.test("times before 1970, the zero time, and the largest", () => {
  for (const nanos of [-1n, -999_999_999n, -1_000_000_000n, -(2n ** 62n), 2n ** 62n]) {
    assert.equal(gobTimeNanos(gobTime(nanos)), nanos);
  }
  const zero = -62_135_596_800_000_000_000n;
  assert.equal(gobTime(zero).length, 0);
  assert.equal(gobTimeNanos(gobTime(zero)), undefined);
  assert.equal(gobTimeNanos(gobTime(zero + 1n)), zero + 1n);
  assert.equal(gobTimeNanos(bytes("01 0000000000000000 00000000 ffff")), undefined);
  assert.throws(() => gobTime(2n ** 63n * 1_000_000_000n), RangeError);
});

for (
  const [name, hex] of [
    ["version 3", "030000000edeac9f02075bcd15ffff"],
    ["version 1 and one octet more", "010000000edeac9f02075bcd15ffff00"],
    ["version 2 and one octet less", "020000000edeac9f02075bcd150013"],
    ["one octet", "01"],
    ["a billion nanoseconds", "010000000edeac9f023b9aca00ffff"],
    ["negative nanoseconds", "010000000edeac9f02ffffffffffff"],
  ] as const
) {
  Deno.test(`gobTimeNanos refuses ${name}`, () => {
    mismatch(() => gobTimeNanos(bytes(hex)), "bad-time");
  });
}
