import assert from "node:assert/strict";
import {
  MAX_VISOR_BACKLOG_BYTES,
  OutgoingBytes,
  VISOR_WRITE_BYTES,
} from "../../lib/visor/outgoing_bytes.ts";
import { HandStream } from "#support/hand_stream.ts";
import { settle } from "#support/manual_clock.ts";

Deno.test("OutgoingBytes has room again as soon as a part of what waits was taken", async () => {
  const stream = new HandStream();
  let written = 0;
  const outgoing = new OutgoingBytes(stream, {
    onWritten: () => void written++,
    onFailure: (error) => assert.fail(String(error)),
  });
  const part = new Uint8Array(65_536);
  for (let bytes = 0; bytes < MAX_VISOR_BACKLOG_BYTES; bytes += part.length) {
    assert.ok(!outgoing.full);
    outgoing.push(part);
  }
  await settle();
  assert.deepEqual([outgoing.full, stream.writes.length, written], [true, 1, 0]);
  assert.equal(stream.writes[0]?.length, VISOR_WRITE_BYTES);
  stream.take();
  await settle();
  assert.deepEqual([outgoing.full, stream.writes.length, written], [false, 2, 1]);
  outgoing.stop();
});

Deno.test("OutgoingBytes sends small parts together, and one that is too long as it is", async () => {
  const stream = new HandStream();
  const ignore = () => {};
  const outgoing = new OutgoingBytes(stream, { onWritten: ignore, onFailure: ignore });
  outgoing.push(Uint8Array.of(1), Uint8Array.of(2));
  outgoing.push(Uint8Array.of(3));
  outgoing.push(new Uint8Array(2 * VISOR_WRITE_BYTES));
  outgoing.push(Uint8Array.of(4));
  for (let write = 0; write < 3; write++) {
    await settle();
    stream.take();
  }
  await settle();
  assert.deepEqual([...stream.writes[0] ?? []], [1, 2, 3]);
  assert.deepEqual(stream.writes.map((bytes) => bytes.length), [3, 2 * VISOR_WRITE_BYTES, 1]);
});
