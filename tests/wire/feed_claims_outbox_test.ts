/** What leaves the own feed and when, what comes back to it, and what its journal must have. */
import assert from "node:assert/strict";
import {
  type FeedJournal,
  readFeedJournal,
  REGISTRY,
  RootChain,
  rootMessage,
  type RootSource,
  type SignedRoot,
  Tree,
} from "#cxo";
import { MAX_FEED_TEXT_BYTES, type MessageSink } from "#group";
import { utf8, utf8Text } from "#kit";
import { secretOf } from "#support/feed_node.ts";
import { ManualClock } from "#support/manual_clock.ts";
import {
  FeedOutbox,
  type FeedOutboxOptions,
  MAX_FEED_TEXTS_BYTES,
} from "../../lib/group/feed_outbox.ts";
import { messagePath } from "../../lib/group/feed_paths.ts";

const SECRET = secretOf(8_802);
const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000];
const LOG = { debug() {}, info() {}, warn() {}, error() {} };

/** A journal in memory in which writes have their turn at once, and are told when the test says so. */
class Disk implements FeedJournal {
  entries: readonly Uint8Array[] = [];
  state: Uint8Array | undefined;
  /** Entries that it claims beside those that it has: makes a rewrite worth it. */
  garbage = 0;
  rewrites = 0;
  /** While present, writes end with it. */
  hold: Promise<boolean> | undefined;

  get length(): number {
    return this.entries.length + this.garbage;
  }

  read(): ReturnType<FeedJournal["read"]> {
    return Promise.resolve({ state: this.state, entries: this.entries });
  }

  append(entries: readonly Uint8Array[], state?: Uint8Array): Promise<boolean> {
    this.entries = [...this.entries, ...entries];
    this.state = state ?? this.state;
    return this.hold ?? Promise.resolve(true);
  }

  rewrite(entries: readonly Uint8Array[]): Promise<boolean> {
    this.rewrites++;
    this.entries = entries;
    return this.hold ?? Promise.resolve(true);
  }

  /** Texts that a restart would publish, in order. */
  async texts(): Promise<string[]> {
    const { leaves } = await readFeedJournal(this, LOG);
    return [...leaves].sort().map(([, value]) => utf8Text(value));
  }
}

/** One process of a publisher. */
class Life {
  readonly clock: ManualClock;
  readonly outbox: FeedOutbox;
  #said = 0;

  private constructor(clock: ManualClock, outbox: FeedOutbox) {
    this.clock = clock;
    this.outbox = outbox;
  }

  static async begin(
    clock: ManualClock,
    { disk, ...options }: Partial<FeedOutboxOptions> & { disk?: Disk | undefined } = {},
  ): Promise<Life> {
    const sink: MessageSink = {
      ready: undefined,
      surface: ({ journal }) => journal && disk?.append([journal.entry]),
    };
    const outbox = await FeedOutbox.open({
      ...{ clock, sink, secret: SECRET, log: LOG, journal: disk },
      announce: () => {},
      onHostile: (_, fault) => assert.fail(fault),
      ...options,
    });
    return new Life(clock, outbox);
  }

  /** Ends it; what it published stays to be asked for. */
  async end(): Promise<void> {
    await this.outbox.close();
    assert.equal(this.clock.pending, 0);
  }

  async say(count: number, length = 0): Promise<void> {
    for (let index = 0; index < count; index++) {
      const text = `text ${++this.#said}`.padEnd(length, "x");
      const { kind } = await this.outbox.publish({ recipient: SECRET.publicKey.hex, text });
      assert.equal(kind, "published");
    }
  }

  /** A reader gives back what another life published last. */
  async getBack(from: Life, ms = 10): Promise<void> {
    const { last } = from.outbox.feed;
    assert.ok(last !== undefined);
    this.take(last, (id) => from.outbox.feed.object(id));
    if (ms > 0) await this.clock.advance(ms);
  }

  /** A reader gives a Root back, and its objects. */
  take(root: SignedRoot, object: (id: string) => Uint8Array | undefined): void {
    const source: RootSource = {
      peer: "02".repeat(33),
      remoteAddress: "192.0.2.1:8802",
      request(message) {
        const value = message.type === "RqObject" ? object(message.id) : undefined;
        return Promise.resolve(value ? { type: "Object", value } : { type: "Err", text: "" });
      },
    };
    assert.equal(this.outbox.feed.offer(rootMessage(root), source), undefined);
  }

  get messages(): number {
    return this.outbox.feed.leaves;
  }
}

