import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import fc from "fast-check";
import { systemClock } from "#kit";
import { BLOCK_BURIED, BLOCK_RECORDS } from "../../lib/store/search_block.ts";
import { SearchIndex } from "../../lib/store/search_index.ts";
import { newerFirst, NewestPlaces } from "../../lib/store/search_newest.ts";
import { MemorySource, peerKey, placed } from "./search_fixture.ts";

const [ALICE, BOB] = [peerKey(1), peerKey(2)];

function indexOver(source: MemorySource, maxCharacters?: number): SearchIndex {
  const options = { clock: systemClock, ...(maxCharacters === undefined ? {} : { maxCharacters }) };
  return new SearchIndex(source, options);
}

/** A store and its index, changed together as a store does it. */
class Pair {
  readonly source = new MemorySource();
  readonly index: SearchIndex;

  constructor(maxCharacters?: number) {
    this.index = indexOver(this.source, maxCharacters);
  }

  add(peer: string, key: bigint, text: string): void {
    this.source.put(placed(peer, key, text));
    this.index.add(peer, key, text);
  }

  remove(peer: string, keys: readonly bigint[], how: "forget" | "evict"): void {
    keys.forEach((key) => this.source.remove({ peer, key }));
    this.index[how](peer, keys);
  }

  removePeer(peer: string): void {
    for (const record of [...this.source.records.values()]) {
      if (record.peer === peer) this.source.remove(record);
    }
    this.index.forgetPeer(peer);
  }

  async texts(query: string, limit = 100): Promise<readonly string[]> {
    return (await this.index.search(query, limit)).map(({ text }) => text);
  }
}

Deno.test("SearchIndex finds what was stored before and after it loaded, newest first", async () => {
  const pair = new Pair();
  pair.add(ALICE, 10n, "Hello one");
  pair.add(BOB, 20n, "hello two");
  await pair.index.load();
  pair.add(ALICE, 30n, "well, HELLO three");
  deepEqual(await pair.texts("hello"), ["well, HELLO three", "hello two", "Hello one"]);
  deepEqual(await pair.texts(" ello T "), ["well, HELLO three", "hello two"]);
  deepEqual(await pair.texts("hello", 2), ["well, HELLO three", "hello two"]);
  deepEqual(await pair.texts("absent"), []);
  for (const blank of ["", " \t\n"]) deepEqual(await pair.texts(blank), []);
  deepEqual(await pair.texts("hello", 0), []);
});

Deno.test("SearchIndex shows a hit with the keys and the unwrapped text of http-api.md 4.10", async () => {
  const source = new MemorySource();
  const text = `{"skychat_reply":{"to_preview":"secret question","text":"the Answer"}}`;
  const timestamp = "2026-09-08T10:00:00.123456789Z";
  source.put({
    peer: ALICE,
    key: 1n,
    record: { peer: ALICE, from: ALICE, outgoing: false, text, timestamp, id: "1" },
  });
  source.put({ peer: ALICE, key: 2n, record: { peer: ALICE, outgoing: true, text, timestamp } });
  const index = indexOver(source);
  deepEqual(await index.search("answer", 10), [
    { peer: ALICE, outgoing: true, text: "the Answer", ts: timestamp },
    { peer: ALICE, from: ALICE, text: "the Answer", ts: timestamp },
  ]);
  deepEqual(await index.search("question", 10), [], "what was quoted is not the text");
  deepEqual(await index.search("skychat_reply", 10), []);
});

Deno.test("SearchIndex compares without case whatever lower-casing does to the text", async () => {
  const pair = new Pair();
  const texts = ["İstanbul", "ΟΔΟΣ ΑΒ", "straße", "𐐀 deseret", "K (kelvin)", "a\ud800b", "😀"];
  texts.forEach((text, at) => pair.add(ALICE, BigInt(at + 1), text));
  deepEqual(await pair.texts("İSTAN"), ["İstanbul"]);
  deepEqual(await pair.texts("δοσ"), ["ΟΔΟΣ ΑΒ"], "the last sigma of a word");
  deepEqual(await pair.texts("οδος"), ["ΟΔΟΣ ΑΒ"]);
  deepEqual(await pair.texts("𐐨 DES"), ["𐐀 deseret"]);
  deepEqual(await pair.texts("k (K"), ["K (kelvin)"]);
  deepEqual(
    await pair.texts("\ud83d"),
    ["a\ud800b"],
    "half a character is none, and shown as U+FFFD",
  );
  deepEqual(await pair.texts("A\ufffdB"), ["a\ud800b"]);
});

