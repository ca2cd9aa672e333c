import assert from "node:assert/strict";
import { openHistory } from "#store";
import { silentLog } from "#kit";
import { ManualClock } from "#support/manual_clock.ts";
import { messageWith, peerNumber, SELF } from "#support/stored_messages.ts";
import * as keys from "../../lib/store/keyspace.ts";

const ANN = peerNumber(1);

/** One key of each row, pieces included where it has them. */
const EXAMPLES: Readonly<Record<keyof typeof keys.ROWS, readonly keys.Key[]>> = {
  format: [keys.formatKey()],
  owner: [keys.ownerKey()],
  peer: [keys.peerKey(ANN)],
  record: [keys.recordKey(1, 2n), keys.recordKey(1, 2n, 1)],
  time: [keys.timeKey(2n, 1)],
  group: [keys.groupKey("g", 2n), keys.groupKey("g", 2n, 1)],
  groupPart: [keys.groupPartKey("g")],
  groupSums: [keys.groupSumsKey()],
  event: [keys.eventKey(1), keys.eventKey(1, 1)],
  newestEvent: [keys.newestEventKey()],
  outbox: [keys.outboxKey(1), keys.outboxKey(1, 1)],
  journal: [keys.journalKey(ANN)],
  groupJournal: [keys.journalKey("group:g")],
  entries: [keys.entriesKey(1, 2), keys.entriesKey(1, 2, 1)],
};

/** Shape of a key as the document writes it. */
function shapeOf(key: keys.Key): string {
  const parts = key.map((part, index) =>
    index === 0
      ? JSON.stringify(part)
      : typeof part === "bigint"
      ? "n"
      : typeof part === "string"
      ? "s"
      : "b"
  );
  return `[${parts.join(", ")}]`;
}

/** Row name -> shapes, of the table in docs/KEYSPACE.md. */
async function documented(): Promise<Map<string, string[]>> {
  const text = await Deno.readTextFile(new URL("../../docs/KEYSPACE.md", import.meta.url));
  const rows = new Map<string, string[]>();
  for (const [, name = "", key = ""] of text.matchAll(/^\| `(\w+)` +\| `([^`]+)`/gm)) {
    const short = key.replace(", n?", "");
    rows.set(name, short === key ? [key] : [short, key.replace("n?", "n")]);
  }
  return rows;
}

Deno.test("docs/KEYSPACE.md lists the shape of every key, and no other", async () => {
  const built = Object.entries(EXAMPLES).map(([name, examples]) => [name, examples.map(shapeOf)]);
  assert.deepEqual([...await documented()].sort(), built.sort());
  for (const [name, [key]] of Object.entries(EXAMPLES)) {
    assert.equal(key?.[0], keys.ROWS[name as keyof typeof keys.ROWS]);
  }
});

Deno.test("a store that holds everything has no row that the document does not list", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/history.db`;
  const clock = new ManualClock();
  const options = { path, clock, log: silentLog, self: SELF, limits: { maxMessageBytes: 0 } };
  const history = await openHistory(options);
  history.append(messageWith(ANN, { wall: clock.wall(), text: "x".repeat(65_536) }));
  await history.import({
    messages: [],
    groupMessages: [{
      group_id: "g",
      sender_pk: ANN,
      outgoing: false,
      text: "y".repeat(65_536),
      timestamp: "2026-09-08T10:00:00Z",
    }],
  });
  const entry = { id: "1", to: ANN, text: "z".repeat(65_536), queuedAt: "1", expiresAt: "2" };
  await history.outbox.put(entry);
  await history.journal(SELF)?.append([new Uint8Array(65_536)], new Uint8Array(8));
  await history.journal("group:g")?.append([new Uint8Array(8)]);
  history.append(messageWith(peerNumber(2), { wall: clock.wall() }));
  await history.forgetPeer(peerNumber(2));
  await history.close();
  const kv = await Deno.openKv(path);
  const shapes = new Set<string>();
  for await (const { key } of kv.list({ prefix: [] })) {
    shapes.add(`${String(key[0])} ${shapeOf(key)}`);
  }
  kv.close();
  await Deno.remove(folder, { recursive: true });
  const known = [...(await documented()).values()].flat();
  const expected = known.map((shape) => `${shape.slice(2, shape.indexOf('"', 2))} ${shape}`);
  assert.deepEqual([...shapes].sort(), expected.sort());
});

