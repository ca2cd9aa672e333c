import assert from "node:assert/strict";
import { eventTexts } from "#support/journal_texts.ts";
import { exportedGroups, groupMessage, groupTexts } from "#support/group_texts.ts";
import { messageWith, peerNumber, SELF } from "#support/stored_messages.ts";
import type { Claims } from "./history_claim.ts";

const ANN = peerNumber(1);
const BEN = peerNumber(2);
const DAY = 86_400_000;
const FREE = { groupRatePerMinute: 0 };

/** Live messages of groups: how they are kept, limited and read. */
export const groupClaims: Claims = {
  "keeps a message of a group under its author's time, apart from all others": {
    async holds({ history, clock }) {
      const wall = clock.wall();
      history.append(messageWith(ANN, { wall, text: "direct" }));
      history.append(groupMessage(ANN.toUpperCase(), { wall, sentAt: wall - 9n, text: "in" }));
      history.append(groupMessage(BEN, { wall, text: "no time of its own" }));
      const out = groupMessage(BEN, { wall, sentAt: wall - 5n, text: "out", direction: "out" });
      const { seq, refusal, committed } = history.append(out);
      assert.deepEqual([seq, refusal, await committed], [4, undefined, true]);
      const records = await history.groupHistory("g", { limit: 0 });
      assert.deepEqual(records.map(({ timestamp: _, ...record }) => record), [
        { group_id: "g", sender_pk: ANN, outgoing: false, text: "in" },
        { group_id: "g", sender_pk: SELF, outgoing: true, text: "out" },
        { group_id: "g", sender_pk: BEN, outgoing: false, text: "no time of its own" },
      ]);
      assert.deepEqual(await exportedGroups(history), records);
      const times = await history.groupHistory("g", { limit: 0, before: wall - 5n });
      assert.deepEqual(times, records.slice(0, 1));
      assert.deepEqual(await history.peers(), [ANN]);
      assert.deepEqual((await history.recent(0)).map(({ text }) => text), ["direct"]);
      assert.deepEqual(await history.search("out", 9), []);
      assert.deepEqual(await eventTexts(history), ["direct", "in", "no time of its own", "out"]);
      const { messages, peers, groupMessages, groups } = history.figures();
      assert.deepEqual([messages, peers, groupMessages, groups], [1, 1, 3, 1]);
    },
  },
  "gives an event of a group back with its author's time, and whether the author was listed": {
    async holds({ history, clock }) {
      const wall = clock.wall();
      history.append(groupMessage(ANN, { wall, sentAt: wall - 1n, listed: false }));
      await history.append(groupMessage(ANN, { wall })).committed;
      const [one = "", other = ""] = (await history.events.read(0, 9)).map(({ line }) => line);
      assert.ok(one.includes(`"ts_nano":${wall - 1n}`), one);
      assert.deepEqual([JSON.parse(one).listed, JSON.parse(other).listed], [false, undefined]);
      assert.ok(!other.includes("ts_nano"), other);
    },
  },
  "lists the groups with what they have, by name": {
    options: { limits: { ttlMs: DAY } },
    async holds({ history, clock }) {
      assert.deepEqual(await history.groups(), []);
      assert.deepEqual(await history.groupHistory("g", { limit: 9 }), []);
      const wall = clock.wall();
      const minute = 60_000_000_000n;
      const append = (groupId: string, sentAt: bigint) =>
        history.append(groupMessage(ANN, { wall, sentAt, groupId })).committed;
      await Promise.all([append("z", wall), append("a", wall + 5n), append("z", wall - minute)]);
      await append("old", wall - minute);
      const newest = async (group: string) =>
        (await history.groupHistory(group, { limit: 1 }))[0]?.timestamp;
      assert.deepEqual(await history.groups(), [
        { group_id: "a", count: 1, newest: await newest("a") },
        { group_id: "old", count: 1, newest: await newest("old") },
        { group_id: "z", count: 2, newest: await newest("z") },
      ]);
      // Expired is what the next sweep takes; none runs by itself between two times ten minutes apart.
      await clock.advance(DAY - 60_000);
      const counts = (await history.groups()).map(({ group_id, count }) => [group_id, count]);
      assert.deepEqual(counts, [["a", 1], ["z", 1]]);
      assert.equal((await groupTexts(history, { group: "z" })).length, 1);
      assert.deepEqual(await groupTexts(history, { group: "old" }), []);
      assert.equal(history.figures().groupMessages, 4);
      assert.equal(await history.sweep(), 2);
      assert.deepEqual([history.figures().groupMessages, history.figures().groups], [2, 2]);
      await clock.advance(60_000);
      await history.sweep();
      assert.deepEqual(await history.groups(), [
        { group_id: "a", count: 1, newest: await newest("a") },
      ]);
    },
  },
  "gives the newest of a group before a time, also of messages of one nanosecond": {
    options: { limits: FREE },
    async holds({ history, clock }) {
      const wall = clock.wall();
      const append = (text: string, sentAt: bigint) =>
        history.append(groupMessage(ANN, { wall, sentAt, text })).committed;
      // Three of one moment push the one behind them on, and one that comes late as well.
      await append("1a", wall + 1n);
      await Promise.all([append("1b", wall + 1n), append("2", wall + 2n), append("9", wall + 9n)]);
      await append("1c", wall + 1n);
      const all = ["1a", "1b", "1c", "2", "9"];
      assert.deepEqual(await groupTexts(history), all);
      const before = (more: bigint, limit = 0) =>
        groupTexts(history, { before: wall + more, limit });
      assert.deepEqual(await before(1n), []);
      assert.deepEqual(await before(2n), ["1a", "1b", "1c"]);
      assert.deepEqual(await before(3n), ["1a", "1b", "1c", "2"]);
      assert.deepEqual(await before(9n), ["1a", "1b", "1c", "2"]);
      assert.deepEqual(await before(2n ** 63n), all);
      for (const limit of [1, 2, 3, 4, 5, 6]) {
        assert.deepEqual(await groupTexts(history, { limit }), all.slice(-limit));
      }
      assert.deepEqual([await before(2n, 1), await before(3n, 2)], [["1c"], ["1c", "2"]]);
      assert.deepEqual(await groupTexts(history, { limit: -1 }), all);
      const stamps = (await history.groupHistory("g", { limit: 0, before: wall + 2n }))
        .map(({ timestamp }) => timestamp);
      assert.equal(new Set(stamps).size, 1);
    },
  },
  "drops the oldest of a full group, and of that group alone": {
    options: { limits: { ...FREE, groupCap: 3, perPeerCap: 1 } },
    async holds({ history, clock }) {
      const wall = clock.wall();
      const append = (text: string, sentAt: bigint, groupId = "g") =>
        history.append(groupMessage(ANN, { wall, sentAt, text, groupId })).committed;
      await append("other", wall, "other");
      for (const number of [1n, 2n, 3n, 4n]) await append(`${number}`, wall + number);
      assert.deepEqual(await groupTexts(history), ["2", "3", "4"]);
      const { bytes } = history.figures();
      // Together, and one that is older than all that stay.
      await Promise.all([append("5", wall + 5n), append("0", wall), append("6", wall + 6n)]);
      assert.deepEqual(await groupTexts(history), ["4", "5", "6"]);
      assert.deepEqual(await groupTexts(history, { group: "other" }), ["other"]);
      assert.deepEqual([history.figures().groupMessages, history.figures().bytes], [4, bytes]);
    },
  },
  "drops the oldest that is still there, whatever was forgotten between": {
    options: { limits: { ...FREE, groupCap: 3 } },
    async holds({ history, clock }) {
      const wall = clock.wall();
      const append = (number: bigint) =>
        history.append(groupMessage(ANN, { wall, sentAt: wall + number, text: `${number}` }))
          .committed;
      for (const number of [1n, 2n, 3n, 4n]) await append(number);
      await history.forgetGroup("g", { sender: ANN, timestamp: wall + 3n });
      for (const number of [5n, 6n, 7n, 8n]) await append(number);
      assert.deepEqual(await groupTexts(history), ["6", "7", "8"]);
      assert.equal(history.figures().groupMessages, 3);
    },
  },
  "gives messages of one time by their author, whichever came first": {
    options: { limits: { ...FREE } },
    async holds({ history, clock }) {
      const wall = clock.wall();
      const append = (author: string, groupId: string) =>
        history.append(groupMessage(author, { wall, sentAt: wall, groupId, text: author }))
          .committed;
      const [first, second] = ANN < BEN ? [ANN, BEN] : [BEN, ANN];
      for (const author of [second, first]) await append(author, "g");
      for (const author of [first, second]) await append(author, "other");
      for (const group of ["g", "other"]) {
        const kept = await history.groupHistory(group, { limit: 0 });
        assert.deepEqual(kept.map(({ text }) => text), [first, second]);
      }
    },
  },
  "cuts messages of one time where their authors say, and not where they came": {
    options: { limits: FREE },
    async holds({ history, clock }) {
      const wall = clock.wall();
      const authors = [3, 1, 2, 3, 1].map(peerNumber);
      for (const [place, author] of authors.entries()) {
        await history.append(groupMessage(author, { wall, text: `${place}` })).committed;
      }
      // It came last, and those of the moment before it took its key and the next ones.
      await history.append(groupMessage(ANN, { wall, sentAt: wall + 1n, text: "later" })).committed;
      await history.append(groupMessage(BEN, { wall, sentAt: wall - 1n, text: "old" })).committed;
      const all = ["old", "1", "4", "2", "0", "3", "later"];
      assert.deepEqual(await groupTexts(history), all);
      for (const [limit] of all.entries()) {
        assert.deepEqual(await groupTexts(history, { limit: limit + 1 }), all.slice(-limit - 1));
        const before = await groupTexts(history, { limit: limit + 1, before: wall + 1n });
        assert.deepEqual(before, all.slice(0, -1).slice(-limit - 1));
      }
      const [newest] = await history.groupHistory("g", { limit: 1 });
      assert.deepEqual(await history.groups(), [
        { group_id: "g", count: 7, newest: newest?.timestamp },
      ]);
    },
  },
  "names the largest time of a group as its newest, whatever has the largest key": {
    options: { limits: FREE },
    async holds({ history, clock }) {
      const wall = clock.wall();
      for (const [text, ahead] of [["2", 2n], ["1", 1n], ["1", 1n], ["1", 1n]] as const) {
        await history.append(groupMessage(ANN, { wall, sentAt: wall + ahead, text })).committed;
      }
      const records = await history.groupHistory("g", { limit: 0 });
      assert.deepEqual(records.map(({ text }) => text), ["1", "1", "1", "2"]);
      assert.deepEqual(await groupTexts(history, { limit: 1 }), ["2"]);
      assert.equal((await history.groups())[0]?.newest, records[3]?.timestamp);
      assert.notEqual(records[2]?.timestamp, records[3]?.timestamp);
    },
  },
  "keeps what is dated far ahead five minutes after its arrival, where it grows old": {
    options: { limits: { ...FREE } },
    async holds({ history, clock }) {
      const wall = clock.wall();
      const append = (text: string, ahead: bigint) =>
        history.append(groupMessage(ANN, { wall, sentAt: wall + ahead, text })).committed;
      await append("in a century", 3_155_760_000_000_000_000n);
      await append("just so", 300_000_000_000n);
      await append("now", 0n);
      const kept = await history.groupHistory("g", { limit: 0 });
      assert.deepEqual(kept.map(({ text }) => text), ["now", "in a century", "just so"]);
      assert.equal(kept[1]?.timestamp, kept[2]?.timestamp);
      const before = (ahead: bigint) => groupTexts(history, { before: wall + ahead });
      assert.deepEqual(await before(300_000_000_000n), ["now"]);
      assert.equal((await before(300_000_000_001n)).length, 3);
    },
  },
  "has a rate for each author and group, in the minute that the author says": {
    options: { limits: { groupRatePerMinute: 2, perPeerRatePerMinute: 1 } },
    async holds({ history, clock, log }) {
      const append = (author: string, fields: Parameters<typeof groupMessage>[1]) =>
        history.append(groupMessage(author, fields)).refusal;
      const wall = clock.wall();
      const rate = "per-peer rate limit exceeded";
      // What was missed in an hour comes at once.
      const missed = [2n, 2n, 2n, 1n, 0n].map((hours) => wall - hours * 3_600_000_000_000n);
      const refusals = missed.map((sentAt) => append(ANN, { wall, sentAt }));
      assert.deepEqual(refusals, [undefined, undefined, rate, undefined, undefined]);
      assert.equal(append(ANN, { wall }), undefined);
      assert.equal(append(ANN, { wall }), rate);
      assert.equal(append(ANN, { wall, groupId: "other" }), undefined);
      assert.equal(append(BEN, { wall }), undefined);
      const own = [1, 2, 3].map(() => append(BEN, { wall, direction: "out" }));
      assert.deepEqual(own, [undefined, undefined, rate]);
      assert.equal(history.append(messageWith(ANN, { wall })).refusal, undefined);
      assert.equal(history.append(messageWith(ANN, { wall })).refusal, rate);
      await clock.advance(60_000);
      assert.equal(append(ANN, { wall: clock.wall() }), undefined);
      assert.deepEqual(log, [
        `WARN skychat/group: history append g ${ANN}: ${rate}`,
        `WARN skychat/group: history append g ${SELF}: ${rate}`,
        `WARN skychat/dm: history append ${ANN}: ${rate}`,
      ]);
      assert.equal(history.figures().refused[rate], 4);
    },
  },
  "keeps size and total size for groups too, and the event of what it refuses": {
    options: { limits: { ...FREE, maxMessageBytes: 5, totalCapBytes: 200 } },
    async holds({ history, clock }) {
      const append = (text: string) =>
        history.append(groupMessage(ANN, { wall: clock.wall(), text }));
      assert.equal(append("too long").refusal, "message exceeds max size");
      const kept = [1, 2, 3, 4, 5].map(() => append("12345").refusal);
      assert.deepEqual(
        kept,
        [undefined, undefined, undefined, "total storage cap reached"].concat(
          "total storage cap reached",
        ),
      );
      const direct = messageWith(BEN, { wall: clock.wall(), text: "" });
      assert.equal(history.append(direct).refusal, "total storage cap reached");
      await append("").committed;
      assert.equal(history.figures().groupMessages, 3);
      assert.equal((await eventTexts(history)).length, 8);
      // What is forgotten makes room.
      await history.forgetWholeGroup("g");
      assert.equal(append("again").refusal, undefined);
    },
  },
  "keeps nothing of an author outside the whitelist, and always what this node wrote": {
    options: { whitelist: new Set([ANN]), limits: FREE },
    async holds({ history, clock }) {
      const wall = clock.wall();
      assert.equal(history.append(groupMessage(ANN, { wall, text: "ann" })).refusal, undefined);
      const refused = history.append(groupMessage(BEN, { wall, text: "ben" }));
      assert.equal(refused.refusal, "peer not in whitelist");
      const own = history.append(groupMessage(BEN, { wall, text: "own", direction: "out" }));
      assert.deepEqual([own.refusal, await own.committed], [undefined, true]);
      assert.ok(SELF < ANN);
      assert.deepEqual(await groupTexts(history), ["own", "ann"]);
      assert.deepEqual(await eventTexts(history), ["ann", "own"]);
    },
  },
  "keeps no record of an author without a key, or of a group that no archive could name": {
    async holds({ history, clock }) {
      const wall = clock.wall();
      const append = (author: string, groupId: string) =>
        history.append(groupMessage(author, { wall, groupId })).refusal;
      assert.equal(append("ann", "g"), "peer PK is empty");
      for (const name of ["", "x".repeat(257), "\ud800"]) {
        assert.equal(append(ANN, name), undefined);
      }
      assert.equal(append(ANN, "x".repeat(256)), undefined);
      await history.append(groupMessage(ANN, { wall, channel: "system" })).committed;
      const names = (await exportedGroups(history)).map(({ group_id }) => group_id);
      assert.deepEqual(names, ["x".repeat(256)]);
    },
  },
  "exports live messages of groups so that another import finds nothing new, within the cap": {
    options: { limits: { ...FREE, groupCap: 4, ttlMs: 0 } },
    async holds({ history, clock }) {
      const wall = clock.wall();
      for (const text of ["1", "2", "3"]) {
        await history.append(groupMessage(ANN, { wall, text })).committed;
      }
      const records = await exportedGroups(history);
      const older = [1, 2].map((number) => ({
        ...{ group_id: "g", sender_pk: BEN, outgoing: false, text: `old ${number}` },
        timestamp: `2001-01-01T00:00:0${number}Z`,
      }));
      const document = { messages: [], groupMessages: [...older, ...records] };
      const { group_messages, duplicates, evicted } = await history.import(document);
      assert.deepEqual([group_messages, duplicates, evicted], [2, 3, 1]);
      assert.deepEqual(await groupTexts(history), ["old 2", "1", "2", "3"]);
      assert.equal(history.figures().groupMessages, 4);
    },
  },
};