for (const rewritten of [false, true]) {
  const how = rewritten ? ", with a journal that was written anew" : "";
  Deno.test(`FeedOutbox: what the cap dropped does not come back with an older Root${how}`, async () => {
    const clock = new ManualClock();
    const disk = new Disk();
    const before = await Life.begin(clock, { disk, cap: 100 });
    await before.say(10);
    await before.end();
    if (rewritten) disk.garbage = 10_000;
    const small = await Life.begin(clock, { disk, cap: 5 });
    assert.equal(small.messages, 5);
    assert.equal(disk.rewrites, rewritten ? 1 : 0);
    await small.end();
    assert.deepEqual(await disk.texts(), [6, 7, 8, 9, 10].map((number) => `text ${number}`));
    const large = await Life.begin(clock, { disk, cap: 100 });
    await large.getBack(before);
    assert.equal(large.messages, 5);
    await large.end();
  });
}

Deno.test("FeedOutbox: what was too old does not come back with an older Root", async () => {
  const clock = new ManualClock();
  const disk = new Disk();
  const options = { disk, maxAgeMs: 90 * MINUTE };
  const before = await Life.begin(clock, options);
  await before.say(3);
  await clock.advance(HOUR - 10 * MINUTE);
  await before.say(2);
  await before.end();
  await clock.advance(25 * MINUTE);
  const after = await Life.begin(clock, options);
  await clock.advance(HOUR);
  assert.equal(after.messages, 2, "dropped at the hourly look");
  await after.getBack(before);
  assert.equal(after.messages, 2);
  await after.end();
  assert.deepEqual(await disk.texts(), ["text 4", "text 5"]);
});

Deno.test("FeedOutbox takes back what is a message of a size that it would publish, and nothing else", async () => {
  const clock = new ManualClock();
  const disk = new Disk();
  const life = await Life.begin(clock, { disk });
  const at = (counter: number) => messagePath(clock.wall() - 1_000n, counter);
  const tree = new Tree();
  const objects = new Map<string, Uint8Array>();
  const foreign = ["other/1", "msgs/x", "msgs/12-000001", `${at(9)}x`, `notes/${at(1)}`];
  const [small, largest, tooLarge] = [at(1), at(2), at(3)];
  for (const path of foreign) tree.put(path, utf8("foreign"));
  tree.put(small, utf8("small"));
  tree.put(largest, utf8("a".repeat(MAX_FEED_TEXT_BYTES)));
  tree.put(tooLarge, utf8("b".repeat(MAX_FEED_TEXT_BYTES + 1)));
  const { root: object, objects: made } = tree.publish();
  for (const { id, bytes } of made) objects.set(id, bytes);
  const former = new RootChain({ secret: SECRET, clock, journal: undefined }, undefined);
  const root = await former.next(object);
  life.take(root, (id) => id === REGISTRY.id ? REGISTRY.bytes : objects.get(id));
  await clock.advance(10);
  assert.equal(MAX_FEED_TEXT_BYTES, 131_072);
  assert.equal(life.messages, 2);
  assert.equal(life.outbox.feed.get(largest)?.length, MAX_FEED_TEXT_BYTES);
  for (const path of [tooLarge, ...foreign]) assert.equal(life.outbox.feed.get(path), undefined);
  const { leaves } = await readFeedJournal(disk, LOG);
  assert.deepEqual([...leaves.keys()], [small, largest]);
  await life.end();
});

Deno.test("FeedOutbox drops the oldest eighth at once when it is over its cap", async () => {
  const clock = new ManualClock();
  const disk = new Disk();
  const life = await Life.begin(clock, { disk, cap: 80 });
  await life.say(80);
  assert.equal(life.messages, 80);
  await life.say(1);
  assert.equal(life.messages, 81 - 11, "an eighth of 81, rounded up");
  await life.say(10);
  assert.equal(life.messages, 80);
  assert.equal((await disk.texts())[0], "text 12", "the oldest are gone");
  await life.end();
});

Deno.test("FeedOutbox drops the oldest where its texts have more than 32 MiB", async () => {
  assert.equal(MAX_FEED_TEXTS_BYTES, 32 * 2 ** 20);
  const clock = new ManualClock();
  const disk = new Disk();
  let life = await Life.begin(clock, { disk });
  const most = MAX_FEED_TEXTS_BYTES / MAX_FEED_TEXT_BYTES;
  await life.say(most, MAX_FEED_TEXT_BYTES);
  assert.equal(life.messages, most, "as much as that stays");
  await life.say(1);
  const left = most + 1 - Math.ceil((most + 1) / 8);
  assert.equal(life.messages, left);
  await life.say(most - left, MAX_FEED_TEXT_BYTES);
  assert.equal(life.messages, most);
  await life.end();
  life = await Life.begin(clock, { disk });
  assert.equal(life.messages, most);
  await life.say(2, MAX_FEED_TEXT_BYTES);
  assert.ok(life.messages < most, `${life.messages} messages`);
  await life.end();
});

