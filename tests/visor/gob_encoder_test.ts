import assert from "node:assert/strict";
import { toHex } from "#kit";
import {
  GobDecoder,
  GobEncoder,
  type GobGiven,
  type GobType,
  MAX_GOB_MESSAGE,
  MAX_GOB_TYPES,
} from "#visor";
import { bytes, sound } from "./gob_vectors.ts";

const UINT: GobType = { kind: "uint" };
const TEXT: GobType = { kind: "string" };
const PK: GobType = { kind: "opaque", flavour: "binary", name: "PubKey" };
const ADDR: GobType = {
  kind: "struct",
  name: "Addr",
  fields: [
    { name: "Net", type: TEXT },
    { name: "PubKey", type: PK },
    { name: "Port", type: UINT },
  ],
};
const REQUEST: GobType = {
  kind: "struct",
  name: "Request",
  fields: [{ name: "ServiceMethod", type: TEXT }, { name: "Seq", type: UINT }],
};
const NOTHING: GobType = { kind: "struct", name: "", fields: [] };

Deno.test("the worked example of visor.md 4.4: Request as type 65", () => {
  const made = toHex(new GobEncoder().encode(REQUEST, { ServiceMethod: "a.B", Seq: 1 }));
  const described = "2fff81030101075265717565737401ff82000102" +
    "010d536572766963654d6574686f64010c0001035365710106000000";
  assert.equal(made, `${described}0a` + "ff82" + "0103612e42" + "0101" + "00");
});

Deno.test("the empty struct of visor.md 4.4, as type 64", () => {
  const encoder = new GobEncoder({ firstId: 64 });
  assert.equal(toHex(encoder.encode(NOTHING, {})), "097f030102ff80000000" + "03ff8000");
  assert.equal(toHex(encoder.encode(NOTHING, {})), "03ff8000");
});

Deno.test("top-level zero values are written", () => {
  const encoder = new GobEncoder();
  assert.equal(toHex(encoder.encode(UINT, 0)), "03060000");
  assert.equal(toHex(encoder.encode(TEXT, "")), "030c0000");
});

Deno.test("a type is described once, also as a part of another", () => {
  const encoder = new GobEncoder();
  encoder.encode(ADDR, {});
  const accepted: GobType = {
    kind: "struct",
    name: "AcceptResp",
    fields: [{ name: "Remote", type: ADDR }, { name: "ConnID", type: UINT }],
  };
  const made = encoder.encode(accepted, { Remote: { Port: 7n }, ConnID: 2 });
  // Type 67, whose first field is type 65: 65 and 66 were Addr and PubKey.
  const described = "2fff85030101" + "0a416363657074526573700" + "1ff86000102" +
    "010652656d6f746501ff82000106436f6e6e49440106000000";
  assert.equal(
    toHex(made),
    `${described}09` + "ff86" + "01" + "03" + "07" + "00" + "01" + "02" + "00",
  );
});

Deno.test("zero fields are left out, also an all-zero key; a struct inside is not", () => {
  const outer: GobType = { kind: "struct", name: "", fields: [{ name: "Err", type: NOTHING }] };
  const encoder = new GobEncoder();
  const written = (type: GobType, given: GobGiven) => toHex(encoder.encode(type, given));
  encoder.encode(ADDR, {});
  encoder.encode(outer, {});
  assert.equal(written(ADDR, { Net: "", PubKey: new Uint8Array(33), Port: 0 }), "03ff8200");
  assert.equal(written(outer, { Err: undefined }), "03ff8600");
  assert.equal(written(outer, { Err: {} }), "05ff86010000");
});

Deno.test("a float of 0 is left out, one of -0 is not", () => {
  const fields = [
    { name: "F", type: { kind: "float" } },
    { name: "C", type: { kind: "complex" } },
  ] as const;
  const type: GobType = { kind: "struct", name: "", fields };
  const encoder = new GobEncoder();
  encoder.encode(type, {});
  assert.equal(toHex(encoder.encode(type, { F: 0, C: [0, 0] })), "03ff8200");
  const negative = "0aff82" + "01ff80" + "01" + "00ff80" + "00";
  assert.equal(toHex(encoder.encode(type, { F: -0, C: [0, -0] })), negative);
});

