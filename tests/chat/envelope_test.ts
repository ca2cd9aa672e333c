import assert from "node:assert/strict";
import fc from "fast-check";
import { type Random, utf8, utf8Text } from "#kit";
import {
  type Classified,
  classify,
  encodeAck,
  encodeDelete,
  encodeMessage,
  encodeRead,
  newMessageId,
} from "#chat";

function classifyText(text: string): Classified {
  return classify(utf8(text));
}

/** That these payloads are shown as they are. */
function assertText(payloads: readonly string[]): void {
  for (const payload of payloads) {
    const expected = { kind: "text", text: payload, length: utf8(payload).length };
    assert.deepEqual(classifyText(payload), expected, payload.slice(0, 80));
  }
}

Deno.test("classify reads every special type, and each field", () => {
  const rows: [string, Classified][] = [
    ['{"type":"chat-msg","id":"1","body":"b","ack":true,"reply_to":"0"}', {
      kind: "message",
      id: "1",
      body: "b",
      ack: true,
      replyTo: "0",
    }],
    ['{"type":"chat-msg"}', { kind: "message", id: "", body: "", ack: false, replyTo: "" }],
    ['{"type":"chat-ack","id":"1"}', { kind: "receipt", status: "received", id: "1" }],
    ['{"type":"chat-read","id":"1"}', { kind: "receipt", status: "read", id: "1" }],
    ['{"type":"chat-delete","id":"1"}', { kind: "delete", id: "1" }],
    ['{"type":"chat-ack"}', { kind: "receipt", status: "received", id: "" }],
    ['{"type":"pair-invite"}', { kind: "pair-control", type: "pair-invite" }],
    ['{"type":"pair-ack","from_pk":"x"}', { kind: "pair-control", type: "pair-ack" }],
    ['{"type":"pair-decline"}', { kind: "pair-control", type: "pair-decline" }],
    ['{"type":"file-request","file_id":"f"}', { kind: "file-request", fileId: "f" }],
    ['{"type":"file-request","file_id":"f","file_name":"n"}', {
      kind: "file-request",
      fileId: "f",
    }],
  ];
  for (const [payload, expected] of rows) assert.deepEqual(classifyText(payload), expected);
});

Deno.test("classify takes anything but the exact type values for text", () => {
  assertText([
    "hello",
    " hello ",
    "{",
    "{}",
    "[]",
    "null",
    "7",
    '"chat-msg"',
    '[{"type":"chat-msg"}]',
    '{"type":"note"}',
    '{"type":"Chat-Msg","id":"1","body":"b"}',
    '{"type":"chat-msg ","id":"1"}',
    '{"type":null,"id":"1"}',
    '{"type":7}',
    '{"type":["chat-msg"]}',
    '{"id":"1","body":"b"}',
    '{"type":"file-request"}',
    '{"type":"file-request","file_id":""}',
    '{"type":"file-request","file_id":null}',
  ]);
});

Deno.test("classify takes a payload with a wrongly typed known key for text", () => {
  const wrong: Record<string, readonly unknown[]> = {
    id: [7, true, [], {}],
    body: [7, false, ["b"], {}],
    ack: ["yes", 1, 0, "", [], {}],
    reply_to: [7, true, [], {}],
  };
  for (const type of ["chat-msg", "chat-ack", "chat-read", "chat-delete"]) {
    for (const [key, values] of Object.entries(wrong)) {
      assertText(values.map((value) => JSON.stringify({ type, id: "1", body: "b", [key]: value })));
    }
  }
  assertText([
    '{"type":"pair-invite","from_pk":7}',
    '{"type":"file-request","file_id":7}',
    '{"type":"file-request","file_id":"f","file_name":7}',
  ]);
});

Deno.test("classify ignores unknown keys, of whatever type", () => {
  const found = classifyText('{"type":"chat-ack","id":"1","x":[{"y":null}],"file_id":7,"":{}}');
  assert.deepEqual(found, { kind: "receipt", status: "received", id: "1" });
});

Deno.test("classify reads null as absent and lets the last duplicate win", () => {
  assert.deepEqual(
    classifyText('{"type":"chat-msg","id":null,"body":null,"ack":null,"reply_to":null}'),
    { kind: "message", id: "", body: "", ack: false, replyTo: "" },
  );
  assert.deepEqual(
    classifyText('{"type":"note","type":"chat-ack","id":7,"id":"1"}'),
    { kind: "receipt", status: "received", id: "1" },
  );
  assertText(['{"type":"chat-ack","id":"1","type":"note"}']);
});

Deno.test("classify trims ASCII whitespace only, and refuses anything after the object", () => {
  const ack = '{"type":"chat-ack","id":"1"}';
  assert.equal(classifyText(` \t\n\v\f\r${ack}\r\f\v\n\t `).kind, "receipt");
  assertText([
    ack + "x",
    ack + ack,
    ack + "\u0000",
    "\u0000" + ack,
    "\u00a0" + ack,
    "\ufeff" + ack,
    ack + "\u2028",
    "x" + ack,
    ack.slice(0, -1),
    "// comment\n" + ack,
  ]);
});

