import assert from "node:assert/strict";
import { hideControls, hideControlsInJson } from "../../cli/terminal_text.ts";

/** Characters that decide about the direction of a text (Unicode Bidi_Control), and deprecated ones. */
const DIRECTIONS = [
  [0x061c, 0x061c],
  [0x200e, 0x200f],
  [0x202a, 0x202e],
  [0x2066, 0x206f],
] as const;

Deno.test("hideControls shows every direction mark, and JSON keeps its value", () => {
  for (const [first, last] of DIRECTIONS) {
    for (let code = first; code <= last; code++) {
      const text = `a${String.fromCharCode(code)}b`;
      assert.equal(hideControls(text), `a\\u${code.toString(16).padStart(4, "0")}b`);
      const json = hideControlsInJson(JSON.stringify(text));
      assert.match(json, /^[\x20-\x7e]+$/);
      assert.equal(JSON.parse(json), text);
    }
  }
});

Deno.test("hideControls knows every character that Unicode calls a direction control", () => {
  for (let code = 0; code < 0x10000; code++) {
    const character = String.fromCharCode(code);
    if (/\p{Bidi_Control}/u.test(character)) assert.notEqual(hideControls(character), character);
  }
});

Deno.test("hideControls leaves letters of all scripts, joined emoji, tabs and line feeds alone", () => {
  const text = "ü שלום مرحبا 👩‍👩‍👧 म‌क\t\n";
  assert.equal(hideControls(text), text);
});
