import assert from "node:assert/strict";
import * as fc from "fast-check";
import {
  ChatLog,
  type ChatMessage,
  MAX_CHAT_MESSAGES,
  MAX_CHAT_UNITS,
  MAX_EARLY_STATUSES,
} from "../../cli/chat_log.ts";

function inbound(text: string, id = "", more: Partial<ChatMessage> = {}): ChatMessage {
  return {
    direction: "in",
    id,
    text,
    time: "",
    stored: false,
    delivery: "none",
    deleted: false,
    ...more,
  };
}

function outbound(text: string, id = ""): ChatMessage {
  return { ...inbound(text, id), direction: "out", delivery: "sent" };
}

function stored(text: string, id = "", stamp = `s-${text}`): ChatMessage {
  return inbound(text, id, { time: stamp, stored: true });
}

/** A live or replayed event, whose id may be one that the app minted. */
function event(text: string, id: string, stamp = `s-${text}`): ChatMessage {
  return inbound(text, id, { time: stamp });
}

const texts = (log: ChatLog) => log.messages.map(({ text }) => text).join(" ");
const deliveries = (log: ChatLog) => log.messages.map(({ delivery }) => delivery);

Deno.test("ChatLog puts history and replay together, each message once", () => {
  const log = new ChatLog();
  log.merge([stored("a", "1"), stored("b"), stored("d", "4")]);
  log.merge([
    event("a", "1"),
    event("b", "local"),
    event("c", "3"),
    event("d", "4"),
    event("e", "5"),
  ]);
  assert.equal(texts(log), "a b c d e");
});

Deno.test("ChatLog lets go of an id that the app minted once the record shows it, and stays at that", () => {
  for (const eventFirst of [true, false]) {
    const log = new ChatLog();
    const parts = [[event("plain", "local"), event("named", "1")], [
      stored("plain"),
      stored("named", "1"),
    ]];
    for (const part of eventFirst ? parts : parts.reverse()) log.merge(part);
    assert.equal(log.add(event("plain", "local")), false);
    log.merge([event("plain", "local")]);
    assert.deepEqual(log.messages.map(({ id }) => id), ["", "1"]);
  }
});

Deno.test("ChatLog takes the same text at another time for another message", () => {
  const log = new ChatLog();
  log.merge([stored("ok", "", "t1"), stored("ok", "", "t2")]);
  log.merge([event("ok", "x", "t2"), event("ok", "y", "t3")]);
  assert.deepEqual(log.messages.map(({ time }) => time), ["t1", "t2", "t3"]);
  assert.equal(log.add(event("ok", "z", "t4")), true);
  // What is only about to be sent has a time of the terminal.
  log.addPending("mine", "t5");
  assert.equal(log.add({ ...outbound("mine", "7"), time: "t5" }), false);
  assert.equal(log.messages.at(-1)?.delivery, "sent");
});

Deno.test("ChatLog takes in what was missed, in order, after a reconnection", () => {
  const log = new ChatLog();
  log.add(event("b", "2"));
  log.add(event("plain", "local"));
  log.merge([
    stored("a", "1"),
    stored("b", "2"),
    stored("plain"),
    stored("c", "3"),
    stored("plain", "", "later"),
  ]);
  assert.equal(texts(log), "a b plain c plain");
  log.merge([stored("plain"), stored("c", "3"), stored("plain", "", "later")]);
  assert.equal(texts(log), "a b plain c plain");
});

Deno.test("ChatLog shows two messages of one text that have ids of their own", () => {
  const log = new ChatLog();
  log.merge([stored("ok", "1", "s1"), stored("ok", "", "s2"), stored("ok", "3", "s3")]);
  assert.equal(texts(log), "ok ok ok");
  assert.equal(log.add(inbound("ok", "4")), true);
  assert.equal(log.add(inbound("ok", "4")), false);
  assert.equal(log.add(outbound("ok", "4")), true);
  assert.equal(log.messages.length, 5);
});

/** Two overlapping parts of a conversation in which some texts have no wire id. */
const overlapping = fc.tuple(
  fc.tuple(fc.nat(20), fc.nat(20), fc.nat(20), fc.nat(20)),
  fc.array(fc.boolean(), { minLength: 21, maxLength: 21 }),
).map(([span, plain]) => {
  const [a = 0, b = 0, c = 0, d = 0] = span.sort((x, y) => x - y);
  const all = plain.map((isPlain, index) => ({ id: isPlain ? "" : `${index}`, index }));
  return { history: all.slice(a, c + 1), replay: all.slice(b, d + 1), whole: all.slice(a, d + 1) };
});