Deno.test("classify takes other spellings of key names for unknown keys", () => {
  assertText(['{"Type":"chat-msg","ID":"1","Body":"b"}']);
  assert.deepEqual(classifyText('{"type":"chat-msg","ID":"1","body":"b"}'), {
    kind: "message",
    id: "",
    body: "b",
    ack: false,
    replyTo: "",
  });
});

Deno.test("classify is not misled by inherited names", () => {
  assertText([
    '{"__proto__":{"type":"chat-msg","body":"b"}}',
    '{"constructor":{"type":"chat-msg"}}',
    '{"toString":"chat-msg"}',
    '{"type":"constructor"}',
    '{"type":"__proto__"}',
  ]);
  const found = classifyText('{"type":"chat-msg","body":"b","__proto__":{"ack":true,"id":"1"}}');
  assert.deepEqual(found, { kind: "message", id: "", body: "b", ack: false, replyTo: "" });
  assert.equal(({} as Record<string, unknown>).ack, undefined);
});

Deno.test("classify survives nesting as deep as a frame allows", () => {
  const deep = (open: string, close: string) =>
    `{"type":"chat-ack","id":"1","x":${open.repeat(32_000)}${close.repeat(32_000)}}`;
  assertText([
    "[".repeat(65_536),
    '{"a":'.repeat(13_000),
    "{".repeat(65_536),
    "{" + "[".repeat(60_000) + "}",
    deep("[", "]").slice(0, -2) + "}",
  ]);
  assert.equal(classifyText(deep("[", "]")).kind, "receipt");
});

Deno.test("classify shows invalid UTF-8 as U+FFFD and counts the original bytes", () => {
  const payload = Uint8Array.of(0x68, 0xff, 0xc3, 0x28);
  assert.deepEqual(classify(payload), { kind: "text", text: "h\ufffd\ufffd(", length: 4 });
  const bytes = utf8('{"type":"chat-msg","id":"1","body":"?"}');
  bytes[bytes.indexOf(0x3f)] = 0xff;
  assert.deepEqual(classify(bytes), {
    kind: "message",
    id: "1",
    body: "\ufffd",
    ack: false,
    replyTo: "",
  });
});

Deno.test("encodeMessage writes the keys in order and leaves empty ones out", () => {
  const rows: [Parameters<typeof encodeMessage>[0], string][] = [
    [
      { id: "1", body: "b", ack: true, replyTo: "0" },
      '"id":"1","body":"b","ack":true,"reply_to":"0"',
    ],
    [{ id: "1", body: "b", ack: false, replyTo: "" }, '"id":"1","body":"b"'],
    [{ id: "", body: "" }, '"id":""'],
  ];
  for (const [message, rest] of rows) {
    assert.equal(utf8Text(encodeMessage(message)), `{"type":"chat-msg",${rest}}`);
  }
});

Deno.test("encodeAck, encodeRead and encodeDelete name one message", () => {
  assert.equal(utf8Text(encodeAck("1")), '{"type":"chat-ack","id":"1"}');
  assert.equal(utf8Text(encodeRead('"')), '{"type":"chat-read","id":"\\""}');
  assert.equal(utf8Text(encodeDelete("é")), '{"type":"chat-delete","id":"é"}');
});

Deno.test("newMessageId is 16 lower-case hex digits and keeps leading zeros", () => {
  const random: Random = { bytes: (count) => new Uint8Array(count).fill(0x0a, count - 1) };
  assert.equal(newMessageId(random), "000000000000000a");
});

Deno.test("classify returns what was encoded, whatever the texts", () => {
  const text = fc.string({ unit: "binary" });
  const message = fc.record({ id: text, body: text, ack: fc.boolean(), replyTo: text });
  fc.assert(
    fc.property(message, (sent) => {
      assert.deepEqual(classify(encodeMessage(sent)), { kind: "message", ...sent });
      const { id } = sent;
      assert.deepEqual(classify(encodeAck(id)), { kind: "receipt", status: "received", id });
      assert.deepEqual(classify(encodeRead(id)), { kind: "receipt", status: "read", id });
      assert.deepEqual(classify(encodeDelete(id)), { kind: "delete", id });
    }),
    { numRuns: 150 },
  );
});

Deno.test("classify never throws, and what is not special comes back verbatim", () => {
  const key = fc.constantFrom("type", "id", "body", "ack", "reply_to", "file_id", "__proto__", "x");
  const type = fc.constantFrom("chat-msg", "chat-ack", "chat-read", "chat-delete", "pair-ack", "x");
  const value = fc.oneof(type, fc.jsonValue());
  const object = fc.array(fc.tuple(key, value)).map((entries) =>
    `{${
      entries.map(([name, what]) => `${JSON.stringify(name)}:${JSON.stringify(what)}`).join(",")
    }}`
  );
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.json().map(utf8),
    object.map(utf8),
  );
  fc.assert(
    fc.property(payload, (bytes) => {
      const found = classify(bytes);
      if (found.kind === "text") assert.equal(found.text, utf8Text(bytes));
      if (found.kind === "text") assert.equal(found.length, bytes.length);
    }),
    { numRuns: 200 },
  );
});
