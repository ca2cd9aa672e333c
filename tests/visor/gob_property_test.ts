import assert from "node:assert/strict";
import fc from "fast-check";
import { concat } from "#kit";
import {
  GobDecoder,
  GobEncoder,
  GobFault,
  type GobGiven,
  type GobReceived,
  type GobType,
  type GobValue,
} from "#visor";
import { outcome } from "./gob_hand.ts";
import { sound, STREAMS, wire } from "./gob_vectors.ts";

/** A type, a value of it, and what must come back. */
interface Sample {
  readonly type: GobType;
  readonly given: GobGiven;
  readonly back: GobValue;
}

/** Whether a field of this value is left out: as the encoder decides, said another way. */
function isZero({ type, back }: Sample): boolean {
  switch (type.kind) {
    case "struct":
    case "array":
      return false;
    case "complex":
      return (back as number[]).every((part) => part === 0 && 1 / part > 0);
    case "float":
      return back === 0 && 1 / back > 0;
    case "opaque":
      return !(back as Uint8Array).some((octet) => octet > 0);
    case "bytes":
    case "string":
    case "slice":
    case "map":
      return (back as { length: number }).length === 0;
    default:
      return !back;
  }
}

const SMALL = { size: "small", maxLength: 4 } as const;

function leaf(): fc.Arbitrary<Sample> {
  const same = <T extends GobGiven & GobValue>(type: GobType, values: fc.Arbitrary<T>) =>
    values.map((value) => ({ type, given: value, back: value }));
  const float = fc.double({ noNaN: true });
  const opaque = fc.constantFrom("gob", "binary", "text").chain((flavour) =>
    same<Uint8Array>({ kind: "opaque", flavour, name: "O" }, fc.uint8Array(SMALL))
  );
  return fc.oneof(
    same({ kind: "bool" }, fc.boolean()),
    same({ kind: "int" }, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
    same({ kind: "uint" }, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
    fc.nat().map((n) => ({ type: { kind: "uint" } as const, given: n, back: BigInt(n) })),
    fc.integer().map((n) => ({ type: { kind: "int" } as const, given: n, back: BigInt(n) })),
    same({ kind: "float" }, float),
    same({ kind: "complex" }, fc.tuple(float, float)),
    same({ kind: "string" }, fc.string({ unit: "grapheme" })),
    same<Uint8Array>({ kind: "bytes" }, fc.uint8Array({ maxLength: 300 })),
    opaque,
  );
}

/** Around one sample, so that every element has its type. */
function list({ type, given, back }: Sample): fc.Arbitrary<Sample> {
  return fc.tuple(fc.nat(3), fc.boolean()).map(([length, fixed]) => ({
    type: fixed
      ? { kind: "array", name: "A", elem: type, length }
      : { kind: "slice", name: "L", elem: type },
    given: Array<GobGiven>(length).fill(given),
    back: Array<GobValue>(length).fill(back),
  }));
}

function structOf(parts: readonly Sample[]): Sample {
  const fields = parts.map(({ type }, index) => ({ name: `F${index}`, type }));
  const written = parts.flatMap((part, index): [string, GobValue][] =>
    isZero(part) ? [] : [[`F${index}`, part.back]]
  );
  return {
    type: { kind: "struct", name: "S", fields },
    given: Object.fromEntries(parts.map(({ given }, index) => [`F${index}`, given])),
    back: new Map(written),
  };
}

const { sample: samples } = fc.letrec<{ sample: Sample }>((tie) => ({
  sample: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf(),
    tie("sample").chain(list),
    fc.tuple(tie("sample"), tie("sample")).map(([key, elem]): Sample => ({
      type: { kind: "map", name: "M", key: key.type, elem: elem.type },
      given: [[key.given, elem.given]],
      back: [[key.back, elem.back]],
    })),
    fc.array(tie("sample"), SMALL).map(structOf),
  ),
}));

/** The same bytes in pieces that end at these places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length];
  ends.sort((a, b) => a - b);
  return ends.map((end, index) => bytes.slice(ends[index - 1] ?? 0, end));
}

Deno.test("whatever is encoded is decoded again, value by value", () => {
  fc.assert(fc.property(fc.array(samples, SMALL), fc.array(fc.nat()), (all, places) => {
    const encoder = new GobEncoder();
    const bytes = concat(...all.map(({ type, given }) => encoder.encode(type, given)));
    const decoder = new GobDecoder();
    const received = cut(bytes, places).flatMap((piece) => decoder.push(piece));
    assert.deepEqual(sound(received), all.map(({ type, back }) => ({ type, value: back })));
    assert.equal(decoder.pending, 0);
  }));
});

Deno.test("what was decoded is encoded to the same bytes", () => {
  fc.assert(fc.property(samples, ({ type, given }) => {
    const first = new GobEncoder().encode(type, given);
    const [received = assert.fail()] = sound(new GobDecoder().push(first));
    // The decoder has one type for each id, as the encoder had.
    assert.deepEqual(new GobEncoder().encode(received.type, received.value), first);
  }));
});

/** Decodes hostile bytes twice; both ways they must give the same, and a fault only at the end. */
function survive(bytes: Uint8Array, places: readonly number[]): void {
  const whole = outcome(new GobDecoder(), [bytes]);
  assert.deepEqual(outcome(new GobDecoder(), cut(bytes, places)), whole);
  const faults = whole.flatMap((one, index) => String(one).startsWith("fault: ") ? index : []);
  assert.ok(faults.length === 0 || faults[0] === whole.length - 1);
}

Deno.test("random bytes give values or a fault, the same however they are cut", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.array(fc.nat()), survive),
    { numRuns: 2000 },
  );
});

Deno.test("vectors with bits flipped give values or a fault, the same however they are cut", () => {
  const streams = fc.constantFrom(...STREAMS.map(wire).filter((bytes) => bytes.length < 1000));
  const flips = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(streams, flips, fc.array(fc.nat()), (bytes, all, places) => {
      const hurt = bytes.slice();
      for (const [at, mask] of all) {
        hurt[at % hurt.length] = (hurt[at % hurt.length] ?? 0) ^ mask;
      }
      survive(hurt, places);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("every single bit of the longest small vector, flipped", () => {
  const [bytes = assert.fail()] = STREAMS.filter(({ name }) => name.startsWith("decode_only"))
    .map(wire);
  let faults = 0;
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const hurt = bytes.slice();
    hurt[bit >> 3] = (hurt[bit >> 3] ?? 0) ^ 1 << (bit & 7);
    const last: GobReceived | GobFault | undefined = new GobDecoder().push(hurt).at(-1);
    if (last instanceof GobFault) faults++;
  }
  // Some flips change a letter or a digit only, and some make a length that is waited for.
  assert.ok(faults > 4 * bytes.length, `${faults}`);
});

Deno.test("streams of the vectors, one after the other, end at the first type described anew", () => {
  const all = STREAMS.map(wire);
  const found = new GobDecoder().push(concat(...all));
  assert.ok(found.at(-1) instanceof GobFault);
});