Deno.test("SearchIndex finds nothing across two texts", async () => {
  const pair = new Pair();
  pair.add(ALICE, 1n, "left");
  pair.add(ALICE, 2n, "right");
  for (const query of ["leftright", "leftAright", "left\0right", "tA", "Ar"]) {
    deepEqual(await pair.texts(query), [], query);
  }
});

Deno.test("SearchIndex does not bring back what was deleted while it loads", async () => {
  const pair = new Pair();
  for (let key = 1n; key <= 5n; key++) {
    pair.add(ALICE, key, `needle a${key}`);
    pair.add(BOB, key, `needle b${key}`);
  }
  pair.source.betweenPages = () => {
    pair.source.betweenPages = () => {};
    pair.remove(ALICE, [1n], "forget");
    pair.removePeer(BOB);
    pair.add(BOB, 9n, "needle b9");
    pair.remove(ALICE, [2n], "evict");
    pair.add(ALICE, 2n, "needle again");
  };
  await pair.index.load();
  pair.source.asked = 0;
  const expected = ["needle b9", "needle a5", "needle a4", "needle a3", "needle again"];
  deepEqual(await pair.texts("needle"), expected);
  equal(pair.source.asked, expected.length, "nothing that is gone was in memory");
});

Deno.test("SearchIndex waits for the load, and tries again after one that failed", async () => {
  const pair = new Pair();
  pair.add(ALICE, 1n, "needle");
  pair.source.failure = new Error("disk");
  await rejects(pair.index.load(), /disk/);
  pair.source.failure = new Error("disk again");
  await rejects(pair.index.search("needle", 1), /disk again/);
  deepEqual(await pair.texts("needle"), ["needle"]);
});

Deno.test("SearchIndex skips a record that is gone without being told, and fills up", async () => {
  const pair = new Pair();
  for (let key = 1n; key <= 300n; key++) pair.add(ALICE, key, `needle ${key}`);
  await pair.index.load();
  for (let key = 100n; key <= 300n; key++) pair.source.remove({ peer: ALICE, key });
  pair.source.put(placed(ALICE, 99n, "another text under the same key"));
  deepEqual(await pair.texts("needle", 3), ["needle 98", "needle 97", "needle 96"]);
  equal((await pair.texts("needle", 1_000)).length, 98);
});

Deno.test("SearchIndex lets go of forgotten text at once and of evicted text soon", async () => {
  const pair = new Pair();
  for (let key = 1n; key <= 200n; key++) pair.add(ALICE, key, "x".repeat(100));
  await pair.index.load();
  const full = pair.index.characters;
  pair.remove(ALICE, [1n, 2n], "forget");
  equal(pair.index.characters, full * 198 / 200);
  for (let key = 3n; key < 3n + BigInt(BLOCK_BURIED); key++) pair.remove(ALICE, [key], "evict");
  equal(pair.index.characters, full * (198 - BLOCK_BURIED) / 200);
  pair.removePeer(ALICE);
  equal(pair.index.characters, 0);
});

Deno.test("SearchIndex looks on disk for what memory has no room for", async () => {
  const pair = new Pair(40_000);
  const count = BLOCK_RECORDS * 4;
  for (let key = 1; key <= count; key++) pair.add(ALICE, BigInt(key), `needle ${key}`);
  pair.add(BOB, 5n, "needle of bob");
  await pair.index.load();
  ok(pair.index.characters <= 40_000);
  deepEqual(await pair.texts("needle", 1), [`needle ${count}`]);
  equal(pair.source.olderPages, 0, "the newest is in memory");
  deepEqual(await pair.texts("needle 7", 1), ["needle 799"]);
  const all = await pair.texts("needle", 5_000);
  equal(all.length, count + 1);
  deepEqual(all.slice(-6), [
    "needle of bob",
    ...[5, 4, 3, 2, 1].map((key) => `needle ${key}`),
  ]);
});

