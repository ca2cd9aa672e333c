import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import fc from "fast-check";
import type { Refusal } from "../../lib/store/history.ts";
import { groupIdentityOf, identityOf } from "../../lib/store/import_merge.ts";
import {
  type Flushed,
  IMPORT_BATCH,
  Importer,
  type ImportTable,
} from "../../lib/store/import_run.ts";
import type { GroupRecord, HistoryRecord } from "../../lib/store/record.ts";
import { formatTimestamp } from "../../lib/store/timestamp.ts";
import { peerKey } from "./search_fixture.ts";

const [ALICE, BOB] = [peerKey(1), peerKey(2)];
const NOW = 1_789_000_000_000_000_000n;

interface Limits {
  readonly cap?: number;
  readonly total?: number;
  readonly maxText?: number;
  readonly banned?: string;
  readonly expiry?: bigint;
}

/** The smallest store that an import can work on. */
class Table<R extends HistoryRecord | GroupRecord> implements ImportTable<R> {
  readonly kept = new Map<string, { key: bigint; record: R }[]>();
  readonly #admitted: { record: R; time: bigint }[] = [];
  readonly #limits: Limits;
  /** Records of a lot from this one on are refused by the disk. */
  refuses = Infinity;
  /** Thrown by the next flush. */
  failure: Error | undefined;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  async *stored(conversation: string): AsyncIterable<readonly R[]> {
    for (const { record } of this.kept.get(conversation) ?? []) {
      yield await Promise.resolve([record]);
    }
  }

