import assert from "node:assert/strict";
import type { GroupRecord, History, HistoryRecord } from "#store";
import { messageWith, peerNumber } from "#support/stored_messages.ts";
import type { Claims } from "./history_claim.ts";

const ANN = peerNumber(1);
const BEN = peerNumber(2);
const TIME = "2026-09-08T10:00:00.123456789Z";
const FREE = { perPeerRatePerMinute: 0, ttlMs: 0 };

function record(fields: Partial<HistoryRecord> = {}): HistoryRecord {
  return { peer: ANN, from: ANN, outgoing: false, text: "hi", timestamp: TIME, ...fields };
}

function groupRecord(fields: Partial<GroupRecord> = {}): GroupRecord {
  const base = { group_id: "g1", sender_pk: ANN, outgoing: false, text: "hi", timestamp: TIME };
  return { ...base, ...fields };
}

async function exported(history: History): Promise<unknown> {
  const document = { messages: [] as HistoryRecord[], groups: [] as GroupRecord[] };
  for await (const page of history.pages()) document.messages.push(...page);
  for await (const page of history.groupPages()) document.groups.push(...page);
  return document;
}

/** history.md 7.1, and as much of 9.5 as one store can show. */
export const importClaims: Claims = {
  "imports, and the same document again changes nothing": {
    options: { limits: FREE },
    async holds({ history }) {
      const messages = [
        record({ id: "aa", text: "" }),
        record({ id: "bb", reply_to: "aa", outgoing: true, from: undefined as never }),
        record({ peer: BEN, from: BEN, file_name: "a.txt", file_size: 7, file_url: "u" }),
        record({ peer: BEN, from: ANN, timestamp: "1999-12-31T23:59:59Z", text: "two authors" }),
        record({ text: "same time" }),
      ];
      const groupMessages = [
        groupRecord(),
        groupRecord({ text: "x" }),
        groupRecord({ group_id: "a" }),
      ];
      const report = await history.import({ messages, groupMessages });
      assert.deepEqual(report, {
        messages: 5,
        group_messages: 3,
        duplicates: 0,
        rejected: 0,
        expiring: 0,
        evicted: 0,
        full: false,
      });
      const first = await exported(history);
      const again = await history.import({ messages, groupMessages });
      assert.deepEqual([again.messages, again.group_messages, again.duplicates], [0, 0, 8]);
      assert.deepEqual(await exported(history), first);
      const [, unusual] = await history.byPeer(BEN, 0);
      assert.deepEqual([unusual?.file_name, unusual?.file_size], ["a.txt", 7]);
      assert.equal((await history.byPeer(BEN, 0))[0]?.from, ANN);
      assert.equal(history.figures().messages, 5);
    },
  },
  "imports within size, whitelist and cap, without the rate, and counts": {
    options: {
      whitelist: new Set([ANN]),
      limits: { maxMessageBytes: 10, perPeerCap: 3, ttlMs: 86_400_000, perPeerRatePerMinute: 1 },
    },
    async holds({ history, clock }) {
      await history.append(messageWith(ANN, { wall: clock.wall(), id: "live" })).committed;
      const messages = [
        record({ id: "1", text: "far too long" }),
        record({ id: "2", peer: BEN }),
        record({ id: "live" }),
        record({ id: "3", timestamp: "2020-01-01T00:00:00Z" }),
        record({ id: "4", timestamp: "2020-01-01T00:00:01Z" }),
        record({ id: "5", timestamp: "2020-01-01T00:00:02Z" }),
      ];
      const report = await history.import({ messages, groupMessages: [] });
      assert.deepEqual(report, {
        messages: 3,
        group_messages: 0,
        duplicates: 1,
        rejected: 2,
        expiring: 3,
        evicted: 1,
        full: false,
      });
      assert.equal(history.figures().messages, 3);
      assert.deepEqual((await history.byPeer(ANN, 0)).map(({ id }) => id), ["live"]);
    },
  },
  "stops at a full store and says so": {
    options: { limits: { ...FREE, totalCapBytes: 1_000 } },
    async holds({ history }) {
      const messages = Array.from({ length: 100 }, (_, at) => record({ id: `id-${at}` }));
      const report = await history.import({ messages, groupMessages: [groupRecord()] });
      assert.equal(report.full, true);
      assert.equal(report.messages, history.figures().messages);
      assert.ok(report.messages > 5 && report.messages < 25);
      assert.equal(report.group_messages, 0);
    },
  },
  "imports while messages arrive, and tells how far it is": {
    options: { limits: { ...FREE, perPeerCap: 0, totalCapBytes: 0 } },
    async holds({ history, clock }) {
      const messages = Array.from({ length: 2_000 }, (_, at) => record({ id: `id-${at}` }));
      const handled: number[] = [];
      const importing = history.import(
        { messages, groupMessages: [] },
        (count) => handled.push(count),
      );
      const live: Promise<boolean>[] = [];
      for (let turn = 0; turn < 40; turn++) {
        live.push(
          history.append(messageWith(ANN, { wall: clock.wall(), id: `live-${turn}` })).committed,
        );
        await clock.advance(1);
      }
      let done = false;
      void importing.then(() => done = true);
      while (!done) await clock.advance(1);
      assert.equal((await importing).messages, 2_000);
      assert.ok((await Promise.all(live)).every((stored) => stored));
      assert.equal(handled.at(-1), 2_000);
      assert.equal((await history.byPeer(ANN, 0)).length, 2_040);
    },
  },
};
