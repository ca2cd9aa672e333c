import assert from "node:assert/strict";
import * as fc from "fast-check";
import { LineEditor, MAX_INPUT_UNITS } from "../../cli/chat_editor.ts";
import type { KeyName } from "../../cli/chat_keys.ts";

/** The text with `|` where the cursor is. */
function shown(editor: LineEditor): string {
  const { clusters, cursor } = editor;
  return [...clusters.slice(0, cursor), "|", ...clusters.slice(cursor)].join("");
}

function edited(...steps: readonly (string | { key: KeyName })[]): string {
  const editor = new LineEditor();
  for (const step of steps) {
    if (typeof step === "string") editor.insert(step);
    else editor.press(step.key);
  }
  return shown(editor);
}

const key = (name: KeyName) => ({ key: name });
const [left, home, end] = [key("left"), key("home"), key("end")];

const cases: readonly [name: string, result: string, expected: string][] = [
  ["inserts at the cursor", edited("ac", left, "b"), "ab|c"],
  ["moves to both ends", edited("abc", home, "<", end, ">"), "<abc>|"],
  ["takes whole characters", edited("a👨‍👩‍👧‍👦e\u0301", key("backspace"), key("backspace")), "a|"],
  ["deletes under the cursor", edited("abc", home, key("delete")), "|bc"],
  [
    "does nothing beyond the ends",
    edited("a", home, left, key("backspace"), end, key("right"), key("delete")),
    "a|",
  ],
  ["kills a word and the spaces behind it", edited("one two  ", key("kill-word")), "one |"],
  ["kills to the start", edited("one two", left, key("kill-line")), "|o"],
  ["kills to the end", edited("one two", home, key("right"), key("kill-rest")), "o|"],
  ["keeps line feeds of a paste", edited("a\r\nb\rc"), "a\nb\nc|"],
  ["puts a line feed in on request", edited("a", key("newline"), "b"), "a\nb|"],
  ["drops what is no text", edited("a\x1b[31m\x00\u009bb\tc"), "a[31mb c|"],
  ["joins a mark with the letter before it", edited("e", "\u0301", left), "|e\u0301"],
];

for (const [name, result, expected] of cases) {
  Deno.test(`LineEditor ${name}`, () => assert.equal(result, expected));
}

Deno.test("LineEditor's cursor stays inside, whatever is typed", () => {
  const names: KeyName[] = [
    "left",
    "right",
    "home",
    "end",
    "backspace",
    "delete",
    "kill-word",
    "up",
  ];
  const step = fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom(...names.map(key)));
  fc.assert(fc.property(fc.array(step), (steps) => {
    const editor = new LineEditor();
    for (const one of steps) {
      if (typeof one === "string") editor.insert(one);
      else editor.press(one.key);
      assert.ok(editor.cursor >= 0 && editor.cursor <= editor.clusters.length);
      assert.equal(editor.clusters.join(""), editor.text);
    }
  }));
});

Deno.test("LineEditor refuses more than a message can hold, and starts anew after take", () => {
  const editor = new LineEditor();
  assert.equal(editor.insert("x".repeat(MAX_INPUT_UNITS)), true);
  assert.equal(editor.insert("y"), false);
  assert.equal(editor.press("newline"), true);
  assert.equal(editor.press("up"), false);
  assert.equal(editor.take().length, MAX_INPUT_UNITS);
  assert.equal(shown(editor), "|");
});