  admit(record: R, time: bigint): Refusal | undefined {
    const { total = Infinity, maxText = Infinity, banned } = this.#limits;
    if (record.text.length > maxText) return "message exceeds max size";
    if ("peer" in record && record.peer === banned) return "peer not in whitelist";
    if (this.all().length + this.#admitted.length >= total) return "total storage cap reached";
    this.#admitted.push({ record, time });
    return undefined;
  }

  flush(): Promise<Flushed> {
    const admitted = this.#admitted.splice(0);
    const failure = this.failure;
    this.failure = undefined;
    if (failure !== undefined) return Promise.reject(failure);
    const { refuses } = this;
    const lost = admitted.flatMap((_, place) => place >= refuses ? place : []);
    const evicted = admitted.slice(0, refuses)
      .reduce((sum, { record, time }) => sum + this.keep(record, time), 0);
    return Promise.resolve({ evicted, lost });
  }

  keep(record: R, time: bigint): number {
    const conversation = "peer" in record ? record.peer : record.group_id;
    const kept = this.kept.get(conversation) ?? [];
    this.kept.set(conversation, kept);
    let key = time;
    while (kept.some((other) => other.key === key)) key++;
    kept.push({ key, record });
    kept.sort((a, b) => a.key < b.key ? -1 : 1);
    return kept.splice(0, kept.length - (this.#limits.cap ?? Infinity)).length;
  }

  all(): R[] {
    return [...this.kept.keys()].sort()
      .flatMap((name) => (this.kept.get(name) ?? []).map(({ record }) => record));
  }
}

class Store {
  readonly messages: Table<HistoryRecord>;
  readonly groupMessages: Table<GroupRecord>;
  readonly #limits: Limits;
  pauses = 0;
  readonly importer: Importer = new Importer(this);

  constructor(limits: Limits = {}) {
    this.#limits = limits;
    this.messages = new Table(limits);
    this.groupMessages = new Table(limits);
  }

  expiry(): bigint | undefined {
    return this.#limits.expiry;
  }

  pause(): Promise<void> {
    this.pauses++;
    return Promise.resolve();
  }

  /** The archive of http-api.md 4.17, without what changes from one export to the next. */
  export(): { messages: HistoryRecord[]; groupMessages: GroupRecord[] } {
    return { messages: this.messages.all(), groupMessages: this.groupMessages.all() };
  }
}

function message(peer: string, seconds: number, more: Partial<HistoryRecord> = {}): HistoryRecord {
  const timestamp = formatTimestamp(NOW + BigInt(seconds) * 1_000_000_000n);
  return { peer, from: peer, outgoing: false, text: `at ${seconds}`, timestamp, ...more };
}

function groupMessage(seconds: number, more: Partial<GroupRecord> = {}): GroupRecord {
  const { text, timestamp } = message(ALICE, seconds);
  return { group_id: "g", sender_pk: ALICE, outgoing: false, text, timestamp, ...more };
}

const NOTHING = {
  messages: 0,
  group_messages: 0,
  duplicates: 0,
  rejected: 0,
  expiring: 0,
  evicted: 0,
  full: false,
};

Deno.test("identityOf is the id, else time, direction and text", () => {
  const plain = message(ALICE, 1);
  const withId = message(ALICE, 1, { id: "a" });
  equal(identityOf(withId), identityOf(message(ALICE, 2, { id: "a", text: "x", outgoing: true })));
  equal(identityOf(plain), identityOf({ ...plain, reply_to: "x", id: "" }));
  const others = [{ outgoing: true }, { text: "x" }, { timestamp: message(ALICE, 2).timestamp }];
  for (const other of others) ok(identityOf(plain) !== identityOf({ ...plain, ...other }));
  const nearby = { timestamp: "2026-09-08T10:00:00.000000001Z" };
  ok(
    identityOf({ ...plain, ...nearby }) !==
      identityOf({ ...plain, timestamp: "2026-09-08T10:00:00Z" }),
  );
  const group = groupMessage(1);
  equal(groupIdentityOf(group), groupIdentityOf({ ...group, outgoing: true }));
  ok(groupIdentityOf(group) !== groupIdentityOf({ ...group, sender_pk: BOB }));
});

Deno.test("Importer counts stored, duplicate, rejected, expiring and evicted records", async () => {
  const store = new Store({ cap: 3, maxText: 10, banned: BOB, expiry: NOW + 1_000_000_000n });
  store.messages.keep(message(ALICE, 5, { id: "five" }), NOW + 5_000_000_000n);
  const report = await store.importer.run({
    messages: [
      message(ALICE, 1),
      message(ALICE, 1),
      message(ALICE, 6, { id: "five" }),
      message(ALICE, 2),
      message(ALICE, 3),
      message(ALICE, 4, { text: "much too long" }),
      message(BOB, 4),
      { ...message(ALICE, 4), timestamp: "soon" },
      null,
    ],
    groupMessages: [groupMessage(1), groupMessage(1), groupMessage(0), {}],
  });
  deepEqual(report, {
    ...NOTHING,
    messages: 3,
    group_messages: 2,
    duplicates: 3,
    rejected: 5,
    expiring: 3,
    evicted: 1,
  });
  deepEqual(store.messages.all().map(({ text }) => text), ["at 2", "at 3", "at 5"]);
});

Deno.test("Importer stops at a full store, keeps what was stored, and still knows duplicates", async () => {
  const store = new Store({ total: 2 });
  const messages = [1, 2, 3, 4].map((seconds) => message(ALICE, seconds));
  const entries = { messages, groupMessages: [groupMessage(1)] };
  deepEqual(await store.importer.run(entries), { ...NOTHING, messages: 2, full: true });
  equal(store.messages.all().length, 2);
  const again = { messages: messages.slice(0, 2), groupMessages: [] };
  deepEqual(await store.importer.run(again), { ...NOTHING, duplicates: 2 });
});

Deno.test("Importer lets the per-peer cap make room before it calls a store full", async () => {
  const store = new Store({ total: 4, cap: 2 });
  const messages = [1, 2, 3, 4, 5, 6, 7].map((seconds) => message(ALICE, seconds));
  const report = await store.importer.run({ messages, groupMessages: [] });
  deepEqual(report, { ...NOTHING, messages: 7, evicted: 5 });
});

Deno.test("Importer pauses between batches and tells how far it is", async () => {
  const store = new Store();
  const messages = Array.from({ length: 3 * IMPORT_BATCH }, (_, at) => message(ALICE, at));
  const seen: number[] = [];
  await store.importer.run({ messages, groupMessages: [] }, (handled) => seen.push(handled));
  equal(store.pauses, 6, "reading them and merging them");
  equal(seen.at(-1), messages.length);
  deepEqual(seen, [...seen].sort((a, b) => a - b));
});

Deno.test("Importer runs one import after the other, also after one that failed", async () => {
  const store = new Store();
  const entries = { messages: [message(ALICE, 1), message(ALICE, 2)], groupMessages: [] };
  store.messages.failure = new Error("disk full");
  const [failed, second] = [store.importer.run(entries), store.importer.run(entries)];
  await rejects(failed, /disk full/);
  deepEqual(await second, { ...NOTHING, messages: 2 });
  deepEqual(await store.importer.run(entries), { ...NOTHING, duplicates: 2 });
});

Deno.test("Importer ends like at a full store where the disk refuses, and counts what is there", async () => {
  const store = new Store();
  store.messages.refuses = 2;
  const messages = Array.from({ length: 600 }, (_, second) => message(ALICE, second));
  const groupMessages = [groupMessage(1)];
  const report = await store.importer.run({ messages, groupMessages });
  deepEqual(report, { ...NOTHING, messages: 2, full: true });
  equal(store.messages.all().length, 2);
  store.messages.refuses = Infinity;
  const again = await store.importer.run({ messages, groupMessages });
  deepEqual(again, { ...NOTHING, messages: 598, group_messages: 1, duplicates: 2 });
});

/** Times at which nothing collides with what was moved on by a nanosecond. */
const someMessage = fc.record({
  peer: fc.constantFrom(ALICE, BOB),
  seconds: fc.integer({ min: 0, max: 6 }),
  id: fc.option(fc.constantFrom("a", "b", "c"), { nil: undefined }),
  text: fc.constantFrom("x", "y"),
  outgoing: fc.boolean(),
}).map(({ peer, seconds, id, text, outgoing }) =>
  message(peer, seconds, { text, outgoing, ...(id === undefined ? {} : { id }) })
);
const archive = fc.record({
  messages: fc.array(someMessage, { maxLength: 20 }),
  groupMessages: fc.array(fc.integer({ min: 0, max: 4 }).map((at) => groupMessage(at)), {
    maxLength: 6,
  }),
});

function identities({ messages, groupMessages }: ReturnType<Store["export"]>): string[] {
  return [
    ...messages.map((record) => `${record.peer} ${identityOf(record)}`),
    ...groupMessages.map(groupIdentityOf),
  ].sort();
}

Deno.test("Importer: the same archive again changes nothing, and exports read back the same", async () => {
  await fc.assert(
    fc.asyncProperty(archive, fc.option(fc.constantFrom(1, 3), { nil: undefined }), async (
      entries,
      cap,
    ) => {
      const limits = cap === undefined ? {} : { cap };
      const store = new Store(limits);
      await store.importer.run(entries);
      const first = store.export();
      const again = await store.importer.run(entries);
      deepEqual(store.export(), first);
      if (cap === undefined) equal(again.messages + again.group_messages, 0);
      equal(again.messages + again.group_messages, again.evicted);
      const copy = new Store(limits);
      await copy.importer.run(JSON.parse(JSON.stringify(first)));
      deepEqual(copy.export(), first);
    }),
    { numRuns: 150 },
  );
});

Deno.test("Importer: the order of archives and of entries does not decide what is there", async () => {
  await fc.assert(
    fc.asyncProperty(archive, archive, async (one, other) => {
      const [forward, backward] = [new Store(), new Store()];
      await forward.importer.run(one);
      await forward.importer.run(other);
      await backward.importer.run({
        messages: other.messages.toReversed(),
        groupMessages: other.groupMessages,
      });
      await backward.importer.run({
        messages: one.messages.toReversed(),
        groupMessages: one.groupMessages.toReversed(),
      });
      deepEqual(identities(forward.export()), identities(backward.export()));
    }),
    { numRuns: 150 },
  );
});
