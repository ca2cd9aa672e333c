import assert from "node:assert/strict";
import fc from "fast-check";
import { MAX_SSE_LINE, SseParser } from "../../cli/sse_parser.ts";

/** Data of all events in a stream that arrives in these pieces. */
function dataOf(...pieces: readonly string[]): string[] {
  const parser = new SseParser();
  return pieces.flatMap((piece) => parser.push(piece).map(({ data }) => data));
}

Deno.test("SseParser follows the standard's own examples", () => {
  assert.deepEqual(dataOf("data: YHOO\ndata: +2\ndata: 10\n\n"), ["YHOO\n+2\n10"]);
  assert.deepEqual(
    dataOf(
      ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n",
    ),
    ["first event", "second event"],
  );
  assert.deepEqual(dataOf("data\n\ndata\ndata\n\ndata:"), ["", "\n"]);
  assert.deepEqual(dataOf("data:test\n\ndata: test\n\n"), ["test", "test"]);
});

Deno.test("SseParser knows all three line ends, also cut in two, a BOM, and event types", () => {
  assert.deepEqual(dataOf("data: a\r\rdata: b\r\n\r\n"), ["a", "b"]);
  assert.deepEqual(dataOf("data: a\r", "\n\r", "\ndata: b\n", "\n"), ["a", "b"]);
  assert.deepEqual(dataOf("\ufeffdata: a\n\n\ufeffdata: b\n\n"), ["a"]);
  const parser = new SseParser();
  assert.deepEqual(parser.push("event: x\ndata: a\n\ndata: b\n\n"), [
    { type: "x", data: "a" },
    { type: "message", data: "b" },
  ]);
});

Deno.test("SseParser skips comments, unknown fields and events without data", () => {
  assert.deepEqual(dataOf(": ping\n\nretry: 5\nfoo: bar\n\nevent: x\n\n:\ndata: a\n\n"), ["a"]);
});

Deno.test("SseParser gives the same events however the text is cut", () => {
  const line = fc.constantFrom(
    "data: a",
    "data:",
    "data: b\u2028c",
    ": x",
    "",
    "id: 1",
    "event: e",
  );
  const end = fc.constantFrom("\n", "\r", "\r\n");
  fc.assert(
    fc.property(fc.array(fc.tuple(line, end)), fc.array(fc.nat(9)), (lines, cuts) => {
      // A lone CR before a LF is one line end, whoever wrote which half.
      const text = lines.map(([content, ending]) => content + ending).join("");
      const pieces: string[] = [];
      let at = 0;
      for (const cut of cuts) {
        pieces.push(text.slice(at, at + cut));
        at += cut;
      }
      assert.deepEqual(dataOf(...pieces, text.slice(at)), dataOf(text));
    }),
    { numRuns: 200 },
  );
});

Deno.test("SseParser takes long lines up to its bound and no more, in one event or one line", () => {
  const long = "x".repeat(2_000_000);
  assert.deepEqual(dataOf(`data: ${long}`, "\n\n"), [long]);
  assert.throws(() => dataOf("x".repeat(MAX_SSE_LINE + 1)), { name: "SseError", code: "too-long" });
  assert.throws(() => dataOf(...Array.from({ length: 3 }, () => `data: ${long}\n`)), {
    name: "SseError",
  });
});