Deno.test("SearchIndex shows a record once that came late and is in memory and behind the bound", async () => {
  const pair = new Pair(BLOCK_RECORDS * 40);
  await pair.index.load();
  for (let key = 1; key <= BLOCK_RECORDS; key++) {
    pair.add(ALICE, BigInt(1_000 + key), "filler text");
  }
  pair.add(ALICE, 5n, "needle of old");
  pair.add(ALICE, 9_000n, `needle ${"x".repeat(BLOCK_RECORDS * 20)}`);
  equal((await pair.texts("filler")).length, 100);
  ok(pair.source.olderPages > 0, "the first block made room");
  equal((await pair.texts("needle")).length, 2);
});

Deno.test("NewestPlaces equals sorting everything, ties and a start behind a place included", () => {
  const place = fc.record({
    peer: fc.constantFrom(ALICE, BOB, peerKey(3)),
    key: fc.bigInt({ min: 0n, max: 900n }),
  });
  const cases = fc.record({
    places: fc.array(place, { minLength: 2_000, maxLength: 3_000, size: "max" }),
    before: fc.option(place, { nil: undefined }),
    limit: fc.integer({ min: 1, max: 50 }),
  });
  fc.assert(
    fc.property(cases, ({ places, before, limit }) => {
      const newest = new NewestPlaces(limit, before);
      places.forEach((one) => newest.isTooOld(one.key) || newest.offer(one));
      const expected = places
        .filter((one) => before === undefined || newerFirst(before, one) < 0)
        .sort(newerFirst).slice(0, limit);
      deepEqual(newest.take(), expected);
    }),
    { numRuns: 30 },
  );
});

Deno.test("SearchIndex.close lets go of everything, also in the middle of a load", async () => {
  const pair = new Pair();
  for (let key = 1n; key <= 30n; key++) pair.add(ALICE, key, "needle");
  pair.source.betweenPages = () => pair.index.close();
  await pair.index.load();
  equal(pair.index.characters, 0);
  deepEqual(await pair.texts("needle"), []);
});

const letters = fc.string({ unit: fc.constantFrom("a", "A", "b", "İ", "ς", "\ud83d", "😀", "{") });

const change = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("add" as const), text: letters }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("forget" as const, "evict" as const) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("forgetPeer" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("load" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("search" as const), text: letters }) },
).chain((step) =>
  fc.record({
    step: fc.constant(step),
    peer: fc.integer({ min: 1, max: 3 }).map(peerKey),
    key: fc.bigInt({ min: -20n, max: 20n }),
    limit: fc.integer({ min: 1, max: 8 }),
  })
);

Deno.test("SearchIndex equals a naive scan after any appends, removals and evictions", async () => {
  const cases = fc.record({
    changes: fc.array(change, { maxLength: 60 }),
    maxCharacters: fc.constantFrom(undefined, 0, 60, 300),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ changes, maxCharacters }) => {
      const pair = new Pair(maxCharacters);
      for (const { step, peer, key, limit } of changes) {
        if (step.kind === "add") {
          if (pair.source.records.has(`${peer}/${key}`)) continue;
          pair.add(peer, key, step.text);
        } else if (step.kind === "search") {
          const hits = await pair.index.search(step.text, limit);
          deepEqual(hits, pair.source.naive(step.text, limit));
        } else if (step.kind === "load") await pair.index.load();
        else if (step.kind === "forgetPeer") pair.removePeer(peer);
        else pair.remove(peer, [key, key + 1n], step.kind);
      }
      deepEqual(await pair.index.search("a", 5), pair.source.naive("a", 5));
    }),
    { numRuns: 200 },
  );
});
