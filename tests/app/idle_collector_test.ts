import assert from "node:assert/strict";
import {
  COLLECTOR_FOLLOW_UP_LOOKS,
  COLLECTOR_GROWTH_BYTES,
  COLLECTOR_INTERVAL_MS,
  COLLECTOR_QUIET_BYTES,
  collectWhenIdle,
} from "#app";
import { ManualClock } from "#support/manual_clock.ts";

const BASE = 20_000_000;

/** A heap whose size the test sets; collecting takes it back to the base. */
function fakeHeap() {
  const heap = {
    bytes: BASE,
    collections: 0,
    committed: () => heap.bytes,
    collect() {
      heap.collections++;
      heap.bytes = BASE;
    },
  };
  return heap;
}

Deno.test("collectWhenIdle collects after a burst, as soon as the heap stands still, and once more", async () => {
  const clock = new ManualClock();
  const heap = fakeHeap();
  const stop = collectWhenIdle(heap, clock);
  heap.bytes = BASE + COLLECTOR_GROWTH_BYTES + 1;
  await clock.advance(COLLECTOR_INTERVAL_MS);
  assert.equal(heap.collections, 0, "it has just grown");
  await clock.advance(COLLECTOR_INTERVAL_MS);
  assert.equal(heap.collections, 1);
  await clock.advance(COLLECTOR_FOLLOW_UP_LOOKS * COLLECTOR_INTERVAL_MS);
  assert.equal(heap.collections, 2, "for the pages that the first one emptied");
  await clock.advance(10 * COLLECTOR_INTERVAL_MS);
  assert.equal(heap.collections, 2, "nothing grew since");
  stop();
  assert.equal(clock.pending, 0);
});

Deno.test("collectWhenIdle leaves a busy heap and small growth to the engine", async () => {
  const clock = new ManualClock();
  const heap = fakeHeap();
  const stop = collectWhenIdle(heap, clock);
  for (let look = 0; look < 20; look++) {
    heap.bytes += COLLECTOR_QUIET_BYTES + 1;
    await clock.advance(COLLECTOR_INTERVAL_MS);
  }
  assert.equal(heap.collections, 0, "it never stood still");
  heap.bytes = BASE + COLLECTOR_GROWTH_BYTES;
  await clock.advance(5 * COLLECTOR_INTERVAL_MS);
  assert.equal(heap.collections, 0, "not enough to bother");
  stop();
});

Deno.test("collectWhenIdle measures growth from the smallest heap since it collected", async () => {
  const clock = new ManualClock();
  const heap = fakeHeap();
  const stop = collectWhenIdle(heap, clock);
  const held = BASE + 3 * COLLECTOR_GROWTH_BYTES;
  heap.collect = () => {
    heap.collections++;
    heap.bytes = held;
  };
  heap.bytes = held + 1;
  await clock.advance(2 * COLLECTOR_INTERVAL_MS);
  await clock.advance(COLLECTOR_FOLLOW_UP_LOOKS * COLLECTOR_INTERVAL_MS);
  assert.equal(heap.collections, 2, "most of it was still in use");
  heap.bytes = BASE;
  await clock.advance(COLLECTOR_INTERVAL_MS);
  heap.bytes = BASE + 2 * COLLECTOR_GROWTH_BYTES;
  await clock.advance(2 * COLLECTOR_INTERVAL_MS);
  assert.equal(heap.collections, 3);
  stop();
});
