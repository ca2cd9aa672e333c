import assert from "node:assert/strict";
import fc from "fast-check";
import { toHex, utf8 } from "#kit";
import {
  CxoFault,
  decodeChainState,
  decodeFeedEntry,
  encodeChainState,
  encodeFeedEntry,
  type FeedEntry,
  type FeedJournal,
  LEAF_NAME_BYTES,
  readFeedJournal,
  SeenLeaves,
} from "#cxo";
import { RecordingLog } from "../net/recording_log.ts";

const entry: fc.Arbitrary<FeedEntry> = fc.oneof(
  fc.record({
    kind: fc.constant("leaf" as const),
    path: fc.string({ unit: "binary" }).map((text) => text.toWellFormed()),
    value: fc.uint8Array({ maxLength: 50 }),
  }),
  fc.record({ kind: fc.constant("before" as const), path: fc.string() }),
  fc.record({
    kind: fc.constant("seen" as const),
    name: fc.uint8Array({ minLength: LEAF_NAME_BYTES, maxLength: LEAF_NAME_BYTES }).map(toHex),
  }),
);

Deno.test("decodeFeedEntry gives back what encodeFeedEntry was given", () => {
  fc.assert(fc.property(entry, (one) => {
    assert.deepEqual(decodeFeedEntry(encodeFeedEntry(one)), { ...one });
  }));
});

Deno.test("decodeFeedEntry gives a fault, and nothing else, for other bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    const one = decodeFeedEntry(bytes);
    if (!(one instanceof CxoFault)) assert.deepEqual(encodeFeedEntry(one), bytes);
  }));
});

Deno.test("decodeChainState gives back what encodeChainState was given", () => {
  const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  fc.assert(
    fc.property(
      u64,
      u64,
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      (nonce, reserved, prev, time) => {
        const state = { nonce, reserved, prev: toHex(prev), time };
        assert.deepEqual(decodeChainState(encodeChainState(state)), state);
      },
    ),
  );
  assert.ok(decodeChainState(utf8("no state")) instanceof CxoFault);
});

/** A journal that holds these entries. */
function journalOf(entries: readonly Uint8Array[]): FeedJournal {
  return {
    read: () => Promise.resolve({ state: undefined, entries }),
    append: () => Promise.resolve(true),
    rewrite: () => Promise.resolve(true),
    length: entries.length,
  };
}

Deno.test("readFeedJournal plays a journal back, twice written entries included, and tells of damage", async () => {
  const leaf = (path: string, value: string): Uint8Array =>
    encodeFeedEntry({ kind: "leaf", path, value: utf8(value) });
  const log = new RecordingLog();
  const { leaves } = await readFeedJournal(
    journalOf([
      leaf("msgs/1", "gone"),
      leaf("msgs/2", "old"),
      leaf("other/1", "beside"),
      encodeFeedEntry({ kind: "before", path: "msgs/2" }),
      utf8("?"),
      leaf("msgs/2", "new"),
      leaf("msgs/2", "new"),
      leaf("msgs/3", "last"),
    ]),
    log,
  );
  const texts = [...leaves].map(([path, value]) => [path, new TextDecoder().decode(value)]);
  assert.deepEqual(texts.sort(), [["msgs/2", "new"], ["msgs/3", "last"], ["other/1", "beside"]]);
  assert.deepEqual(log.lines, [
    "WARN skychat: cxo: 1 stored entries of the own feed cannot be read",
  ]);
});

Deno.test("SeenLeaves knows what was added, and forgets the oldest beyond its capacity", () => {
  const seen = new SeenLeaves(2);
  seen.add("a");
  assert.equal(seen.has("a"), true);
  assert.equal(seen.has("b"), false);
  seen.add("b");
  seen.add("a");
  seen.add("c");
  assert.deepEqual([...seen.names()], ["b", "c"]);
});
