import assert from "node:assert/strict";
import fc from "fast-check";
import { silentLog } from "#kit";
import { type History, MemoryHistory, openHistory } from "#store";
import { assertGroupSums } from "#support/group_sums.ts";
import { exportedGroups, groupMessage } from "#support/group_texts.ts";
import { ManualClock } from "#support/manual_clock.ts";
import { peerNumber, SELF } from "#support/stored_messages.ts";

const HOUR = 3_600_000;
const HOUR_NANOS = 3_600_000_000_000n;

/** One change, told by small numbers. */
type Change = readonly [
  kind: "append" | "forgetGroup" | "forgetWholeGroup" | "sweep" | "import",
  group: number,
  author: number,
  time: number,
];

const change: fc.Arbitrary<Change> = fc.tuple(
  fc.oneof(
    { weight: 14, arbitrary: fc.constant("append" as const) },
    { weight: 3, arbitrary: fc.constant("forgetGroup" as const) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        "forgetWholeGroup" as const,
        "sweep" as const,
        "import" as const,
      ),
    },
  ),
  fc.integer({ min: 1, max: 2 }),
  fc.integer({ min: 0, max: 2 }),
  // Few different times, so that many collide.
  fc.integer({ min: 0, max: 9 }),
);

interface Step {
  readonly change: Change;
  readonly clock: ManualClock;
  readonly number: number;
  /** Waits for each commit. Otherwise times are unique: a commit has all its keys before it evicts. */
  readonly alone: boolean;
}

async function apply(
  history: History,
  { change: [kind, which, who, time], clock, number, alone }: Step,
): Promise<unknown> {
  const wall = clock.wall();
  // A time of 0 is just expired, two of them are ahead.
  const ahead = alone && time > 7 ? BigInt(time) * HOUR_NANOS : 0n;
  const sentAt = wall - HOUR_NANOS + BigInt(alone ? time : time * 1_000 + number) + ahead;
  const [group, author] = [`g${which}`, who === 0 ? SELF : peerNumber(who)];
  const direction = who === 0 ? "out" as const : "in" as const;
  switch (kind) {
    case "append": {
      const message = { wall, sentAt, direction, groupId: group, text: `${number}` };
      const { refusal, committed } = history.append(groupMessage(author, message));
      if (alone || number % 3 === 0) await committed;
      return refusal;
    }
    case "forgetGroup":
      return await history.forgetGroup(group, { sender: author, timestamp: sentAt });
    case "forgetWholeGroup":
      return await history.forgetWholeGroup(group);
    case "sweep":
      return await history.sweep();
    case "import": {
      const timestamp = new Date(Number(wall / 1_000_000n) - time).toISOString();
      const record = { group_id: group, sender_pk: author, outgoing: false, timestamp };
      const groupMessages = [{ ...record, text: `${time}` }];
      return await history.import({ messages: [], groupMessages });
    }
  }
}

/** Everything that a store can tell of groups, but for how it was written. */
async function stateOf(history: History, clock: ManualClock): Promise<unknown> {
  const { groupMessages, groups, bytes } = history.figures();
  const archived = (await history.events.read(0, 1e6)).map(({ line }) => line);
  const start = clock.wall() - HOUR_NANOS;
  const pages = [];
  for (const group of ["g1", "g2"]) {
    for (const limit of [0, 1, 3]) {
      pages.push(await history.groupHistory(group, { limit }));
      pages.push(await history.groupHistory(group, { limit, before: start + 4n }));
      pages.push(await history.groupHistory(group, { limit, before: start + 5_020n }));
    }
  }
  const exported = await exportedGroups(history);
  return { groupMessages, groups, bytes, archived, pages, exported, names: await history.groups() };
}

Deno.test("both stores have the same of groups after any changes, and the one on disk after opening again", async () => {
  const folder = await Deno.makeTempDir();
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { minLength: 20, maxLength: 80 }),
      fc.integer({ min: 1, max: 6 }),
      fc.boolean(),
      async (changes, groupCap, alone) => {
        const clock = new ManualClock();
        const limits = { groupCap, groupRatePerMinute: 0, ttlMs: HOUR };
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
        await disk.settled();
        const expected = await stateOf(memory, clock);
        assert.deepEqual(await stateOf(disk, clock), expected);
        await disk.close();
        await assertGroupSums(path);
        const again = await openHistory({ ...options, path });
        assert.deepEqual(await stateOf(again, clock), expected);
        await again.close();
        await memory.close();
      },
    ),
    { numRuns: 40, interruptAfterTimeLimit: 20_000 },
  );
  await Deno.remove(folder, { recursive: true });
});
