import assert from "node:assert/strict";
import { concat, toHex } from "#kit";
import { GobDecoder, GobEncoder } from "#visor";
import {
  asJson,
  bytes,
  expectedValues,
  idsOf,
  PART_SIZES,
  sound,
  STREAMS,
  wire,
} from "./gob_vectors.ts";

Deno.test("the vectors have the parts that visor.md 12 lists", () => {
  assert.deepEqual(PART_SIZES, { values: 54, calls: 70, sessions: 2 });
  assert.equal(STREAMS.length, 54 + 3 + 2 * 70 + 2 * 3);
  for (const stream of STREAMS) assert.notEqual(stream.messages.length, 0, stream.name);
});

for (const stream of STREAMS) {
  Deno.test(`GobDecoder gives one value for each value message of ${stream.name}`, () => {
    const decoder = new GobDecoder();
    for (const { hex, kind, value, typedef, type, type_id } of stream.messages) {
      const received = sound(decoder.push(bytes(hex)));
      assert.deepEqual(received.map(asJson), kind === "value" ? [value] : []);
      assert.equal(typedef === undefined, kind === "value");
      const [one] = received;
      if (one === undefined || type === undefined) continue;
      const named = one.type.kind === "struct" ? one.type.name || "struct" : one.type.kind;
      assert.equal(named, type, `type ${type_id}`);
    }
    assert.equal(decoder.pending, 0);
    const whole = sound(new GobDecoder().push(wire(stream)));
    assert.deepEqual(whole.map(asJson), expectedValues(stream));
  });

  Deno.test(`GobEncoder writes ${stream.name} byte for byte`, () => {
    const received = sound(new GobDecoder().push(wire(stream)));
    const encoder = new GobEncoder({ ids: idsOf(stream) });
    const made = received.map(({ type, value }) => encoder.encode(type, value));
    assert.equal(toHex(concat(...made)), toHex(wire(stream)));
  });
}

Deno.test("GobDecoder gives the same of every vector when each byte comes alone", () => {
  for (const stream of STREAMS) {
    const decoder = new GobDecoder();
    const received = [];
    for (const byte of wire(stream)) received.push(...decoder.push(Uint8Array.of(byte)));
    assert.deepEqual(sound(received).map(asJson), expectedValues(stream), stream.name);
  }
});
