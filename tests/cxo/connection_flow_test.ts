import assert from "node:assert/strict";
import { settle } from "#support/manual_clock.ts";
import { IDLE_CLOSE_MS, PROBE_MS } from "../../lib/cxo/connection.ts";
import {
  MAX_OUTGOING_FRAMES,
  QUEUE_FULL_LIMIT_MS,
  WRITE_SLICE_BYTES,
} from "../../lib/cxo/outgoing.ts";
import { Bench, brokenPipe, frame, OK, ROOT, RQ_OBJECT } from "./connection_fixture.ts";

Deno.test("frames are joined up to a slice, and a larger one goes out in slices, each awaited", async () => {
  const bench = await Bench.ready();
  const gate = Promise.withResolvers<void>();
  bench.link.hold = gate.promise;
  const value = new Uint8Array(200_000).map((_, index) => index % 251);
  bench.connection.answer(1, OK);
  bench.connection.answer(2, { type: "Object", value });
  bench.connection.answer(3, OK);
  await settle();
  assert.equal(bench.link.writes.length, 1, "the first slice is awaited");
  gate.resolve();
  await settle();
  const sizes = bench.link.writes.map(({ length }) => length);
  assert.ok(sizes.every((size) => size <= WRITE_SLICE_BYTES));
  assert.deepEqual(sizes, [65_536, 65_536, 65_536, 13 + 17 + 200_000 - 3 * 65_536, 13]);
  const answered = bench.link.said.map(({ rseq }) => rseq);
  assert.deepEqual(answered, [1, 2, 3]);
  await bench.close();
});

Deno.test("nothing more of a large frame is written after the end", async () => {
  const bench = await Bench.ready();
  const gate = Promise.withResolvers<void>();
  bench.link.hold = gate.promise;
  bench.connection.answer(2, { type: "Object", value: new Uint8Array(200_000) });
  await settle();
  await bench.close();
  gate.resolve();
  await settle();
  assert.equal(bench.link.writes.length, 1);
});

Deno.test("messages are encoded and numbered when their turn comes", async () => {
  const bench = await Bench.ready();
  const gate = Promise.withResolvers<void>();
  bench.link.hold = gate.promise;
  bench.connection.notify(ROOT);
  await settle();
  const value = new Uint8Array(1);
  bench.connection.answer(7, { type: "Object", value });
  value[0] = 9;
  gate.resolve();
  await settle();
  const [, object] = bench.link.said;
  assert.deepEqual(object, {
    seq: 3,
    rseq: 7,
    message: { type: "Object", value: Uint8Array.of(9) },
  });
  await bench.close();
});

/** A connection whose link takes nothing any more, with a write under way. */
async function stuck(): Promise<{ bench: Bench; free: () => void }> {
  const bench = await Bench.ready();
  const gate = Promise.withResolvers<void>();
  bench.link.hold = gate.promise;
  bench.connection.notify(ROOT);
  await settle();
  return { bench, free: gate.resolve };
}

function fill(bench: Bench, count: number): void {
  for (let index = 0; index < count; index++) bench.connection.notify(ROOT);
}

Deno.test("a queue that stays full closes the connection", async () => {
  const { bench } = await stuck();
  fill(bench, MAX_OUTGOING_FRAMES);
  await bench.clock.advance(QUEUE_FULL_LIMIT_MS - 1);
  assert.ok(!bench.connection.isClosed);
  await bench.clock.advance(1);
  assert.equal((await bench.running).message, "outgoing queue full for 5 s");
  assert.equal(bench.clock.pending, 0);
});

Deno.test("a queue that was full and is not any more does not", async () => {
  const { bench, free } = await stuck();
  fill(bench, MAX_OUTGOING_FRAMES);
  await bench.clock.advance(QUEUE_FULL_LIMIT_MS - 1);
  free();
  await bench.clock.advance(QUEUE_FULL_LIMIT_MS);
  assert.ok(!bench.connection.isClosed);
  assert.equal(bench.link.said.length, 1 + MAX_OUTGOING_FRAMES);
  await bench.close();
});

Deno.test("a message for which there is no room closes the connection", async () => {
  const { bench } = await stuck();
  fill(bench, MAX_OUTGOING_FRAMES + 1);
  assert.equal((await bench.running).message, "outgoing queue of 256 messages overflows");
  assert.equal(bench.clock.pending, 0);
});

Deno.test("roomy is there while more than half of the queue is used, and never for good", async () => {
  const { bench, free } = await stuck();
  fill(bench, MAX_OUTGOING_FRAMES / 2);
  assert.equal(bench.connection.roomy, undefined);
  fill(bench, 1);
  const { roomy } = bench.connection;
  assert.ok(roomy);
  free();
  await roomy;
  assert.equal(bench.connection.roomy, undefined);
  await bench.close();

  const other = (await stuck()).bench;
  fill(other, MAX_OUTGOING_FRAMES);
  const waiting = other.connection.roomy;
  assert.ok(waiting);
  await other.close();
  await waiting;
});

Deno.test("a peer that asks for lists without end is answered for a while, then dropped", async () => {
  const bench = await Bench.ready();
  const flood = Array.from({ length: 60 }, (_, index) => frame({ type: "RqList" }, index + 1));
  await bench.link.deliver(...flood);
  assert.equal((await bench.running).message, "cxo: questions without end");
  assert.equal(bench.connection.fault, "cxo: questions without end");
  assert.equal(bench.clock.pending, 0);
});

