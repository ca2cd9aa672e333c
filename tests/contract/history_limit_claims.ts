import assert from "node:assert/strict";
import { settle } from "#support/manual_clock.ts";
import { everyEvent, messageWith, peerNumber } from "#support/stored_messages.ts";
import type { Claims } from "./history_claim.ts";

const MINUTE = 60_000;
const SECOND = 1_000_000_000n;
const NO_RATE = { perPeerRatePerMinute: 0 };
const ANN = peerNumber(1);
const BEN = peerNumber(2);

/** history.md 5, 6 and 8: what is kept, and what is not. */
export const limitClaims: Claims = {
  "drops the oldest of the same conversation at the 501st message": {
    options: { limits: NO_RATE },
    async holds({ history, clock }) {
      history.append(messageWith(BEN, { wall: clock.wall(), text: "bystander" }));
      for (let number = 1; number <= 501; number++) {
        history.append(
          messageWith(ANN, { wall: clock.wall() + BigInt(number), text: `${number}` }),
        );
      }
      await history.append(messageWith(BEN, { wall: clock.wall() + 1_000n })).committed;
      const texts = (await history.byPeer(ANN, 0)).map(({ text }) => text);
      assert.equal(texts.length, 500);
      assert.deepEqual([texts[0], texts.at(-1)], ["2", "501"]);
      assert.equal((await history.byPeer(BEN, 0))[0]?.text, "bystander");
    },
  },
  "refuses the 21st message of a UTC minute, either direction, until second 0 of the next": {
    async holds({ history, clock, log }) {
      const minute = clock.wall() - clock.wall() % (60n * SECOND);
      for (let number = 0; number < 20; number++) {
        const direction = number % 2 === 0 ? "in" : "out";
        const wall = minute + BigInt(number) * SECOND;
        assert.equal(history.append(messageWith(ANN, { wall, direction })).refusal, undefined);
      }
      const late = minute + 60n * SECOND - 1n;
      for (let again = 0; again < 3; again++) {
        const { refusal } = history.append(messageWith(ANN, { wall: late, text: "21st" }));
        assert.equal(refusal, "per-peer rate limit exceeded");
      }
      assert.equal(history.append(messageWith(BEN, { wall: late })).refusal, undefined);
      const next = history.append(messageWith(ANN, { wall: minute + 60n * SECOND, text: "next" }));
      assert.equal(next.refusal, undefined);
      await next.committed;
      const texts = (await history.byPeer(ANN, 0)).map(({ text }) => text);
      assert.deepEqual([texts.length, texts.includes("21st"), texts.at(-1)], [21, false, "next"]);
      assert.deepEqual(log, [
        `WARN skychat/dm: history append ${ANN}: per-peer rate limit exceeded`,
      ]);
    },
  },
  "keeps a text of 4,096 bytes, refuses 4,097, and counts bytes, not characters": {
    async holds({ history, clock }) {
      const refusalOf = (text: string) =>
        history.append(messageWith(ANN, { wall: clock.wall(), text })).refusal;
      assert.equal(refusalOf("x".repeat(4_096)), undefined);
      assert.equal(refusalOf("x".repeat(4_097)), "message exceeds max size");
      assert.equal(refusalOf("é".repeat(2_048)), undefined);
      assert.equal(refusalOf("é".repeat(2_049)), "message exceeds max size");
      await history.append(messageWith(BEN, { wall: clock.wall() })).committed;
      assert.equal((await history.byPeer(ANN, 0)).length, 2);
    },
  },
  "refuses whoever is not in the whitelist, also when we write to them": {
    options: { whitelist: new Set([ANN]) },
    async holds({ history, clock, log }) {
      const wall = clock.wall();
      for (const direction of ["in", "out"] as const) {
        const { refusal } = history.append(messageWith(BEN, { wall, direction }));
        assert.equal(refusal, "peer not in whitelist");
      }
      await history.append(messageWith(ANN, { wall })).committed;
      assert.deepEqual(await history.peers(), [ANN]);
      assert.deepEqual(log, [`WARN skychat/dm: history append ${BEN}: peer not in whitelist`]);
    },
  },
  "checks the peer, then size, whitelist, rate and total in this order": {
    options: {
      whitelist: new Set([ANN]),
      limits: { maxMessageBytes: 5, perPeerRatePerMinute: 1, totalCapBytes: 1 },
    },
    holds({ history, clock }) {
      const wall = clock.wall();
      const refusalOf = (peer: string, text: string) =>
        history.append(messageWith(peer, { wall, text })).refusal;
      assert.equal(refusalOf("", "too long"), "peer PK is empty");
      assert.equal(refusalOf(BEN, "too long"), "message exceeds max size");
      assert.equal(refusalOf(BEN, "short"), "peer not in whitelist");
      assert.equal(refusalOf(ANN, "too long"), "message exceeds max size");
      // None of these used up the one message a minute.
      assert.equal(refusalOf(ANN, "first"), undefined);
      assert.equal(refusalOf(ANN, "again"), "per-peer rate limit exceeded");
      return Promise.resolve();
    },
  },
  "spends the rate on a message that the total cap refuses": {
    options: { limits: { perPeerRatePerMinute: 2, totalCapBytes: 1 } },
    holds({ history, clock }) {
      const refusals = [1, 2, 3].map(() =>
        history.append(messageWith(ANN, { wall: clock.wall() })).refusal
      );
      assert.deepEqual(refusals, [
        undefined,
        "total storage cap reached",
        "per-peer rate limit exceeded",
      ]);
      assert.deepEqual(Object.entries(history.figures().refused).filter(([, count]) => count > 0), [
        ["per-peer rate limit exceeded", 1],
        ["total storage cap reached", 1],
      ]);
      return Promise.resolve();
    },
  },
  "refuses at the total cap until a deletion frees room": {
    options: { limits: { ...NO_RATE, totalCapBytes: 2_000 } },
    async holds({ history, clock }) {
      const append = () => history.append(messageWith(ANN, { wall: clock.wall() }));
      let kept = 0;
      for (; append().refusal === undefined; kept++);
      assert.equal(append().refusal, "total storage cap reached");
      assert.ok(history.figures().bytes >= 2_000 && history.figures().bytes < 2_200);
      assert.equal(await history.forgetPeer(ANN), kept);
      assert.equal(history.figures().bytes, 0);
      assert.equal(append().refusal, undefined);
    },
  },
  "frees room at the total cap when records expire": {
    options: { limits: { ...NO_RATE, totalCapBytes: 300, ttlMs: 3_600_000 } },
    async holds({ history, clock }) {
      const append = () => history.append(messageWith(ANN, { wall: clock.wall() }));
      for (; append().refusal === undefined;);
      await clock.advance(3_600_000);
      assert.ok(await history.sweep() >= 0);
      assert.equal(append().refusal, undefined);
    },
  },
  "sorts a message in where a clock set back puts it": {
    async holds({ history, clock }) {
      const wall = clock.wall();
      history.append(messageWith(ANN, { wall, text: "before" }));
      await history.append(messageWith(ANN, { wall: wall - 3_600n * SECOND, text: "set back" }))
        .committed;
      const texts = (await history.byPeer(ANN, 0)).map(({ text }) => text);
      assert.deepEqual(texts, ["set back", "before"]);
    },
  },
  "keeps messages of the same nanosecond in their order, each with its true time": {
    async holds({ history, clock }) {
      const wall = clock.wall();
      await history.append(messageWith(ANN, { wall, text: "first" })).committed;
      history.append(messageWith(ANN, { wall: wall + 1n, text: "one later" }));
      for (const text of ["second", "third"]) history.append(messageWith(ANN, { wall, text }));
      await history.append(messageWith(BEN, { wall })).committed;
      const records = await history.byPeer(ANN, 0);
      assert.deepEqual(records.map(({ text }) => text), ["first", "one later", "second", "third"]);
      assert.equal(records[0]?.timestamp, records[3]?.timestamp);
    },
  },
  "keeps everything when every limit is 0": {
    options: {
      limits: {
        maxMessageBytes: 0,
        perPeerRatePerMinute: 0,
        perPeerCap: 0,
        totalCapBytes: 0,
        ttlMs: 0,
      },
    },
    async holds({ history, clock }) {
      const long = "\u{1F600}".repeat(16_384);
      assert.equal(new TextEncoder().encode(long).length, 65_536);
      for (let number = 0; number < 60; number++) {
        const wall = clock.wall() + BigInt(number);
        const text = number % 10 === 0 ? `${number}${long}` : `${number}`;
        assert.equal(history.append(messageWith(ANN, { wall, text })).refusal, undefined);
      }
      await history.append(messageWith(BEN, { wall: 1n })).committed;
      // The event from 1970 is too old for `/events`; its record is not.
      assert.equal((await everyEvent(history.events)).length, 60);
      await clock.advance(100 * 86_400_000);
      await history.sweep();
      const records = await history.byPeer(ANN, 0);
      assert.equal(records.length, 60);
      assert.equal(records[50]?.text, `50${long}`);
      assert.equal((await history.recent(1)).length, 1);
      assert.equal((await history.byPeer(ANN, 10)).at(0)?.text, `50${long}`);
      assert.equal(await history.forgetPeer(ANN), 60);
      assert.equal(history.figures().messages, 1);
    },
  },
  "hides what is expired, and removes it on schedule, at the key itself": {
    options: { limits: { ttlMs: 3_600_000 } },
    async holds({ history, clock }) {
      const wall = clock.wall();
      history.append(messageWith(ANN, { wall, text: "old" }));
      await history.append(messageWith(BEN, { wall: wall + SECOND, text: "new" })).committed;
      await clock.advance(3_600_000 - 1);
      assert.equal((await history.recent(0)).length, 2);
      await clock.advance(1);
      assert.deepEqual((await history.recent(10)).map(({ text }) => text), ["new"]);
      assert.deepEqual(await history.byPeer(ANN, 0), []);
      assert.deepEqual(await history.peers(), [BEN]);
      // ttl / 10 is 6 minutes.
      await clock.advance(6 * MINUTE);
      for (let turn = 0; turn < 20 && history.figures().messages > 0; turn++) await settle();
      await history.forget(ANN, "a job behind the sweep");
      assert.equal(history.figures().messages, 0);
      assert.equal(history.figures().peers, 0);
      assert.equal(history.figures().bytes, 0);
    },
  },
  "shows one-to-one messages alone, and stores no control and no notice": {
    async holds({ history, clock }) {
      const wall = clock.wall();
      for (
        const event of [
          messageWith(ANN, { wall, channel: "group", groupId: "g1" }),
          messageWith(ANN, { wall, channel: "system" }),
          messageWith(ANN, { wall, channel: "pair" }),
        ]
      ) assert.equal(history.append(event).refusal, undefined);
      await history.append(messageWith(ANN, { wall, request: true, text: "stranger" })).committed;
      assert.deepEqual((await history.recent(0)).map(({ text }) => text), ["stranger"]);
      assert.equal(history.events.newest, 4);
    },
  },
};
