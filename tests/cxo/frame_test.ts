import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, toHex } from "#kit";
import {
  CXO_HEADER_BYTES,
  type CxoFrame,
  CxoFrameDecoder,
  decodeMessage,
  encodeCxoFrame,
  encodeMessage,
  FRAME_PIECE_BYTES,
  MAX_CXO_FRAME,
} from "#cxo";
import { bytes, sound, vectors } from "./vectors.ts";

function framesOf(decoder: CxoFrameDecoder, chunk: Uint8Array): CxoFrame[] {
  return decoder.push(chunk).map((event) => {
    assert.equal(event.kind, "frame");
    return event.kind === "frame" ? event.frame : assert.fail();
  });
}

for (const { name, seq, rseq, hex } of vectors.frames) {
  Deno.test(`CxoFrameDecoder and encodeCxoFrame agree with the vector ${name}`, () => {
    const [frame] = framesOf(new CxoFrameDecoder(), bytes(hex));
    assert.deepEqual({ seq: frame?.seq, rseq: frame?.rseq }, { seq, rseq });
    assert.equal(toHex(encodeCxoFrame(frame ?? assert.fail())), hex);
  });
}

Deno.test("both sides of the transcript are read as one stream and written again as they were", () => {
  for (const side of ["sub>pub", "pub>sub"]) {
    const part = vectors.transcript.filter(({ dir }) => dir === side);
    const stream = concat(...part.map(({ hex }) => bytes(hex)));
    const frames = framesOf(new CxoFrameDecoder(), stream);
    assert.deepEqual(frames.map(({ seq, rseq }) => [seq, rseq]), part.map((p) => [p.seq, p.rseq]));
    const again = frames.map(({ seq, rseq, body }) =>
      encodeCxoFrame({ seq, rseq, body: encodeMessage(sound(decodeMessage(body))) })
    );
    assert.equal(toHex(concat(...again)), toHex(stream));
  }
});

Deno.test("the length is big-endian, seq and rseq are little-endian (trap 1)", () => {
  const frame = encodeCxoFrame({ seq: 0x01020304, rseq: 5, body: bytes("09") });
  assert.equal(toHex(frame), "000000090403020105000000" + "09");
});

Deno.test("frames come out the same however the bytes are cut", () => {
  const frame = fc.record({
    seq: fc.nat(),
    rseq: fc.nat(),
    body: fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 40 }),
      fc.integer({ min: FRAME_PIECE_BYTES - 2, max: 2 * FRAME_PIECE_BYTES + 2 })
        .map((length) => new Uint8Array(length).map((_, index) => index % 251)),
    ),
  });
  const cuts = fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 4 }), cuts, (frames, sizes) => {
      const stream = concat(...frames.map(encodeCxoFrame));
      const decoder = new CxoFrameDecoder();
      const found: CxoFrame[] = [];
      let at = 0;
      for (let turn = 0; at < stream.length; turn++) {
        const chunk = stream.slice(at, at += sizes[turn % sizes.length] ?? 1);
        found.push(...framesOf(decoder, chunk));
        chunk.fill(0xee);
      }
      assert.equal(found.length, frames.length);
      found.forEach(({ seq, rseq, body }, index) => {
        assert.deepEqual([seq, rseq], [frames[index]?.seq, frames[index]?.rseq]);
        assert.equal(toHex(body), toHex(frames[index]?.body ?? bytes("")));
      });
      assert.equal(decoder.pending, 0);
    }),
    { numRuns: 60 },
  );
});

Deno.test("one byte at a time gives the same frames", () => {
  const decoder = new CxoFrameDecoder();
  const stream = concat(...vectors.frames.map(({ hex }) => bytes(hex)));
  const found = [...stream].flatMap((byte) => framesOf(decoder, Uint8Array.of(byte)));
  assert.deepEqual(
    found.map((frame) => toHex(encodeCxoFrame(frame))),
    vectors.frames.map((f) => f.hex),
  );
});

Deno.test("a bad length is fatal on its four bytes, and nothing is read after it", () => {
  for (const length of [0, 8, MAX_CXO_FRAME + 1, 0xffff_ffff]) {
    const decoder = new CxoFrameDecoder();
    const header = new Uint8Array(4);
    new DataView(header.buffer).setUint32(0, length);
    const [event] = decoder.push(header);
    assert.equal(
      event?.kind === "fatal" && event.code,
      length < 9 ? "frame-too-short" : "frame-too-large",
    );
    assert.deepEqual(decoder.push(bytes(vectors.frames[0]?.hex ?? "")), []);
    assert.equal(decoder.pending, 0);
  }
});

Deno.test("the lengths at both ends of the range pass", () => {
  for (const length of [9, MAX_CXO_FRAME]) {
    const header = new Uint8Array(CXO_HEADER_BYTES);
    new DataView(header.buffer).setUint32(0, length);
    assert.deepEqual(new CxoFrameDecoder().push(header), []);
  }
});

Deno.test("a limit of the caller counts instead of the protocol's, but never raises it", () => {
  const [event] = new CxoFrameDecoder({ limit: 100 }).push(bytes("00000065"));
  assert.equal(event?.kind, "fatal");
  const [other] = new CxoFrameDecoder({ limit: 2 ** 40 }).push(bytes("04000001"));
  assert.equal(other?.kind, "fatal");
});

Deno.test("the announced length is not allocated before the bytes arrive (trap 20)", () => {
  const header = new Uint8Array(CXO_HEADER_BYTES + 1);
  new DataView(header.buffer).setUint32(0, MAX_CXO_FRAME);
  const before = Deno.memoryUsage();
  const decoders = Array.from({ length: 200 }, () => {
    const decoder = new CxoFrameDecoder();
    decoder.push(header);
    return decoder;
  });
  const after = Deno.memoryUsage();
  assert.ok(after.external - before.external < 200 * 3 * FRAME_PIECE_BYTES);
  assert.ok(decoders.every((decoder) => decoder.pending === CXO_HEADER_BYTES + 1));
});

Deno.test("encodeCxoFrame refuses a body of no bytes", () => {
  assert.throws(() => encodeCxoFrame({ seq: 1, rseq: 0, body: bytes("") }), RangeError);
});
