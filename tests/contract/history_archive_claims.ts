import assert from "node:assert/strict";
import { messageWith, peerNumber } from "#support/stored_messages.ts";
import type { Claims } from "./history_claim.ts";
import type { OutboxEntry } from "#store";

const ANN = peerNumber(1);
const BEN = peerNumber(2);
const DAY = 86_400_000;

/** The durable events of `/events`, and queued messages. */
export const archiveClaims: Claims = {
  "numbers every event, refused ones too, and gives them back as /events sends them": {
    options: { limits: { maxMessageBytes: 5 } },
    async holds({ history, clock }) {
      const { events } = history;
      assert.deepEqual([events.oldest, events.newest], [1, 0]);
      assert.deepEqual(await events.read(0, 10), []);
      const wall = clock.wall();
      assert.equal(history.append(messageWith(ANN, { wall })).seq, 1);
      const refused = history.append(messageWith(ANN, {
        wall,
        text: "too long \u2028 \n",
        direction: "out",
        replyTo: "q",
        id: "odd id",
      }));
      assert.equal(refused.seq, 2);
      const last = messageWith(BEN, { wall, channel: "group", groupId: "g", request: true });
      assert.equal(await history.append(last).committed, true);
      assert.deepEqual([events.oldest, events.newest], [1, 3]);
      const read = await events.read(0, 10);
      assert.deepEqual(read.map(({ seq, channel }) => [seq, channel]), [
        [1, "dm"],
        [2, "dm"],
        [3, "group"],
      ]);
      const line = JSON.parse(read[1]?.line ?? "");
      assert.equal(line.seq, 2);
      assert.equal(line.text, "too long \u2028 \n");
      assert.deepEqual([line.to, line.reply_to_id, line.id], [ANN, "q", "odd id"]);
      assert.equal(line.len, 14);
      assert.ok(!read[1]?.line.includes("\u2028"));
      assert.equal(JSON.parse(read[2]?.line ?? "").request, true);
      assert.deepEqual((await events.read(1, 1)).map(({ seq }) => seq), [2]);
      assert.deepEqual(await events.read(3, 10), []);
      assert.deepEqual(await events.read(0, 0), []);
    },
  },
  "keeps at most as many events as allowed": {
    options: { archive: { events: 10, bytes: 1e9, age: 7 * DAY } },
    async holds({ history, clock }) {
      for (let number = 0; number < 25; number++) {
        await history.append(messageWith(ANN, { wall: clock.wall() })).committed;
      }
      const { events } = history;
      assert.deepEqual([events.oldest, events.newest, history.figures().events], [16, 25, 10]);
      assert.deepEqual((await events.read(3, 2)).map(({ seq }) => seq), [16, 17]);
    },
  },
  "keeps at most as many bytes of events as allowed": {
    options: { archive: { events: 1e6, bytes: 5_000, age: 7 * DAY } },
    async holds({ history, clock }) {
      for (let number = 0; number < 20; number++) {
        const text = "x".repeat(1_000);
        await history.append(messageWith(ANN, { wall: clock.wall(), text })).committed;
      }
      assert.ok(history.figures().events >= 2 && history.figures().events <= 5);
      assert.equal(history.events.newest, 20);
    },
  },
  "drops events by age, with the sweep, and never repeats a number": {
    options: { archive: { events: 1e6, bytes: 1e9, age: DAY } },
    async holds({ history, clock }) {
      await history.append(messageWith(ANN, { wall: clock.wall() })).committed;
      await clock.advance(DAY);
      await history.sweep();
      const { events } = history;
      assert.deepEqual([events.oldest, events.newest, history.figures().events], [2, 1, 0]);
      assert.equal(history.append(messageWith(ANN, { wall: clock.wall() })).seq, 2);
    },
  },
  "forgetPeer takes the events of that conversation along": {
    async holds({ history, clock }) {
      for (const peer of [ANN, BEN, ANN, BEN]) {
        const direction = history.events.newest % 2 === 0 ? "in" : "out";
        history.append(messageWith(peer, { wall: clock.wall(), direction }));
      }
      await history.append(messageWith(ANN, { wall: clock.wall(), channel: "group", groupId: "g" }))
        .committed;
      await history.forgetPeer(ANN);
      const { events } = history;
      assert.deepEqual((await events.read(0, 10)).map(({ seq }) => seq), [2, 4, 5]);
      assert.deepEqual([events.oldest, events.newest, history.figures().events], [2, 5, 3]);
      await history.forgetPeer(BEN);
      assert.deepEqual((await events.read(0, 10)).map(({ seq }) => seq), [5]);
    },
  },
  "committed resolves in the order of the appends": {
    options: { limits: { perPeerRatePerMinute: 0 } },
    async holds({ history, clock }) {
      const order: number[] = [];
      const all: Promise<void>[] = [];
      for (let number = 0; number < 700; number++) {
        const { seq, committed } = history.append(messageWith(ANN, { wall: clock.wall() }));
        all.push(committed.then((ok) => void (ok && order.push(seq))));
      }
      await Promise.all(all);
      assert.deepEqual(order, Array.from({ length: 700 }, (_, index) => index + 1));
    },
  },
  "append after close says that nothing was written": {
    async holds({ history, clock }) {
      await history.close();
      const { refusal, committed } = history.append(messageWith(ANN, { wall: clock.wall() }));
      assert.deepEqual([refusal, await committed], [undefined, false]);
    },
  },
  "the outbox lists in the order of queueing, replaces by id and removes": {
    async holds({ history: { outbox } }) {
      const entry = (id: string, text = "hi"): OutboxEntry => ({
        id,
        to: ANN,
        text,
        queuedAt: "1",
        expiresAt: "2",
      });
      await Promise.all([outbox.put(entry("b")), outbox.put(entry("a")), outbox.put(entry("c"))]);
      await outbox.put({ ...entry("b", "x".repeat(65_536)), writtenAt: "3", replyTo: "q" });
      assert.deepEqual(outbox.list().map(({ id }) => id), ["b", "a", "c"]);
      assert.deepEqual([outbox.list()[0]?.text.length, outbox.list()[0]?.writtenAt], [65_536, "3"]);
      assert.deepEqual([await outbox.remove("a"), await outbox.remove("a")], [true, false]);
      await outbox.put(entry("b", "short"));
      assert.deepEqual(outbox.list().map(({ id, text }) => [id, text.length]), [["b", 5], [
        "c",
        2,
      ]]);
    },
  },
};