Deno.test("structs are given as objects or maps, integers as numbers or bigints", () => {
  const one = new GobEncoder().encode(REQUEST, { Seq: 300, ServiceMethod: "x" });
  const map = new Map<string, GobGiven>([["ServiceMethod", "x"], ["Seq", 300n]]);
  assert.deepEqual(new GobEncoder().encode(REQUEST, map), one);
});

const MISTAKES:
  readonly (readonly [string, GobType, GobGiven, typeof TypeError | typeof RangeError])[] = [
    ["a text for a uint", UINT, "1", TypeError],
    ["a fraction for a uint", UINT, 1.5, RangeError],
    ["NaN for a uint", UINT, NaN, RangeError],
    ["a negative uint", UINT, -1, RangeError],
    ["a uint of 65 bits", UINT, 2n ** 64n, RangeError],
    ["an int of 65 bits", { kind: "int" }, 2n ** 63n, RangeError],
    ["a number for a bool", { kind: "bool" }, 1, TypeError],
    ["a bigint for a float", { kind: "float" }, 1n, TypeError],
    ["one number for a complex", { kind: "complex" }, [1], TypeError],
    ["three numbers for a complex", { kind: "complex" }, [1, 2, 3], TypeError],
    ["bytes for a text", TEXT, new Uint8Array(1), TypeError],
    ["a text for bytes", { kind: "bytes" }, "a", TypeError],
    ["a text for an opaque value", PK, "a", TypeError],
    ["a text for a struct", REQUEST, "a", TypeError],
    ["bytes for a struct", REQUEST, new Uint8Array(1), TypeError],
    ["a list for a struct", REQUEST, [], TypeError],
    ["a field that is not declared", REQUEST, { Sequence: 1 }, TypeError],
    ["a struct for a list", { kind: "slice", name: "", elem: UINT }, {}, TypeError],
    ["no pairs for a map", { kind: "map", name: "", key: UINT, elem: UINT }, [1], TypeError],
    [
      "an array of another length",
      { kind: "array", name: "", elem: UINT, length: 2 },
      [1],
      RangeError,
    ],
    ["a message above the limit", { kind: "bytes" }, new Uint8Array(MAX_GOB_MESSAGE), RangeError],
  ];

for (const [name, type, given, error] of MISTAKES) {
  Deno.test(`GobEncoder throws for ${name}, and nothing has changed`, () => {
    const encoder = new GobEncoder();
    assert.throws(() => encoder.encode(type, given), error);
    const described = encoder.encode(REQUEST, { Seq: 1 });
    assert.deepEqual(described, new GobEncoder().encode(REQUEST, { Seq: 1 }));
  });
}

Deno.test("ids are the sender's choice, but not those of the format", () => {
  const [received] = sound(
    new GobDecoder().push(new GobEncoder({ firstId: 1000 }).encode(ADDR, {})),
  );
  assert.deepEqual(received?.type, ADDR);
  for (const firstId of [63, 0, -65, 64.5, NaN]) {
    assert.throws(() => new GobEncoder({ firstId }), RangeError);
  }
  assert.throws(() => new GobEncoder({ ids: [65, 8] }), RangeError);
  assert.throws(() => new GobEncoder({ ids: [65] }).encode(ADDR, {}), RangeError);
});

Deno.test("types that are made anew for each call are noticed", () => {
  const encoder = new GobEncoder();
  for (let count = 0; count < MAX_GOB_TYPES; count++) encoder.encode({ ...NOTHING }, {});
  assert.throws(() => encoder.encode({ ...NOTHING }, {}), /declare each once/);
});

Deno.test("what was given out stays as it is when more is encoded", () => {
  const encoder = new GobEncoder();
  const first = encoder.encode({ kind: "bytes" }, new Uint8Array(200_000).fill(1));
  const copy = first.slice();
  encoder.encode({ kind: "bytes" }, new Uint8Array(200_000).fill(2));
  assert.deepEqual(first, copy);
  assert.deepEqual(encoder.encode(UINT, 128), bytes("040600ff80"));
});
