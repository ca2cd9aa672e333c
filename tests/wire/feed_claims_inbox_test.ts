/** What an inbox makes of updates: requests, marks, turns, and a stop in the middle. */
import assert from "node:assert/strict";
import {
  decodeFeedEntry,
  encodeFeedEntry,
  type FeedJournal,
  type FeedUpdate,
  MAX_SEEN_LEAVES,
  REGISTRY,
  signRoot,
  ZERO_ID,
} from "#cxo";
import type { MessageEvent } from "#events";
import type { MessageSink } from "#group";
import { NO_BYTES, utf8 } from "#kit";
import { secretOf } from "#support/feed_node.ts";
import { ManualClock, settle } from "#support/manual_clock.ts";
import { FeedInbox, type FeedInboxOptions } from "../../lib/group/feed_inbox.ts";
import { messageId, messagePath } from "../../lib/group/feed_paths.ts";

const SECRET = secretOf(8_802);
const FEED = SECRET.publicKey;
const LOG = { debug() {}, info() {}, warn() {}, error: (line: string) => assert.fail(line) };

/** What an update says of leaves with these numbers. */
function updateOf(numbers: Iterable<number>, complete = true): FeedUpdate {
  const root = signRoot({
    refs: [],
    descriptor: NO_BYTES,
    registry: REGISTRY.id,
    pub: FEED.hex,
    nonce: 1n,
    seq: 0n,
    time: 1n,
    prev: ZERO_ID,
  }, SECRET);
  const changes = Array.from(numbers, (number) => ({
    path: messagePath(1_000n, number),
    value: utf8(`text ${number}`),
    id: ZERO_ID,
  }));
  return { root, changes, complete };
}

/** Numbers from one up to another, without that. */
function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

/** The id of the message with a number. */
function idOf(number: number): string {
  return messageId(FEED.hex, messagePath(1_000n, number), utf8(`text ${number}`));
}

/** A journal in memory that may claim more than it has. */
class Disk implements FeedJournal {
  entries: readonly Uint8Array[] = [];
  garbage = 0;
  rewrites = 0;

  get length(): number {
    return this.entries.length + this.garbage;
  }

  read(): ReturnType<FeedJournal["read"]> {
    return Promise.resolve({ state: undefined, entries: this.entries });
  }

  append(entries: readonly Uint8Array[]): Promise<boolean> {
    this.entries = [...this.entries, ...entries];
    return Promise.resolve(true);
  }

  rewrite(entries: readonly Uint8Array[]): Promise<boolean> {
    this.rewrites++;
    this.garbage = 0;
    this.entries = entries;
    return Promise.resolve(true);
  }

  /** Names of the marks, in order. */
  get marks(): string[] {
    return this.entries.map((bytes) => {
      const entry = decodeFeedEntry(bytes);
      assert.ok("kind" in entry && entry.kind === "seen");
      return entry.name;
    });
  }
}

/** Notes what is shown, and keeps the marks with it as the history does. */
class Sink implements MessageSink {
  readonly shown: MessageEvent[] = [];
  ready: Promise<void> | undefined;
  readonly #disk: Disk | undefined;

  constructor(disk?: Disk) {
    this.#disk = disk;
  }

  surface(event: MessageEvent): Promise<boolean> | undefined {
    this.shown.push(event);
    return event.journal && this.#disk?.append([event.journal.entry]);
  }

  get texts(): string[] {
    return this.shown.map(({ text }) => text);
  }
}

function open(
  clock: ManualClock,
  { sink, ...options }: Partial<FeedInboxOptions> & { sink: Sink },
): Promise<FeedInbox> {
  return FeedInbox.open({
    ...{ clock, sink, feed: FEED, log: LOG, journal: undefined },
    isBlocked: () => false,
    isUnapproved: () => false,
    ...options,
  });
}

Deno.test("FeedInbox marks messages of unapproved peers as requests, at the time of each", async () => {
  const clock = new ManualClock();
  const sink = new Sink();
  let unapproved = true;
  const inbox = await open(clock, {
    sink,
    isUnapproved: (peer) => unapproved && peer.equals(FEED),
  });
  await inbox.take(updateOf([1, 2]));
  unapproved = false;
  await inbox.take(updateOf([1, 2, 3]));
  assert.deepEqual(sink.texts, ["text 1", "text 2", "text 3"]);
  assert.deepEqual(sink.shown.map(({ request }) => request), [true, true, undefined]);
  assert.ok(!("request" in (sink.shown[2] ?? {})));
});

