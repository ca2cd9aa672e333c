import assert from "node:assert/strict";
import fc from "fast-check";
import { AnswerDecoder, type AnswerEvent, HttpError } from "../../cli/http_answer.ts";
import { utf8, utf8Text } from "#kit";

/** What a decoder says about these pieces: status, joined body, whether it ended. */
function decode(pieces: readonly Uint8Array[]): { status: number; body: string; ended: boolean } {
  const decoder = new AnswerDecoder();
  const events: AnswerEvent[] = pieces.flatMap((piece) => [...decoder.push(piece.slice())]);
  const head = events.find((event) => event.kind === "head");
  const body = events.map((event) => event.kind === "body" ? utf8Text(event.bytes) : "").join("");
  return { status: head?.status ?? 0, body, ended: events.at(-1)?.kind === "end" };
}

const whole = (text: string) => decode([utf8(text)]);

Deno.test("AnswerDecoder reads a body with a length, ASCII header names in any case", () => {
  assert.deepEqual(whole("HTTP/1.1 200 OK\r\nCONTENT-length: 5\r\n\r\nhellomore"), {
    status: 200,
    body: "hello",
    ended: true,
  });
  assert.deepEqual(whole("HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n"), {
    status: 404,
    body: "",
    ended: true,
  });
});

Deno.test("AnswerDecoder reads chunks, their extensions and trailers", () => {
  const text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
    "5;x=1\r\nhello\r\nA\r\n, everyone\r\n0\r\nX: y\r\n\r\n";
  assert.deepEqual(whole(text), { status: 200, body: "hello, everyone", ended: true });
});

Deno.test("AnswerDecoder skips interim answers and knows answers without a body", () => {
  assert.equal(whole("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n").status, 204);
  assert.equal(whole("HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n").ended, true);
});

Deno.test("AnswerDecoder takes the end of the stream for the end of a body without a length", () => {
  const decoder = new AnswerDecoder();
  decoder.push(utf8("HTTP/1.0 200 OK\r\n\r\nhel"));
  assert.deepEqual(decoder.push(utf8("lo")), [{ kind: "body", bytes: utf8("lo") }]);
  assert.deepEqual(decoder.close(), [{ kind: "end" }]);
});

Deno.test("AnswerDecoder tells a body that was cut off from one that ended", () => {
  for (
    const text of [
      "",
      "HTTP/1.1 2",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ]
  ) {
    const decoder = new AnswerDecoder();
    decoder.push(utf8(text));
    assert.throws(() => decoder.close(), { name: "HttpError", code: "cut-off" });
  }
});

const malformed = [
  "SSH-2.0-OpenSSH\r\n\r\n",
  "HTTP/2 200\r\n\r\n",
  "HTTP/1.1 20 OK\r\n\r\n",
  "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
  `HTTP/1.1 200 OK\r\nX: ${"x".repeat(70_000)}`,
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${"0".repeat(2_000)}`,
];

for (const text of malformed) {
  Deno.test(`AnswerDecoder refuses ${JSON.stringify(text.slice(0, 70))}`, () => {
    assert.throws(() => whole(text), { name: "HttpError", code: "bad-answer" });
  });
}

Deno.test("AnswerDecoder gives the same answer however the bytes are cut", () => {
  const body = fc.array(fc.string({ minLength: 1, unit: "binary" }), { maxLength: 5 });
  fc.assert(
    fc.property(
      body,
      fc.boolean(),
      fc.array(fc.nat(40), { maxLength: 30 }),
      (parts, chunked, cuts) => {
        const sizes = parts.map((part) => `${utf8(part).length.toString(16)}\r\n${part}\r\n`);
        const text = chunked
          ? `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${sizes.join("")}0\r\n\r\n`
          : `HTTP/1.1 200 OK\r\nContent-Length: ${utf8(parts.join("")).length}\r\n\r\n${
            parts.join("")
          }`;
        const bytes = utf8(text);
        const pieces: Uint8Array[] = [];
        let at = 0;
        for (const cut of cuts) {
          pieces.push(bytes.subarray(at, at + cut));
          at += cut;
        }
        pieces.push(bytes.subarray(at));
        const decoder = new AnswerDecoder();
        const events = pieces.flatMap((piece) => [...decoder.push(piece.slice())]);
        const length = events.reduce(
          (sum, event) => sum + (event.kind === "body" ? event.bytes.length : 0),
          0,
        );
        assert.equal(length, utf8(parts.join("")).length);
        assert.equal(events.at(-1)?.kind, "end");
      },
    ),
    { numRuns: 150 },
  );
});

Deno.test("AnswerDecoder answers hostile bytes with its own error or with patience", () => {
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc.string({
      unit: fc.constantFrom("HTTP/1.1 200 ", "\r\n", ":", "0", "f", "Content-Length", "x"),
    })
      .map(utf8),
  );
  fc.assert(
    fc.property(hostile, (bytes) => {
      const decoder = new AnswerDecoder();
      try {
        decoder.push(bytes);
        decoder.close();
      } catch (error) {
        assert.ok(error instanceof HttpError);
      }
    }),
    { numRuns: 200 },
  );
});
