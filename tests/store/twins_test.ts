import assert from "node:assert/strict";
import fc from "fast-check";
import { silentLog } from "#kit";
import { type History, MemoryHistory, openHistory } from "#store";
import { ManualClock } from "#support/manual_clock.ts";
import { messageWith, peerNumber, SELF } from "#support/stored_messages.ts";

const HOUR = 3_600_000;

/** One change, told by small numbers. */
type Change = readonly [
  kind: "append" | "forget" | "forgetPeer" | "sweep",
  peer: number,
  time: number,
];

const change: fc.Arbitrary<Change> = fc.tuple(
  fc.oneof(
    { weight: 12, arbitrary: fc.constant("append" as const) },
    { weight: 2, arbitrary: fc.constant("forget" as const) },
    { weight: 1, arbitrary: fc.constantFrom("forgetPeer" as const, "sweep" as const) },
  ),
  fc.integer({ min: 1, max: 2 }),
  // Few different times, so that many collide.
  fc.integer({ min: 0, max: 24 }),
);

interface Step {
  readonly change: Change;
  readonly clock: ManualClock;
  readonly number: number;
  /** Waits for each commit. Otherwise times are unique: a group has all its keys before it evicts. */
  readonly alone: boolean;
}

async function apply(
  history: History,
  { change: [kind, peer, time], clock, number, alone }: Step,
): Promise<unknown> {
  const start = clock.wall() - BigInt(HOUR) * 1_000_000n;
  const wall = start + BigInt(alone ? time : time * 1_000 + number);
  const minted = number % 4 === 0 && { localId: true as const };
  const options = { wall, text: `${number}`, id: `${time % 5}`, ...minted };
  switch (kind) {
    case "append": {
      const { refusal, committed } = history.append(messageWith(peerNumber(peer), options));
      if (alone || number % 3 === 0) await committed;
      return refusal;
    }
    case "forget":
      return await history.forget(peerNumber(peer), options.id);
    case "forgetPeer":
      return await history.forgetPeer(peerNumber(peer));
    case "sweep":
      return await history.sweep();
  }
}

/** Everything that a store can tell, but for how it was written. */
async function stateOf(history: History, alone: boolean): Promise<unknown> {
  const { messages, peers, bytes, events } = history.figures();
  const archived = (await history.events.read(0, 1e6)).map(({ line }) => line);
  const recents = [];
  for (const limit of [0, 1, 2, 5, 9]) recents.push(await history.recent(limit));
  const last = [];
  for (const peer of [1, 2]) last.push(await history.byPeer(peerNumber(peer), 3));
  const found = (await history.search("1", 50)).map(({ text }) => text).sort();
  // A row of events goes when all of them are too old, and one by one where each came alone.
  const size = alone ? events : archived.length;
  return { messages, peers, bytes, size, archived, recents, last, found };
}

Deno.test("both stores tell the same after any changes, and the one on disk after opening again", async () => {
  const folder = await Deno.makeTempDir();
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { minLength: 20, maxLength: 100 }),
      fc.integer({ min: 1, max: 6 }),
      fc.boolean(),
      async (changes, perPeerCap, alone) => {
        const clock = new ManualClock();
        // A time of 0 is just expired.
        const limits = { perPeerCap, perPeerRatePerMinute: 0, ttlMs: HOUR };
        const options = { clock, log: silentLog, self: SELF, limits };
        const path = `${folder}/${++run}.db`;
        const disk = await openHistory({ ...options, path });
        const memory = new MemoryHistory(options);
        for (const [number, one] of changes.entries()) {
          const results = await Promise.all(
            [disk, memory].map((history) => apply(history, { change: one, clock, number, alone })),
          );
          assert.deepEqual(results[0], results[1], String(one));
        }
        await disk.forget(peerNumber(9), "a job behind the appends");
        const expected = await stateOf(memory, alone);
        assert.deepEqual(await stateOf(disk, alone), expected);
        await disk.close();
        const again = await openHistory({ ...options, path });
        assert.deepEqual(await stateOf(again, alone), expected);
        await again.close();
        await memory.close();
      },
    ),
    { numRuns: 60, interruptAfterTimeLimit: 20_000 },
  );
  await Deno.remove(folder, { recursive: true });
});
