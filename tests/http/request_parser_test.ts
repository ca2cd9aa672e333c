import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { concat, utf8Text } from "#kit";
import {
  MAX_BODY_BYTES,
  MAX_HEADER_BYTES,
  MAX_HEADER_COUNT,
  MAX_REQUEST_LINE,
  MAX_TRAILER_BYTES,
} from "#http";
import { type RequestEvent, RequestParser } from "../../lib/http/request_parser.ts";

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function drain(parser: RequestParser): RequestEvent[] {
  const events: RequestEvent[] = [];
  for (let event = parser.next(); event !== undefined; event = parser.next()) events.push(event);
  return events;
}

function parse(text: string): RequestEvent[] {
  const parser = new RequestParser();
  parser.push(latin1(text));
  return drain(parser);
}

/** What a text comes to: `200 METHOD target body` for each request, `status` for a fault. */
function summary(events: readonly RequestEvent[]): string[] {
  const lines: string[] = [];
  let line = "";
  let body: Uint8Array = new Uint8Array(0);
  for (const event of events) {
    if (event.kind === "head") line = `${event.method} ${event.target}`;
    if (event.kind === "body") body = concat(body, event.bytes);
    if (event.kind === "end") {
      lines.push(`${line} ${utf8Text(body)}`.trim());
      body = new Uint8Array(0);
    }
    if (event.kind === "fault") lines.push(String(event.status));
  }
  return lines;
}

const HOST = "Host: a\r\n";
const CHUNKED = `POST /c HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`;
const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

const VALID: readonly [string, string[]][] = [
  [`GET / HTTP/1.1\r\n${HOST}\r\n`, ["GET /"]],
  [`\r\nGET /x?y=1 HTTP/1.1\r\n${HOST}\r\n`, ["GET /x?y=1"]],
  ["GET / HTTP/1.0\r\n\r\n", ["GET /"]],
  [`GET http://A/b?c HTTP/1.1\r\n${HOST}\r\n`, ["GET /b?c"]],
  [`GET http://a HTTP/1.1\r\n${HOST}\r\n`, ["GET /"]],
  [`GET http://a?q HTTP/1.1\r\n${HOST}\r\n`, ["GET /?q"]],
  [`POST /m HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\nabc${SMUGGLED}`, [
    "POST /m abc",
    "GET /smuggled",
  ]],
  [`${CHUNKED}3\r\nabc\r\n2;x="y"\r\nde\r\n0\r\n\r\n`, ["POST /c abcde"]],
  [`${CHUNKED}A\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n${SMUGGLED}`, [
    "POST /c 0123456789",
    "GET /smuggled",
  ]],
  [`M-SEARCH / HTTP/1.1\r\nhOsT:a\r\nX-Empty:\r\nX:\t v \t\r\n\r\n`, ["M-SEARCH /"]],
  ["GET / HTTP/1.1\r\nHost: [::1]:8001\r\n\r\n", ["GET /"]],
];

