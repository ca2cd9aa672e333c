import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { unwrapBody as serverUnwrap } from "#events";
import * as fc from "fast-check";
import {
  dayOf,
  initials,
  keyIn,
  linkPieces,
  LONG_LINES,
  LONG_TEXT,
  preview,
  shortened,
  unwrapBody,
} from "../../lib/http/web/text.js";

const KEY = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";

Deno.test("linkPieces joined are the text again, and links lead to the web only", () => {
  const part = fc.oneof(
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.constantFrom("https://", "http://a.b/c", "javascript:", "https://x@y/", " ", "\u202E", ")."),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const text = parts.join("");
      const pieces = linkPieces(text);
      strictEqual(pieces.map((piece) => piece.text).join(""), text);
      for (const { href } of pieces) {
        if (href === undefined) continue;
        const url = new URL(href);
        ok(/^https?:$/.test(url.protocol) && url.username === "" && url.password === "");
      }
    }),
    { numRuns: 200 },
  );
});

Deno.test("linkPieces leaves the punctuation of the sentence out", () => {
  const links = (text: string) => linkPieces(text).flatMap(({ href }) => href ?? []);
  deepStrictEqual(links("(see https://a.example/b?c=1#d)."), ["https://a.example/b?c=1#d"]);
  deepStrictEqual(links("HTTP://A.EXAMPLE, https://b.example!"), [
    "http://a.example/",
    "https://b.example/",
  ]);
  deepStrictEqual(links("javascript:alert(1) ftp://a data:text/html,x https:// xhttps://a"), []);
  deepStrictEqual(links("https://bank.example@evil.example/ https://a\u202Emoc.b"), ["https://a/"]);
});

Deno.test("linkPieces takes long hostile texts in linear time", () => {
  const start = performance.now();
  for (
    const text of ["https://".repeat(8_192), "http://" + ")".repeat(65_536), "h".repeat(65_536)]
  ) {
    strictEqual(linkPieces(text).map((piece) => piece.text).join(""), text);
  }
  ok(performance.now() - start < 2_000);
});

Deno.test("keyIn reads a key and an address, and nothing else", () => {
  for (
    const text of [KEY, ` ${KEY.toUpperCase()}\n`, `tcp://${KEY}@host:1`, `tcp://${KEY}@[::1]:2`]
  ) {
    strictEqual(keyIn(text), KEY, text);
  }
  const wrong = ["", KEY.slice(1), `${KEY}0`, `05${KEY.slice(2)}`, `x ${KEY}`, "tcp://host:1"];
  for (const text of wrong) strictEqual(keyIn(text), undefined, text);
});

Deno.test("unwrapBody agrees with the server about every body", () => {
  const value = fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom(undefined, null, 1, {}));
  const inner = fc.record({
    text: value,
    from: value,
    to_sender: value,
    to_preview: value,
    to_ts: value,
  });
  const outer = fc.record(
    { skychat_reply: fc.oneof(inner, value), skychat_forward: fc.oneof(inner, value) },
    { requiredKeys: [] },
  );
  const raw = fc.oneof(
    outer.map((body) => JSON.stringify(body)),
    fc.constantFrom("skychat_reply", '["skychat_forward"]', "{}", ' {"skychat_reply":{}} '),
  );
  fc.assert(
    fc.property(raw, (text) => {
      const [here, there] = [unwrapBody(text), serverUnwrap(text)];
      strictEqual(here.text, there.text);
      strictEqual(here.forwarded === true, there.kind === "forward");
      strictEqual(here.quoteText ?? "", there.kind === "reply" ? there.preview : "");
    }),
    { numRuns: 200 },
  );
});

Deno.test("shortened bounds what is laid out at once, in characters and in lines", () => {
  strictEqual(shortened("short\ntext"), "short\ntext");
  strictEqual(shortened("x".repeat(LONG_TEXT)).length, LONG_TEXT);
  strictEqual(shortened("x".repeat(65_536)).length, LONG_TEXT);
  strictEqual(shortened("\n".repeat(5_000)).split("\n").length, LONG_LINES);
  ok(shortened("x".repeat(LONG_TEXT - 1) + "😀").isWellFormed());
});

Deno.test("preview is one line of bounded length without half a character", () => {
  strictEqual(preview("  a\n\tb  "), "a b");
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 400 }), (text) => {
      const line = preview(text, 20);
      ok(line.length <= 21 && line.isWellFormed() && !line.includes("\n"));
    }),
    { numRuns: 100 },
  );
});

Deno.test("initials are two characters of a name, or of the key", () => {
  strictEqual(initials("bob marlow", KEY), "BM");
  strictEqual(initials("😀 <b>", KEY), "c6");
  strictEqual(initials("", KEY), "c6");
  strictEqual(initials("Ärzte der Welt", KEY), "ÄD");
});

Deno.test("dayOf changes at midnight here", () => {
  const midnight = new Date(2026, 5, 1).getTime();
  strictEqual(dayOf(midnight) - dayOf(midnight - 1), 1);
  strictEqual(dayOf(midnight + 86_399_999), dayOf(midnight));
});
