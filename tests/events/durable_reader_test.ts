import assert from "node:assert/strict";
import fc from "fast-check";
import {
  ARCHIVE_PAGE_CHARACTERS,
  ARCHIVE_PAGE_EVENTS,
  ARCHIVE_READS,
  type Channel,
  EVENT_PAUSE_MS,
  EventHub,
  parseChannels,
  resumableSeqOf,
  SHARED_PAGES,
  STRUCTURED_QUEUE,
  type Subscription,
} from "#events";
import { ManualClock, settle } from "#support/manual_clock.ts";
import {
  ALICE,
  BOB,
  CheckedReader,
  drain,
  DurableWorld,
  type Item,
  items,
  range,
} from "./durable_harness.ts";
import { structuredMessageLine } from "../../lib/events/event_json.ts";
import { isForgotten, partiesOfLine } from "../../lib/events/forgotten.ts";

const ALL = parseChannels("all");

Deno.test("EventHub without an archive is not durable and counts itself", () => {
  const hub = new EventHub({ clock: new ManualClock() });
  assert.equal(hub.durable, false);
});

Deno.test("EventHub.publishMessage with an archive takes only numbers that ascend", () => {
  const world = new DurableWorld({ ringSize: 4, before: 3 });
  assert.equal(world.hub.durable, true);
  world.newest = 2;
  assert.throws(() => world.publish(), RangeError);
  const event = { direction: "in", id: "1", network: "", sender: ALICE, text: "x" } as const;
  const missing = { ...event, length: 1, channel: "dm", wall: 0n } as const;
  assert.throws(() => world.hub.publishMessage(missing), RangeError);
});

Deno.test("EventHub.subscribe resumes from disk after a restart, then from memory, then live", async () => {
  const world = new DurableWorld({ ringSize: 5, before: 3 * ARCHIVE_PAGE_EVENTS });
  world.publishMany(20);
  const reader = world.hub.subscribe({ channels: ALL, since: 7 });
  assert.deepEqual(await drain(world, reader), range(8, world.newest));
  world.publishMany(3);
  assert.deepEqual(await drain(world, reader), range(world.newest - 2, world.newest));
  assert.equal(world.hub.subscribers, 1);
  reader.close();
  assert.equal(world.hub.subscribers, 0);
});

Deno.test("EventHub.subscribe with since 0 gives all that is kept and calls nothing missing before it", async () => {
  const world = new DurableWorld({ ringSize: 2, before: 30 });
  world.archive.retain(({ seq }) => seq > 12);
  const all = await drain(world, world.hub.subscribe({ channels: ALL, since: 0 }));
  assert.deepEqual(all, range(13, 30));
  const ahead = await drain(world, world.hub.subscribe({ channels: ALL, since: 31 }));
  assert.deepEqual(ahead, range(13, 30));
  world.archive.retain(() => false);
  assert.deepEqual(await drain(world, world.hub.subscribe({ channels: ALL, since: 0 })), []);
});

Deno.test("EventHub.subscribe tells of a cursor older than what is kept with one gap, whatever the channels", async () => {
  const world = new DurableWorld({ ringSize: 2, before: 30 });
  world.archive.retain(({ seq }) => seq > 12);
  const gap = { after: 5, next: 13 };
  for (const channels of [ALL, parseChannels("group")]) {
    const reader = world.hub.subscribe({ channels, since: 5 });
    const rest = channels === ALL ? range(13, 30) : [];
    assert.deepEqual(await drain(world, reader), [gap, ...rest]);
  }
  const reader = world.hub.subscribe({ channels: ALL, since: 12 });
  assert.deepEqual(await drain(world, reader), range(13, 30));
});

Deno.test("a gap is an event of its own kind, with the number of the last event that is missing", async () => {
  const world = new DurableWorld({ ringSize: 2, before: 30 });
  world.archive.retain(({ seq }) => seq > 12);
  const [line] = await world.hub.subscribe({ channels: ALL, since: 5 }).next();
  assert.equal(
    line,
    '{"seq":12,"id":"gap-5","ts":"2026-09-10T00:26:40Z","channel":"system","transport":"","dir":"in",' +
      '"text":"7 events are no longer kept","len":27,"gap":{"after":5,"next":13}}',
  );
});