Deno.test("keys say what they were built from", () => {
  assert.equal(keys.peerOf(keys.peerKey(ANN)), ANN);
  const big = 2n ** 63n - 1n;
  assert.deepEqual(keys.recordPlace(keys.recordKey(7, big, 2)), {
    conversation: 7,
    at: big,
    piece: 2,
  });
  assert.deepEqual(keys.timePlace(keys.timeKey(big, 7)), { at: big, conversation: 7 });
  assert.deepEqual(keys.groupPlace(keys.groupKey("g", -1n)), { group: "g", at: -1n, piece: 0 });
  assert.deepEqual(keys.eventPlace(keys.eventKey(9)), { first: 9, piece: 0 });
  assert.equal(keys.outboxPlace(keys.outboxKey(3, 1)), 3);
  assert.equal(keys.journalFeed(keys.journalKey(ANN)), ANN);
  assert.equal(keys.journalFeed(keys.journalKey("group:Ops 1")), "group:Ops 1");
  assert.equal(keys.groupOfPart(keys.groupPartKey("Ops 1")), "Ops 1");
  assert.equal(keys.entriesBlock(keys.entriesKey(3, 4, 1)), 4);
});

Deno.test("keys of another shape are refused, and so is a peer that is no key", () => {
  assert.throws(() => keys.peerKey("02ab"), RangeError);
  assert.throws(() => keys.journalKey("02ab"), RangeError);
  assert.throws(() => keys.journalKey("group:"), RangeError);
  const readers = [
    keys.peerOf,
    keys.recordPlace,
    keys.timePlace,
    keys.groupPlace,
    keys.groupOfPart,
    keys.entriesBlock,
  ];
  for (const read of readers) {
    assert.throws(() => read(["x", 1]), RangeError);
  }
  assert.throws(() => keys.eventPlace(["e", "x"]), RangeError);
});

Deno.test("ranges hold their rows and no neighbours, in the order of time", async () => {
  const kv = await Deno.openKv(":memory:");
  const all = [
    ...Object.values(EXAMPLES).flat(),
    keys.recordKey(1, 10n),
    keys.recordKey(1, -3n),
    keys.recordKey(2, 5n),
    keys.recordKey(300, 5n),
    keys.groupKey("g2", 1n),
    keys.timeKey(1n, 300),
    keys.entriesKey(1, 10),
    keys.entriesKey(2, 1),
  ];
  for (const key of all) await kv.set(key, 1);
  const listed = async (range: keys.KeyRange) => {
    const found: string[] = [];
    for await (const { key } of kv.list(range)) found.push(key.slice(1).join(" "));
    return found;
  };
  assert.deepEqual(await listed(keys.recordsRange(1)), ["1 -3", "1 2", "1 2 1", "1 10"]);
  assert.deepEqual(await listed(keys.recordsRange(1, { from: 2n, to: 10n })), ["1 2", "1 2 1"]);
  assert.deepEqual(await listed(keys.timeRange({ to: 2n })), ["1 300"]);
  assert.deepEqual(await listed(keys.timeRange({ from: 2n })), ["2 1"]);
  assert.deepEqual(await listed(keys.groupsRange("g")), ["g 2", "g 2 1"]);
  assert.deepEqual(await listed(keys.groupsRange("g", { from: 3n })), []);
  assert.deepEqual(await listed(keys.groupsRange("g", { from: 2n, to: 3n })), ["g 2", "g 2 1"]);
  assert.deepEqual(await listed(keys.groupPartsRange()), ["g"]);
  assert.deepEqual(await listed(keys.groupJournalsRange()), ["g"]);
  assert.equal((await listed(keys.groupsRange())).length, 3);
  assert.equal((await listed(keys.everyRecordRange())).length, 6);
  assert.equal((await listed(keys.peersRange())).length, 1);
  assert.deepEqual(await listed(keys.eventsRange(2)), []);
  assert.equal((await listed(keys.outboxRange())).length, 2);
  assert.equal((await listed(keys.journalsRange())).length, 1);
  assert.deepEqual(await listed(keys.entriesRange(1, { from: 2, to: 10 })), ["1 2", "1 2 1"]);
  assert.deepEqual(await listed(keys.entriesFromRange(2)), ["2 1"]);
  kv.close();
});
