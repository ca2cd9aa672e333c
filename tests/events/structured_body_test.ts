import assert from "node:assert/strict";
import fc from "fast-check";
import { utf8 } from "#kit";
import { cutToBytes, MAX_FORWARD_FROM, unwrapBody } from "#events";

Deno.test("unwrapBody takes an embedded quotation apart", () => {
  const raw = JSON.stringify({
    skychat_reply: {
      to_sender: "02ab",
      to_ts: "2026-09-08T10:00:00.5Z",
      to_preview: "p",
      text: "yes",
    },
  });
  assert.deepEqual(unwrapBody(raw), {
    kind: "reply",
    text: "yes",
    sender: "02ab",
    time: "2026-09-08T10:00:00.5Z",
    preview: "p",
  });
});

Deno.test("unwrapBody takes a forward apart, with whitespace around and other keys beside", () => {
  assert.deepEqual(
    unwrapBody(' \t\r\n\v\f{"v":1,"skychat_forward":{"from":"News","text":"out","x":1}}\n'),
    { kind: "forward", text: "out", from: "News" },
  );
});

Deno.test("unwrapBody reads missing and null fields as empty", () => {
  assert.deepEqual(unwrapBody('{"skychat_forward":{"from":null}}'), {
    kind: "forward",
    text: "",
    from: "",
  });
  assert.deepEqual(unwrapBody('{"skychat_reply":{}}'), {
    kind: "reply",
    text: "",
    sender: "",
    time: "",
    preview: "",
  });
});

Deno.test("unwrapBody lets the quotation win over a forward", () => {
  const both = '{"skychat_forward":{"text":"f"},"skychat_reply":{"text":"r"}}';
  assert.equal(unwrapBody(both).kind, "reply");
});

Deno.test("unwrapBody leaves everything else untouched", () => {
  const rows = [
    "",
    "hello",
    "skychat_reply",
    'x {"skychat_reply":{"text":"a"}}',
    '{"skychat_reply":{"text":"a"}} x',
    '{"skychat_reply":null}',
    '{"skychat_reply":"text"}',
    '{"skychat_reply":["text"]}',
    '{"skychat_reply":{"text":7}}',
    '{"skychat_reply":{"text":"a","to_ts":5}}',
    '{"skychat_forward":{"text":"a","from":{}}}',
    '["skychat_reply"]',
    '{"note":"skychat_forward"}',
    '{"__proto__":{"skychat_reply":{"text":"a"}}}',
    '{"skychat_reply":{"text":"a"}',
    "\ufeff" + '{"skychat_reply":{"text":"a"}}',
    '{"skychat_reply":' + "[".repeat(60_000),
    '{"skychat_reply":' + "[".repeat(30_000) + "]".repeat(30_000) + "}",
  ];
  for (const raw of rows) assert.deepEqual(unwrapBody(raw), { kind: "plain", text: raw });
});

Deno.test("unwrapBody cuts the channel name of a forward to 64 bytes", () => {
  const body = unwrapBody(JSON.stringify({ skychat_forward: { from: "é".repeat(40), text: "x" } }));
  assert.deepEqual(body, { kind: "forward", text: "x", from: "é".repeat(32) });
});

Deno.test("cutToBytes never splits a character and never cuts more than needed", () => {
  assert.equal(cutToBytes("a" + "👋".repeat(16), MAX_FORWARD_FROM), "a" + "👋".repeat(15));
  assert.equal(cutToBytes("a".repeat(64), MAX_FORWARD_FROM), "a".repeat(64));
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.nat(80), (text, limit) => {
      const cut = cutToBytes(text, limit);
      assert.ok(text.startsWith(cut));
      assert.ok(utf8(cut).length <= limit);
      const [next = ""] = text.slice(cut.length);
      assert.ok(next === "" || utf8(cut + next).length > limit);
    }),
    { numRuns: 200 },
  );
});