Deno.test("EventHub.subscribe tells of holes: a failed commit, a page that was overtaken, an empty archive", async () => {
  const world = new DurableWorld({ ringSize: 2, before: 3 });
  world.publish({ lost: true });
  world.publishMany(4);
  const hole = world.hub.subscribe({ channels: ALL, since: 1 });
  assert.deepEqual(await drain(world, hole), [2, 3, { after: 3, next: 5 }, ...range(5, 8)]);
  world.archive.pageLimit = 2;
  const overtaken = world.hub.subscribe({ channels: ALL, since: 1 });
  assert.deepEqual(items(await overtaken.next()), [2], "pages begin where others' do");
  world.archive.retain(({ seq }) => seq === 6);
  assert.deepEqual(await drain(world, overtaken), [{ after: 2, next: 6 }, ...range(6, 8)]);
  world.archive.retain(() => false);
  const empty = world.hub.subscribe({ channels: ALL, since: 1 });
  assert.deepEqual(await drain(world, empty), [{ after: 1, next: 7 }, 7, 8]);
});

Deno.test("a reader in step since number 0 is told of what it lost while it was behind", async () => {
  const world = new DurableWorld({ ringSize: 3 });
  const reader = world.hub.subscribe({ channels: ALL, since: 0 });
  assert.deepEqual(await drain(world, reader), []);
  world.publishMany(STRUCTURED_QUEUE + 1);
  world.archive.retain(() => false);
  const { newest } = world;
  const kept = range(newest - 2, newest);
  assert.deepEqual(await drain(world, reader), [{ after: 0, next: newest - 2 }, ...kept]);
});

Deno.test("forgotten events at the end of memory are told of as a gap", async () => {
  const world = new DurableWorld({ ringSize: 9 });
  world.publishMany(3);
  for (let count = 0; count < 3; count++) world.publish({ peer: BOB });
  world.forget(BOB);
  const reader = world.hub.subscribe({ channels: ALL, since: 2 });
  assert.deepEqual(await drain(world, reader), [3, { after: 3, next: 7 }]);
});

Deno.test("a page that was read before more events left memory calls none of them missing", async () => {
  const world = new DurableWorld({ ringSize: 3, before: 10 });
  world.archive.retain(() => false);
  world.archive.slow = true;
  const reader = world.hub.subscribe({ channels: ALL, since: 4 });
  reader.whenNews(() => {});
  world.publishMany(6);
  world.archive.slow = false;
  world.archive.release();
  assert.deepEqual(await drain(world, reader), [{ after: 4, next: 11 }, ...range(11, 16)]);
});

Deno.test("an archive out of order makes no event come twice", async () => {
  const world = new DurableWorld({ ringSize: 3, before: 4 });
  for (const seq of [2, 1]) world.archive.add({ seq, channel: "dm", line: `{"seq":${seq}}` });
  const reader = world.hub.subscribe({ channels: ALL, since: 0 });
  assert.deepEqual(await drain(world, reader), range(1, 4));
});

Deno.test("EventHub.subscribe filters archived events by channel", async () => {
  const world = new DurableWorld({ ringSize: 1 });
  const channels: Channel[] = ["dm", "group", "pair", "system"];
  for (const channel of [...channels, ...channels]) world.publish({ channel });
  const reader = world.hub.subscribe({ channels: parseChannels("group,system"), since: 2 });
  assert.deepEqual(await drain(world, reader), [4, 6, 8]);
});

Deno.test("a reader that falls behind the live queue goes on from memory or disk and loses nothing", async () => {
  for (const ringSize of [10, 10_000]) {
    const world = new DurableWorld({ ringSize });
    const reader = world.hub.subscribe({ channels: ALL, since: 0 });
    assert.deepEqual(await drain(world, reader), []);
    world.publishMany(4 * STRUCTURED_QUEUE);
    assert.deepEqual(await drain(world, reader), range(1, world.newest));
    world.publishMany(2);
    assert.deepEqual(await drain(world, reader), range(world.newest - 1, world.newest));
  }
});

