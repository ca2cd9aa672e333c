import assert from "node:assert/strict";
import { SecretKey } from "#crypto";
import type { FeedJournal } from "#cxo";
import { silentLog, utf8, utf8Text } from "#kit";
import { ManualClock } from "#support/manual_clock.ts";
import { SeededRandom } from "#support/seeded_random.ts";
import { GroupFeed } from "../../lib/group/group_feed.ts";

/** A journal whose disk takes its time, and which says how long it is. */
class SlowJournal implements FeedJournal {
  length = 0;
  isSlow = true;
  /** What was appended or rewritten and is not on disk yet. */
  readonly waiting: (() => void)[] = [];
  /** How many entries each rewrite had. */
  readonly rewrites: number[] = [];

  read(): ReturnType<FeedJournal["read"]> {
    return Promise.resolve({ state: undefined, entries: [] });
  }

  append(): Promise<boolean> {
    if (!this.isSlow) return Promise.resolve(true);
    return new Promise((resolve) => this.waiting.push(() => resolve(true)));
  }

  rewrite(entries: readonly Uint8Array[]): Promise<boolean> {
    this.rewrites.push(entries.length);
    return this.append();
  }

  /** Everything is on disk. */
  done(): Promise<void> {
    for (const resolve of this.waiting.splice(0)) resolve();
    return new Promise((resolve) => setImmediate(resolve));
  }
}

async function withFeed(
  play: (feed: GroupFeed, journal: SlowJournal) => Promise<void>,
): Promise<void> {
  const journal = new SlowJournal();
  const feed = await GroupFeed.open({
    secret: SecretKey.generate(new SeededRandom(1)),
    clock: new ManualClock(),
    log: silentLog,
    journal,
    announce: () => {},
    onHostile: () => {},
    onRecovered: () => Promise.resolve(),
    nameOf: () => undefined,
  });
  await play(feed, journal);
  journal.isSlow = false;
  await journal.done();
  await feed.close();
}

Deno.test("a record whose commit has not ended has its number already", () =>
  withFeed(async (feed, journal) => {
    const added: Promise<boolean>[] = [];
    for (const expected of [1, 2, 3]) {
      assert.equal(feed.nextNumber("roster"), expected);
      added.push(feed.add(`roster/0000${expected}`, utf8(`${expected}`)));
    }
    assert.equal(feed.nextNumber("mod"), 1);
    await journal.done();
    assert.deepEqual(await Promise.all(added), [true, true, true]);
    assert.deepEqual([...feed.paths("roster")], ["roster/00001", "roster/00002", "roster/00003"]);
    assert.equal(utf8Text(feed.get("roster/00002") ?? new Uint8Array()), "2");
    assert.equal(feed.nextNumber("roster"), 4);
  }));

Deno.test("a journal that has grown too long is written anew once, not once more while that lasts", () =>
  withFeed(async (feed, journal) => {
    journal.length = 5_000;
    for (const name of ["1", "2", "3"]) feed.put(`msgs/x/${name}/1`, utf8(name));
    assert.deepEqual(journal.rewrites, [1]);
    await journal.done();
    feed.put("msgs/x/4/1", utf8("4"));
    assert.deepEqual(journal.rewrites, [1, 4], "the disk is told again what it still has not done");
    await journal.done();
    journal.length = 4;
    feed.put("msgs/x/5/1", utf8("5"));
    assert.deepEqual(journal.rewrites, [1, 4]);
  }));