/** Requests that two readers could understand differently, or that are none; each with its status. */
const HOSTILE: readonly [string, number][] = [
  ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
  ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400],
  [`GET / HTTP/2.0\r\n${HOST}\r\n`, 505],
  [`GET / HTTP/1.1\n${HOST}\r\n`, 400],
  [`GET / HTTP/1.1\r\nHost: a\n\r\n`, 400],
  [`GET / HTTP/1.1\r\nHost: a\r\n\n`, 400],
  [`GET / HTTP/1.1\r\r\nHost: a\r\n\r\n`, 400],
  [`GET  / HTTP/1.1\r\n${HOST}\r\n`, 400],
  [`GET /\tx HTTP/1.1\r\n${HOST}\r\n`, 400],
  [`GET / HTTP/1.1 \r\n${HOST}\r\n`, 400],
  [`GET /a b HTTP/1.1\r\n${HOST}\r\n`, 400],
  [`GET /\x80 HTTP/1.1\r\n${HOST}\r\n`, 400],
  [`GET / http/1.1\r\n${HOST}\r\n`, 400],
  [`get / HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["GET /\r\n\r\n", 400],
  ["\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  [`GET a HTTP/1.1\r\n${HOST}\r\n`, 400],
  [`OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, 400],
  [`CONNECT a:80 HTTP/1.1\r\n${HOST}\r\n`, 400],
  [`GET /#x HTTP/1.1\r\n${HOST}\r\n`, 400],
  [`GET /\\evil HTTP/1.1\r\n${HOST}\r\n`, 400],
  [`GET http://evil/ HTTP/1.1\r\n${HOST}\r\n`, 400],
  [`GET http://a@evil/ HTTP/1.1\r\n${HOST}\r\n`, 400],
  [`GET https://a/ HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["GET / HTTP/1.1\r\n\r\n", 400],
  ["GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400],
  ["GET / HTTP/1.1\r\nHost: a\r\nhOSt: b\r\n\r\n", 400],
  ["GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400],
  ["GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400],
  ["GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400],
  ["GET / HTTP/1.1\r\nHost: a\x00b\r\n\r\n", 400],
  [`GET / HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`, 400],
  [`GET / HTTP/1.1\r\n ${HOST}\r\n`, 400],
  [`GET / HTTP/1.1\r\n${HOST}X: a\rY: b\r\n\r\n`, 400],
  [`GET / HTTP/1.1\r\n${HOST}X: \x00\r\n\r\n`, 400],
  [`GET / HTTP/1.1\r\n${HOST}X: \x7f\r\n\r\n`, 400],
  [`GET / HTTP/1.1\r\n${HOST}X : a\r\n\r\n`, 400],
  [`GET / HTTP/1.1\r\n${HOST}: a\r\n\r\n`, 400],
  [`GET / HTTP/1.1\r\n${HOST}no colon\r\n\r\n`, 400],
  [`GET / HTTP/1.1\r\n${HOST}X\x0b: a\r\n\r\n`, 400],
  [`GET / HTTP/1.1\r\n${HOST}X\xf3: a\r\n\r\n`, 400],
  [`POST / HTTP/1.1\r\n${HOST}Content-Length : 5\r\n\r\nhello`, 400],
  [`POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`, 400],
  [`POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`, 400],
  [`POST / HTTP/1.1\r\n${HOST}Content-Length: 5, 5\r\n\r\nhello`, 400],
  [`POST / HTTP/1.1\r\n${HOST}Content-Length: +5\r\n\r\nhello`, 400],
  [`POST / HTTP/1.1\r\n${HOST}Content-Length: -5\r\n\r\nhello`, 400],
  [`POST / HTTP/1.1\r\n${HOST}Content-Length: 0x5\r\n\r\nhello`, 400],
  [`POST / HTTP/1.1\r\n${HOST}Content-Length: 5e0\r\n\r\nhello`, 400],
  [`POST / HTTP/1.1\r\n${HOST}Content-Length:\r\n\r\n`, 400],
  [`POST / HTTP/1.1\r\n${HOST}Content-Length: ${MAX_BODY_BYTES + 1}\r\n\r\n`, 413],
  [`POST / HTTP/1.1\r\n${HOST}Content-Length: ${"9".repeat(400)}\r\n\r\n`, 413],
  [`POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n`, 501],
  [`POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: identity\r\n\r\n`, 501],
  [`POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: xchunked\r\n\r\n`, 501],
  [`POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\ntransfer-encoding: x\r\n\r\n`, 501],
  [`POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: \x0bchunked\r\n\r\n`, 400],
  ["POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400],
  [`POST / HTTP/1.1\r\n${HOST}Expect: 200-ok\r\n\r\n`, 417],
  [`${CHUNKED}0x5\r\nhello\r\n0\r\n\r\n`, 400],
  [`${CHUNKED}zz\r\n\r\n${SMUGGLED}`, 400],
  [`${CHUNKED}-5\r\nhello\r\n0\r\n\r\n`, 400],
  [`${CHUNKED}5 x\r\nhello\r\n0\r\n\r\n`, 400],
  [`${CHUNKED}\r\nhello\r\n0\r\n\r\n`, 400],
  [`${CHUNKED}5\nhello\r\n0\r\n\r\n`, 400],
  [`${CHUNKED}5\r\nhelloXX0\r\n\r\n`, 400],
  [`${CHUNKED}5\r\nhello\n0\r\n\r\n`, 400],
  [`${CHUNKED}000000005\r\nhello\r\n0\r\n\r\n`, 400],
  [`${CHUNKED}${"1".repeat(300)}`, 400],
  [`${CHUNKED}ffffffff\r\n`, 413],
  [`${CHUNKED}0\r\nbad trailer\r\n\r\n`, 400],
  [`${CHUNKED}0\r\n${"X: 1\r\n".repeat(MAX_TRAILER_BYTES / 6 + 1)}\r\n`, 431],
  [`GET /${"a".repeat(MAX_REQUEST_LINE)} HTTP/1.1\r\n${HOST}\r\n`, 414],
  ["A".repeat(MAX_REQUEST_LINE + 1), 414],
  [`GET / HTTP/1.1\r\n${HOST}X: ${"a".repeat(MAX_HEADER_BYTES)}\r\n\r\n`, 431],
  [`GET / HTTP/1.1\r\n${HOST}X: ${"a".repeat(MAX_HEADER_BYTES)}`, 431],
  [`GET / HTTP/1.1\r\n${HOST}${"X: 1\r\n".repeat(MAX_HEADER_COUNT)}\r\n`, 431],
];

Deno.test("RequestParser reads what HTTP/1.1 allows", () => {
  for (const [text, expected] of VALID) deepStrictEqual(summary(parse(text)), expected, text);
});

Deno.test("RequestParser refuses every hostile request and reads nothing behind it", () => {
  for (const [text, status] of HOSTILE) {
    const lines = summary(parse(text + SMUGGLED));
    deepStrictEqual(lines, [String(status)], JSON.stringify(text.slice(0, 120)));
  }
});

Deno.test("RequestParser understands the same however the bytes are cut", () => {
  const texts = [...VALID.map(([text]) => text), ...HOSTILE.map(([text]) => text)]
    .filter((text) => text.length < 2_000);
  fc.assert(
    fc.property(fc.constantFrom(...texts), fc.array(fc.nat(200)), (text, cuts) => {
      const parser = new RequestParser();
      const events: RequestEvent[] = [];
      let at = 0;
      for (const cut of cuts) {
        parser.push(latin1(text.slice(at, at + cut)));
        events.push(...drain(parser));
        at += cut;
      }
      parser.push(latin1(text.slice(at)));
      events.push(...drain(parser));
      deepStrictEqual(summary(events), summary(parse(text)));
    }),
    { numRuns: 200 },
  );
});

Deno.test("RequestParser takes each text one byte at a time", () => {
  for (const [text, expected] of VALID) {
    const parser = new RequestParser();
    const events: RequestEvent[] = [];
    for (const byte of latin1(text)) {
      parser.push(Uint8Array.of(byte));
      events.push(...drain(parser));
    }
    deepStrictEqual(summary(events), expected, text);
  }
});

Deno.test("RequestParser answers random bytes with a fault or waits for more, holding little", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "GET / HTTP/1.1",
      "\r\n",
      "Host: a",
      "POST /",
      "Transfer-Encoding: chunked",
      "5",
    ),
    fc.string({ unit: "binary", maxLength: 20 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const parser = new RequestParser();
      let sent = 0;
      for (const text of pieces) {
        const bytes = latin1(text);
        sent += bytes.length;
        parser.push(bytes);
        for (const event of drain(parser)) {
          if (event.kind === "fault") strictEqual(event.status >= 400 && event.status < 600, true);
        }
        strictEqual(parser.buffered <= sent, true);
      }
    }),
    { numRuns: 200 },
  );
});

Deno.test("RequestParser trims as many blanks as fit, and refuses a forbidden byte behind them", () => {
  const blanks = " \t".repeat(8_000);
  const field = (value: string) => parse(`GET / HTTP/1.1\r\n${HOST}X:${value}\r\n\r\n`);
  strictEqual(summary(field(`${blanks}\x01`))[0], "400");
  for (const value of [`${blanks}x`, `x${blanks}`, `\t${blanks.slice(2)}x \t`]) {
    const [head] = field(value);
    deepStrictEqual(head?.kind === "head" && head.headers.at(-1), ["X", "x"]);
  }
});

Deno.test("RequestParser keeps prototype names as plain headers", () => {
  const [head] = parse(`GET / HTTP/1.1\r\n${HOST}__proto__: 1\r\nconstructor: 2\r\n\r\n`);
  deepStrictEqual(head?.kind === "head" && head.headers, [
    ["Host", "a"],
    ["__proto__", "1"],
    ["constructor", "2"],
  ]);
});

Deno.test("RequestParser hands out one request at a time", () => {
  const parser = new RequestParser();
  parser.push(latin1(SMUGGLED + SMUGGLED));
  strictEqual(parser.next()?.kind, "head");
  strictEqual(parser.next()?.kind, "end");
  strictEqual(parser.buffered, SMUGGLED.length);
});
