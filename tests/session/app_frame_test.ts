import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, toHex } from "#kit";
import {
  encodeFrame,
  FrameDecoder,
  FrameError,
  type FrameEvent,
  MAX_FRAME_PAYLOAD,
} from "#session";

/** A readable form of what a decoder made of some pieces. */
function decode(pieces: readonly Uint8Array[], decoder = new FrameDecoder()): string[] {
  return pieces.flatMap((piece) => decoder.push(piece.slice()).map(textOf));
}

function textOf(event: FrameEvent): string {
  return event.kind === "frame" ? toHex(event.payload) : `${event.code}: ${event.message}`;
}

function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let offset = 0;
  for (const size of sizes) {
    pieces.push(bytes.slice(offset, offset + size));
    offset += size;
  }
  return [...pieces, bytes.slice(offset)];
}

const payloads = fc.array(
  fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 30 }),
    fc.integer({ min: 1, max: MAX_FRAME_PAYLOAD }).map((length) =>
      new Uint8Array(length).fill(length)
    ),
  ),
  { maxLength: 5 },
);
const sizes = fc.array(fc.oneof(fc.nat(3), fc.nat(4070)), { maxLength: 40 });

Deno.test("FrameDecoder gives back what was framed, however the bytes are cut", () => {
  fc.assert(
    fc.property(payloads, sizes, (sent, cuts) => {
      const wire = concat(...sent.map(encodeFrame));
      assert.deepEqual(decode(cut(wire, cuts)), sent.map(toHex));
    }),
    { numRuns: 100 },
  );
});

Deno.test("FrameDecoder sees the same in hostile bytes, however they are cut, and ends once", () => {
  fc.assert(
    fc.property(payloads, fc.uint8Array({ maxLength: 400 }), sizes, (sent, garbage, cuts) => {
      const wire = concat(...sent.map(encodeFrame), garbage);
      const events = decode(cut(wire, cuts));
      assert.deepEqual(events, decode([wire]));
      assert.ok(events.filter((text) => text.includes(": ")).length <= 1);
    }),
    { numRuns: 100 },
  );
});

Deno.test("a frame is a big-endian length and the payload", () => {
  assert.equal(toHex(encodeFrame(Uint8Array.of(0xab, 0xcd))), "00000002abcd");
  assert.equal(toHex(encodeFrame(new Uint8Array(65_536))).slice(0, 8), "00010000");
});

Deno.test("encodeFrame refuses no bytes and too many with the texts of the specification", () => {
  assert.throws(() => encodeFrame(new Uint8Array(0)), {
    name: "FrameError",
    code: "empty-payload",
    message: "skychat: empty payload",
  });
  assert.throws(() => encodeFrame(new Uint8Array(65_537)), {
    code: "payload-too-large",
    message: "skychat: payload 65537 > max 65536",
  });
  assert.throws(() => encodeFrame(new Uint8Array(65_537)), FrameError);
});

Deno.test("FrameDecoder takes the largest frame and refuses a longer one on its header", () => {
  const largest = encodeFrame(new Uint8Array(65_536).fill(7));
  assert.equal(decode([largest]).length, 1);
  assert.deepEqual(decode([Uint8Array.of(0, 1, 0, 1)]), [
    "frame-too-large: skychat: frame 65537 > max 65536 (peer running old unframed protocol?)",
  ]);
  const text =
    "frame-too-large: skychat: frame 2065855593 > max 65536 (peer running old unframed protocol?)";
  assert.deepEqual(decode([Uint8Array.of(0x7b, 0x22, 0x74, 0x69, 1)]), [text]); // bare `{"ti`
});

Deno.test("FrameDecoder ends at a frame of no bytes and reads nothing behind it", () => {
  const decoder = new FrameDecoder();
  const chunk = concat(encodeFrame(Uint8Array.of(1)), new Uint8Array(4), encodeFrame(chunkOf(2)));
  assert.deepEqual(decode([chunk], decoder), [
    "01",
    "zero-length-frame: skychat: zero-length frame",
  ]);
  assert.deepEqual(decode([encodeFrame(chunkOf(3))], decoder), []);
  assert.equal(decoder.pending, 0);
});

function chunkOf(byte: number): Uint8Array {
  return Uint8Array.of(byte);
}

Deno.test("a lenient FrameDecoder passes over empty frames and has its own limit", () => {
  const lenient = new FrameDecoder({ skipEmpty: true, limit: 2 });
  const chunk = concat(new Uint8Array(8), encodeFrame(chunkOf(2)), new Uint8Array(4));
  assert.deepEqual(decode([chunk], lenient), ["02"]);
  assert.deepEqual(decode([encodeFrame(new Uint8Array(3))], lenient), [
    "frame-too-large: skychat: frame 3 > max 2 (peer running old unframed protocol?)",
  ]);
});

Deno.test("FrameDecoder holds no more than what arrived, byte by byte too", () => {
  const decoder = new FrameDecoder();
  const frame = encodeFrame(new Uint8Array(65_536).fill(5));
  for (let index = 0; index < frame.length - 1; index++) {
    assert.equal(decoder.push(frame.slice(index, index + 1)).length, 0);
    assert.equal(decoder.pending, index + 1);
  }
  const [event] = decoder.push(frame.slice(-1));
  assert.ok(event?.kind === "frame");
  assert.equal(event.payload.length, 65_536);
  assert.ok(event.payload.buffer.byteLength <= 4 * 65_536);
  assert.equal(decoder.pending, 0);
});
