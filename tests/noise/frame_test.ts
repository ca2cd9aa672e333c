import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, toHex } from "#kit";
import { encodeNoiseFrame, NoiseFrameDecoder } from "#noise";

/** All bodies of some chunks, as hex, ending with the text of a failure if there was one. */
function decode(chunks: readonly Uint8Array[], decoder = new NoiseFrameDecoder()): string[] {
  const seen: string[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) {
      if (!frame.ok) return [...seen, frame.message];
      seen.push(toHex(frame.bytes));
    }
  }
  return seen;
}

/** The same bytes in pieces of these sizes, then the rest. */
function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let offset = 0;
  for (const size of sizes) {
    pieces.push(bytes.slice(offset, offset + size));
    offset += size;
  }
  return [...pieces, bytes.slice(offset)];
}

const bodies = fc.array(
  fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 4000, maxLength: 4094 })),
  { maxLength: 6 },
);
const sizes = fc.array(fc.oneof(fc.nat(3), fc.nat(5000)), { maxLength: 40 });

Deno.test("NoiseFrameDecoder gives back what was framed, however the bytes are cut", () => {
  fc.assert(
    fc.property(bodies, sizes, (sent, cuts) => {
      const wire = concat(...sent.map(encodeNoiseFrame));
      assert.deepEqual(decode(cut(wire, cuts)), sent.map(toHex));
    }),
    { numRuns: 150 },
  );
});

Deno.test("NoiseFrameDecoder sees the same in hostile bytes, however they are cut", () => {
  fc.assert(
    fc.property(bodies, fc.uint8Array({ maxLength: 3000 }), sizes, (sent, garbage, cuts) => {
      const bytes = concat(...sent.map(encodeNoiseFrame), garbage);
      assert.deepEqual(decode(cut(bytes, cuts)), decode([bytes]));
    }),
    { numRuns: 150 },
  );
});

Deno.test("NoiseFrameDecoder refuses a long frame on its prefix, one byte at a time too", () => {
  const text = "noise prefix value 4095B exceeds maximum 4094B";
  assert.deepEqual(decode([Uint8Array.of(0x0f, 0xff)]), [text]);
  assert.deepEqual(decode([Uint8Array.of(0x0f), Uint8Array.of(0xff)]), [text]);
  assert.deepEqual(decode([Uint8Array.of(0, 1, 7, 0x0f), Uint8Array.of(0xff)]), ["07", text]);
  assert.deepEqual(decode([Uint8Array.of(0x0f, 0xfe)]), []);
});

Deno.test("NoiseFrameDecoder tells how much of a cut frame it holds", () => {
  const decoder = new NoiseFrameDecoder();
  assert.deepEqual(decode([Uint8Array.of(0, 1, 7)], decoder), ["07"]);
  assert.equal(decoder.pending, 0);
  assert.deepEqual(decode([Uint8Array.of(0, 2, 7)], decoder), []);
  assert.equal(decoder.pending, 3);
  assert.throws(() => {
    decoder.push(Uint8Array.of(8, 0));
    decoder.push(Uint8Array.of(8));
  }, /next\(\)/);
});

Deno.test("NoiseFrameDecoder does not keep a chunk alive for the few bytes at its end", () => {
  const chunk = concat(encodeNoiseFrame(new Uint8Array(100)), Uint8Array.of(0, 3, 1));
  const decoder = new NoiseFrameDecoder();
  decode([chunk], decoder);
  chunk.fill(0xff); // what it holds is its own copy
  assert.deepEqual(decode([Uint8Array.of(2, 3)], decoder), ["010203"]);
});
