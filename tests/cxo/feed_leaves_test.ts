/** Single leaves of a published feed: named, taken out, and remembered as gone. */
import assert from "node:assert/strict";
import {
  decodeFeedEntry,
  encodeFeedEntry,
  type FeedEntry,
  type FeedJournal,
  PublishedFeed,
  readFeedJournal,
  Tree,
  TreeError,
} from "#cxo";
import { silentLog, utf8, utf8Text } from "#kit";
import fc from "fast-check";
import { ManualClock } from "#support/manual_clock.ts";
import { PUBLISHER } from "./connection_fixture.ts";

function feedOn(clock: ManualClock): PublishedFeed {
  return new PublishedFeed({
    ...{ secret: PUBLISHER, clock, journal: undefined },
    announce: () => {},
    onRecovered: () => Promise.resolve(),
    onHostile: () => {},
  });
}

Deno.test("Tree.paths names the leaves below whole segments, in byte order", () => {
  const tree = new Tree();
  for (const path of ["msgs/b/2", "msgs/b/10", "msgs/a/1", "msgsX/1", "roster/00001", "msgs/é/1"]) {
    tree.put(path, utf8("x"));
  }
  const all = ["msgs/a/1", "msgs/b/10", "msgs/b/2", "msgs/é/1", "msgsX/1", "roster/00001"];
  assert.deepEqual([...tree.paths()], all);
  assert.deepEqual([...tree.paths("msgs")], all.slice(0, 4));
  assert.deepEqual([...tree.paths("msgs/b/")], ["msgs/b/10", "msgs/b/2"]);
  assert.deepEqual([...tree.paths("msgs/b/2")], ["msgs/b/2"]);
  assert.deepEqual([...tree.paths("mod")], []);
  assert.deepEqual([...tree.paths("msgs/b/2/c")], []);
  assert.throws(() => [...tree.paths("msgs//b")], TreeError);
});

Deno.test("PublishedFeed.delete takes out one leaf and the branches that it leaves empty", async () => {
  const clock = new ManualClock();
  const feed = feedOn(clock);
  for (const path of ["msgs/a/1", "msgs/b/1", "msgs/b/2"]) feed.put(path, utf8(path));
  await clock.advance(300);
  const first = feed.last;
  assert.equal(feed.delete("msgs/a"), false, "a branch is no leaf");
  assert.equal(feed.delete("msgs/c/1"), false);
  await clock.advance(1_000);
  assert.equal(feed.last, first, "nothing changed");
  assert.equal(feed.delete("msgs/a/1"), true);
  assert.equal(feed.delete("msgs/a/1"), false);
  assert.equal(feed.leaves, 2);
  assert.deepEqual([...feed.paths()], ["msgs/b/1", "msgs/b/2"]);
  assert.equal(feed.get("msgs/a/1"), undefined);
  feed.put("msgs/a", utf8("a leaf where a branch was"));
  await clock.advance(300);
  assert.equal(feed.last?.root.seq, 1n, "published");
  assert.deepEqual([...feed.paths("msgs/a")], ["msgs/a"]);
  await feed.close();
  assert.equal(clock.pending, 0);
});

Deno.test("a feed from which leaves were taken out has the tree of one that never had them", () =>
  fc.assert(fc.asyncProperty(
    fc.array(fc.tuple(fc.boolean(), fc.constantFrom("a/1", "a/2", "b/c/1", "b/2", "c")), {
      maxLength: 30,
    }),
    async (steps) => {
      const clock = new ManualClock();
      const [feed, model] = [feedOn(clock), new Map<string, string>()];
      let value = 0;
      for (const [puts, path] of steps) {
        if (puts) {
          feed.put(path, utf8(`${++value}`));
          model.set(path, `${value}`);
        } else assert.equal(feed.delete(path), model.delete(path));
        await clock.advance(value % 2 === 0 ? 300 : 0);
      }
      feed.put("last", utf8("x"));
      await feed.flush();
      const fresh = feedOn(clock);
      for (const [path, text] of model) fresh.put(path, utf8(text));
      fresh.put("last", utf8("x"));
      await fresh.flush();
      assert.deepEqual(feed.last?.root.refs, fresh.last?.root.refs);
      assert.deepEqual([...feed.paths()], [...model.keys(), "last"].sort());
      assert.equal(feed.leaves, model.size + 1);
      await Promise.all([feed.close(), fresh.close()]);
    },
  )));

/** A journal with these entries. */
function journalOf(entries: readonly FeedEntry[]): FeedJournal {
  return {
    length: entries.length,
    read: () => Promise.resolve({ state: undefined, entries: entries.map(encodeFeedEntry) }),
    append: () => Promise.resolve(true),
    rewrite: () => Promise.resolve(true),
  };
}

Deno.test("readFeedJournal leaves out what is gone, and has what was put again", async () => {
  const leaf = (path: string, text: string): FeedEntry => ({
    kind: "leaf",
    path,
    value: utf8(text),
  });
  const gone = (path: string): FeedEntry => ({ kind: "gone", path });
  const { leaves } = await readFeedJournal(
    journalOf([
      leaf("a/1", "old"),
      leaf("a/2", "stays"),
      gone("a/1"),
      leaf("a/3", "goes"),
      leaf("a/1", "again"),
      gone("a/3"),
      gone("a/3"),
      gone("a/4"),
    ]),
    silentLog,
  );
  const texts = Array.from(leaves, ([path, value]) => [path, utf8Text(value)]);
  assert.deepEqual(texts, [["a/2", "stays"], ["a/1", "again"]]);
});

Deno.test("a gone entry reads as it was written, and keeps the numbers of the others", () => {
  const entry: FeedEntry = { kind: "gone", path: "msgs/é/1" };
  assert.deepEqual(decodeFeedEntry(encodeFeedEntry(entry)), entry);
  const kinds = [
    { kind: "leaf", path: "a", value: utf8("x") },
    { kind: "before", path: "a" },
    { kind: "seen", name: "00".repeat(8) },
    entry,
  ] as const;
  assert.deepEqual(kinds.map((each) => encodeFeedEntry(each)[0]), [0, 1, 2, 3]);
});
