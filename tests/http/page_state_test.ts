import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import * as fc from "fast-check";
import { People } from "../../lib/http/web/people.js";
import {
  ChatState,
  MAX_CHARACTERS,
  MAX_CONVERSATIONS,
  MAX_IDLE_MESSAGES,
  MAX_MESSAGES,
} from "../../lib/http/web/state.js";

type Options = Partial<ConstructorParameters<typeof ChatState>[1]>;
type Given = Parameters<ChatState["add"]>[0];

const BOB = "02".padEnd(66, "b");
const EVE = "03".padEnd(66, "e");

function inbound(id: string, more: Partial<Given> = {}): Given {
  return { peer: BOB, id, out: false, text: `text of ${id}`, ...more };
}

function outbound(id: string, more: Partial<Given> = {}): Given {
  return { ...inbound(id), out: true, ...more };
}

function newState(options: Options = {}) {
  const changes: string[] = [];
  let now = 1_000;
  const state = new ChatState((change) => changes.push(change.kind), {
    now: () => now++,
    ...options,
  });
  return {
    state,
    changes,
    ids: (peer = BOB) => state.conversation(peer).messages.map(({ id }) => id),
  };
}

Deno.test("ChatState shows each message once, in whatever order and however often it comes", () => {
  const given = fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 80 });
  fc.assert(
    fc.property(given, (numbers) => {
      const { state, ids } = newState();
      for (const at of numbers) state.add(inbound(String(at), { at }));
      deepStrictEqual(ids(), [...new Set(numbers)].sort((a, b) => a - b).map(String));
      strictEqual(state.unread, ids().length);
    }),
    { numRuns: 100 },
  );
});

Deno.test("ChatState puts a message without a time after all others, even with a slow clock", () => {
  const { state, ids } = newState();
  state.add(inbound("stored", { at: 5_000_000 }));
  state.add(inbound("live"));
  deepStrictEqual(ids(), ["stored", "live"]);
});

Deno.test("ChatState lets nobody's ids stand in the way of another's messages", () => {
  const { state, ids } = newState();
  state.add(outbound("same"));
  state.add(inbound("same"));
  state.add(inbound("same", { peer: EVE }));
  deepStrictEqual([ids(), ids(EVE)], [["same", "same"], ["same"]]);
});

/** A message with the time that the server gave it, in milliseconds since 1970. */
function timed(id: string, text: string, at: number): Given {
  return inbound(id, { text, at, ts: new Date(at).toISOString().replace("Z", "001Z") });
}

Deno.test("ChatState knows a message without a wire id by its exact time, and keeps no id for it", () => {
  const record = timed("", "plain", 5_000);
  const event = timed("minted", "plain", 5_000);
  for (const order of [[record, event], [event, record], [event, record, event, record]]) {
    const { state, ids } = newState();
    for (const given of order) state.add(given);
    ok(state.known(event) === state.known(record));
    deepStrictEqual(ids(), [""]);
    strictEqual(state.unread, 1);
    // What is looked at is reported by id: of this one there is none to report.
    deepStrictEqual(state.see(BOB).map(({ id }) => id), [""]);
  }
});

Deno.test("ChatState takes another time, text or direction for another message", () => {
  const { state } = newState();
  state.add(timed("", "plain", 5_000));
  for (const other of [timed("x", "plain", 5_001), timed("y", "other", 5_000)]) {
    strictEqual(state.known(other), undefined);
    state.add(other);
  }
  state.add({ ...timed("z", "plain", 5_000), out: true });
  strictEqual(state.conversation(BOB).messages.length, 4);
});

Deno.test("ChatState loses and doubles none of those without an id, however often they come", () => {
  const given = fc.array(fc.tuple(fc.nat(9), fc.boolean(), fc.boolean()), { maxLength: 60 });
  fc.assert(
    fc.property(given, (picks) => {
      const { state } = newState();
      for (const [number, plain, stored] of picks) {
        // Each number is one message of either kind; few texts, so that they repeat.
        const id = plain ? stored ? "" : `minted${number}` : `wire${number}`;
        state.add(timed(id, `text${number % 2}`, 1_000 * number + (plain ? 1 : 0)));
      }
      const times = state.conversation(BOB).messages.map(({ at }) => at);
      const expected = new Set(picks.map(([number, plain]) => 1_000 * number + (plain ? 1 : 0)));
      deepStrictEqual(times, [...expected].sort((a, b) => a - b));
    }),
    { numRuns: 100 },
  );
});

