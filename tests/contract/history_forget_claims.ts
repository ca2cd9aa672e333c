import assert from "node:assert/strict";
import { ARCHIVE_PAGE_CHARACTERS } from "#events";
import { everyEvent, messageWith, peerNumber, SELF } from "#support/stored_messages.ts";
import type { Claims, FullHistory } from "./history_claim.ts";

const ANN = peerNumber(1);
const BEN = peerNumber(2);
const DAY = 86_400_000;
const FREE = { perPeerRatePerMinute: 0 };

async function eventsOf({ events }: FullHistory): Promise<unknown[]> {
  return (await everyEvent(events)).map(({ line }) => JSON.parse(line).text);
}

function groupRecord(fields: { text: string; timestamp: string; group_id?: string }) {
  return { group_id: "g", sender_pk: ANN, outgoing: false, ...fields };
}

/** What must not be kept, and what must go. */
export const forgetClaims: Claims = {
  "writes nothing of a peer outside the whitelist, but counts": {
    options: { whitelist: new Set([ANN]), limits: { maxMessageBytes: 10 } },
    async holds({ history, clock }) {
      const wall = clock.wall();
      const append = (peer: string, options: Parameters<typeof messageWith>[1]) =>
        history.append(messageWith(peer, options));
      assert.equal(append(ANN, { wall, text: "kept" }).seq, 1);
      const refused = append(BEN, { wall, text: "secret" });
      assert.deepEqual([refused.seq, refused.refusal], [2, "peer not in whitelist"]);
      append(BEN, { wall, text: "secret", direction: "out" });
      // Another limit comes first; the whitelist is against it all the same.
      assert.equal(
        append(BEN, { wall, text: "secret, and long" }).refusal,
        "message exceeds max size",
      );
      append(BEN, { wall, text: "secret", channel: "pair" });
      append(BEN, { wall, text: "secret", channel: "group", groupId: "g" });
      assert.equal(await append(BEN, { wall, text: "secret" }).committed, true);
      const { events } = history;
      assert.deepEqual([events.oldest, events.newest, history.figures().events], [1, 7, 1]);
      assert.equal(append(ANN, { wall, text: "this is too long" }).seq, 8);
      assert.equal(await append(ANN, { wall, text: "last" }).committed, true);
      assert.deepEqual(await eventsOf(history), ["kept", "this is too long", "last"]);
    },
  },
  "forget takes what this node wrote whichever of its keys wrote it, and never what the peer wrote":
    {
      async holds({ history, clock }) {
        const [wall, id] = [clock.wall(), "1"];
        const own = { wall, id, direction: "out" as const, sender: BEN };
        history.append(messageWith(ANN, { ...own, text: "by feed" }));
        await history.append(messageWith(ANN, { wall, id, text: "of the peer" })).committed;
        assert.equal(await history.forget(ANN, id, SELF.toUpperCase()), true);
        assert.deepEqual(await eventsOf(history), ["of the peer"]);
        assert.deepEqual((await history.byPeer(ANN, 0)).map(({ text }) => text), ["of the peer"]);
        // What is kept of another time, when the node had a key that it does not know any more.
        history.append(messageWith(ANN, { ...own, text: "again" }));
        assert.equal(await history.forget(ANN, id, BEN), true);
        history.append(messageWith(ANN, { ...own, text: "own" }));
        assert.equal(await history.forget(ANN, id, ANN), true);
        assert.deepEqual(await eventsOf(history), ["own"]);
        assert.deepEqual((await history.byPeer(ANN, 0)).map(({ text }) => text), ["own"]);
      },
    },
  "forget takes the event along with its record, and also an event alone": {
    options: { limits: { ...FREE, maxMessageBytes: 5 } },
    async holds({ history, clock }) {
      const wall = clock.wall();
      const [id, other] = ["1", "2"];
      history.append(messageWith(ANN, { wall, id, text: "in" }));
      history.append(messageWith(ANN, { wall, id, text: "out", direction: "out" }));
      history.append(messageWith(ANN, { wall, id: other, text: "other" }));
      history.append(messageWith(BEN, { wall, id, text: "ben" }));
      history.append(messageWith(ANN, { wall, id, text: "g", channel: "group", groupId: "g" }));
      await history.append(messageWith(ANN, { wall, id: "3", text: "too long" })).committed;
      const { commits } = history.figures();
      assert.equal(await history.forget(ANN.toUpperCase(), id, ANN.toUpperCase()), true);
      assert.deepEqual(await eventsOf(history), ["out", "other", "ben", "g", "too long"]);
      assert.equal(await history.forget(ANN, id, SELF), true);
      assert.deepEqual(await eventsOf(history), ["other", "ben", "g", "too long"]);
      assert.equal(await history.forget(ANN, id), false);
      assert.equal(await history.forget(ANN, "3", SELF), false);
      assert.equal(await history.forget(ANN, "3", ANN), true);
      assert.equal(await history.forget(ANN, "3"), false);
      assert.deepEqual(await eventsOf(history), ["other", "ben", "g"]);
      assert.equal(history.figures().commits, commits);
      assert.deepEqual((await history.byPeer(ANN, 0)).map(({ text }) => text), ["other"]);
      assert.equal(history.append(messageWith(ANN, { wall })).seq, 7);
    },
  },
  "forget finds an event whose record is gone, and not one that is too old": {
    options: { limits: { ...FREE, perPeerCap: 1 }, archive: { events: 99, bytes: 1e6, age: DAY } },
    async holds({ history, clock }) {
      const append = (id: string) =>
        history.append(messageWith(ANN, { wall: clock.wall() + BigInt(id), id }));
      append("1");
      await append("2").committed;
      assert.equal((await history.byPeer(ANN, 0)).length, 1);
      assert.equal(await history.forget(ANN, "1"), true);
      assert.deepEqual((await history.events.read(0, 9)).map(({ seq }) => seq), [2]);
      await append("3").committed;
      await clock.advance(DAY + 1);
      assert.equal(await history.forget(ANN, "2"), false);
    },
  },
  "forget removes all of many messages with one id": {
    options: { limits: { ...FREE, perPeerCap: 0, maxMessageBytes: 0 } },
    async holds({ history, clock }) {
      const long = "x".repeat(60_000);
      for (let number = 0; number < 600; number++) {
        const wall = clock.wall() + BigInt(number);
        const [id, text] = [number % 2 === 0 ? "same" : `${number}`, number % 20 === 0 ? long : ""];
        const { committed } = history.append(messageWith(ANN, { wall, id, text: `${text}.` }));
        if (number % 7 === 0) await committed;
      }
      assert.equal(await history.forget(ANN, "same"), true);
      assert.equal((await history.byPeer(ANN, 0)).length, 300);
      const rest = (await everyEvent(history.events)).map(({ seq }) => seq);
      assert.deepEqual(rest, Array.from({ length: 300 }, (_, index) => 2 * index + 2));
      assert.equal(history.figures().events, 300);
    },
  },
  "gives out no event that is older than records may be": {
    options: { limits: { ...FREE, ttlMs: DAY } },
    async holds({ history, clock }) {
      history.append(messageWith(ANN, { wall: clock.wall(), text: "old" }));
      const later = clock.wall() + 5n;
      await history.append(messageWith(ANN, { wall: later, text: "younger" })).committed;
      await clock.advance(DAY);
      assert.deepEqual(await eventsOf(history), ["younger"]);
      await clock.advance(1);
      assert.deepEqual(await eventsOf(history), []);
      await history.sweep();
      assert.equal(history.figures().events, 0);
      assert.equal(history.events.newest, 2);
    },
  },
  "a page of events ends early when it is long, and the next goes on": {
    options: { limits: FREE },
    async holds({ history, clock }) {
      const text = "x".repeat(60_000);
      for (let number = 0; number < 30; number++) {
        // Some alone and some in one row, which holds more than a page.
        const { committed } = history.append(messageWith(ANN, { wall: clock.wall(), text }));
        if (number < 3 || number === 29) await committed;
      }
      const page = await history.events.read(0, 500);
      const characters = page.reduce((sum, { line }) => sum + line.length, 0);
      assert.ok(characters >= ARCHIVE_PAGE_CHARACTERS, String(characters));
      assert.ok(characters < ARCHIVE_PAGE_CHARACTERS + 70_000, String(characters));
      assert.equal((await everyEvent(history.events)).length, 30);
    },
  },
  "messages of groups leave at the age limit too, and what they took is free again": {
    options: { limits: { ttlMs: DAY } },
    async holds({ history, clock }) {
      const at = (ms: bigint) => new Date(Number(clock.wall() / 1_000_000n + ms)).toISOString();
      const groupMessages = [
        groupRecord({ text: "old", timestamp: at(-1_000n) }),
        groupRecord({ text: "long".repeat(1_000), timestamp: at(-500n) }),
        groupRecord({ text: "new", timestamp: at(0n) }),
        ...Array.from(
          { length: 120 },
          (_, number) => groupRecord({ group_id: `${number}`, text: "x", timestamp: at(-900n) }),
        ),
        groupRecord({ group_id: "z", text: "last", timestamp: at(0n) }),
      ];
      const before = history.figures().bytes;
      const report = await history.import({ messages: [], groupMessages });
      assert.deepEqual([report.group_messages, report.expiring], [124, 0]);
      await clock.advance(DAY - 500);
      const listed = async () => {
        const texts: string[] = [];
        for await (const page of history.groupPages()) texts.push(...page.map(({ text }) => text));
        return texts;
      };
      assert.deepEqual(await listed(), ["new", "last"]);
      assert.ok(history.figures().bytes > before + 4_000);
      assert.equal(await history.sweep(), 122);
      assert.deepEqual(await listed(), ["new", "last"]);
      assert.ok(history.figures().bytes > before && history.figures().bytes < before + 400);
      const again = await history.import({ messages: [], groupMessages });
      assert.deepEqual([again.group_messages, again.expiring, again.duplicates], [122, 122, 2]);
      await clock.advance(500);
      await history.sweep();
      assert.equal(history.figures().bytes, before);
    },
  },
};
