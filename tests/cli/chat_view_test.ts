import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { ChatMessage } from "../../cli/chat_log.ts";
import { ChatScreen } from "../../cli/chat_screen.ts";
import {
  chatFrame,
  type ChatState,
  MAX_MESSAGE_ROWS,
  messageHeight,
  type ViewStyle,
} from "../../cli/chat_view.ts";
import { clustersOf, textWidth } from "../../cli/chat_width.ts";
import { ScreenEmulator } from "#support/screen_emulator.ts";

const PLAIN: ViewStyle = { colour: false, timeOf: (time) => time.slice(11, 16) };
const COLOUR: ViewStyle = { ...PLAIN, colour: true };
const EMPTY: ChatState = {
  title: "ann (0279be66…)",
  peerName: "ann",
  messages: [],
  scroll: 0,
  unseen: 0,
  notice: "",
  input: [],
  cursor: 0,
};

function message(text: string, more: Partial<ChatMessage> = {}): ChatMessage {
  const time = "2026-09-08T10:00:00Z";
  return {
    direction: "in",
    id: "1",
    text,
    time,
    stored: false,
    delivery: "none",
    deleted: false,
    ...more,
  };
}

function typed(text: string, cursor?: number): Pick<ChatState, "input" | "cursor"> {
  const input = clustersOf(text);
  return { input, cursor: cursor ?? input.length };
}

const size = (columns: number, rows: number) => ({ columns, rows });

Deno.test("chatFrame shows title, history, status line and input", () => {
  const messages = [
    message("hello there, how are you today?"),
    message("fine", { direction: "out", delivery: "read" }),
    message("one\ntwo", { direction: "out", delivery: "failed", time: "" }),
    message("", { deleted: true }),
  ];
  const frame = chatFrame({ ...EMPTY, messages, ...typed("hm") }, size(34, 10), PLAIN);
  assert.deepEqual(frame.rows.map((row) => row.trimEnd()), [
    " skychat · ann (0279be66…)",
    "",
    "10:00    ann: hello there, how are",
    "              you today?",
    "10:00 ✓✓ me: fine",
    "      !  me: one",
    "             two",
    "10:00    ann: (deleted)",
    "Enter sends · PgUp/PgDn scroll · …",
    "> hm",
  ]);
  assert.deepEqual(frame.cursor, { row: 9, column: 4 });
  assert.equal(frame.visible.length, 4);
});

Deno.test("chatFrame scrolls, tells what is visible, and stops at the oldest", () => {
  const messages = ["a", "b", "c", "d", "e"].map((text) => message(text));
  const shown = (scroll: number) => {
    const frame = chatFrame({ ...EMPTY, messages, scroll }, size(30, 5), PLAIN);
    const texts = frame.rows.slice(1, 3).map((row) => row.at(-1));
    assert.deepEqual(frame.visible.map(({ text }) => text).reverse(), texts);
    return [...texts, frame.scroll];
  };
  assert.deepEqual(shown(0), ["d", "e", 0]);
  assert.deepEqual(shown(2), ["b", "c", 2]);
  assert.deepEqual(shown(3), ["a", "b", 3]);
  assert.deepEqual(shown(9), ["a", "b", 3]);
});

Deno.test("chatFrame does not count a message whose end is below the screen as visible", () => {
  const messages = [message("x"), message("1\n2\n3")];
  const frame = chatFrame({ ...EMPTY, messages, scroll: 1 }, size(30, 5), PLAIN);
  assert.deepEqual(frame.visible, []);
  assert.equal(frame.scroll, 1);
});

Deno.test("chatFrame tells about news below and about trouble", () => {
  const status = (more: Partial<ChatState>) =>
    chatFrame({ ...EMPTY, messages: [message("1\n2\n3\n4")], ...more }, size(60, 5), PLAIN).rows.at(
      -2,
    );
  assert.match(status({ scroll: 1, unseen: 3 }) ?? "", /^↓ 3 new · Enter/);
  assert.match(status({ scroll: 1 }) ?? "", /^↓ more · Enter/);
  assert.equal(status({ notice: "app lost\x1b[2J" }), "app lost\\x1b[2J");
});

Deno.test("chatFrame shows the part of the input around the cursor", () => {
  const input = (text: string, cursor?: number) => {
    const frame = chatFrame({ ...EMPTY, ...typed(text, cursor) }, size(12, 4), PLAIN);
    return [frame.rows.at(-1), frame.cursor.column];
  };
  assert.deepEqual(input("abc", 1), ["> abc", 3]);
  assert.deepEqual(input("abcdefghijkl"), ["> defghijkl", 11]);
  assert.deepEqual(input("abcdefghijkl", 0), ["> abcdefghi", 2]);
  assert.deepEqual(input("日本語日本語"), ["> 語日本語".replace("語日", "語日"), 10]);
  assert.deepEqual(input("a\nb"), ["> a↵b", 5]);
  assert.deepEqual(input("\u202ex"), ["> \\u202ex", 9]);
});