Deno.test("ChatState gives an own message the server's time, and its place, once that is known", () => {
  const { state, ids } = newState({ now: () => 9_000_000 });
  const own = state.add(outbound("", { text: "hi", mark: "pending" }));
  ok(own);
  state.add(timed("a", "while it was sent", 5_000));
  strictEqual(state.unread, 1);
  state.add({ ...timed("own", "hi", 5_001), out: true });
  strictEqual(own.at, 5_001);
  state.add(timed("b", "answer", 5_002));
  deepStrictEqual(ids(), ["a", "own", "b"]);
  // An own message that lay in the outbox is where it went out.
  const queued = state.add(outbound("queued", { text: "later", at: 4_000, mark: "queued" }));
  state.add({ ...timed("queued", "later", 6_000), out: true });
  deepStrictEqual([ids(), queued?.at], [["a", "own", "b", "queued"], 6_000]);
  strictEqual(state.known({ ...timed("", "later", 6_000), out: true }), queued);
});

Deno.test("ChatState makes one of an own message, its answer and its event, whichever is first", () => {
  for (const eventFirst of [true, false]) {
    const { state, ids } = newState();
    const message = state.add(outbound("", { text: "hi", mark: "pending" }));
    ok(message);
    const event = outbound("id1", { text: "hi" });
    if (eventFirst) state.add(event);
    state.name(message, { id: "id1", mark: "sent" });
    if (!eventFirst) state.add(event);
    deepStrictEqual(ids(), ["id1"]);
    strictEqual(state.conversation(BOB).messages[0]?.mark, "sent");
  }
});

Deno.test("ChatState makes one of them even when the event could not be matched by its text", () => {
  const { state, ids } = newState();
  const message = state.add(outbound("", { text: "hi \ud800", mark: "pending" }));
  ok(message);
  state.add(outbound("id1", { text: "hi \ufffd" }));
  strictEqual(ids().length, 2);
  state.name(message, { id: "id1", mark: "sent" });
  deepStrictEqual(ids(), ["id1"]);
});

Deno.test("ChatState never lowers a mark, whenever receipts come", () => {
  const marks = fc.shuffledSubarray(["received", "read"] as const, { minLength: 1 });
  fc.assert(
    fc.property(marks, fc.nat({ max: 2 }), (order, before) => {
      const { state } = newState();
      const receipts = order.map((mark) => ({ peer: BOB, id: "x", mark }));
      receipts.slice(0, before).forEach((receipt) => state.receipt(receipt));
      const message = state.add(outbound("x"));
      receipts.slice(before).forEach((receipt) => state.receipt(receipt));
      state.add(outbound("x", { mark: "sent" }));
      strictEqual(message?.mark, order.includes("read") ? "read" : "received");
    }),
    { numRuns: 50 },
  );
});

Deno.test("ChatState takes a receipt only from the peer that the message went to", () => {
  const { state } = newState();
  const message = state.add(outbound("x"));
  const theirs = state.add(inbound("y"));
  state.receipt({ peer: EVE, id: "x", mark: "read" });
  state.receipt({ peer: BOB, id: "y", mark: "read" });
  deepStrictEqual([message?.mark, theirs?.mark], ["sent", "sent"]);
});

Deno.test("ChatState turns a failed or queued message into a sent one when its event comes", () => {
  const { state } = newState();
  const message = state.add(outbound("x", { mark: "queued" }));
  ok(message);
  state.fail(message, "too late");
  strictEqual(message.mark, "failed");
  state.add(outbound("x"));
  deepStrictEqual([message.mark, message.error], ["sent", undefined]);
});

Deno.test("ChatState counts as unread what came after the last look, and gives it out once", () => {
  const { state } = newState({ seenUntil: () => 10 });
  for (const at of [9, 10, 11, 12]) state.add(inbound(String(at), { at }));
  state.add(outbound("own", { at: 8 }));
  strictEqual(state.unread, 2);
  deepStrictEqual(state.see(BOB).map(({ id }) => id), ["11", "12"]);
  deepStrictEqual(state.see(BOB), []);
  strictEqual(state.unread, 0);
});

