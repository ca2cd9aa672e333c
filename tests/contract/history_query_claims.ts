import assert from "node:assert/strict";
import { messageWith, peerNumber, SELF } from "#support/stored_messages.ts";
import type { Claims } from "./history_claim.ts";

const ANN = peerNumber(1);
const BEN = peerNumber(2);
const FREE = { perPeerRatePerMinute: 0, perPeerCap: 0, totalCapBytes: 0 };
const SECOND = 1_000_000_000n;

/** history.md 3, 7, 9.2 and 9.4: what queries and edits do. */
export const queryClaims: Claims = {
  "keeps the id that a message travelled with, and none that was minted here": {
    options: { limits: FREE },
    async holds({ history, clock }) {
      const wall = clock.wall();
      for (const direction of ["in", "out"] as const) {
        history.append(messageWith(ANN, { wall, direction, id: "minted", localId: true }));
      }
      await history.append(messageWith(ANN, { wall, id: "wire" })).committed;
      const records = await history.byPeer(ANN, 0);
      assert.deepEqual(records.map((record) => record.id), [undefined, undefined, "wire"]);
      assert.ok(records[0] && !("id" in records[0]));
      const lines = (await history.events.read(0, 9)).map(({ line }) => JSON.parse(line));
      assert.deepEqual(lines.map(({ id }) => id), ["minted", "minted", "wire"]);
      assert.deepEqual(lines.map(({ ts }) => ts), records.map(({ timestamp }) => timestamp));
      // The events are gone; no id leads to the records.
      assert.equal(await history.forget(ANN, "minted"), true);
      assert.deepEqual((await history.events.read(0, 9)).map(({ seq }) => seq), [3]);
      assert.equal((await history.byPeer(ANN, 0)).length, 3);
    },
  },
  "gives back every field of a record, in the order of the specification": {
    async holds({ history, clock }) {
      const wall = 1_788_861_600_123_456_789n;
      history.append(
        messageWith(ANN, { wall, text: "in", id: "Ab-1", replyTo: "8077ca12ee05c806" }),
      );
      await history.append(
        messageWith(ANN, { wall: clock.wall(), direction: "out", text: "é\ud800" }),
      )
        .committed;
      const records = await history.byPeer(ANN.toUpperCase(), 0);
      assert.equal(
        JSON.stringify(records[0]),
        `{"peer":"${ANN}","from":"${ANN}","outgoing":false,"text":"in",` +
          `"timestamp":"2026-09-08T10:00:00.123456789Z","id":"Ab-1","reply_to":"8077ca12ee05c806"}`,
      );
      assert.deepEqual(Object.keys(records[1] ?? {}), [
        "peer",
        "outgoing",
        "text",
        "timestamp",
        "id",
      ]);
    },
  },
  "recent(100) of 10,000 messages with 50 peers is sorted and right": {
    options: { limits: FREE },
    async holds({ history, clock }) {
      const expected: { wall: bigint; text: string }[] = [];
      for (let number = 0; number < 10_000; number++) {
        // Out of order, and some at the same time.
        const wall = clock.wall() + BigInt((number * 7_919) % 9_001) * 1_000n;
        const text = `${number}`;
        expected.push({ wall, text });
        history.append(messageWith(peerNumber(number % 50), { wall, text }));
      }
      await history.append(messageWith(ANN, { wall: clock.wall() - 1n, text: "oldest" })).committed;
      assert.equal(history.figures().messages, 10_001);
      const recent = await history.recent(100);
      const walls = expected.map(({ wall }) => wall).sort((a, b) => a < b ? -1 : a > b ? 1 : 0);
      const known = new Map(expected.map(({ text, wall }) => [text, wall]));
      assert.deepEqual(recent.map(({ text }) => known.get(text)), walls.slice(-100));
      const all = await history.recent(0);
      assert.equal(all.length, 10_001);
      assert.deepEqual(all.slice(-100), recent);
    },
  },
  "recent counts by timestamp where keys moved on": {
    async holds({ history, clock }) {
      const wall = clock.wall();
      for (const text of ["a", "b", "c"]) history.append(messageWith(ANN, { wall, text }));
      await history.append(messageWith(BEN, { wall: wall + 1n, text: "later" })).committed;
      assert.deepEqual((await history.recent(1)).map(({ text }) => text), ["later"]);
      assert.deepEqual((await history.recent(2)).map(({ text }) => text), ["c", "later"]);
      assert.deepEqual((await history.recent(9)).map(({ text }) => text), ["a", "b", "c", "later"]);
    },
  },
  "byPeer gives the newest, oldest first; all for 0; nothing for strangers": {
    options: { limits: FREE },
    async holds({ history, clock }) {
      for (let number = 0; number < 1_200; number++) {
        history.append(
          messageWith(ANN, { wall: clock.wall() + BigInt(number), text: `${number}` }),
        );
      }
      await history.append(messageWith(BEN, { wall: clock.wall() })).committed;
      assert.deepEqual((await history.byPeer(ANN, 2)).map(({ text }) => text), ["1198", "1199"]);
      assert.equal((await history.byPeer(ANN, 0)).length, 1_200);
      assert.equal((await history.byPeer(ANN, -1)).length, 1_200);
      assert.deepEqual(await history.byPeer(peerNumber(9), 0), []);
      assert.deepEqual(await history.byPeer("nonsense", 0), []);
    },
  },
  "peers are in byte order, and an emptied conversation is gone": {
    async holds({ history, clock }) {
      for (const number of [3, 1, 2]) {
        await history.append(messageWith(peerNumber(number), { wall: clock.wall() })).committed;
      }
      assert.deepEqual(await history.peers(), [1, 2, 3].map(peerNumber));
      assert.equal(await history.forget(BEN, "8077ca12ee05c806"), true);
      assert.deepEqual(await history.peers(), [1, 3].map(peerNumber));
      assert.equal(history.figures().peers, 2);
    },
  },
  "forget removes only what was asked for, and only of its author": {
    async holds({ history, clock }) {
      const wall = clock.wall();
      history.append(messageWith(ANN, { wall, id: "aa" }));
      history.append(messageWith(ANN, { wall: wall + 1n, id: "bb", direction: "out" }));
      history.append(messageWith(ANN, { wall: wall + 2n, id: "cc" }));
      history.append(messageWith(BEN, { wall: wall + 3n, id: "aa" }));
      assert.equal(await history.forget(ANN, "bb", ANN), false, "a peer removed our own message");
      assert.equal(await history.forget(ANN, "aa", SELF), false);
      assert.equal(await history.forget(ANN, "zz"), false);
      assert.equal(await history.forget(peerNumber(9), "aa"), false);
      assert.equal(await history.forget(ANN, "aa", ANN), true);
      assert.equal(await history.forget(ANN, "aa", ANN), false);
      assert.deepEqual((await history.byPeer(ANN, 0)).map(({ id }) => id), ["bb", "cc"]);
      assert.equal(await history.forget(ANN, "bb", SELF.toUpperCase()), true);
      assert.deepEqual((await history.byPeer(BEN, 0)).map(({ id }) => id), ["aa"]);
    },
  },
  "forgetPeer counts, and a conversation can begin again": {
    options: { limits: FREE },
    async holds({ history, clock }) {
      for (let number = 0; number < 1_500; number++) {
        history.append(messageWith(ANN, { wall: clock.wall() + BigInt(number) }));
      }
      assert.equal(await history.forgetPeer(ANN), 1_500);
      assert.equal(await history.forgetPeer(ANN), 0);
      assert.deepEqual(await history.peers(), []);
      const { seq, committed } = history.append(messageWith(ANN, { wall: clock.wall() }));
      await committed;
      assert.equal(seq, 1_501);
      assert.equal((await history.recent(0)).length, 1);
    },
  },
  "peers do not count a conversation whose only fresh message was forgotten": {
    options: { limits: { ttlMs: 3_600_000 } },
    async holds({ history, clock }) {
      history.append(messageWith(ANN, { wall: clock.wall() - 3_599n * SECOND, id: "aa" }));
      await history.append(messageWith(ANN, { wall: clock.wall(), id: "bb" })).committed;
      await clock.advance(2_000);
      assert.deepEqual(await history.peers(), [ANN]);
      assert.equal(await history.forget(ANN, "bb"), true);
      assert.deepEqual(await history.peers(), []);
    },
  },
  "search finds text without case, newest first, and nothing that is gone": {
    async holds({ history, clock }) {
      const wall = clock.wall();
      history.append(messageWith(ANN, { wall, text: "Hello there" }));
      history.append(messageWith(BEN, { wall: wall + SECOND, text: "oh HELLO", direction: "out" }));
      await history.append(messageWith(BEN, { wall: wall + 2n * SECOND, text: "bye" })).committed;
      const hits = await history.search(" hello ", 10);
      assert.deepEqual(hits.map(({ peer, text }) => [peer, text]), [
        [BEN, "oh HELLO"],
        [ANN, "Hello there"],
      ]);
      assert.deepEqual(await history.search("  ", 10), []);
      await history.forgetPeer(BEN);
      assert.equal((await history.search("hello", 10)).length, 1);
    },
  },
  "pages walk conversation by conversation, oldest first": {
    options: { limits: FREE },
    async holds({ history, clock }) {
      for (let number = 0; number < 1_203; number++) {
        const peer = number % 3 === 0 ? BEN : ANN;
        history.append(
          messageWith(peer, { wall: clock.wall() + BigInt(number), text: `${number}` }),
        );
      }
      await history.append(messageWith(BEN, { wall: clock.wall() - 1n, text: "first" })).committed;
      const texts: string[] = [];
      for await (const page of history.pages()) texts.push(...page.map(({ text }) => text));
      assert.equal(texts.length, 1_204);
      assert.deepEqual([texts[0], texts[802], texts[803], texts.at(-1)], [
        "1",
        "first",
        "0",
        "1200",
      ]);
    },
  },
};