Deno.test("readers in step share one batch, read pages together, and one page is bounded", async () => {
  const world = new DurableWorld({ ringSize: 10_000, before: ARCHIVE_PAGE_EVENTS });
  const readers = [1, 2, 3].map(() => world.hub.subscribe({ channels: ALL, since: 0 }));
  for (const reader of readers) await drain(world, reader);
  const before = world.archive.reads;
  const others = [1, 2, 3].map(() => world.hub.subscribe({ channels: ALL, since: 0 }));
  await Promise.all(others.map((reader) => reader.next()));
  assert.equal(world.archive.reads, before + 1);
  world.publishMany(3);
  const [first, second, third] = readers.map((reader) => reader.take());
  assert.equal(first?.length, 3);
  assert.ok(first === second && second === third);
  const large = { text: "x".repeat(60_000) };
  for (let count = 0; count < 20; count++) world.publish(large);
  const late = world.hub.subscribe({ channels: ALL, since: world.newest - 20 });
  const page = await late.next();
  const characters = page.reduce((sum, line) => sum + line.length, 0);
  assert.ok(characters < ARCHIVE_PAGE_CHARACTERS + 2 * 60_000, `${characters}`);
  assert.equal(page.length + (await drain(world, late)).length, 20);
});

Deno.test("readers that fall behind together share the pages of memory too, wherever they began", async () => {
  const world = new DurableWorld({ ringSize: 10_000 });
  const readers = range(1, 40).map(() => world.hub.subscribe({ channels: ALL, since: 0 }));
  for (const reader of readers) await drain(world, reader);
  world.publishMany(STRUCTURED_QUEUE + 1);
  const batches = readers.map((reader) => reader.take());
  assert.ok(batches.every((batch) => batch === batches[0]));
  assert.deepEqual(items(batches[0] ?? []), range(1, world.newest));
  for (const since of range(1, 2 * SHARED_PAGES)) {
    const reader = world.hub.subscribe({ channels: ALL, since });
    assert.deepEqual(items(reader.take()), range(since + 1, world.newest));
  }
});

Deno.test("a shared page of memory is bounded, and made anew after an event and after forgetting", () => {
  const world = new DurableWorld({ ringSize: 10_000 });
  const open = () => world.hub.subscribe({ channels: ALL, since: 0 });
  const inStep = open();
  assert.deepEqual(inStep.take(), []);
  world.publish({ peer: BOB });
  world.publishMany(1);
  assert.deepEqual(items(open().take()), [1, 2]);
  world.publishMany(1);
  assert.deepEqual(items(open().take()), [1, 2, 3]);
  world.forget(BOB);
  assert.deepEqual(items(open().take()), [2, 3]);
  world.publishMany(STRUCTURED_QUEUE);
  const all = range(2, world.newest);
  assert.deepEqual(items(open().take()), all);
  assert.deepEqual(items(inStep.take()), [{ after: 0, next: 2 }, ...all]);
  world.publishMany(ARCHIVE_PAGE_EVENTS);
  const first = open().take();
  const characters = first.reduce((sum, line) => sum + line.length, 0);
  const longest = Math.max(...first.map((line) => line.length));
  assert.deepEqual(items(first), range(2, first.length + 1));
  assert.ok(characters >= ARCHIVE_PAGE_CHARACTERS && first.length < ARCHIVE_PAGE_EVENTS);
  assert.ok(characters < ARCHIVE_PAGE_CHARACTERS + longest, `${characters}`);
});

Deno.test("an event published while a page is read comes once and in order", async () => {
  const world = new DurableWorld({ ringSize: 3, before: 10 });
  world.archive.slow = true;
  const reader = world.hub.subscribe({ channels: ALL, since: 4 });
  const first = reader.next();
  world.publishMany(6);
  world.archive.slow = false;
  world.archive.release();
  assert.deepEqual(items(await first), range(5, 10));
  assert.deepEqual(await drain(world, reader), range(11, 16));
});

