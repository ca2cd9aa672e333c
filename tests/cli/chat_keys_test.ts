import assert from "node:assert/strict";
import * as fc from "fast-check";
import { utf8 } from "#kit";
import { type Key, KeyDecoder, MAX_PASTE_BYTES } from "../../cli/chat_keys.ts";

function keysOf(...pieces: readonly (string | Uint8Array)[]): Key[] {
  const decoder = new KeyDecoder();
  const keys = pieces.flatMap((piece) =>
    decoder.push(typeof piece === "string" ? utf8(piece) : piece)
  );
  return [...keys, ...decoder.flush()];
}

/** Names of keys, texts as they are, pastes in brackets. */
function brief(keys: readonly Key[]): string {
  return keys.map((key) =>
    key.kind === "key" ? `<${key.name}>` : key.kind === "paste" ? `[${key.text}]` : key.text
  ).join("");
}

const sequences: readonly [bytes: string, keys: string][] = [
  ["hé日👍", "hé日👍"],
  ["\r", "<enter>"],
  ["\n", "<newline>"],
  ["\x1b\r", "<newline>"],
  ["\x1b", "<escape>"],
  ["\x1b\x1b", "<escape><escape>"],
  ["\x03", "<interrupt>"],
  ["\x7f\x08", "<backspace><backspace>"],
  ["\x15\x17\x0b\x0c", "<kill-line><kill-word><kill-rest><redraw>"],
  ["\x1b[A\x1b[B\x1b[C\x1b[D", "<up><down><right><left>"],
  ["\x1bOA\x1bOH\x1bOF", "<up><home><end>"],
  ["\x1b[H\x1b[F\x1b[1~\x1b[4~\x1b[7~\x1b[8~", "<home><end><home><end><home><end>"],
  ["\x1b[3~\x1b[5~\x1b[6~", "<delete><page-up><page-down>"],
  ["\x1b[1;5D\x1b[3;2~", "<left><delete>"],
  ["\x01\x05\x02\x06", "<home><end><left><right>"],
  ["a\x1b[99~b\x1bxc\x1b[Md", "abcd"],
  ["\x1b[12\x1b[A", "<up>"],
  ["\x1b[200~one\r\ntwo\x1b[x\x1b[201~!", "[one\r\ntwo\x1b[x]!"],
  ["\x1b[200~\x1b[20\x1b[201~", "[\x1b[20]"],
  ["\x1b[200~never ends\x03q", "<interrupt>q"],
  ["\x00\x1d", ""],
];

for (const [bytes, keys] of sequences) {
  Deno.test(`KeyDecoder reads ${JSON.stringify(bytes)} as ${keys}`, () => {
    assert.equal(brief(keysOf(bytes)), keys);
  });
}

const typed = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.array(fc.constantFrom(...sequences.map(([bytes]) => bytes), "\x1b[200~", "\x1b[201~", "\x1b["))
    .map((parts) => utf8(parts.join(""))),
);

Deno.test("KeyDecoder reads the same keys however the bytes are cut", () => {
  fc.assert(fc.property(typed, fc.array(fc.nat(80)), (bytes, cuts) => {
    const places = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b)];
    const pieces = places.map((place, index) => bytes.subarray(place, places[index + 1]));
    assert.deepEqual(keysOf(...pieces), keysOf(bytes));
  }));
});

Deno.test("KeyDecoder gives UTF-8 that is broken as U+FFFD and goes on", () => {
  assert.equal(brief(keysOf(Uint8Array.of(0xe6, 0x97, 0x61))), "\ufffda");
  assert.equal(brief(keysOf(Uint8Array.of(0x80, 0x62))), "\ufffdb");
  assert.equal(brief(keysOf(Uint8Array.of(0xf0, 0x9f, 0x1b, 0x5b, 0x41))), "\ufffd<up>");
});

Deno.test("KeyDecoder keeps a bounded part of a paste and of a sequence", () => {
  const paste = keysOf(`\x1b[200~${"x".repeat(MAX_PASTE_BYTES + 9)}\x1b[201~y`);
  assert.equal(brief(paste), `[${"x".repeat(MAX_PASTE_BYTES)}]y`);
  assert.ok(brief(keysOf(`\x1b[${"1".repeat(1_000)}`, "z")).endsWith("z"));
});

Deno.test("KeyDecoder waits after Esc only", () => {
  const decoder = new KeyDecoder();
  decoder.push(utf8("a"));
  assert.equal(decoder.waiting, false);
  decoder.push(utf8("\x1b"));
  assert.equal(decoder.waiting, true);
  assert.equal(brief(decoder.push(utf8("[A"))), "<up>");
  assert.equal(decoder.waiting, false);
  decoder.push(utf8("\x1b[5"));
  assert.deepEqual(decoder.flush(), []);
  assert.equal(brief(decoder.push(utf8("~"))), "~");
});
