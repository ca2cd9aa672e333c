import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { concat, utf8 } from "#kit";
import { MAX_ARCHIVE_FRAME_BYTES, MAX_IMPORT_RECORDS, MAX_RECORD_BYTES } from "#http";
import { type Archive, ArchiveReader } from "../../lib/http/archive_reader.ts";
import { BodyError } from "../../lib/http/json_body.ts";

const HEAD = '"format":"skychat-archive","version":1';

function read(text: string, pieceSize = Infinity): Archive {
  const reader = new ArchiveReader();
  const bytes = utf8(text);
  for (let at = 0; at < bytes.length; at += Math.min(pieceSize, bytes.length)) {
    reader.push(bytes.slice(at, at + Math.min(pieceSize, bytes.length)));
  }
  return reader.finish();
}

function refusal(text: string, pieceSize?: number): string {
  try {
    read(text, pieceSize);
  } catch (thrown) {
    if (thrown instanceof BodyError) return thrown.message;
    throw thrown;
  }
  return "";
}

const MESSAGE = {
  peer: "02ab",
  from: "02ab",
  outgoing: false,
  text: 'a "quoted" \\ text, [with] {brackets}, ünï 🎈',
  timestamp: "2026-09-08T10:00:00Z",
  id: "1",
  file_size: 5,
};
const GROUP = { group_id: "g", sender_pk: "02", outgoing: true, text: "x", timestamp: "t" };

Deno.test("ArchiveReader reads contacts, messages and group messages", () => {
  const text = JSON.stringify({
    format: "skychat-archive",
    version: 1,
    contacts: { "02ab": "Ann" },
    messages: [MESSAGE, MESSAGE],
    group_messages: [GROUP],
  });
  for (const size of [1, 7, Infinity]) {
    deepStrictEqual(read(text, size), {
      contacts: { "02ab": "Ann" },
      records: { messages: [MESSAGE, MESSAGE], groupMessages: [GROUP] },
    });
  }
});

Deno.test("ArchiveReader takes blanks, other orders, nulls, unknown keys and what follows the document", () => {
  const nothing = { contacts: {}, records: { messages: [], groupMessages: [] } };
  const empty = [
    `{${HEAD}}`,
    ` { ${HEAD} , "messages" : [ \n ] , "contacts":null} trailing "messages":[5`,
    `{"messages":null,"group_messages":null,${HEAD}}`,
    `{${HEAD},"other":[[1],{"messages":[1]}],"x":{"messages":[7]}}`,
  ];
  for (const text of empty) deepStrictEqual(read(text), nothing, text);
  const { records } = read(`{"messages" :\t[ {"text":"a"} ,\n{"text":"b"}\r\n],${HEAD}}`);
  deepStrictEqual(records.messages, [{ text: "a" }, { text: "b" }]);
});

Deno.test("ArchiveReader keeps known keys with plain values, and prototypes out of it", () => {
  const odd =
    '{"__proto__":{"text":"x"},"text":{"a":[1]},"id":[],"peer":null,"constructor":1,"outgoing":"no","more":[[]]}';
  const [record] = read(`{${HEAD},"messages":[${odd}]}`).records.messages;
  deepStrictEqual(record, { text: null, id: null, outgoing: "no" });
  strictEqual(Object.getPrototypeOf(record), Object.prototype);
  strictEqual(({} as Record<string, unknown>).text, undefined);
});

Deno.test("ArchiveReader refuses what is no archive with the texts of http-api.md 4.17", () => {
  const rows: [string, string][] = [
    ["", "not a readable archive: EOF"],
    ["{", "not a readable archive: unexpected EOF"],
    [`{${HEAD},"messages":[{"text":"a"}`, "not a readable archive: unexpected EOF"],
    [`{${HEAD},"messages":[{"text":"a`, "not a readable archive: unexpected EOF"],
    ["nonsense", "not a readable archive: not valid JSON"],
    [`{${HEAD},}`, "not a readable archive: not valid JSON"],
    [`{${HEAD},"messages":[}}`, "not a readable archive: not valid JSON"],
    ["[]", "not a SkyChat archive"],
    ["null", "not a SkyChat archive"],
    ['"skychat-archive"', "not a SkyChat archive"],
    ['[{"format":"skychat-archive"}]', "not a SkyChat archive"],
    ['{"format":"x","version":9}', "not a SkyChat archive"],
    ['{"messages":[{}]}', "not a SkyChat archive"],
    [
      '{"format":"skychat-archive","version":2}',
      "archive is version 2; this SkyChat reads up to 1 — update it first",
    ],
    ['{"format":"skychat-archive"}', "not a readable archive: version must be a positive integer"],
    [
      '{"format":"skychat-archive","version":"1"}',
      "not a readable archive: version must be a positive integer",
    ],
    ...[0, -1, 0.5, "1e999"].map((version): [string, string] => [
      `{"format":"skychat-archive","version":${version}}`,
      "not a readable archive: version must be a positive integer",
    ]),
    [
      `{${HEAD},"messages":[],"messages":null}`,
      "not a readable archive: messages is there twice",
    ],
    [
      `{${HEAD},"group_messages":5,"\\u0067roup_messages":[{}]}`,
      "not a readable archive: group_messages is there twice",
    ],
    [`{${HEAD},"messages":{}}`, "not a readable archive: messages must be a list"],
    [`{${HEAD},"group_messages":"x"}`, "not a readable archive: group_messages must be a list"],
    [`{${HEAD},"contacts":[]}`, "not a readable archive: contacts must be an object"],
    [`{${HEAD},"messages":[{},5]}`, "not a readable archive: messages[1] is not an object"],
    [`{${HEAD},"messages":[[]]}`, "not a readable archive: messages[0] is not an object"],
    [`{${HEAD},"messages":[null]}`, "not a readable archive: messages[0] is not an object"],
    [`{${HEAD},"messages":[{},]}`, "not a readable archive: messages[1] is not valid JSON"],
    [`{${HEAD},"messages":[,{}]}`, "not a readable archive: messages[0] is not valid JSON"],
    [`{${HEAD},"messages":[{} {}]}`, "not a readable archive: messages[0] is not valid JSON"],
    [
      `{${HEAD},"group_messages":[{"a":tru}]}`,
      "not a readable archive: group_messages[0] is not valid JSON",
    ],
  ];
  for (const [text, expected] of rows) {
    for (const size of [1, Infinity]) strictEqual(refusal(text, size), expected, text);
  }
});

