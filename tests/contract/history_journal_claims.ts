import assert from "node:assert/strict";
import { MAX_JOURNAL_ENTRY_BYTES, MAX_JOURNAL_STATE_BYTES, StoreError } from "#store";
import {
  entriesOf,
  eventTexts,
  journalOf,
  noteFor,
  stateOf,
  textsIn,
} from "#support/journal_texts.ts";
import { messageWith, peerNumber, SELF } from "#support/stored_messages.ts";
import type { Claims } from "./history_claim.ts";
import { utf8 } from "#kit";

const ANN = peerNumber(1);
const BEN = peerNumber(2);
/** A direct message of a CXO feed, as it arrives (http-api.md 6). */
const CXO = { channel: "group", network: "cxo" } as const;

/** Journals of replicated feeds, and the messages that come by them. */
export const journalClaims: Claims = {
  "a journal has nothing in it until something is put there": {
    async holds({ history }) {
      const journal = journalOf(history, ANN);
      assert.deepEqual(await journal.read(), { state: undefined, entries: [] });
      assert.equal(await journal.append([]), true);
      assert.equal(await journal.rewrite([]), true);
      assert.deepEqual([journal.length, journal.bytes, history.journalFeeds()], [0, 0, []]);
    },
  },
  "keeps entries, notes of events and rewrites in the order of the calls": {
    async holds({ history, clock }) {
      const journal = journalOf(history, ANN);
      const wall = clock.wall();
      journal.append(entriesOf("0"));
      journal.rewrite(entriesOf("1", "2"));
      journal.append(entriesOf("3", ""));
      history.append(messageWith(ANN, { wall, ...CXO, ...noteFor(ANN, "4") }));
      history.append(messageWith(BEN, { wall, ...CXO, ...noteFor(BEN, "other") }));
      history.append(messageWith(ANN, { wall, ...CXO, ...noteFor(ANN.toUpperCase(), "5") }));
      history.append(messageWith(ANN, { wall }));
      assert.equal(await journal.append(entriesOf("6", "7")), true);
      assert.deepEqual(await textsIn(journal), ["1", "2", "3", "", "4", "5", "6", "7"]);
      assert.deepEqual(await textsIn(history.journal(ANN.toUpperCase())), await textsIn(journal));
      assert.deepEqual(await textsIn(history.journal(BEN)), ["other"]);
      assert.deepEqual(history.journalFeeds(), [ANN, BEN]);
    },
  },
  "counts the entries that are there and their bytes": {
    async holds({ history }) {
      const journal = journalOf(history, ANN);
      await journal.append(entriesOf("four", "", "1"));
      assert.deepEqual([journal.length, journal.bytes], [3, 5]);
      await journal.rewrite(entriesOf("ab"), utf8("not counted"));
      assert.deepEqual([journal.length, journal.bytes], [1, 2]);
      await journal.rewrite([]);
      assert.deepEqual([journal.length, journal.bytes], [0, 0]);
    },
  },
  "sets a state alone, with entries and with a rewrite, and leaves it otherwise": {
    async holds({ history, clock }) {
      const journal = journalOf(history, ANN);
      await journal.append([], utf8("alone"));
      assert.deepEqual([await stateOf(journal), await textsIn(journal)], ["alone", []]);
      await journal.append(entriesOf("1"));
      history.append(messageWith(ANN, { wall: clock.wall(), ...CXO, ...noteFor(ANN, "2") }));
      assert.equal(await stateOf(journal), "alone");
      await journal.append(entriesOf("3"), utf8("with entries"));
      assert.equal(await stateOf(journal), "with entries");
      await journal.rewrite(entriesOf("new"));
      assert.equal(await stateOf(journal), "with entries");
      await journal.rewrite(entriesOf("newer"), utf8(""));
      assert.deepEqual([await stateOf(journal), await textsIn(journal)], ["", ["newer"]]);
    },
  },
  "a state that is set after the call of a rewrite wins, whatever takes longer": {
    async holds({ history }) {
      const journal = journalOf(history, ANN);
      const large = Array.from({ length: 6 }, () => new Uint8Array(200_000));
      const rewritten = journal.rewrite(large, utf8("first"));
      const appended = journal.append(entriesOf("behind"), utf8("second"));
      assert.deepEqual(await Promise.all([rewritten, appended]), [true, true]);
      assert.equal(await stateOf(journal), "second");
      assert.deepEqual((await textsIn(journal)).map(({ length }) => length), [
        ...large.map(({ length }) => length),
        6,
      ]);
    },
  },
  "two rewrites at a time are one after the other, with what is appended between": {
    async holds({ history }) {
      const journal = journalOf(history, ANN);
      await journal.append(entriesOf("old"));
      const large = (digit: string) => utf8(digit.repeat(200_000));
      const calls = [
        journal.rewrite(["1", "2", "3", "7", "8"].map(large), utf8("a")),
        journal.append(entriesOf("between")),
        journal.rewrite(["4", "5"].map(large)),
        journal.append(entriesOf("last")),
      ];
      assert.deepEqual(await Promise.all(calls), [true, true, true, true]);
      const texts = (await textsIn(journal)).map((text) => text.slice(0, 4));
      assert.deepEqual(texts, ["4444", "5555", "last"]);
      assert.deepEqual([journal.length, journal.bytes], [3, 400_004]);
      assert.equal(await stateOf(journal), "a");
    },
  },
  "takes more than a commit holds, in order, and the largest entry": {
    async holds({ history }) {
      const journal = journalOf(history, SELF);
      const entries = Array.from(
        { length: 40 },
        (_, at) => new Uint8Array(at % 4 === 0 ? MAX_JOURNAL_ENTRY_BYTES : 30_000 + at).fill(at),
      );
      assert.equal(await journal.append(entries, utf8("s")), true);
      assert.deepEqual((await journal.read()).entries, entries);
      assert.equal(await journal.rewrite(entries.toReversed()), true);
      assert.deepEqual((await journal.read()).entries, entries.toReversed());
    },
  },
  "an entry or a state that is too long, or a feed that is no key, is a mistake of the caller": {
    async holds({ history, clock }) {
      const journal = journalOf(history, ANN);
      const long = new Uint8Array(MAX_JOURNAL_ENTRY_BYTES + 1);
      assert.throws(() => journal.append([new Uint8Array(0), long]), RangeError);
      assert.throws(() => journal.rewrite([long]), RangeError);
      const state = new Uint8Array(MAX_JOURNAL_STATE_BYTES + 1);
      assert.throws(() => journal.append([], state), RangeError);
      const event = messageWith(ANN, { wall: clock.wall() });
      const longNote = { ...event, journal: { feed: ANN, entry: long } };
      assert.throws(() => history.append(longNote), RangeError);
      assert.throws(() => history.append({ ...event, ...noteFor("02ab", "x") }), RangeError);
      assert.throws(() => history.journal("02ab"), RangeError);
      assert.throws(() => history.dropJournal("02ab"), RangeError);
      const { seq, committed } = history.append(event);
      assert.deepEqual([seq, await committed], [1, true]);
    },
  },
  "keeps event and note of a message that the history has no room for": {
    options: { limits: { maxMessageBytes: 5, perPeerRatePerMinute: 2 } },
    async holds({ history, clock }) {
      const append = (text: string) =>
        history.append(
          messageWith(ANN, { wall: clock.wall(), text, ...CXO, ...noteFor(ANN, text) }),
        );
      const results = ["too long", "1", "2", "3"].map(append);
      assert.deepEqual(results.map(({ refusal }) => refusal), [
        "message exceeds max size",
        undefined,
        undefined,
        "per-peer rate limit exceeded",
      ]);
      await results.at(-1)?.committed;
      assert.deepEqual((await history.byPeer(ANN, 0)).map(({ text }) => text), ["1", "2"]);
      assert.deepEqual(await eventTexts(history), ["too long", "1", "2", "3"]);
      assert.deepEqual(await textsIn(history.journal(ANN)), ["too long", "1", "2", "3"]);
    },
  },
  "keeps no journal of a peer outside the whitelist, but always its own": {
    options: { whitelist: new Set([ANN]) },
    async holds({ history, clock }) {
      const wall = clock.wall();
      assert.equal(history.journal(BEN), undefined);
      history.append(messageWith(ANN, { wall, ...CXO, ...noteFor(ANN, "in") }));
      history.append(messageWith(BEN, { wall, ...CXO, ...noteFor(BEN, "refused") }));
      const out = { wall, ...CXO, direction: "out" as const, ...noteFor(SELF, "own") };
      await history.append(messageWith(BEN, { ...out, text: "not for the disk" })).committed;
      assert.deepEqual(await textsIn(history.journal(ANN)), ["in"]);
      assert.deepEqual(await textsIn(history.journal(SELF)), ["own"]);
      assert.deepEqual(history.journalFeeds(), [SELF, ANN]);
      assert.deepEqual(await eventTexts(history), ["hello"]);
    },
  },
  "keeps the journal of its feed, where that has another key than its messages": {
    options: { whitelist: new Set([ANN]), ownFeed: BEN.toUpperCase() },
    async holds({ history, clock }) {
      assert.equal(await history.journal(BEN)?.append(entriesOf("state before")), true);
      const out = { wall: clock.wall(), ...CXO, direction: "out" as const, ...noteFor(BEN, "own") };
      await history.append(messageWith(ANN, { ...out, sender: BEN })).committed;
      assert.deepEqual(await textsIn(history.journal(BEN)), ["state before", "own"]);
      assert.equal(history.journal(SELF), undefined);
    },
  },
  "drops a journal as it was at the call, with its state": {
    async holds({ history }) {
      const [ann, ben] = [journalOf(history, ANN), journalOf(history, BEN)];
      await ann.append(entriesOf("1", "2"), utf8("s"));
      await ben.append(entriesOf("stays"), utf8("s"));
      assert.equal(await history.dropJournal(ANN), true);
      assert.deepEqual([history.journalFeeds(), ann.length], [[BEN], 0]);
      assert.deepEqual(await ann.read(), { state: undefined, entries: [] });
      assert.equal(await history.dropJournal(peerNumber(3)), true);
      const dropped = history.dropJournal(BEN);
      ben.append(entriesOf("after the call"));
      assert.equal(await dropped, true);
      assert.deepEqual(await textsIn(ben), ["after the call"]);
      assert.equal(await stateOf(ben), undefined);
      // What came after one drop is none of the business of another.
      const twice = [history.dropJournal(BEN), history.dropJournal(BEN), ben.rewrite([])];
      await twice[0];
      await Promise.all([ben.append(entriesOf("after one drop")), ...twice]);
      assert.deepEqual([await textsIn(ben), ben.length], [["after one drop"], 1]);
      await ann.append([], utf8("again"));
      assert.deepEqual([history.journalFeeds(), await stateOf(ann)], [[ANN, BEN], "again"]);
    },
  },
  "a message in a journal is in no JSON, and forgetting it leaves its mark": {
    async holds({ history, clock }) {
      const wall = clock.wall();
      const { committed } = history.append(
        messageWith(ANN, { wall, id: "x", ...CXO, ...noteFor(ANN, "mark") }),
      );
      await committed;
      const [event] = await history.events.read(0, 1);
      assert.ok(event !== undefined && !/journal|mark/.test(event.line));
      assert.deepEqual(Object.keys((await history.recent(1))[0] ?? {}).includes("journal"), false);
      assert.equal(await history.forget(ANN, "x"), true);
      await history.forgetPeer(ANN);
      assert.deepEqual(await history.events.read(0, 1), []);
      assert.deepEqual(await textsIn(history.journal(ANN)), ["mark"]);
    },
  },
  "keeps direct messages of CXO feeds under the key of the peer, but no others of the group channel":
    {
      async holds({ history, clock }) {
        const wall = clock.wall();
        const append = (options: object) =>
          history.append({ ...messageWith(ANN, { wall, ...CXO }), ...options }).committed;
        await append({ text: "in" });
        await append({ text: "out", direction: "out", sender: SELF, to: ANN });
        await append({ text: "group", groupId: "g" });
        await append({ text: "no feed", network: "tcp-direct" });
        await append({ text: "pair", channel: "pair" });
        await append({ text: "system", channel: "system" });
        const found = (await history.byPeer(ANN, 0)).map(({ text, outgoing }) => [text, outgoing]);
        assert.deepEqual(found, [["in", false], ["out", true]]);
        assert.equal((await history.search("in", 5)).length, 1);
      },
    },
  "a closed history takes nothing into a journal": {
    async holds({ history, clock }) {
      const journal = journalOf(history, ANN);
      await journal.append(entriesOf("1"));
      await history.close();
      const event = messageWith(ANN, { wall: clock.wall(), ...noteFor(ANN, "2") });
      assert.deepEqual(
        await Promise.all([
          journal.append(entriesOf("3")),
          journal.rewrite(entriesOf("4")),
          history.append(event).committed,
          history.dropJournal(ANN),
        ]),
        [false, false, false, false],
      );
      const read = await textsIn(journal).catch((error) => error);
      // Memory can still be looked at.
      if (read instanceof StoreError) assert.equal(read.code, "closed");
      else assert.deepEqual(read, ["1"]);
    },
  },
};