Deno.test("an event that is on disk but not published yet comes once, when it is published", async () => {
  const world = new DurableWorld({ ringSize: 3, before: 10 });
  const unpublished = { seq: 11, channel: "dm", line: '{"seq":11}' } as const;
  world.archive.add(unpublished);
  const reader = world.hub.subscribe({ channels: ALL, since: 4 });
  assert.deepEqual(await drain(world, reader), range(5, 10));
  world.archive.retain(({ seq }) => seq < 11);
  world.publishMany(2);
  assert.deepEqual(await drain(world, reader), [11, 12]);
});

Deno.test("EventHub.forgetPeer drops what waits of older pages, also of one on its way", async () => {
  const world = new DurableWorld({ ringSize: 3 });
  for (let count = 0; count < 10; count++) world.publish({ peer: count % 2 === 0 ? ALICE : BOB });
  const waiting = world.hub.subscribe({ channels: ALL, since: 0 });
  waiting.whenNews(() => {});
  await settle();
  world.archive.slow = true;
  const reading = world.hub.subscribe({ channels: ALL, since: 0 });
  reading.whenNews(() => {});
  world.forget(ALICE);
  world.archive.slow = false;
  world.archive.release();
  assert.deepEqual(items(waiting.take()), [2, 4, 6]);
  const events = (await drain(world, reading)).filter((item) => typeof item === "number");
  assert.deepEqual(events, [2, 4, 6, 8, 10]);
});

Deno.test("a stream ends when the archive cannot be read, and a page that comes late changes nothing", async () => {
  const world = new DurableWorld({ ringSize: 3, before: 10 });
  world.archive.broken = true;
  const broken = world.hub.subscribe({ channels: ALL, since: 1 });
  assert.deepEqual(await broken.next(), []);
  assert.equal(broken.ended, true);
  world.archive.broken = false;
  world.archive.slow = true;
  const left = world.hub.subscribe({ channels: ALL, since: 1 });
  const end = left.next();
  left.close();
  assert.deepEqual(await end, []);
  world.archive.release();
  await settle();
  assert.deepEqual([left.take(), left.ended, world.hub.subscribers], [[], true, 0]);
});

Deno.test("EventHub.close ends durable readers after what they have, without a hole in it", async () => {
  const world = new DurableWorld({ ringSize: 3, before: 10 });
  const readers = [1, 2].map(() => world.hub.subscribe({ channels: ALL, since: 10 }));
  for (const reader of readers) assert.deepEqual(await drain(world, reader), []);
  const [fast, slow] = readers;
  world.publishMany(STRUCTURED_QUEUE);
  fast?.take();
  world.publishMany(1);
  const reading = world.hub.subscribe({ channels: ALL, since: 1 });
  const page = reading.next();
  world.hub.close();
  assert.deepEqual(items(fast?.take() ?? []), [world.newest]);
  assert.deepEqual(slow?.take(), []);
  assert.deepEqual(await page, []);
  for (const reader of [...readers, reading]) assert.equal(reader.ended, true);
  assert.equal(world.hub.subscribers, 0);
  assert.equal(world.hub.subscribe({ channels: ALL, since: 0 }).ended, true);
});