Deno.test("ArchiveReader bounds a record, the rest of the document, and the number of records", () => {
  const long = "x".repeat(MAX_RECORD_BYTES);
  strictEqual(
    refusal(`{${HEAD},"messages":[{"text":"${long}"}]}`, 16_384),
    "not a readable archive: messages[0] is too large",
  );
  const fits = "x".repeat(MAX_RECORD_BYTES - 20);
  strictEqual(read(`{${HEAD},"messages":[{"text":"${fits}"}]}`).records.messages.length, 1);
  const frame = `{${HEAD},"x":"${"y".repeat(MAX_ARCHIVE_FRAME_BYTES)}"}`;
  strictEqual(
    refusal(frame, 16_384),
    "not a readable archive: too much besides the messages",
  );
  const reader = new ArchiveReader();
  reader.push(utf8(`{${HEAD},"messages":[{}`));
  const piece = utf8(",{}".repeat(10_000));
  for (let count = 0; count < MAX_IMPORT_RECORDS; count += 10_000) reader.push(piece);
  reader.push(piece);
  throws(() => reader.finish(), /more than 500000 messages/);
});

Deno.test("ArchiveReader reads deep nesting and random bytes without harm", () => {
  for (const text of ["[".repeat(200_000), `{${HEAD},"messages":[${'{"a":'.repeat(100_000)}`]) {
    ok(/^not a readable archive: /.test(refusal(text, 4_096)));
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (noise, at) => {
      const text = utf8(`{${HEAD},"messages":[{"text":"a"},{"text":"b"}],"contacts":{"a":"b"}}`);
      const reader = new ArchiveReader();
      reader.push(concat(text.slice(0, at), noise, text.slice(at)));
      try {
        reader.finish();
      } catch (thrown) {
        strictEqual(thrown instanceof BodyError, true);
      }
    }),
    { numRuns: 200 },
  );
});

Deno.test("ArchiveReader reads any archive back, however the bytes are cut", () => {
  const field = fc.string({ unit: "grapheme" });
  const message = fc.record({ peer: field, outgoing: fc.boolean(), text: field, timestamp: field });
  const archive = fc.record({
    messages: fc.array(message, { maxLength: 5 }),
    contacts: fc.dictionary(field.filter((key) => key !== "__proto__"), field),
    other: fc.jsonValue(),
  });
  fc.assert(
    fc.property(
      archive,
      fc.integer({ min: 1, max: 40 }),
      fc.constantFrom(0, 2),
      (value, size, indent) => {
        const document = { ...value, format: "skychat-archive", version: 1 };
        const result = read(JSON.stringify(document, null, indent), size);
        deepStrictEqual(JSON.stringify(result.records.messages), JSON.stringify(value.messages));
        deepStrictEqual(JSON.stringify(result.contacts), JSON.stringify(value.contacts));
      },
    ),
    { numRuns: 100 },
  );
});

Deno.test("ArchiveReader decodes keys as the JSON that they are", () => {
  const every = [..."group_messages"].map((character) =>
    `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  ).join("");
  const rows: [string, number, number][] = [
    [`"\\u006dessages" : [{"text":"a"}]`, 1, 0],
    [`"${every}":[{"text":"a"},{"text":"b"}]`, 0, 2],
    [`"x\\"messages":[{"text":"a"}]`, 0, 0],
    [`"x\\\\":"messages","y":[{"text":"a"}]`, 0, 0],
    [`"${"x".repeat(200)}messages":[{"text":"a"}]`, 0, 0],
    [`"note":"\\"messages\\":[","messages":[{"text":"a"}]`, 1, 0],
    [`"messages":[{"messages":[1]},{"text":"\\":[{"}],"z":[{"messages":[2]}]`, 2, 0],
  ];
  for (const [text, messages, groupMessages] of rows) {
    for (const size of [1, 5, Infinity]) {
      const { records } = read(`{${text},${HEAD}}`, size);
      deepStrictEqual(
        [records.messages.length, records.groupMessages.length],
        [messages, groupMessages],
        text,
      );
    }
  }
});

Deno.test("ArchiveReader tells its first fault at once and reads nothing after it", () => {
  const reader = new ArchiveReader();
  reader.push(utf8(`{${HEAD},"messages":[{},`));
  strictEqual(reader.fault, undefined);
  reader.push(utf8(",{}"));
  strictEqual(reader.fault, "not a readable archive: messages[1] is not valid JSON");
  reader.push(utf8(`,{},"x`));
  strictEqual(reader.fault, "not a readable archive: messages[1] is not valid JSON");
  throws(() => reader.finish(), { message: reader.fault });
});
