import assert from "node:assert/strict";
import { silentLog, utf8 } from "#kit";
import { type KvHistory, openHistory, type OpenHistoryOptions, StoreError } from "#store";
import { dyingDisk } from "#support/dying_disk.ts";
import { failingKv } from "#support/failing_kv.ts";
import {
  entriesOf,
  eventTexts,
  journalOf,
  noteFor,
  stateOf,
  textsIn,
} from "#support/journal_texts.ts";
import { ManualClock } from "#support/manual_clock.ts";
import { keptLog, messageWith, peerNumber, SELF } from "#support/stored_messages.ts";
import { MAX_JOURNAL_STATE_BYTES } from "../../lib/store/journal.ts";

const ANN = peerNumber(1);
const BEN = peerNumber(2);
const FREE = { perPeerRatePerMinute: 0 };
const CXO = { channel: "group", network: "cxo" } as const;

type Failing = Parameters<typeof failingKv>[0];

interface Disk {
  readonly clock: ManualClock;
  readonly path: string;
  /** Opens the store of this test again. */
  open(options?: Partial<OpenHistoryOptions>): Promise<KvHistory>;
  /** A copy of the closed store, opened with a disk that fails. */
  openCopy(failing: Failing): Promise<{ history: KvHistory; again: () => Promise<KvHistory> }>;
}

