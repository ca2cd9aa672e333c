import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { systemClock } from "#kit";
import { type KvHistory, openHistory, StoreError } from "#store";
import { keptLog, messageWith, peerNumber, SELF } from "#support/stored_messages.ts";
import { peerKey, recordKey, timeKey } from "../../lib/store/keyspace.ts";

const PEERS = [1, 2, 3].map(peerNumber);
const [ANN = "", BEN = "", CLEO = ""] = PEERS;
const EACH = 100;
const LIMITS = { perPeerRatePerMinute: 0, perPeerCap: 0 };

interface Damaged {
  readonly log: ReturnType<typeof keptLog>;
  readonly times: readonly bigint[];
  readonly path: string;
  open(): Promise<KvHistory>;
}

/** A store with {@link EACH} messages of each peer, closed; then whatever breaks it. */
async function withStore(test: (store: Damaged) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/history.db`;
  const log = keptLog();
  const open = () => openHistory({ path, clock: systemClock, log, self: SELF, limits: LIMITS });
  const start = systemClock.wall();
  const times = Array.from({ length: EACH }, (_, number) => start + BigInt(number));
  try {
    const history = await open();
    for (const wall of times) {
      for (const peer of PEERS) {
        history.append(messageWith(peer, { wall, text: textOf(peer, wall) }));
      }
    }
    await history.import({
      messages: [],
      groupMessages: [0, 1, 2].map((second) => ({
        group_id: "g",
        sender_pk: ANN,
        outgoing: false,
        text: "x",
        timestamp: new Date(Date.now() - second * 1_000).toISOString(),
      })),
    });
    await history.close();
    await test({ log, times, path, open });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function breakRows(path: string, change: (kv: Deno.Kv) => Promise<unknown>): Promise<void> {
  const kv = await Deno.openKv(path);
  await change(kv);
  kv.close();
}

/** Makes records unreadable for the runtime, as one flipped bit may: their values get another type. */
function spoil(path: string, texts: readonly string[]): void {
  const database = new DatabaseSync(path);
  for (const text of texts) {
    const bytes = new TextEncoder().encode(text);
    // The value of an event is longer.
    const { changes } = database.prepare(
      "UPDATE kv SET v_encoding = 1 WHERE instr(v, ?) > 0 AND length(v) < 60",
    ).run(bytes);
    assert.equal(Number(changes), 1);
  }
  database.close();
}

/** The text of a message. */
function textOf(peer: string, wall: bigint | undefined): string {
  return `${Number(peer.slice(-1))}:${wall}`;
}

/** What an export gets, and how it ends. */
async function exported(history: KvHistory): Promise<{ messages: number; error: unknown }> {
  let messages = 0;
  try {
    for await (const page of history.pages()) messages += page.length;
    for await (const _ of history.groupPages());
  } catch (error) {
    return { messages, error };
  }
  return { messages, error: undefined };
}

function errorsIn(log: { readonly lines: readonly string[] }): readonly string[] {
  return log.lines.filter((line) => line.startsWith("ERROR"));
}

function isDamaged(error: unknown): boolean {
  return error instanceof StoreError && error.code === "damaged";
}

Deno.test("a whole store has no damage, also while messages come and go", () =>
  withStore(async ({ log, open }) => {
    const history = await open();
    const busy = (async () => {
      for (let turn = 0; turn < 40; turn++) {
        const id = `${turn}`;
        const wall = systemClock.wall();
        await history.append(messageWith(ANN, { wall, id })).committed;
        if (turn % 3 === 0) await history.forget(ANN, id);
        if (turn === 20) await history.forgetPeer(BEN);
      }
    })();
    for (let turn = 0; turn < 20; turn++) {
      assert.equal((await exported(history)).error, undefined);
      await history.search("1", 10);
    }
    await busy;
    assert.equal(history.figures().damaged, 0);
    assert.deepEqual(errorsIn(log), []);
    await history.close();
  }));

Deno.test("a row that the runtime cannot read takes no other with it, and is told", () =>
  withStore(async ({ log, times, path, open }) => {
    spoil(path, [textOf(BEN, times[30])]);
    const history = await open();
    const { messages, error } = await exported(history);
    assert.deepEqual([messages, isDamaged(error)], [3 * EACH - 1, true], String(error));
    assert.equal(history.figures().damaged, 1);
    assert.equal(errorsIn(log).length, 1);
    assert.match(errorsIn(log)[0] ?? "", /damaged: conversation with 03[0-9]*: 1 of 100 messages/);
    const lengths = await Promise.all(PEERS.map(async (peer) => {
      const all = (await history.byPeer(peer, 0)).map(({ text }) => text);
      assert.deepEqual(all, [...all].sort());
      assert.equal((await history.byPeer(peer, 5)).length, 5);
      return all.length;
    }));
    assert.deepEqual(lengths, [EACH, EACH - 1, EACH]);
    assert.equal((await history.recent(0)).length, 3 * EACH - 1);
    assert.equal((await history.recent(1_000)).length, 3 * EACH - 1);
    assert.equal((await history.search("1", 1_000)).length, 3 * EACH - 1);
    await history.close();
  }));

Deno.test("the reading at the start finds damage without being asked", () =>
  withStore(async ({ times, log, path, open }) => {
    spoil(path, [textOf(BEN, times[30]), textOf(BEN, times[31])]);
    const history = await open();
    await history.search("anything", 1);
    assert.equal(history.figures().damaged, 1);
    assert.equal(errorsIn(log).length, 1);
    await history.close();
  }));

Deno.test("records that a listing lost are found by their time, or missed aloud", () =>
  withStore(async ({ times, log, path, open }) => {
    const gone = times.slice(0, 7);
    await breakRows(path, async (kv) => {
      for (const at of gone) await kv.delete(recordKey(1, at));
    });
    const history = await open();
    const { messages, error } = await exported(history);
    assert.deepEqual([messages, isDamaged(error)], [3 * EACH - 7, true]);
    assert.match(errorsIn(log).join("\n"), /^ERROR .*: 7 of 100 messages cannot be read/);
    await history.close();
  }));

Deno.test("a conversation whose row is lost is told, and its number is not given away", () =>
  withStore(async ({ log, times, path, open }) => {
    await breakRows(path, (kv) => kv.delete(peerKey(CLEO)));
    const history = await open();
    await history.search("anything", 1);
    assert.equal(history.figures().damaged, 1);
    assert.match(errorsIn(log).join("\n"), /nobody knows whose messages these are/);
    const stranger = peerNumber(9);
    await history.append(messageWith(stranger, { wall: systemClock.wall(), text: "new" }))
      .committed;
    assert.equal(times.length, EACH);
    assert.deepEqual((await history.byPeer(stranger, 0)).map(({ text }) => text), ["new"]);
    await history.close();
  }));

Deno.test("messages go on being stored beside damage, and forgetting its conversation ends it", () =>
  withStore(async ({ times, path, open }) => {
    spoil(path, [textOf(ANN, times[0]), textOf(BEN, times[50])]);
    const capped = { ...LIMITS, perPeerCap: EACH };
    await (await open()).close();
    const history = await openHistory({
      path,
      clock: systemClock,
      log: keptLog(),
      self: SELF,
      limits: capped,
    });
    for (const peer of PEERS) {
      const { committed } = history.append(messageWith(peer, { wall: systemClock.wall() }));
      assert.equal(await committed, true);
    }
    await history.search("anything", 1);
    // The reading at the start may have come before what pushed the damaged row of ANN out.
    await exported(history);
    assert.equal(history.figures().damaged, 1);
    for (const peer of PEERS) await history.forgetPeer(peer);
    assert.deepEqual(await history.peers(), []);
    assert.equal(history.figures().messages, 0);
    assert.equal((await exported(history)).error, undefined);
    assert.equal(history.figures().damaged, 0);
    await history.close();
    const kv = await Deno.openKv(path);
    for (const id of [1, 2, 3]) {
      for (const at of times) {
        assert.equal((await kv.get(timeKey(at, id))).value, null);
        assert.equal((await kv.get(recordKey(id, at))).value, null);
      }
    }
    kv.close();
  }));

Deno.test("events that cannot be read are a gap, whose numbers do not come again", () =>
  withStore(async ({ log, path, open }) => {
    const first = await open();
    const { newest } = first.events;
    await first.close();
    for (const where of ["ORDER BY k LIMIT 1", "ORDER BY k DESC LIMIT 1"]) {
      const database = new DatabaseSync(path);
      // Keys of events begin with the text "e".
      const event = `SELECT k FROM kv WHERE substr(k, 1, 3) = x'026500' ${where}`;
      const update = `UPDATE kv SET v_encoding = 1 WHERE k IN (${event})`;
      const { changes } = database.prepare(update).run();
      assert.equal(Number(changes), 1);
      database.close();
      const history = await open();
      assert.ok(history.figures().damaged >= 1);
      assert.ok(history.events.newest >= newest);
      const { seq, committed } = history.append(messageWith(ANN, { wall: systemClock.wall() }));
      assert.ok(seq > newest);
      assert.equal(await committed, true);
      const events = await history.events.read(0, 1_000);
      assert.equal(events.at(-1)?.seq, seq);
      assert.equal((await exported(history)).error, undefined);
      assert.equal(await history.forget(ANN, "not there"), false);
      assert.equal(await history.forgetPeer(peerNumber(9)), 0);
      await history.close();
    }
    assert.equal(errorsIn(log).length, 2);
  }));

Deno.test("group messages that are missing end an export", () =>
  withStore(async ({ log, path, open }) => {
    await breakRows(path, async (kv) => {
      for await (const { key } of kv.list({ prefix: ["g"] }, { limit: 1 })) await kv.delete(key);
    });
    const history = await open();
    assert.ok(isDamaged((await exported(history)).error));
    assert.equal(history.figures().damaged, 1);
    assert.match(errorsIn(log).join("\n"), /groups: 1 messages of groups cannot be read/);
    await history.close();
  }));