/** The log after the two parts, with texts that repeat after `period` messages. */
function mergedLog(
  { history, replay }: Record<"history" | "replay", { id: string; index: number }[]>,
  period: number,
): ChatLog {
  const text = (id: string, index: number) => `${id === "" ? "plain" : "wrapped"}${index % period}`;
  const log = new ChatLog();
  for (let turn = 0; turn < 2; turn++) {
    log.merge(history.map(({ id, index }) => stored(text(id, index), id, `s${index}`)));
    log.merge(
      replay.map(({ id, index }) => event(text(id, index), id || `local${index}`, `s${index}`)),
    );
  }
  return log;
}

Deno.test("ChatLog merges overlapping parts into the whole, again and again", () => {
  fc.assert(fc.property(overlapping, ({ history, replay, whole }) => {
    const log = mergedLog({ history, replay }, 99);
    assert.deepEqual(
      log.messages.map(({ text }) => text.replace(/[a-z]+/, "")),
      whole.map(({ index }) => `${index}`),
    );
  }));
});

Deno.test("ChatLog loses and doubles no message over texts that repeat, with ids or without", () => {
  fc.assert(fc.property(overlapping, ({ history, replay, whole }) => {
    const log = mergedLog({ history, replay }, 3);
    assert.deepEqual(log.messages.map(({ time }) => time), whole.map(({ index }) => `s${index}`));
  }));
});

Deno.test("ChatLog follows a message of one's own through every status", () => {
  const log = new ChatLog();
  const key = log.addPending("hi", "now");
  assert.deepEqual(deliveries(log), ["pending"]);
  log.sent(key, "1");
  assert.deepEqual(deliveries(log), ["sent"]);
  log.status("1", "received");
  assert.deepEqual(deliveries(log), ["received"]);
  log.status("1", "read");
  log.status("1", "received");
  assert.deepEqual(deliveries(log), ["read"]);
  log.status("1", "deleted");
  assert.equal(log.messages[0]?.deleted, true);
  const other = log.addPending("no", "now");
  log.failed(other);
  assert.deepEqual(deliveries(log), ["read", "failed"]);
});

Deno.test("ChatLog knows its message again when the event or the receipt is faster than the app", () => {
  const log = new ChatLog();
  const key = log.addPending("hi", "now");
  log.status("1", "received");
  assert.equal(log.add(outbound("hi", "1")), false);
  assert.deepEqual(deliveries(log), ["received"]);
  log.sent(key, "1");
  assert.equal(log.messages.length, 1);
  assert.equal(log.add(outbound("hi", "2")), true);
  const late = log.addPending("again", "now");
  log.status("3", "read");
  log.sent(late, "3");
  assert.deepEqual(deliveries(log), ["received", "sent", "read"]);
});

Deno.test("ChatLog ignores a receipt for a message of the peer, and heeds its deletion", () => {
  const log = new ChatLog();
  log.add(inbound("a", "1"));
  log.status("1", "read");
  assert.deepEqual(deliveries(log), ["none"]);
  log.status("1", "deleted");
  assert.equal(log.messages[0]?.deleted, true);
});

Deno.test("ChatLog keeps the newest messages and statuses only", () => {
  const log = new ChatLog();
  for (let index = 0; index < MAX_CHAT_MESSAGES + 5; index++) {
    log.add(inbound(`${index}`, `${index}`));
  }
  assert.equal(log.messages.length, MAX_CHAT_MESSAGES);
  assert.equal(log.messages[0]?.text, "5");
  for (let index = 0; index <= MAX_EARLY_STATUSES; index++) log.status(`x${index}`, "read");
  log.add(outbound("first", "x0"));
  log.add(outbound("last", `x${MAX_EARLY_STATUSES}`));
  assert.deepEqual(deliveries(log).slice(-2), ["sent", "read"]);
});

Deno.test("ChatLog counts characters too, and keeps the newest message whatever its size", () => {
  const log = new ChatLog();
  for (let index = 0; index < 10; index++) {
    log.add(inbound(`${index}${"x".repeat(MAX_CHAT_UNITS / 4)}`));
  }
  assert.deepEqual(log.messages.map(({ text }) => text[0]), ["7", "8", "9"]);
  log.merge([stored("y".repeat(MAX_CHAT_UNITS + 1))]);
  assert.equal(log.messages.length, 1);
  log.add(inbound("after"));
  assert.equal(texts(log), "after");
});

Deno.test("ChatLog remembers nothing of a status that there is not", () => {
  const log = new ChatLog();
  log.status("1", "x".repeat(1_000));
  for (let index = 0; index < MAX_EARLY_STATUSES - 1; index++) log.status(`y${index}`, "read");
  log.status("0", "read");
  log.status("1", "seen");
  log.add(outbound("first", "y0"));
  assert.deepEqual(deliveries(log), ["read"]);
});
