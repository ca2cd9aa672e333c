import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { BLOCK_CHARACTERS, BLOCK_RECORDS, TextBlock } from "../../lib/store/search_block.ts";
import { NATIVE_NEEDLE, Needle } from "../../lib/store/search_needle.ts";

function found(block: TextBlock, needle: string): number[] {
  const keys: number[] = [];
  block.scan(new Needle(needle), (key) => keys.push(Number(key)));
  return keys;
}

/** Texts of two letters, so that long needles nearly match everywhere. */
const dull = (maxLength: number) =>
  fc.string({ unit: fc.constantFrom("a", "a", "a", "b"), maxLength });

Deno.test("TextBlock.scan equals includes for short and long needles, with records removed", () => {
  const cases = fc.record({
    texts: fc.array(fc.tuple(dull(12), fc.integer({ min: 1, max: 60 })), { maxLength: 12 }),
    pick: fc.nat(),
    length: fc.integer({ min: 1, max: 3 * NATIVE_NEEDLE }),
    removed: fc.uniqueArray(fc.nat({ max: 11 })),
    pack: fc.boolean(),
  });
  fc.assert(
    fc.property(cases, ({ texts: parts, pick, length, removed, pack }) => {
      const texts = parts.map(([text, times]) => text.repeat(times));
      const block = new TextBlock();
      texts.forEach((text, at) => block.add(BigInt(at), text));
      for (const key of removed) {
        const at = block.find(BigInt(key));
        equal(at >= 0, key < texts.length);
        if (at >= 0) block.bury(at);
      }
      if (pack) block.pack();
      const needle = (texts[pick % Math.max(texts.length, 1)] ?? "ab").slice(0, length) || "b";
      const expected = texts.flatMap((text, at) =>
        text.includes(needle) && !removed.includes(at) ? [at] : []
      );
      deepEqual(found(block, needle), expected);
      equal(block.size, texts.length - removed.filter((key) => key < texts.length).length);
    }),
    { numRuns: 200 },
  );
});

Deno.test("TextBlock takes a key again after its record was removed", () => {
  const block = new TextBlock();
  block.add(5n, "old");
  block.bury(block.find(5n));
  equal(block.find(5n), -1);
  block.add(5n, "new");
  ok(block.find(5n) >= 0);
  deepEqual([found(block, "old"), found(block, "new")], [[], [5]]);
});

Deno.test("TextBlock is full at its records or its characters, whichever comes first", () => {
  const [many, long] = [new TextBlock(), new TextBlock()];
  for (let key = 0; key < BLOCK_RECORDS; key++) {
    equal(many.isFull, false);
    many.add(BigInt(key), "");
  }
  ok(many.isFull);
  long.add(1n, "x".repeat(BLOCK_CHARACTERS));
  ok(long.isFull);
});

Deno.test("Needle needs one pass where the runtime's search needs the product", () => {
  const block = new TextBlock();
  for (let key = 0n; key < 16n; key++) block.add(key, "a".repeat(65_536));
  const some = "a".repeat(16_384);
  const started = performance.now();
  // A million characters, some 10 ms; the runtime alone takes 11 s for the first.
  deepEqual(found(block, `${some}b${some}`), []);
  deepEqual(found(block, `b${some}`), []);
  deepEqual(found(block, `${some}b`), []);
  equal(found(block, some + some).length, 16);
  ok(performance.now() - started < 3_000);
});