Deno.test("a peer that asks for a list every 30 s is answered for ever", async () => {
  const bench = await Bench.ready();
  for (let count = 0; count < 100; count++) {
    await bench.link.deliver(frame({ type: "RqList" }, count + 2));
    await bench.clock.advance(30_000);
  }
  assert.equal(bench.connection.isClosed, false);
  await bench.close();
});

Deno.test("a write that fails ends the connection", async () => {
  const bench = await Bench.ready();
  bench.link.write = brokenPipe;
  const asked = bench.connection.request(RQ_OBJECT);
  assert.equal(await asked, "closed");
  assert.equal((await bench.running).message, "write: broken pipe");
  assert.equal(bench.clock.pending, 0);
});

Deno.test("drain waits for the queue, but not for ever", async () => {
  const { bench, free } = await stuck();
  const results: string[] = [];
  void bench.connection.drain(1_000).then(() => results.push("limit"));
  void bench.connection.drain(2_000).then(() => results.push("written"));
  fill(bench, 3);
  await bench.clock.advance(1_000);
  assert.deepEqual(results, ["limit"]);
  free();
  await settle();
  assert.deepEqual(results, ["limit", "written"]);
  assert.equal(bench.link.said.length, 4);
  await bench.connection.drain(1_000);
  await bench.close();
});

Deno.test("a silent peer is probed after 30 s and closed after 90 s", async () => {
  const bench = await Bench.ready();
  await bench.clock.advance(PROBE_MS - 1);
  assert.deepEqual(bench.link.said, []);
  await bench.clock.advance(1);
  const probe = { seq: 2, rseq: 0, message: { type: "RqList" } };
  assert.deepEqual(bench.link.said, [probe]);
  await bench.clock.advance(IDLE_CLOSE_MS - PROBE_MS - 1);
  assert.ok(!bench.connection.isClosed);
  await bench.clock.advance(1);
  assert.equal((await bench.running).message, "cxo: idle for 90 s");
  assert.equal(bench.clock.pending, 0);
});

Deno.test("the answer to a probe is a sign of life, and probes go on", async () => {
  const bench = await Bench.ready();
  for (let count = 0; count < 20; count++) {
    await bench.clock.advance(PROBE_MS);
    const { seq } = bench.link.said.at(-1) ?? assert.fail();
    assert.equal(seq, count + 2);
    await bench.link.deliver(frame({ type: "Err", text: "not a public server" }, count + 2, seq));
  }
  assert.deepEqual([bench.connection.isClosed, bench.heard], [false, []]);
  await bench.close();
});

Deno.test("a subscriber that only listens probes, lest its peer take it for dead", async () => {
  const bench = await Bench.ready();
  for (let at = 0; at < 300_000; at += 10_000) {
    await bench.clock.advance(10_000);
    await bench.link.deliver(frame(ROOT, 2));
  }
  assert.equal(bench.link.said.length, 10);
  assert.ok(bench.link.said.every(({ message }) => message.type === "RqList"));
  await bench.close();
});

Deno.test("a peer that is only spoken to is probed before it is called silent", async () => {
  const bench = await Bench.ready();
  for (let at = 0; at < PROBE_MS; at += 10_000) {
    await bench.clock.advance(9_999);
    bench.connection.notify(ROOT);
    await bench.clock.advance(1);
  }
  assert.deepEqual(bench.link.said.at(-1)?.message, { type: "RqList" });
  await bench.close();
});

Deno.test("no probe joins what waits to be written", async () => {
  const { bench, free } = await stuck();
  await bench.clock.advance(2 * PROBE_MS);
  free();
  await settle();
  assert.deepEqual(bench.link.said.map(({ message }) => message.type), ["Root"]);
  await bench.close();
});

Deno.test("nobody probes while both sides speak", async () => {
  const bench = await Bench.ready();
  for (let at = 0; at < 300_000; at += 10_000) {
    await bench.clock.advance(10_000);
    await bench.link.deliver(frame(ROOT, 2));
    bench.connection.answer(2, OK);
  }
  await settle();
  assert.ok(bench.link.said.every(({ message }) => message.type === "Ok"));
  await bench.close();
});

Deno.test("a peer is not called silent while our handler keeps us from reading", async () => {
  const gate = Promise.withResolvers<void>();
  const bench = await Bench.ready({ onMessage: () => gate.promise });
  const reading = bench.link.deliver(frame(ROOT, 2));
  await bench.clock.advance(2 * IDLE_CLOSE_MS + PROBE_MS - 1);
  assert.ok(!bench.connection.isClosed);
  gate.resolve();
  await reading;
  await bench.clock.advance(IDLE_CLOSE_MS - 1);
  assert.ok(!bench.connection.isClosed);
  await bench.clock.advance(PROBE_MS);
  assert.ok(bench.connection.isClosed);
  await bench.running;
});

Deno.test("half a frame is no sign of life", async () => {
  const bench = await Bench.ready();
  const whole = frame(ROOT, 2);
  await bench.clock.advance(80_000);
  await bench.link.deliver(whole.subarray(0, 100));
  await bench.clock.advance(10_000);
  assert.ok(bench.connection.isClosed);
  await bench.running;
});