Deno.test("every kept event comes once, in order, and a gap exactly where one that is owed is not kept", async () => {
  const reader = fc.nat(2);
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("read" as const), reader }) },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant("publish" as const),
        count: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constant(STRUCTURED_QUEUE + 4)),
        channel: fc.constantFrom<Channel>("dm", "group"),
        peer: fc.constantFrom(ALICE, BOB),
        lost: fc.boolean(),
      }),
    },
    fc.record({ kind: fc.constant("slow" as const), slow: fc.boolean() }),
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("release" as const) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("pause" as const) }) },
    fc.record({ kind: fc.constant("prune" as const), share: fc.nat(100) }),
    fc.record({ kind: fc.constant("forget" as const) }),
    fc.record({
      kind: fc.constant("reopen" as const),
      reader,
      since: fc.nat(110),
      channels: fc.constantFrom("dm", "group", "all"),
    }),
  );
  const setting = fc.record({
    ringSize: fc.integer({ min: 1, max: 20 }),
    before: fc.nat(40),
    pageLimit: fc.integer({ min: 1, max: 30 }),
  });
  await fc.assert(
    fc.asyncProperty(setting, fc.array(step, { maxLength: 50 }), async (set, steps) => {
      const world = new DurableWorld(set);
      world.archive.pageLimit = set.pageLimit;
      const open = (channels: string, since: number) =>
        new CheckedReader(world, { channels: parseChannels(channels), since });
      const readers = [open("all", 0), open("dm", 3), open("group", 0)];
      for (const action of steps) {
        if (action.kind === "read") readers[action.reader]?.read();
        if (action.kind === "publish") {
          for (let count = 0; count < action.count; count++) world.publish(action);
        }
        if (action.kind === "slow") world.archive.slow = action.slow;
        if (action.kind === "release") world.archive.release();
        if (action.kind === "pause") await world.clock.advance(EVENT_PAUSE_MS);
        if (action.kind === "forget") world.forget(BOB);
        if (action.kind === "prune") {
          const last = Math.floor(world.newest * action.share / 100);
          world.archive.retain(({ seq }) => seq > last);
        }
        if (action.kind === "reopen") {
          const since = Math.floor(world.newest * action.since / 100);
          readers[action.reader] = open(action.channels, since);
        }
        if (action.kind !== "publish") await settle();
      }
      world.archive.slow = false;
      for (let told = true; told;) {
        while (world.archive.waiting > 0) world.archive.release();
        await world.clock.advance(2 * EVENT_PAUSE_MS);
        told = readers.map((reader) => reader.read()).some((read) => read);
      }
      readers.forEach((reader) => reader.finish());
      world.hub.close();
      assert.equal(world.clock.pending, 0);
    }),
    { numRuns: 150 },
  );
});

/** What `/events` would write as SSE id, line by line. */
function ids(lines: readonly string[]): (number | undefined)[] {
  return lines.map(resumableSeqOf);
}

Deno.test("an event that is not on disk is shown, but its number is not one to resume after", async () => {
  const world = new DurableWorld({ ringSize: 9, before: 3 });
  const reader = world.hub.subscribe({ channels: ALL, since: 3 });
  assert.deepEqual(await drain(world, reader), []);
  world.publish();
  world.publish({ lost: true, text: ',"kept":false}' });
  world.publish({ text: 'mine ,"kept":false}' });
  world.publish({ lost: true });
  const live = reader.take();
  assert.deepEqual([items(live), ids(live)], [[4, 5, 6, 7], [4, undefined, 6, undefined]]);
  assert.match(live[1] ?? "", /,"kept":false}$/);
  assert.equal(world.hub.newest, 6);
  const again = world.hub.subscribe({ channels: ALL, since: 6 }).take();
  assert.deepEqual([items(again), ids(again)], [[7], [undefined]]);
});

Deno.test("after a restart no event is missed that took the number of one that was not on disk", async () => {
  const world = new DurableWorld({ ringSize: 9, before: 3 });
  const reader = world.hub.subscribe({ channels: ALL, since: 2 });
  world.publishMany(1);
  for (let count = 0; count < 3; count++) world.publish({ lost: true });
  const lines: string[] = [];
  for (let batch = await reader.next(); lines.push(...batch) < 5; batch = await reader.next());
  assert.deepEqual(items(lines), range(3, 7));
  const last = ids(lines).findLast((id) => id !== undefined) ?? 0;
  assert.equal(last, 4);
  world.restart();
  world.publishMany(2);
  const back = world.hub.subscribe({ channels: ALL, since: last });
  assert.deepEqual(await drain(world, back), [5, 6]);
});

Deno.test("a gap up to an event that was not on disk is not one to resume after either", () => {
  const world = new DurableWorld({ ringSize: 9, before: 3 });
  world.publish({ lost: true, peer: BOB });
  world.forget(BOB);
  const lines = world.hub.subscribe({ channels: ALL, since: 3 }).take();
  assert.deepEqual([items(lines), ids(lines)], [[{ after: 3, next: 5 }], [undefined]]);
  world.publish();
  const later = world.hub.subscribe({ channels: ALL, since: 3 }).take();
  assert.deepEqual([items(later), ids(later)], [[{ after: 3, next: 5 }, 5], [4, 5]]);
});

