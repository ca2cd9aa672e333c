import assert from "node:assert/strict";
import fc from "fast-check";
import { EVENT_PAUSE_MS, MAX_QUEUED_CHARACTERS, type Subscription } from "#events";
import { ManualClock } from "#support/manual_clock.ts";
import { EventLog } from "../../lib/events/event_log.ts";

const CAPACITY = 8;

function newLog(): { log: EventLog; clock: ManualClock } {
  const clock = new ManualClock();
  return { log: new EventLog({ clock, capacity: CAPACITY }), clock };
}

function append(log: EventLog, ...lines: readonly string[]): void {
  for (const line of lines) log.append(line);
}

function names(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, index) => `e${from + index}`);
}

/** Takes whenever it is told, and keeps what it got, one list for each time. */
function follow(reader: Subscription): (readonly string[])[] {
  const batches: (readonly string[])[] = [];
  const wait = () =>
    reader.whenNews(() => {
      const batch = reader.take();
      if (batch.length > 0) batches.push(batch);
      if (!reader.ended) wait();
    });
  wait();
  return batches;
}

Deno.test("EventLog tells all readers of a burst at once, and they share one batch", async () => {
  const { log, clock } = newLog();
  const followed = [1, 2, 3].map(() => follow(log.open([])));
  append(log, "a", "b", "c");
  assert.deepEqual(followed, [[], [], []], "not before the burst is over");
  await clock.advance(0);
  for (const batches of followed) {
    assert.deepEqual(batches, [["a", "b", "c"]]);
    assert.equal(batches[0], followed[0]?.[0]);
  }
});

Deno.test("EventLog collects events in the pause after it told of some, and only then", async () => {
  const { log, clock } = newLog();
  const batches = follow(log.open([]));
  append(log, "a");
  await clock.advance(0);
  append(log, "b");
  await clock.advance(EVENT_PAUSE_MS / 2);
  append(log, "c");
  assert.deepEqual(batches, [["a"]]);
  await clock.advance(EVENT_PAUSE_MS / 2);
  assert.deepEqual(batches, [["a"], ["b", "c"]]);
  await clock.advance(EVENT_PAUSE_MS);
  assert.equal(clock.pending, 0, "no timer while nothing happens");
  append(log, "d");
  await clock.advance(0);
  assert.deepEqual(batches.at(-1), ["d"]);
});

Deno.test("EventLog loses nothing over a pause: a full log tells those who wait, at once", async () => {
  const { log, clock } = newLog();
  const batches = follow(log.open([]));
  append(log, ...names(1));
  await clock.advance(0);
  append(log, ...names(5 * CAPACITY, 1));
  await clock.advance(EVENT_PAUSE_MS);
  assert.deepEqual(batches.flat(), names(5 * CAPACITY + 1));
  assert.equal(batches.every((batch) => batch.length <= CAPACITY), true);
  assert.equal(log.lost, 0);
});

Deno.test("EventLog loses nothing over a pause to an event that needs the room of several", async () => {
  const { log, clock } = newLog();
  const batches = follow(log.open([]));
  append(log, "a".repeat(MAX_QUEUED_CHARACTERS - 1));
  await clock.advance(0);
  append(log, "b", "c".repeat(MAX_QUEUED_CHARACTERS));
  await clock.advance(EVENT_PAUSE_MS);
  assert.deepEqual(batches.flat().map((line) => line[0]), ["a", "b", "c"]);
});

Deno.test("EventLog tells nobody early because a slow reader holds the log full", async () => {
  const { log, clock } = newLog();
  log.open([]);
  const batches = follow(log.open([]));
  for (let round = 0; round < 5; round++) {
    append(log, ...names(3, 3 * round));
    await clock.advance(EVENT_PAUSE_MS);
  }
  assert.deepEqual(batches.map(({ length }) => length), [3, 3, 3, 3, 3]);
  assert.equal(log.lost, 15 - CAPACITY);
});