Deno.test("ChatState takes as read what was answered from somewhere else, in any order", () => {
  for (const order of [[1, 2, 3, 4], [4, 3, 2, 1], [3, 1, 4, 2]]) {
    const { state } = newState();
    for (const at of order) {
      state.add(at === 3 ? outbound("3", { at }) : inbound(String(at), { at }));
    }
    deepStrictEqual(state.see(BOB).map(({ id }) => id), ["4"], String(order));
  }
});

Deno.test("ChatState does not count what was deleted or removed before anybody looked", () => {
  const { state } = newState();
  const [first, second] = [state.add(inbound("1")), state.add(inbound("2"))];
  ok(first && second);
  state.markDeleted(first);
  state.remove(second);
  strictEqual(state.unread, 0);
  deepStrictEqual([first.text, state.see(BOB)], ["", []]);
});

Deno.test("ChatState leaves out what is hidden, in that conversation only", () => {
  const plain = timed("minted", "plain", 5_000);
  const hidden = new Set([`${BOB} in 1`]);
  const { state, ids } = newState({ hidden });
  for (const key of state.add(plain)?.keys.slice(1) ?? []) hidden.add(`${BOB} ${key}`);
  state.clear(BOB);
  strictEqual(state.add({ ...plain, id: "" }), undefined);
  strictEqual(state.add(inbound("1")), undefined);
  state.add(outbound("1"));
  state.add(inbound("1", { peer: EVE }));
  deepStrictEqual([ids(), ids(EVE)], [["1"], ["1"]]);
});

Deno.test("ChatState remembers how far a stored message came", () => {
  const { state } = newState({ markOf: (_, id) => id === "x" ? "read" : undefined });
  strictEqual(state.add(outbound("x", { at: 1 }))?.mark, "read");
  strictEqual(state.add(inbound("x", { at: 1 }))?.mark, "sent");
});

Deno.test("ChatState keeps a bounded number of messages, fewer of those that are not open", () => {
  const { state } = newState();
  state.show(BOB);
  for (let at = 0; at < MAX_MESSAGES + 50; at++) {
    state.add(inbound(String(at), { at }));
    state.add(inbound(String(at), { at, peer: EVE }));
  }
  const { messages, known, cut } = state.conversation(BOB);
  deepStrictEqual([messages.length, known.size, cut], [MAX_MESSAGES, MAX_MESSAGES, true]);
  strictEqual(messages[0]?.id, "50");
  strictEqual(state.conversation(EVE).messages.length, MAX_IDLE_MESSAGES);
  strictEqual(state.unread, MAX_MESSAGES + MAX_IDLE_MESSAGES);
  state.show(EVE);
  strictEqual(messages.length, MAX_IDLE_MESSAGES);
});

Deno.test("ChatState keeps a bounded amount of text", () => {
  const { state } = newState();
  state.show(BOB);
  const text = "x".repeat(65_536);
  for (let at = 0; at < 100; at++) state.add(inbound(String(at), { at, text }));
  const conversation = state.conversation(BOB);
  strictEqual(conversation.characters, MAX_CHARACTERS);
  strictEqual(conversation.messages.length, MAX_CHARACTERS / text.length);
});

Deno.test("ChatState keeps a bounded number of conversations: the quietest goes, never the open one", () => {
  const { state } = newState();
  state.show(BOB);
  for (let at = 0; at <= MAX_CONVERSATIONS + 5; at++) {
    state.add(inbound("1", { peer: `02${String(at).padStart(64, "0")}`, at: at + 1 }));
  }
  strictEqual(state.conversations.size, MAX_CONVERSATIONS);
  ok(state.conversations.has(BOB));
  ok(!state.conversations.has(`02${"0".repeat(64)}`));
  ok(state.conversations.has(`02${String(MAX_CONVERSATIONS + 5).padStart(64, "0")}`));
});

Deno.test("People.networkFor lets a visor dial, and keeps to links where there is none", () => {
  const people = new People();
  for (
    const [status, network] of [
      [{}, "tcp-direct"],
      [{ visor_connected: true }, "auto"],
      [{ visor_connected: false }, "tcp-direct"],
      [{ visor_connected: true, cxo: {} }, ""],
    ] as const
  ) {
    people.readStatus(status);
    strictEqual(people.networkFor(), network, JSON.stringify(status));
  }
});