Deno.test("chatFrame uses no escape sequences without colours", () => {
  const state = { ...EMPTY, messages: [message("x", { delivery: "failed" })], notice: "y" };
  assert.ok(!chatFrame(state, size(40, 6), PLAIN).rows.join("").includes("\x1b"));
  assert.ok(chatFrame(state, size(40, 6), COLOUR).rows.join("").includes("\x1b[31m"));
});

Deno.test("chatFrame bounds the rows of one message", () => {
  const flood = message("\n".repeat(9_999));
  assert.equal(messageHeight(flood, 40, "ann"), MAX_MESSAGE_ROWS);
  const { rows } = chatFrame({ ...EMPTY, messages: [flood] }, size(40, 5), PLAIN);
  assert.equal(rows[2]?.trim(), "(9501 more rows)");
});

const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(
    fc.constantFrom("a", " ", "日", "👍🏽", "\u0301", "\n", "\x1b[2J", "\u202e", "\u009b", "\r"),
  )
    .map((parts) => parts.join("")),
);
const anyState = fc.record({
  title: anyText,
  peerName: anyText,
  messages: fc.array(fc.record({
    direction: fc.constantFrom("in", "out"),
    text: anyText,
    time: fc.constantFrom("", "2026-09-08T10:00:00Z"),
    delivery: fc.constantFrom("none", "sent", "read", "failed"),
    deleted: fc.boolean(),
  })).map((list) => list.map((item) => message(item.text, item as Partial<ChatMessage>))),
  scroll: fc.nat(10),
  unseen: fc.nat(3),
  notice: anyText,
  input: anyText,
}).map(({ input, ...rest }): ChatState => ({ ...EMPTY, ...rest, ...typed(input) }));
const anySize = fc.record({
  columns: fc.integer({ min: 1, max: 50 }),
  rows: fc.integer({ min: 1, max: 9 }),
});

Deno.test("no text moves the cursor, and every row fits any screen", () => {
  fc.assert(fc.property(anyState, anySize, fc.boolean(), (state, where, colour) => {
    const frame = chatFrame(state, where, colour ? COLOUR : PLAIN);
    assert.equal(frame.rows.length, where.rows);
    assert.ok(frame.cursor.row < where.rows && frame.cursor.column < where.columns);
    for (const row of frame.rows) {
      // deno-lint-ignore no-control-regex -- our own colours
      const bare = row.replace(/\x1b\[[0-9]+m/g, "");
      // deno-lint-ignore no-control-regex -- there must be none
      assert.doesNotMatch(bare, /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
      assert.ok(textWidth(bare) <= where.columns, JSON.stringify(row));
    }
  }));
});

Deno.test("ChatScreen shows each frame whole, whatever was there before", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(anyState, anySize)), (frames) => {
      const emulator = new ScreenEmulator(size(1, 1));
      const screen = new ChatScreen((text) => emulator.write(text));
      screen.enter();
      for (const [state, where] of frames) {
        emulator.resize(where.columns, where.rows);
        screen.forget();
        for (const next of [state, { ...state, notice: "other" }, state]) {
          const frame = chatFrame(next, where, PLAIN);
          screen.show(frame, where);
          const fresh = new ScreenEmulator(where);
          fresh.write(frame.rows.map((row, index) => `\x1b[${index + 1};1H${row}`).join(""));
          assert.deepEqual(emulator.rows, fresh.rows);
          assert.deepEqual(emulator.cursor, frame.cursor);
        }
      }
      screen.leave();
      assert.deepEqual([...emulator.modes].sort(), ["25", "7"]);
    }),
    { numRuns: 60 },
  );
});

Deno.test("ChatScreen writes only rows that changed, and nothing when none did", () => {
  const written: string[] = [];
  const screen = new ChatScreen((text) => written.push(text));
  screen.enter();
  const show = (text: string) =>
    screen.show(chatFrame({ ...EMPTY, ...typed(text) }, size(30, 8), PLAIN), size(30, 8));
  show("a");
  show("a");
  assert.equal(written.length, 2);
  show("ab");
  assert.equal(written.length, 3);
  assert.equal(written[2], "\x1b[?2026h\x1b[?25l\x1b[8;1H\x1b[2K> ab\x1b[8;5H\x1b[?25h\x1b[?2026l");
  screen.leave();
  screen.leave();
  show("abc");
  assert.equal(written.length, 4);
});