Deno.test("EventLog takes the oldest from a reader that is behind, counts it, goes on after it", () => {
  const { log } = newLog();
  const slow = log.open([]);
  append(log, ...names(CAPACITY + 5));
  assert.equal(log.lost, 5);
  assert.deepEqual(slow.take(), names(CAPACITY, 5));
  append(log, "later");
  assert.deepEqual(slow.take(), ["later"]);
  assert.deepEqual(slow.take(), []);
  assert.equal(log.lost, 5);
});

Deno.test("EventLog keeps its count of lost events when the reader leaves", () => {
  const { log } = newLog();
  const slow = log.open([]);
  append(log, ...names(CAPACITY + 5));
  slow.close();
  assert.equal(log.lost, 5);
  assert.deepEqual(slow.take(), names(CAPACITY, 5));
  assert.equal(log.lost, 5);
});

Deno.test("EventLog holds a limited number of characters, but always the newest event", () => {
  const { log } = newLog();
  const slow = log.open([]);
  const half = "x".repeat(MAX_QUEUED_CHARACTERS / 2);
  append(log, "a", half, half);
  assert.deepEqual(slow.take(), [half, half]);
  append(log, "b", "y".repeat(MAX_QUEUED_CHARACTERS + 1));
  assert.equal(slow.take()[0]?.length, MAX_QUEUED_CHARACTERS + 1);
  assert.equal(log.lost, 2);
});

Deno.test("EventLog gives a reader nothing that was there before it", () => {
  const { log } = newLog();
  log.open([]);
  append(log, "old");
  const late = log.open(["replayed"]);
  append(log, "new");
  assert.deepEqual(late.backlog, ["replayed"]);
  assert.deepEqual(late.take(), ["new"]);
  assert.deepEqual(late.backlog, []);
});

Deno.test("Subscription.whenNews tells of the end, once, and of an end that is past at once", () => {
  const { log } = newLog();
  const reader = log.open([]);
  let told = 0;
  reader.whenNews(() => assert.fail("replaced"));
  reader.whenNews(() => told++);
  append(log, "last");
  log.close();
  assert.equal(told, 1);
  assert.equal(reader.ended, false, "one event is left");
  assert.deepEqual(reader.take(), ["last"]);
  assert.equal(reader.ended, true);
  reader.whenNews(() => told++);
  assert.equal(told, 2);
});

Deno.test("EventLog starts no timer for a reader that has left", () => {
  const { log, clock } = newLog();
  const other = log.open([]);
  const left = log.open([]);
  left.whenNews(() => {});
  left.close();
  append(log, "a");
  assert.equal(clock.pending, 0);
  assert.deepEqual(other.take(), ["a"]);
});

Deno.test("EventLog stops its timer when the last reader leaves, and begins anew for the next", async () => {
  const { log, clock } = newLog();
  const reader = log.open([]);
  follow(reader);
  append(log, "a");
  assert.equal(clock.pending, 1);
  reader.close();
  assert.equal(clock.pending, 0);
  const batches = follow(log.open([]));
  append(log, "b");
  await clock.advance(0);
  assert.deepEqual(batches, [["b"]]);
});

Deno.test("EventLog gives every reader the newest events in order, and its count adds up", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("append" as const), count: fc.integer({ min: 1, max: 20 }) }),
    fc.record({ kind: fc.constant("take" as const), reader: fc.nat(2) }),
    fc.record({ kind: fc.constant("close" as const), reader: fc.nat(2) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { log } = newLog();
      const open = () => ({ reader: log.open([]), held: [] as string[], lost: 0 });
      const models = [open(), open(), open()];
      const closed: typeof models = [];
      let sent = 0;
      for (const action of steps) {
        if (action.kind === "append") {
          append(log, ...names(action.count, sent));
          for (const model of models) {
            model.held.push(...names(action.count, sent));
            model.lost += model.held.splice(0, model.held.length - CAPACITY).length;
          }
          sent += action.count;
          continue;
        }
        const model = models[action.reader];
        if (model === undefined) continue;
        if (action.kind === "close") {
          model.reader.close();
          closed.push(model);
          models[action.reader] = open();
        }
        assert.deepEqual(model.reader.take(), model.held.splice(0));
      }
      const lost = [...models, ...closed].reduce((sum, model) => sum + model.lost, 0);
      assert.equal(log.lost, lost);
    }),
    { numRuns: 200 },
  );
});
