import assert from "node:assert/strict";
import fc from "fast-check";
import { silentLog, utf8, utf8Text } from "#kit";
import { type History, MemoryHistory, openHistory } from "#store";
import { journalOf } from "#support/journal_texts.ts";
import { ManualClock } from "#support/manual_clock.ts";
import { messageWith, peerNumber, SELF } from "#support/stored_messages.ts";

const FEEDS = [SELF, peerNumber(1), peerNumber(2)];

/** One call, told by small numbers. */
interface Call {
  readonly kind: "append" | "note" | "rewrite" | "drop";
  readonly feed: number;
  readonly entries: number;
  /** Entries of this size make a call take several commits. */
  readonly isLarge: boolean;
  readonly hasState: boolean;
  readonly isAwaited: boolean;
}

const call: fc.Arbitrary<Call> = fc.record({
  kind: fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom("append" as const, "note" as const) },
    { weight: 3, arbitrary: fc.constant("rewrite" as const) },
    { weight: 1, arbitrary: fc.constant("drop" as const) },
  ),
  feed: fc.integer({ min: 0, max: FEEDS.length - 1 }),
  entries: fc.integer({ min: 0, max: 4 }),
  isLarge: fc.boolean(),
  hasState: fc.boolean(),
  isAwaited: fc.boolean(),
});

function make(history: History, one: Call, number: number): Promise<boolean> {
  const feed = FEEDS[one.feed] ?? "";
  const size = one.isLarge ? 150_000 : 5;
  const entries = Array.from(
    { length: one.entries },
    (_, at) => utf8(`${number}.${at}`.padEnd(size)),
  );
  const state = one.hasState ? utf8(`${number}`) : undefined;
  switch (one.kind) {
    case "append":
      return journalOf(history, feed).append(entries, state);
    case "rewrite":
      return journalOf(history, feed).rewrite(entries, state);
    case "drop":
      return history.dropJournal(feed);
    case "note": {
      const journal = { feed, entry: entries[0] ?? utf8("") };
      const text = `${number}`;
      return history.append(messageWith(peerNumber(3), { wall: 1n, text, journal })).committed;
    }
  }
}

/** Everything that journals can tell. */
async function stateOf(history: History): Promise<unknown> {
  const feeds = [];
  for (const feed of FEEDS) {
    const journal = journalOf(history, feed);
    const { state, entries } = await journal.read();
    const texts = entries.map((entry) => `${utf8Text(entry).trim()} ${entry.length}`);
    feeds.push([state && utf8Text(state), texts, journal.length, journal.bytes]);
  }
  return { feeds, listed: history.journalFeeds() };
}

Deno.test("both stores have the same in their journals after any calls, waited for or not, and the one on disk after opening again", async () => {
  const folder = await Deno.makeTempDir();
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 40 }), async (calls) => {
      const options = { clock: new ManualClock(), log: silentLog, self: SELF };
      const path = `${folder}/${++run}.db`;
      const disk = await openHistory({ ...options, path });
      const memory = new MemoryHistory(options);
      const results: Promise<boolean>[] = [];
      for (const [number, one] of calls.entries()) {
        make(memory, one, number);
        const result = make(disk, one, number);
        results.push(result);
        if (one.isAwaited) await result;
      }
      assert.ok((await Promise.all(results)).every((ok) => ok));
      const expected = await stateOf(memory);
      assert.deepEqual(await stateOf(disk), expected);
      assert.equal(disk.figures().damaged, 0);
      await disk.close();
      const again = await openHistory({ ...options, path });
      assert.deepEqual(await stateOf(again), expected);
      await again.close();
      await memory.close();
      await Deno.remove(path);
    }),
    { numRuns: 80 },
  );
  await Deno.remove(folder, { recursive: true });
});