Deno.test("EventHub.forgetMessage drops one message of one author from memory and from pages on their way", async () => {
  const world = new DurableWorld({ ringSize: 4 });
  world.publishMany(8);
  const waiting = world.hub.subscribe({ channels: ALL, since: 0 });
  waiting.whenNews(() => {});
  await settle();
  world.archive.slow = true;
  const reading = world.hub.subscribe({ channels: ALL, since: 0 });
  reading.whenNews(() => {});
  // Not its author, nor its conversation.
  world.hub.forgetMessage(ALICE, { id: "2", author: BOB });
  world.hub.forgetMessage(BOB, { id: "2" });
  for (const seq of [2, 6]) {
    world.archive.retain((event) => event.seq !== seq);
    world.hub.forgetMessage(ALICE, { id: `${seq}`, author: ALICE });
  }
  world.archive.slow = false;
  world.archive.release();
  assert.deepEqual(items(waiting.take()), [1, 3, 4]);
  const events = (await drain(world, reading)).filter((item) => typeof item === "number");
  assert.deepEqual(events, [1, 3, 4, 5, 7, 8]);
  const { backlog } = world.hub.subscribeLegacy();
  const texts = backlog.map((line) => JSON.parse(line).message);
  assert.deepEqual(texts, ["m1", "m3", "m4", "m5", "m7", "m8"]);
});

Deno.test("EventHub.forgetMessage takes own messages by any key but the peer's, from memory and from pages", () => {
  const [self, feed] = ["02".padEnd(66, "5"), "02".padEnd(66, "6")];
  const archived = ["old", "older"].map((text, at) => ({
    ...{ direction: "out", id: text, network: "cxo", sender: feed, to: BOB, text } as const,
    ...{ length: text.length, channel: "dm", wall: BigInt(at) } as const,
  }));
  const lines = archived.map((event, at) => structuredMessageLine(event, at + 1));
  const isGone = (author: string) => (line: string) =>
    isForgotten(partiesOfLine(line), { peer: BOB, id: "old", author });
  assert.deepEqual(lines.map(isGone(self)), [true, false]);
  assert.deepEqual(lines.map(isGone(BOB)), [false, false]);
  const hub = new EventHub({ clock: new ManualClock() });
  for (const event of archived) hub.publishMessage(event);
  hub.forgetMessage(BOB, { id: "old", author: BOB });
  assert.equal(hub.subscribeLegacy().backlog.length, 2);
  hub.forgetMessage(BOB, { id: "old", author: self });
  const reader = hub.subscribe({ channels: ALL, since: 0 });
  const texts = reader.backlog.map((line) => JSON.parse(line));
  assert.deepEqual(texts.map(({ text }) => text), ["older"]);
  assert.deepEqual(hub.subscribeLegacy().backlog.map((line) => JSON.parse(line).message), [
    "older",
  ]);
  reader.close();
});

Deno.test("hundreds of readers of older events share pages, and few are read at a time", async () => {
  const world = new DurableWorld({ ringSize: 1, before: 300 });
  world.archive.slow = true;
  const readers = range(1, 300).map((since) => world.hub.subscribe({ channels: ALL, since }));
  for (const reader of readers) reader.whenNews(() => {});
  await settle();
  assert.equal(world.archive.waiting, ARCHIVE_READS);
  const got = readers.map(followed);
  for (let turn = 0; turn < 100; turn++) {
    assert.ok(world.archive.waiting <= ARCHIVE_READS);
    world.archive.release();
    await settle();
    await world.clock.advance(EVENT_PAUSE_MS);
  }
  for (const [at, seen] of got.entries()) assert.deepEqual(seen, range(at + 2, 300));
  assert.ok(world.archive.reads < 40, `${world.archive.reads} reads`);
});

/** Takes whatever the reader is told of, as it comes. */
function followed(reader: Subscription): Item[] {
  const got: Item[] = [];
  const take = () => {
    got.push(...items(reader.take()));
    reader.whenNews(take);
  };
  reader.whenNews(take);
  return got;
}