Deno.test("FeedInbox writes its journal anew at the slack, and keeps every mark", async () => {
  const clock = new ManualClock();
  const disk = new Disk();
  const sink = new Sink(disk);
  const inbox = await open(clock, { sink, journal: disk });
  await inbox.take(updateOf(range(0, 20)));
  const slack = MAX_SEEN_LEAVES / 4;
  // Garbage, then marks in an order of their own: all of it up to the slack is let be.
  disk.garbage = slack;
  await inbox.take(updateOf(range(0, 20)));
  assert.equal(disk.rewrites, 0);
  disk.garbage = slack + 1;
  await inbox.take(updateOf(range(0, 20)));
  assert.equal(disk.rewrites, 1);
  assert.deepEqual(disk.marks, range(0, 20).map(idOf));
  const again = new Sink(disk);
  const after = await open(clock, { sink: again, journal: disk });
  await after.take(updateOf(range(0, 21)));
  assert.deepEqual(again.texts, ["text 20"]);
});

Deno.test("FeedInbox that is stopped in the middle shows the rest at the next start, once", async () => {
  const clock = new ManualClock();
  const disk = new Disk();
  const sink = new Sink(disk);
  const inbox = await open(clock, { sink, journal: disk });
  const taken = inbox.take(updateOf(range(0, 1_000)));
  await settle();
  assert.ok(sink.shown.length > 0 && sink.shown.length < 1_000, `${sink.shown.length} at once`);
  const shown = sink.shown.length;
  inbox.stop();
  await clock.advance(1_000);
  await taken;
  assert.equal(sink.shown.length, shown, "nothing more");
  await inbox.take(updateOf(range(0, 1_001)));
  assert.equal(sink.shown.length, shown);
  const again = new Sink(disk);
  const after = await open(clock, { sink: again, journal: disk });
  const rest = after.take(updateOf(range(0, 1_000)));
  await clock.advance(1_000);
  await rest;
  assert.deepEqual([...sink.texts, ...again.texts], range(0, 1_000).map((n) => `text ${n}`));
  assert.equal(clock.pending, 0);
});

Deno.test("FeedInbox waits while the disk is behind, and goes on from there", async () => {
  const clock = new ManualClock();
  const sink = new Sink();
  const inbox = await open(clock, { sink });
  const behind = Promise.withResolvers<void>();
  sink.ready = behind.promise;
  const taken = inbox.take(updateOf(range(0, 10)));
  await settle();
  assert.equal(sink.shown.length, 1);
  sink.ready = undefined;
  behind.resolve();
  await taken;
  assert.equal(sink.shown.length, 10);
});

for (const recorded of [false, true]) {
  const what = recorded ? "messages that the history has" : "messages";
  Deno.test(`FeedInbox takes turns over 1,000 ${what}`, async () => {
    const clock = new ManualClock();
    const disk = new Disk();
    const sink = new Sink(disk);
    const ids = range(0, recorded ? 1_000 : 0).map(idOf);
    const inbox = await open(clock, {
      sink,
      journal: disk,
      recorded: () => Promise.resolve(ids),
    });
    const taken = inbox.take(updateOf(range(0, 1_000)));
    const handled: number[] = [];
    for (let turn = 0; clock.pending > 0 || turn === 0; turn++) {
      await settle();
      handled.push(disk.entries.length);
      if (clock.pending === 0) break;
      await clock.advance(0);
    }
    await taken;
    assert.equal(handled[0], 64, "then others come through");
    assert.equal(sink.shown.length, recorded ? 0 : 1_000);
    assert.deepEqual(disk.marks, range(0, 1_000).map(idOf));
  });
}

Deno.test("FeedInbox shows what the history has after all of it came, and only what it has not before", async () => {
  const clock = new ManualClock();
  const disk = new Disk();
  const sink = new Sink(disk);
  const inbox = await open(clock, {
    sink,
    journal: disk,
    recorded: () => Promise.resolve([1, 2, 3].map(idOf)),
  });
  await inbox.take(updateOf([1], false));
  await inbox.take(updateOf([1, 2, 4]));
  assert.deepEqual(sink.texts, ["text 4"]);
  assert.deepEqual(disk.marks, [1, 2, 4].map(idOf));
  // A journal that knows something is asked alone.
  disk.entries = [encodeFeedEntry({ kind: "seen", name: idOf(9) })];
  const asked = await open(clock, {
    sink,
    journal: disk,
    recorded: () => assert.fail("not asked"),
  });
  await asked.take(updateOf([9]));
  assert.deepEqual(sink.texts, ["text 4"]);
});
