import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { utf8 } from "#kit";
import { type KvHistory, openHistory } from "#store";
import { entriesOf, journalOf, stateOf, textsIn } from "#support/journal_texts.ts";
import { ManualClock } from "#support/manual_clock.ts";
import { keptLog, peerNumber, SELF } from "#support/stored_messages.ts";
import { entriesKey, journalKey } from "../../lib/store/keyspace.ts";

const ANN = peerNumber(1);
const BEN = peerNumber(2);
const BLOCKS = 250;
const TEXTS = Array.from({ length: BLOCKS }, (_, at) => `ann ${at}`);

interface Damaged {
  readonly log: ReturnType<typeof keptLog>;
  readonly path: string;
  open(): Promise<KvHistory>;
  /** Changes the file of a store that is not open. */
  breakRows(change: (kv: Deno.Kv) => Promise<unknown>): Promise<void>;
  /** Makes rows unreadable for the runtime, as one flipped bit may: their values get another type. */
  spoil(where: string, bytes: Uint8Array, rows: number): void;
}

/** A store with two journals, one block an entry, closed; then whatever breaks it. */
async function withStore(test: (store: Damaged) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/history.db`;
  const log = keptLog();
  const clock = new ManualClock();
  const open = () => openHistory({ path, clock, log, self: SELF });
  try {
    const history = await open();
    for (const text of TEXTS) await journalOf(history, ANN).append(entriesOf(text), utf8("state"));
    await journalOf(history, BEN).append(entriesOf("ben"));
    await history.close();
    await test({
      log,
      path,
      open,
      async breakRows(change) {
        const kv = await Deno.openKv(path);
        await change(kv);
        kv.close();
      },
      spoil(where, bytes, rows) {
        const database = new DatabaseSync(path);
        const update = `UPDATE kv SET v_encoding = 1 WHERE ${where}`;
        assert.equal(Number(database.prepare(update).run(bytes).changes), rows);
        database.close();
      },
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Rows of blocks that hold this text: their keys begin with the text "k". */
const BLOCK_WITH = "substr(k, 1, 3) = x'026b00' AND instr(v, ?) > 0";

function without(...gone: readonly number[]): readonly string[] {
  return TEXTS.filter((_, at) => !gone.includes(at));
}

Deno.test("blocks that cannot be read are left out of a journal and told, the rest is read", () =>
  withStore(async ({ log, open, breakRows, spoil }) => {
    for (const at of [0, 120, 121, BLOCKS - 1]) spoil(BLOCK_WITH, utf8(`ann ${at}`), 1);
    await breakRows((kv) => kv.set(entriesKey(1, 51), new Uint8Array([200])));
    await breakRows((kv) => kv.delete(entriesKey(1, 61)));
    const history = await open();
    const journal = journalOf(history, ANN);
    const left = without(0, 50, 60, 120, 121, BLOCKS - 1);
    assert.deepEqual(await textsIn(journal), left);
    assert.deepEqual([await stateOf(journal), journal.length], ["state", BLOCKS]);
    assert.equal(history.figures().damaged, 1);
    const told = log.lines.filter((line) => line.startsWith("ERROR"));
    assert.equal(told.length, 1);
    assert.match(told[0] ?? "", /damaged: journal of 03[0-9]*1: 6 of 250 entries cannot be read/);
    assert.deepEqual(await textsIn(history.journal(BEN)), ["ben"]);
    assert.equal(await journal.append(entriesOf("new")), true);
    assert.deepEqual(await textsIn(journal), [...left, "new"]);
    const rewritten = journal.rewrite(entriesOf("a", "b"));
    journal.append(entriesOf("c"));
    assert.equal(await rewritten, true);
    assert.deepEqual(await textsIn(journal), ["a", "b", "c"]);
    assert.deepEqual([journal.length, journal.bytes, history.figures().damaged], [3, 3, 0]);
    await history.close();
  }));

Deno.test("a journal with rows that cannot be read can be dropped without having been read", () =>
  withStore(async ({ open, breakRows, spoil }) => {
    spoil(BLOCK_WITH, utf8("ann 77"), 1);
    const history = await open();
    assert.equal(await history.dropJournal(ANN), true);
    assert.deepEqual([history.journalFeeds(), history.figures().damaged], [[BEN], 0]);
    await history.close();
    await breakRows(async (kv) => {
      for await (const { key } of kv.list({ prefix: ["k", 1n] })) assert.fail(String(key));
      assert.equal((await kv.get(journalKey(ANN))).value, null);
    });
  }));

for (const how of ["gone", "another type", "too short", "unreadable"] as const) {
  Deno.test(`a journal whose row is ${how} begins anew, and its number is not given away`, () =>
    withStore(async ({ log, open, breakRows, spoil }) => {
      const key = journalKey(BEN);
      if (how === "gone") await breakRows((kv) => kv.delete(key));
      if (how === "another type") await breakRows((kv) => kv.set(key, "x"));
      if (how === "too short") await breakRows((kv) => kv.set(key, new Uint8Array([9])));
      // Keys of journals begin with the text "j"; the row of BEN is the second.
      const row = "k = (SELECT max(k) FROM kv WHERE substr(k, 1, 3) = ?)";
      if (how === "unreadable") spoil(row, new Uint8Array([2, 0x6a, 0]), 1);
      const history = await open();
      assert.deepEqual(history.journalFeeds(), [ANN]);
      assert.deepEqual(await textsIn(history.journal(ANN)), TEXTS);
      const cleo = journalOf(history, peerNumber(3));
      await cleo.append(entriesOf("cleo"));
      await journalOf(history, BEN).append(entriesOf("new"));
      assert.deepEqual(await textsIn(cleo), ["cleo"]);
      assert.deepEqual(await textsIn(history.journal(BEN)), ["new"]);
      if (how !== "gone") {
        assert.equal(log.lines.filter((line) => line.includes("damaged: journal")).length, 1);
      }
      await history.close();
      const again = await open();
      assert.deepEqual(await textsIn(again.journal(BEN)), ["new"]);
      assert.deepEqual(await textsIn(again.journal(ANN)), TEXTS);
      await again.close();
    }));
}
