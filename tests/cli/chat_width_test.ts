import assert from "node:assert/strict";
import * as fc from "fast-check";
import { safeLine, safeLines, wrapLine } from "../../cli/chat_text.ts";
import {
  clustersOf,
  clusterWidth,
  fitted,
  MAX_CLUSTER_CODE_POINTS,
  textWidth,
} from "../../cli/chat_width.ts";

const widths: readonly [text: string, columns: number][] = [
  ["", 0],
  ["abc", 3],
  ["é", 1],
  ["e\u0301", 1],
  ["日本語", 6],
  ["한글", 4],
  ["ｆｕｌｌ", 8],
  ["ﾊﾝ", 2],
  ["👍", 2],
  ["👍🏽", 2],
  ["👨‍👩‍👧‍👦", 2],
  ["🇩🇪", 2],
  ["❤️", 2],
  ["❤", 1],
  ["1️⃣", 2],
  ["a\u200bb", 2],
  ["✓✓", 2],
  ["𝒳", 1],
  ["नमस्ते", 3],
  ["\ud800", 1],
];

for (const [text, columns] of widths) {
  Deno.test(`textWidth of ${JSON.stringify(text)} is ${columns}`, () => {
    assert.equal(textWidth(text), columns);
  });
}

/** Texts with much that is not one column wide. */
const text = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: "binary" }),
  fc.array(fc.constantFrom("a", " ", "日", "👍🏽", "\u0301", "\n", "\t", "\x1b", "\u202e", "\ud800"))
    .map((parts) => parts.join("")),
);

Deno.test("clustersOf loses nothing that fits, and bounds each cluster", () => {
  fc.assert(fc.property(text, (given) => {
    const clusters = clustersOf(given);
    assert.ok(clusters.every((cluster) => [...cluster].length <= MAX_CLUSTER_CODE_POINTS));
    assert.ok(clusters.every((cluster) => clusterWidth(cluster) <= 2));
    if (given.length < MAX_CLUSTER_CODE_POINTS) {
      assert.equal(clusters.join(""), given.toWellFormed());
    }
  }));
  assert.equal(clustersOf(`x${"\u0301".repeat(9_999)}`).join("").length, MAX_CLUSTER_CODE_POINTS);
});

Deno.test("fitted fits and is the text itself when that fits", () => {
  fc.assert(fc.property(text, fc.nat(20), (given, columns) => {
    const line = safeLine(given);
    const shown = fitted(line, columns);
    assert.ok(textWidth(shown) <= columns);
    if (textWidth(line) <= columns) assert.equal(shown, clustersOf(line).join(""));
    else if (columns > 0) assert.ok(shown.endsWith("…"));
  }));
});

Deno.test("wrapLine's rows fit, and hold everything but the spaces at the cuts", () => {
  fc.assert(fc.property(text, fc.integer({ min: 2, max: 20 }), (given, columns) => {
    for (const line of safeLines(given)) {
      const rows = wrapLine(line, columns);
      assert.ok(rows.length > 0);
      for (const row of rows) assert.ok(textWidth(row) <= columns, JSON.stringify(row));
      const bare = (shown: string) => shown.replace(/\s/g, "");
      assert.equal(bare(rows.join("")), bare(clustersOf(line).join("")));
    }
  }));
});

Deno.test("wrapLine cuts at spaces, and long words where it must", () => {
  assert.deepEqual(wrapLine("one two three", 7), ["one two", "three"]);
  assert.deepEqual(wrapLine("one two three", 8), ["one two", "three"]);
  assert.deepEqual(wrapLine("abcdefghij", 4), ["abcd", "efgh", "ij"]);
  assert.deepEqual(wrapLine("a abcdefgh", 4), ["a", "abcd", "efgh"]);
  assert.deepEqual(wrapLine("日本語", 3), ["日", "本", "語"]);
  assert.deepEqual(wrapLine("日本", 1), ["?", "?"]);
  assert.deepEqual(wrapLine("", 4), [""]);
});

Deno.test("safeLines leaves nothing that a terminal obeys", () => {
  fc.assert(fc.property(text, (given) => {
    for (const line of safeLines(given)) {
      // deno-lint-ignore no-control-regex -- there must be none
      assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
    }
  }));
  assert.deepEqual(safeLines("a\r\nb\rc\td\x1b[2J"), ["a", "b", "c    d\\x1b[2J"]);
});
