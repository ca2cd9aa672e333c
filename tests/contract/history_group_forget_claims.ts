import assert from "node:assert/strict";
import {
  entriesOf,
  eventTexts,
  journalOf,
  noteFor,
  stateOf,
  textsIn,
} from "#support/journal_texts.ts";
import { groupMessage, groupTexts } from "#support/group_texts.ts";
import { messageWith, peerNumber, SELF } from "#support/stored_messages.ts";
import type { Claims } from "./history_claim.ts";
import { utf8 } from "#kit";

const ANN = peerNumber(1);
const BEN = peerNumber(2);
const DAY = 86_400_000;
const FREE = { groupRatePerMinute: 0, perPeerRatePerMinute: 0 };

/** What goes from a group, and its journal. */
export const groupForgetClaims: Claims = {
  "forgetGroup takes what a key wrote at a time, and its event": {
    options: { limits: { ...FREE, maxMessageBytes: 9 } },
    async holds({ history, clock }) {
      const wall = clock.wall();
      const timestamp = wall - 50n;
      const append = (author: string, text: string, more: object = {}) =>
        history.append(groupMessage(author, { wall, sentAt: timestamp, text, ...more })).committed;
      await append(BEN, "ben");
      await append(ANN, "ann");
      await append(ANN, "ann again");
      await append(ANN, "later", { sentAt: timestamp + 1n });
      await append(ANN, "elsewhere", { groupId: "other" });
      await append(ANN, "too long for a record");
      history.append(messageWith(ANN, { wall: timestamp, text: "direct" }));
      await append(BEN, "own", { direction: "out" });
      const { commits } = history.figures();
      const forget = (sender: string, group = "g") =>
        history.forgetGroup(group, { sender, timestamp });
      assert.equal(await forget(ANN.toUpperCase()), true);
      assert.deepEqual((await groupTexts(history)).toSorted(), ["ben", "later", "own"]);
      const events = ["ben", "later", "elsewhere", "direct", "own"];
      assert.deepEqual(await eventTexts(history), events);
      assert.equal(await forget(ANN), false);
      assert.equal(await forget(ANN, "unknown"), false);
      assert.equal(await forget(SELF), true);
      assert.deepEqual((await groupTexts(history)).toSorted(), ["ben", "later"]);
      assert.deepEqual(await groupTexts(history, { group: "other" }), ["elsewhere"]);
      assert.equal(history.figures().groupMessages, 3);
      assert.equal(history.figures().commits, commits);
      assert.equal(history.append(groupMessage(ANN, { wall })).seq, 9);
    },
  },
  "forgetGroup takes what was dated far ahead by its author's time, not by the one that is shown": {
    options: { limits: FREE },
    async holds({ history, clock }) {
      const wall = clock.wall();
      const minute = 60_000_000_000n;
      const append = (text: string, minutes: bigint, author = ANN) =>
        history.append(groupMessage(author, { wall, sentAt: wall + minutes * minute, text }))
          .committed;
      const forget = (minutes: bigint) =>
        history.forgetGroup("g", { sender: ANN, timestamp: wall + minutes * minute });
      await append("now", 0n);
      await append("in 10 minutes", 10n);
      await append("in 11 minutes", 11n);
      await append("of another", 10n, BEN);
      await append("in a century", 52_594_920n);
      await append("in 10 minutes again", 10n);
      const { bytes } = history.figures();
      // Shown is the same time for all of them, which is none of theirs.
      const shown = await history.groupHistory("g", { limit: 0 });
      assert.equal(new Set(shown.slice(1).map(({ timestamp }) => timestamp)).size, 1);
      assert.equal(await forget(5n), false);
      assert.equal(history.figures().groupMessages, 6);
      assert.equal(await forget(10n), true);
      const rest = ["now", "in 11 minutes", "of another", "in a century"];
      assert.deepEqual((await groupTexts(history)).toSorted(), rest.toSorted());
      assert.deepEqual(await eventTexts(history), rest);
      assert.equal(await forget(10n), false);
      assert.ok(history.figures().bytes < bytes);
      // Also long after that, among others and by a time that is no longer ahead.
      await clock.advance(15 * 60_000);
      const later = { wall: clock.wall(), text: "later" };
      await history.append(groupMessage(ANN, { ...later, sentAt: wall + 11n * minute })).committed;
      await history.append(groupMessage(ANN, later)).committed;
      assert.equal(await forget(11n), true);
      assert.deepEqual(await eventTexts(history), ["now", "of another", "in a century", "later"]);
      assert.equal(await forget(52_594_920n), true);
      assert.deepEqual(await groupTexts(history), ["now", "of another", "later"]);
      assert.deepEqual(await eventTexts(history), ["now", "of another", "later"]);
    },
  },
  "forgetGroup finds an event without a record, and not one that is too old": {
    options: {
      limits: { ...FREE, groupCap: 1 },
      archive: { events: 99, bytes: 1e6, age: DAY },
    },
    async holds({ history, clock }) {
      const start = clock.wall();
      const append = (number: bigint) =>
        history.append(groupMessage(ANN, { wall: clock.wall(), sentAt: start + number })).committed;
      const forget = (number: bigint) =>
        history.forgetGroup("g", { sender: ANN, timestamp: start + number });
      for (const number of [1n, 2n, 3n]) await append(number);
      assert.equal(history.figures().groupMessages, 1);
      assert.equal(await forget(1n), true);
      assert.deepEqual((await history.events.read(0, 9)).map(({ seq }) => seq), [2, 3]);
      await clock.advance(DAY + 1);
      assert.equal(await forget(2n), false);
    },
  },
  "forgetGroup finds every message of one time, however far from it they had to go": {
    options: { limits: { ...FREE, groupCap: 0, totalCapBytes: 0 } },
    async holds({ history, clock }) {
      const wall = clock.wall();
      for (let number = 0; number < 1_500; number++) {
        const author = number % 3 === 0 ? ANN : BEN;
        history.append(groupMessage(author, { wall, text: `${number}` }));
      }
      assert.equal(await history.forgetGroup("g", { sender: BEN, timestamp: wall }), true);
      assert.equal((await groupTexts(history)).length, 500);
      assert.equal(await history.forgetGroup("g", { sender: ANN, timestamp: wall }), true);
      assert.deepEqual([await groupTexts(history), await eventTexts(history)], [[], []]);
      const { groupMessages, groups, bytes } = history.figures();
      assert.deepEqual([groupMessages, groups, bytes], [0, 0, 0]);
    },
  },
  "forgetWholeGroup takes all of a group and its events, and leaves its journal": {
    options: { limits: { ...FREE, groupCap: 0, totalCapBytes: 0, maxMessageBytes: 0 } },
    async holds({ history, clock }) {
      const wall = clock.wall();
      history.append(messageWith(ANN, { wall, text: "direct" }));
      const other = { wall, groupId: "g2", text: "other" };
      await history.append(groupMessage(ANN, other)).committed;
      const { bytes } = history.figures();
      const long = "x".repeat(60_000);
      for (let number = 0; number < 900; number++) {
        const text = number % 90 === 0 ? long : `${number}`;
        const sentAt = wall + BigInt(number);
        history.append(groupMessage(BEN, { wall, sentAt, text, ...noteFor("group:g", "note") }));
      }
      assert.equal(await history.forgetWholeGroup("unknown"), 0);
      assert.equal(await history.forgetWholeGroup("g"), 900);
      assert.equal(await history.forgetWholeGroup("g"), 0);
      assert.deepEqual([await groupTexts(history), history.figures().bytes], [[], bytes]);
      assert.deepEqual(await groupTexts(history, { group: "g2" }), ["other"]);
      assert.deepEqual(await eventTexts(history), ["direct", "other"]);
      assert.equal(history.figures().groups, 1);
      assert.equal(journalOf(history, "group:g").length, 900);
      assert.deepEqual((await history.byPeer(ANN, 0)).length, 1);
    },
  },
  "keeps a journal for a group, whatever the whitelist says, and takes it for no peer's": {
    options: { whitelist: new Set([ANN]) },
    async holds({ history, clock }) {
      const [lower, upper] = [journalOf(history, "group:ops"), journalOf(history, "group:OPS")];
      await lower.append(entriesOf("1"), utf8("state"));
      const note = noteFor("group:ops", "of a stranger");
      history.append(groupMessage(BEN, { wall: clock.wall(), groupId: "ops", ...note }));
      await upper.append(entriesOf("2"));
      await journalOf(history, ANN).append(entriesOf("3"));
      assert.deepEqual(await textsIn(lower), ["1", "of a stranger"]);
      assert.deepEqual([await textsIn(upper), await stateOf(lower)], [["2"], "state"]);
      assert.deepEqual(history.journalFeeds(), [ANN, "group:OPS", "group:ops"]);
      // A key of a peer behind it is the name of a group.
      await journalOf(history, `group:${ANN}`).append(entriesOf("4"));
      assert.deepEqual(await textsIn(journalOf(history, ANN)), ["3"]);
      assert.equal(await lower.rewrite(entriesOf("new")), true);
      assert.equal(await history.dropJournal("group:OPS"), true);
      assert.deepEqual([await textsIn(lower), await textsIn(upper)], [["new"], []]);
      assert.deepEqual(history.journalFeeds(), [ANN, `group:${ANN}`, "group:ops"]);
    },
  },
  "a group without a name, or with one that is too long or no text, has no journal": {
    async holds({ history, clock }) {
      assert.notEqual(history.journal(`group:${"\u{1F600}".repeat(32)}`), undefined);
      const names = ["", "x".repeat(129), "\u{1F600}".repeat(33), "a\nb", "\ud800", "\u2028"];
      const wall = clock.wall();
      for (const key of [...names.map((name) => `group:${name}`), "GROUP:x", "group", "team:x"]) {
        assert.throws(() => history.journal(key), RangeError, key);
        assert.throws(() => history.dropJournal(key), RangeError, key);
        const event = groupMessage(ANN, { wall, ...noteFor(key, "x") });
        assert.throws(() => history.append(event), RangeError, key);
      }
      await Promise.resolve();
    },
  },
};