Deno.test("FeedOutbox looks at the age at the start and hourly: publishing with an old feed costs what it costs with a young one", async () => {
  const costs = async (ageMs: number) => {
    const clock = new ManualClock();
    const disk = new Disk();
    const life = await Life.begin(clock, { disk, maxAgeMs: 90 * MINUTE });
    for (let count = 0; count < 200; count++) {
      await life.say(1);
      await clock.advance(10 * SECOND);
    }
    await clock.advance(ageMs);
    const made: number[] = [];
    // One more message gets too old with each that is said.
    for (let count = 0; count < 12; count++) {
      const before = life.outbox.feed.objects;
      await life.say(1);
      await clock.advance(SECOND);
      made.push(life.outbox.feed.objects - before);
      await clock.advance(9 * SECOND);
    }
    assert.equal(life.messages, 212);
    await life.end();
    const again = await Life.begin(clock, { disk, maxAgeMs: 90 * MINUTE });
    await again.end();
    return { made, atStart: again.messages };
  };
  const young = await costs(15 * MINUTE);
  const old = await costs(90 * MINUTE - 1_900 * SECOND);
  assert.equal(young.atStart, 212);
  assert.ok(old.atStart < 212, "the start drops what is too old");
  assert.ok(young.made.every((count) => count > 0 && count < 20), `${young.made}`);
  old.made.forEach((count, index) => {
    assert.ok(count <= (young.made[index] ?? 0), `${count} objects, ${young.made[index]} else`);
  });
});

for (const how of ["is said", "came back from a reader"] as const) {
  Deno.test(`FeedOutbox: what ${how} during the hourly look survives a restart`, async () => {
    const clock = new ManualClock();
    const disk = new Disk();
    const options = { disk, maxAgeMs: 30 * MINUTE };
    const life = await Life.begin(clock, options);
    await life.say(3);
    await clock.advance(HOUR - 10 * SECOND);
    const other = await Life.begin(clock);
    await other.say(1);
    await other.outbox.close();
    await clock.advance(9 * SECOND);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    disk.hold = promise;
    disk.garbage = 10_000;
    const coming = how === "is said" ? life.say(1) : life.getBack(other, 0);
    await clock.advance(SECOND);
    assert.equal(disk.rewrites, 1, "the journal was written anew");
    assert.equal(life.messages, 0, "it is not in the feed yet");
    disk.hold = undefined;
    resolve(true);
    await coming;
    await clock.advance(SECOND);
    assert.equal(life.messages, 1);
    await life.end();
    const after = await Life.begin(clock, options);
    assert.equal(after.messages, 1);
    await after.end();
  });
}

Deno.test("FeedOutbox: after the whole feed has aged out, what is younger can come back from readers", async () => {
  const clock = new ManualClock();
  const disk = new Disk();
  const options = { disk, maxAgeMs: 30 * MINUTE };
  const life = await Life.begin(clock, options);
  await life.say(5);
  await clock.advance(HOUR - MINUTE);
  const other = await Life.begin(clock);
  await other.say(1);
  await other.outbox.close();
  await clock.advance(MINUTE);
  assert.equal(life.messages, 0);
  await life.getBack(other);
  assert.equal(life.messages, 1);
  const before = disk.entries;
  await life.say(2);
  await life.end();
  // The disk lost what was said last.
  disk.entries = before;
  const after = await Life.begin(clock, options);
  assert.equal(after.messages, 1);
  await after.getBack(life);
  assert.equal(after.messages, 3);
  assert.deepEqual(await disk.texts(), ["text 1", "text 6", "text 7"]);
  await clock.advance(HOUR);
  await after.say(1);
  await clock.advance(HOUR);
  assert.equal(after.messages, 0);
  await after.end();
});

Deno.test("FeedOutbox counts what comes back: the cap and the 32 MiB hold for it too", async () => {
  const clock = new ManualClock();
  const former = await Life.begin(clock);
  await former.say(200, MAX_FEED_TEXT_BYTES);
  await former.end();
  const small = await Life.begin(clock, { cap: 10 });
  await small.getBack(former);
  assert.equal(small.messages, 10);
  await small.end();
  const large = await Life.begin(clock);
  await large.getBack(former);
  assert.equal(large.messages, 200);
  await large.say(57, MAX_FEED_TEXT_BYTES);
  assert.equal(large.messages, 257 - 33, "257 texts of 128 KiB are more");
  await large.end();
});