async function onDisk(test: (disk: Disk) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const clock = new ManualClock();
  const path = `${folder}/history.db`;
  const options = { clock, log: silentLog, self: SELF, limits: FREE };
  let copies = 0;
  try {
    await test({
      clock,
      path,
      open: (more) => openHistory({ ...options, path, ...more }),
      async openCopy(failing) {
        const copy = `${folder}/${++copies}`;
        await Deno.mkdir(copy);
        await Deno.copyFile(path, `${copy}/history.db`);
        const openAt = (more: Partial<OpenHistoryOptions>) =>
          openHistory({ ...options, path: `${copy}/history.db`, ...more });
        return {
          history: await openAt({ openKv: failingKv(failing) }),
          again: () => openAt({}),
        };
      },
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Sums that memory has, against what is read. */
async function assertSumsAgree(history: KvHistory): Promise<void> {
  for (const feed of history.journalFeeds()) {
    const journal = journalOf(history, feed);
    const { entries } = await journal.read();
    const bytes = entries.reduce((sum, { length }) => sum + length, 0);
    assert.deepEqual([journal.length, journal.bytes], [entries.length, bytes]);
  }
  assert.equal(history.figures().damaged, 0);
}

Deno.test("journals of a store opened again have their entries, states, sums and places", () =>
  onDisk(async ({ clock, open }) => {
    const first = await open();
    const ann = journalOf(first, ANN);
    const large = "x".repeat(150_000);
    ann.append(entriesOf("1", large), utf8("state"));
    first.append(messageWith(ANN, { wall: clock.wall(), ...CXO, ...noteFor(ANN, "2") }));
    await journalOf(first, SELF).append([], utf8("own"));
    journalOf(first, BEN).append(entriesOf("gone"));
    await first.dropJournal(BEN);
    const sums = [ann.length, ann.bytes];
    await first.close();
    const second = await open();
    const again = journalOf(second, ANN);
    assert.deepEqual(second.journalFeeds(), [SELF, ANN]);
    assert.deepEqual([again.length, again.bytes], sums);
    assert.deepEqual(await textsIn(again), ["1", large, "2"]);
    assert.equal(await stateOf(again), "state");
    assert.equal(await stateOf(second.journal(SELF)), "own");
    await again.append(entriesOf("3"));
    await journalOf(second, BEN).append(entriesOf("new"));
    await second.close();
    const third = await open();
    assert.deepEqual(await textsIn(third.journal(ANN)), ["1", large, "2", "3"]);
    assert.deepEqual(await textsIn(third.journal(BEN)), ["new"]);
    await assertSumsAgree(third);
    await third.close();
  }));

Deno.test("a journal whose peer left the whitelist is hidden, and can be dropped", () =>
  onDisk(async ({ path, open }) => {
    const first = await open();
    await journalOf(first, ANN).append(entriesOf("1"));
    await first.close();
    const whitelistPath = `${path}.whitelist`;
    await Deno.writeTextFile(whitelistPath, BEN);
    const second = await open({ whitelistPath });
    assert.deepEqual([second.journal(ANN), second.journalFeeds()], [undefined, [ANN]]);
    assert.equal(await second.dropJournal(ANN), true);
    await second.close();
    const kv = await Deno.openKv(path);
    for (const prefix of [["j"], ["k"]]) {
      for await (const { key } of kv.list({ prefix })) assert.fail(String(key));
    }
    kv.close();
  }));

for (const now of ["before", "after"] as const) {
  Deno.test(`a disk that fails ${now} the commit gives false, and journals stay true`, () =>
    onDisk(async ({ clock, open }) => {
      const failing: { now: "never" | "before" | "after" } = { now: "never" };
      const log = keptLog();
      const history = await open({ openKv: failingKv(failing), log });
      const journal = journalOf(history, ANN);
      const wall = clock.wall();
      await journal.append(entriesOf("kept"), utf8("kept"));
      failing.now = now;
      const { committed } = history.append(
        messageWith(ANN, { wall, ...CXO, text: "lost", ...noteFor(ANN, "lost") }),
      );
      const results = [journal.append(entriesOf("lost"), utf8("lost")), committed];
      assert.deepEqual(await Promise.all(results), [false, false]);
      assert.equal(await journalOf(history, BEN).append(entriesOf("lost")), false);
      assert.equal(await journal.rewrite(entriesOf("lost")), false);
      assert.equal(await history.dropJournal(ANN), false);
      const told = log.lines.filter((line) => line.includes("history commit failed"));
      assert.equal(told.length, 1);
      assert.match(told[0] ?? "", /; 1 messages are delivered but not stored$/);
      failing.now = "never";
      assert.equal(await journal.append(entriesOf("again")), true);
      const texts = await textsIn(journal);
      assert.equal(texts.at(-1), "again");
      if (now === "before") {
        assert.deepEqual([texts, await stateOf(journal)], [["kept", "again"], "kept"]);
        assert.deepEqual(history.journalFeeds(), [ANN]);
      }
      await assertSumsAgree(history);
      await history.close();
      const reopened = await open();
      assert.deepEqual(await textsIn(reopened.journal(ANN)), texts);
      await assertSumsAgree(reopened);
      await reopened.close();
    }));
}

Deno.test("of an append in several commits nothing follows the one that failed", () =>
  onDisk(async ({ open, openCopy }) => {
    await (await open()).close();
    const entries = Array.from({ length: 8 }, (_, at) => utf8(`${at}`.repeat(200_000)));
    let stored = false;
    for (let commits = 0; !stored; commits++) {
      // The disk is well again at once: the parts that wait must not be written.
      const failing = { at: 2 * commits, asked: 0 };
      const { history, again } = await openCopy({
        get now() {
          failing.asked++;
          return failing.asked > failing.at && failing.asked <= failing.at + 2 ? "before" : "never";
        },
      });
      stored = await journalOf(history, ANN).append(entries, utf8("state"));
      assert.equal(await journalOf(history, ANN).append(entriesOf("next")), !stored);
      await history.close();
      const reopened = await again();
      const texts = (await textsIn(reopened.journal(ANN))).map((text) => text.slice(0, 4));
      const expected = Array.from({ length: commits }, (_, at) => `${at}`.repeat(4));
      if (!stored) assert.deepEqual(texts, [...expected, "next"]);
      assert.equal(await stateOf(reopened.journal(ANN)), stored ? "state" : undefined);
      await assertSumsAgree(reopened);
      await reopened.close();
      assert.ok(commits <= 8);
    }
  }));

Deno.test("event, record and note are on disk together or not at all, wherever the program ends", () =>
  onDisk(async ({ clock, open, openCopy }) => {
    await (await open()).close();
    for (const isTold of [true, false]) {
      for (let commits = 0; commits < 5; commits++) {
        const { history, again } = await openCopy(dyingDisk({ commits, isTold }));
        const results: boolean[] = [];
        for (let number = 0; number < 6; number++) {
          const [feed, wall] = [number % 2 === 0 ? ANN : BEN, clock.wall() + BigInt(number)];
          const text = `${number}`;
          const message = messageWith(feed, { wall, text, ...CXO, ...noteFor(feed, text) });
          results.push(await history.append(message).committed);
        }
        const expected = Array.from({ length: commits }, (_, number) => `${number}`);
        const told = expected.filter((_, number) => isTold || number < commits - 1);
        assert.deepEqual(results, results.map((_, number) => number < told.length));
        await history.close();
        const reopened = await again();
        assert.deepEqual(await eventTexts(reopened), expected);
        assert.deepEqual((await reopened.recent(0)).map(({ text }) => text), expected);
        const marks = await Promise.all([ANN, BEN].map((feed) => textsIn(reopened.journal(feed))));
        assert.deepEqual(marks.flat().sort(), expected);
        await reopened.close();
      }
    }
  }));

/** Blocks of the old entries: they leave in three commits. */
const OLD = Array.from({ length: 900 }, (_, at) => `old ${at}`);
/** They come in four. */
const NEW = Array.from({ length: 7 }, (_, at) => `${at}`.repeat(120_000));

/** That a list is the last of the old entries, then the first of the new; how many of each. */
function assertSuffixAndPrefix(texts: readonly string[]): { old: number; fresh: number } {
  const old = texts.filter((text) => text.startsWith("old")).length;
  const fresh = texts.length - old;
  const expected = [...OLD.slice(OLD.length - old), ...NEW.slice(0, fresh)];
  assert.deepEqual(texts.map((text) => text.slice(0, 9)), expected.map((text) => text.slice(0, 9)));
  assert.ok(old === OLD.length || fresh === NEW.length, `${old} old, ${fresh} new`);
  return { old, fresh };
}

for (const isTold of [true, false]) {
  Deno.test(`a rewrite that ends after any of its commits loses nothing (${isTold ? "told" : "not told"})`, () =>
    onDisk(async ({ open, openCopy }) => {
      const prepared = await open();
      const journal = journalOf(prepared, ANN);
      for (const text of OLD) await journal.append(entriesOf(text), utf8("old"));
      await prepared.close();
      let done = false;
      const steps: string[] = [];
      for (let commits = isTold ? 0 : 1; !done; commits++) {
        const { history, again } = await openCopy(dyingDisk({ commits, isTold }));
        done = await journalOf(history, ANN).rewrite(entriesOf(...NEW), utf8("new"));
        await history.close();
        const reopened = await again();
        const left = journalOf(reopened, ANN);
        const { old, fresh } = assertSuffixAndPrefix(await textsIn(left));
        assert.equal(await stateOf(left), fresh === NEW.length ? "new" : "old");
        if (done) assert.deepEqual([old, fresh], [0, NEW.length]);
        steps.push(`${old} ${fresh}`);
        await assertSumsAgree(reopened);
        // What comes after it comes behind, and the next rewrite ends what this one left.
        await left.append(entriesOf("later"));
        assert.equal((await textsIn(left)).at(-1), "later");
        assert.equal(await left.rewrite(entriesOf("a", "b")), true);
        assert.deepEqual(await textsIn(left), ["a", "b"]);
        await assertSumsAgree(reopened);
        await reopened.close();
        assert.ok(commits < 20);
      }
      const expected = ["900 0", "900 2", "900 4", "900 6", "900 7", "500 7", "100 7", "0 7"];
      // Where nobody is told of the last commit, it fails; the disk that lives on is another step.
      assert.deepEqual(steps, isTold ? expected : [...expected.slice(1), "0 7"]);
    }));
}

Deno.test("messages pass a long rewrite, whose place is before their marks", () =>
  onDisk(async ({ clock, open }) => {
    const history = await open();
    const journal = journalOf(history, ANN);
    for (const text of OLD) await journal.append(entriesOf(text));
    const order: string[] = [];
    const rewritten = journal.rewrite(entriesOf(...NEW)).then((ok) => order.push(`done ${ok}`));
    for (let number = 0; number < 3; number++) {
      const text = `${number}`;
      const message = messageWith(ANN, { wall: clock.wall(), text, ...noteFor(ANN, text) });
      order.push(`${text} ${await history.append(message).committed}`);
    }
    await rewritten;
    assert.deepEqual(order, ["0 true", "1 true", "2 true", "done true"]);
    const texts = await textsIn(journal);
    assert.deepEqual(texts, [...NEW, "0", "1", "2"]);
    await assertSumsAgree(history);
    await history.close();
  }));

Deno.test("the largest batch fits into a commit: notes for as many feeds, whole states, full conversations", () =>
  onDisk(async ({ clock, open }) => {
    const history = await open({ limits: { ...FREE, perPeerCap: 1, totalCapBytes: 0 } });
    const peers = Array.from({ length: 150 }, (_, number) => peerNumber(number + 1));
    const state = new Uint8Array(MAX_JOURNAL_STATE_BYTES);
    await Promise.all(peers.map((peer) => journalOf(history, peer).append([], state)));
    const entry = new Uint8Array(1_050);
    for (let round = 0; round < 3; round++) {
      const wall = clock.wall() + BigInt(round);
      const { commits } = history.figures();
      const stored = peers.map((peer) =>
        history.append(
          messageWith(peer, { wall, text: "y".repeat(600), journal: { feed: peer, entry } }),
        ).committed
      );
      assert.ok((await Promise.all(stored)).every((ok) => ok));
      assert.equal(history.figures().commits, commits + 1);
    }
    await history.settled();
    assert.deepEqual([history.figures().messages, history.figures().failedCommits], [150, 0]);
    assert.equal(journalOf(history, ANN).length, 3);
    await history.close();
  }));

Deno.test("a process whose store another one took over adds nothing to a journal", () =>
  onDisk(async ({ open, path }) => {
    const first = await open();
    await journalOf(first, ANN).append(entriesOf("before"));
    await Deno.remove(`${path}.lock`);
    const second = await open();
    assert.equal(await journalOf(second, ANN).append(entriesOf("mine")), true);
    assert.equal(await journalOf(first, ANN).append(entriesOf("not mine")), false);
    assert.equal(await journalOf(first, ANN).rewrite(entriesOf("not mine")), false);
    assert.equal(await first.dropJournal(ANN), false);
    await assert.rejects(
      journalOf(first, ANN).read(),
      (error) => error instanceof StoreError && error.code === "displaced",
    );
    await first.close();
    assert.deepEqual(await textsIn(second.journal(ANN)), ["before", "mine"]);
    await second.close();
  }));
