import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { type KvHistory, openHistory, StoreError } from "#store";
import { assertGroupSums } from "#support/group_sums.ts";
import { exportedGroups, groupMessage, groupTexts } from "#support/group_texts.ts";
import { ManualClock } from "#support/manual_clock.ts";
import { keptLog, peerNumber, SELF } from "#support/stored_messages.ts";
import { groupKey, groupPartsRange } from "../../lib/store/keyspace.ts";

const ANN = peerNumber(1);
const BEN = peerNumber(2);
const EACH = 700;
const DAY = 86_400_000;
const LIMITS = { groupRatePerMinute: 0, groupCap: 0, ttlMs: DAY };

interface Damaged {
  readonly clock: ManualClock;
  readonly log: ReturnType<typeof keptLog>;
  readonly path: string;
  /** When message 0 was; each is a nanosecond after the one before. */
  readonly start: bigint;
  open(limits?: object): Promise<KvHistory>;
}

/** A closed store with {@link EACH} messages of the group "g" and three of "other". */
async function withStore(test: (store: Damaged) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/history.db`;
  const [clock, log] = [new ManualClock(), keptLog()];
  const open = (limits: object = {}) =>
    openHistory({ path, clock, log, self: SELF, limits: { ...LIMITS, ...limits } });
  const start = clock.wall();
  try {
    const history = await open();
    for (let number = 0; number < EACH; number++) {
      const sentAt = start + BigInt(number);
      history.append(groupMessage(ANN, { wall: start, sentAt, text: textOf(number) }));
      if (number >= 3) continue;
      const other = { wall: start, sentAt, text: "x", groupId: "other" };
      history.append(groupMessage(ANN, other));
    }
    await history.close();
    await test({ clock, log, path, start, open });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function textOf(number: number): string {
  return `<${number}>`;
}

/** Makes records unreadable for the runtime, as one flipped bit may: their values get another type. */
function spoil(path: string, numbers: readonly number[]): void {
  const database = new DatabaseSync(path);
  for (const number of numbers) {
    // The value of a row of events is longer.
    const { changes } = database.prepare(
      "UPDATE kv SET v_encoding = 1 WHERE instr(v, ?) > 0 AND length(v) < 60",
    ).run(new TextEncoder().encode(textOf(number)));
    assert.equal(Number(changes), 1);
  }
  database.close();
}

function isDamaged(error: unknown): boolean {
  return error instanceof StoreError && error.code === "damaged";
}

Deno.test("group rows that cannot be read take no others with them, and are told", () =>
  withStore(async ({ log, path, open, start }) => {
    const bad = [0, 5, 6, 300, EACH - 1];
    spoil(path, bad);
    const history = await open();
    const good = Array.from({ length: EACH }, (_, number) => number)
      .filter((number) => !bad.includes(number)).map(textOf);
    assert.deepEqual(await groupTexts(history), good);
    assert.deepEqual(await groupTexts(history, { limit: 450 }), good.slice(-450));
    assert.deepEqual(await groupTexts(history, { limit: 2, before: start + 8n }), [
      textOf(4),
      textOf(7),
    ]);
    let exported = 0;
    await assert.rejects(async () => {
      for await (const page of history.groupPages()) exported += page.length;
    }, isDamaged);
    assert.equal(exported, good.length + 3);
    assert.equal(history.figures().damaged, 1);
    const errors = log.lines.filter((line) => line.startsWith("ERROR"));
    assert.equal(errors.length, 1);
    assert.match(errors[0] ?? "", /damaged: groups: /);
    assert.equal(await history.forgetGroup("g", { sender: ANN, timestamp: start + 7n }), true);
    assert.equal(await history.forgetGroup("g", { sender: ANN, timestamp: start + 5n }), true);
    const { committed } = history.append(groupMessage(BEN, { wall: start, sentAt: start + 6n }));
    assert.equal(await committed, true);
    await history.close();
  }));

Deno.test("forgetting a damaged group ends the damage", () =>
  withStore(async ({ path, open }) => {
    spoil(path, [0, 20, EACH - 1]);
    const history = await open();
    await assert.rejects(exportedGroups(history), isDamaged);
    assert.equal(await history.forgetWholeGroup("g"), EACH);
    assert.equal((await exportedGroups(history)).length, 3);
    const { damaged, groupMessages } = history.figures();
    assert.deepEqual([damaged, groupMessages], [0, 3]);
    await history.forgetWholeGroup("other");
    assert.equal(history.figures().bytes, 0);
    await history.close();
    await assertGroupSums(path);
  }));

Deno.test("cap and sweep go on past group rows that cannot be read", () =>
  withStore(async ({ clock, path, open, start }) => {
    spoil(path, [0, 1, 650]);
    const capped = await open({ groupCap: 100 });
    await capped.append(groupMessage(BEN, { wall: start, sentAt: start + 9_000n })).committed;
    await capped.settled();
    assert.equal((await groupTexts(capped)).length, 99);
    assert.equal(capped.figures().groupMessages, 103);
    await clock.advance(DAY + 1);
    await capped.sweep();
    const { groupMessages, bytes } = capped.figures();
    assert.deepEqual([groupMessages, bytes], [0, 0]);
    await capped.close();
    await assertGroupSums(path);
  }));

Deno.test("a store without its sums and with a group row that cannot be read opens, and keeps what it has", () =>
  withStore(async ({ path, open, start }) => {
    spoil(path, [0, 300]);
    const kv = await Deno.openKv(path);
    for await (const { key } of kv.list(groupPartsRange())) await kv.delete(key);
    kv.close();
    const history = await open();
    // The name of a group is unknown where its first row cannot be read.
    assert.equal(history.figures().damaged, 1);
    assert.equal(history.figures().groupMessages, EACH + 3);
    const late = { wall: start, sentAt: start + 1n, text: "late" };
    assert.equal(await history.append(groupMessage(BEN, late)).committed, true);
    assert.equal((await groupTexts(history)).length, EACH - 1);
    await history.close();
  }));

Deno.test("group messages that a listing lost are missed aloud, until the group is gone", () =>
  withStore(async ({ path, open, start }) => {
    const kv = await Deno.openKv(path);
    for (const number of [3n, 4n]) await kv.delete(groupKey("g", start + number));
    kv.close();
    const history = await open();
    await assert.rejects(exportedGroups(history), /2 messages of groups cannot be read/);
    assert.equal(await history.forgetWholeGroup("g"), EACH - 2);
    assert.equal((await exportedGroups(history)).length, 3);
    await history.close();
    await assertGroupSums(path);
  }));
