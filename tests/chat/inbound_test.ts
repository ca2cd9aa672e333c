import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, utf8 } from "#kit";
import { encodeMessage, MAX_ECHOED_ID, MAX_LINES_PER_LINK } from "#chat";
import { FLOOD_LINES, FLOOD_WINDOW_MS } from "#net";
import { encodeFrame } from "#session";
import { settle } from "#support/manual_clock.ts";
import { ALICE, BOB, chatFixture } from "#support/fake_chat_link.ts";
import { FakeChatStore } from "#support/fake_chat_store.ts";
import { decideInbound } from "../../lib/chat/inbound.ts";

/** A `chat-msg` that wants a receipt. */
function wanted(id: string, body: string): Uint8Array {
  return encodeFrame(encodeMessage({ id, body, ack: true }));
}

Deno.test("check 10: a blocked peer's frames are swallowed, without receipt, status or count", async () => {
  const node = chatFixture({ isBlocked: (peer) => peer.equals(ALICE) });
  const link = node.attach(ALICE);
  await link.receive(wanted("1", "hello"));
  await link.receiveText("plain");
  await link.receiveText('{"type":"chat-ack","id":"1"}');
  await link.receiveText('{"type":"chat-delete","id":"1"}');
  await link.receiveText('{"type":"file-request","file_id":"1"}');
  assert.deepEqual(link.payloads, []);
  assert.deepEqual(await node.published(), []);
  assert.deepEqual(node.lines, []);
  assert.equal(node.chat.counters.inbound_msg_count, 0);
  const other = node.attach(BOB);
  await other.receive(wanted("1", "hello"));
  assert.equal(other.payloads.length, 1);
});

Deno.test("a message that came without an id gets a local one that says so", async () => {
  const store = new FakeChatStore();
  const node = chatFixture({ store });
  const link = node.attach(ALICE);
  await link.receiveText("plain");
  await link.receiveText('{"type":"chat-msg","body":"wrapped"}');
  await link.receiveText('{"type":"chat-msg","id":"1","body":"named"}');
  assert.deepEqual(store.appended.map(({ text, localId }) => [text, localId]), [
    ["plain", true],
    ["wrapped", true],
    ["named", undefined],
  ]);
  assert.match(store.appended[0]?.id ?? "", /^[0-9a-f]{16}$/);
  assert.equal(store.appended[2]?.id, "1");
});

Deno.test("no two messages of one text have the same time, however coarse the clock", async () => {
  const store = new FakeChatStore();
  const node = chatFixture({ store });
  const link = node.attach(ALICE);
  const start = node.clock.wall();
  for (const text of ["ok", "ok", "other", "ok"]) await link.receiveText(text);
  await node.chat.send({ recipient: ALICE, text: "ok" });
  await node.clock.advance(1);
  await link.receiveText("ok");
  assert.deepEqual(
    store.appended.map(({ wall }) => wall - start),
    [0n, 1n, 0n, 2n, 3n, 1_000_000n],
  );
});

Deno.test("a receipt is written before the message is surfaced, on the connection it came on", async () => {
  const node = chatFixture();
  const [old, newest] = [node.attach(ALICE), node.attach(ALICE)];
  const order: string[] = [];
  const publish = node.events.publishMessage.bind(node.events);
  node.events.publishMessage = (event) => (order.push("event"), publish(event));
  const write = old.write.bind(old);
  old.write = (bytes) => (order.push("receipt"), write(bytes));
  await old.receive(wanted("1", "hello"));
  assert.deepEqual(order, ["receipt", "event"]);
  assert.deepEqual(old.payloads, ['{"type":"chat-ack","id":"1"}']);
  assert.deepEqual(newest.payloads, []);
});

Deno.test("a receipt that cannot be written is logged and changes nothing else", async () => {
  const node = chatFixture();
  const link = node.attach(ALICE);
  link.writing = { fail: "broken\npipe" };
  await link.receive(wanted("1", "hello"));
  assert.deepEqual((await node.published()).map(({ message }) => message), ["hello"]);
  assert.deepEqual(node.lines, [
    `INFO skychat/dm: ack to ${ALICE.hex} failed: broken\\u000apipe`,
  ]);
  assert.deepEqual(link.closeReasons, []);
  assert.ok(node.chat.isConnected(ALICE));
});

Deno.test("a receipt that hangs holds up neither the message nor the next one", async () => {
  const node = chatFixture();
  const link = node.attach(ALICE);
  link.writing = "hang";
  await link.receive(concat(wanted("1", "one"), wanted("2", "two")));
  assert.deepEqual((await node.published()).map(({ message }) => message), ["one", "two"]);
});

Deno.test("an id that is too long to be echoed costs the receipt, not the message", async () => {
  const node = chatFixture();
  const link = node.attach(ALICE);
  await link.receive(wanted("x".repeat(MAX_ECHOED_ID), "short enough"));
  assert.equal(link.payloads.length, 1);
  for (const character of ["y", "?"]) {
    const id = character.repeat(character === "y" ? MAX_ECHOED_ID + 1 : 60_000);
    const payload = utf8(`{"type":"chat-msg","id":"${id}","ack":true,"body":"b"}`);
    await link.receive(encodeFrame(payload.map((byte) => byte === 0x3f ? 0xff : byte)));
  }
  assert.equal(link.payloads.length, 1);
  assert.deepEqual(node.lines, []);
  assert.equal(node.chat.counters.inbound_msg_count, 3);
});

Deno.test("ids are echoed byte for byte, long and strange ones too", async () => {
  const node = chatFixture();
  const link = node.attach(ALICE);
  for (const id of [" 00FF ", 'é"\\\n\u2028👋', "x".repeat(1_000)]) {
    await link.receive(wanted(id, "b"));
    assert.equal(JSON.parse(link.payloads.pop() ?? "").id, id);
  }
});

Deno.test("no receipt is written for plain text, without ack, or without id", async () => {
  const node = chatFixture();
  const link = node.attach(ALICE);
  await link.receiveText("plain");
  await link.receiveText('{"type":"chat-msg","id":"1","body":"b"}');
  await link.receiveText('{"type":"chat-msg","id":"1","body":"b2","ack":false}');
  await link.receiveText('{"type":"chat-msg","id":"","body":"b","ack":true}');
  assert.deepEqual(link.payloads, []);
  const ids = (await node.published()).map(({ id }) => String(id));
  assert.equal(ids.length, 4);
  for (const id of [ids[0], ids[3]]) assert.match(id ?? "", /^[0-9a-f]{16}$/);
});

Deno.test("an empty message is acknowledged and then dropped, control frames are never answered", async () => {
  const node = chatFixture();
  const link = node.attach(ALICE);
  await link.receive(wanted("1", ""));
  await link.receiveText('{"type":"pair-invite","from_pk":"x"}');
  await link.receiveText('{"type":"pair-ack"}');
  await link.receiveText('{"type":"pair-decline"}');
  await link.receiveText('{"type":"file-request","file_id":"f\\n1"}');
  assert.deepEqual(link.payloads, ['{"type":"chat-ack","id":"1"}']);
  assert.deepEqual(await node.published(), []);
  assert.deepEqual(node.lines, [
    `DEBUG skychat: pair-invite from ${ALICE.hex} ignored`,
    `DEBUG skychat: pair-ack from ${ALICE.hex} ignored`,
    `DEBUG skychat: pair-decline from ${ALICE.hex} ignored`,
    `INFO skychat: file-request f\\u000a1 from ${ALICE.hex} — not held locally`,
  ]);
  assert.equal(node.chat.counters.inbound_msg_count, 0);
  assert.equal(node.chat.counters.last_rx, undefined);
});

Deno.test("receipts and retractions without an id are consumed and do nothing", async () => {
  const node = chatFixture();
  const link = node.attach(ALICE);
  for (const type of ["chat-ack", "chat-read", "chat-delete"]) {
    await link.receiveText(`{"type":"${type}"}`);
    await link.receiveText(`{"type":"${type}","id":""}`);
  }
  assert.deepEqual(await node.published(), []);
});

Deno.test("receipts nobody waits for still surface, each time", async () => {
  const node = chatFixture();
  const link = node.attach(ALICE);
  await link.receiveText('{"type":"chat-ack","id":"1"}');
  await link.receiveText('{"type":"chat-ack","id":"1"}');
  await link.receiveText('{"type":"chat-read","id":"1"}');
  const received = { channel: "dm-status", id: "1", peer: ALICE.hex, status: "received" };
  assert.deepEqual(await node.published(), [received, received, { ...received, status: "read" }]);
});

Deno.test("the same message within ten minutes is acknowledged again but not shown again", async () => {
  const node = chatFixture();
  const link = node.attach(ALICE);
  await link.receive(wanted("1", "hello"));
  await node.clock.advance(60_000);
  const again = node.attach(ALICE);
  await again.receive(wanted("1", "hello"));
  assert.equal(again.payloads.length, 1);
  assert.equal((await node.published()).length, 1);
  assert.equal(node.chat.counters.inbound_msg_count, 1);
  await again.receive(wanted("1", "another body"));
  await node.attach(BOB).receive(wanted("1", "hello"));
  await node.clock.advance(600_001);
  await again.receive(wanted("1", "another body"));
  assert.equal(node.chat.counters.inbound_msg_count, 4);
});

Deno.test("plain text is never taken for a repetition", async () => {
  const node = chatFixture();
  const link = node.attach(ALICE);
  await link.receiveText("hello");
  await link.receiveText("hello");
  const ids = (await node.published()).map(({ id }) => id);
  assert.equal(new Set(ids).size, 2);
});

Deno.test("the sender is the key of the handshake, whatever a payload says", async () => {
  const node = chatFixture();
  const link = node.attach(ALICE);
  await link.receiveText(
    `{"type":"chat-msg","id":"1","body":"b","sender":"${BOB.hex}","from":"${BOB.hex}"}`,
  );
  assert.equal((await node.published())[0]?.sender, ALICE.hex);
});

Deno.test("the length of a wrapped message is that of its body in UTF-8", () => {
  const lengthOf = (body: string) => {
    const [effect] = decideInbound(encodeMessage({ id: "1", body }), {
      peer: ALICE,
      network: "tcp-direct",
      isBlocked: () => false,
      isUnapproved: () => false,
      seenBefore: () => false,
      mintId: () => "0",
      timeOf: () => 0n,
    });
    return effect?.kind === "message" ? effect.event.length : 0;
  };
  fc.assert(fc.property(fc.string({ unit: "binary" }), fc.string(), (body, tail) => {
    for (const text of [body, `é${body}`, `\ud800${tail}`, `${tail}\udc00`, `👋${tail}\ud83d`]) {
      assert.equal(lengthOf(text), utf8(text).length);
    }
  }));
});

Deno.test("messages of a peer that awaits approval are marked, others are not", async () => {
  const node = chatFixture({ isUnapproved: (peer) => peer.equals(ALICE) });
  await node.attach(ALICE).receiveText("let me in");
  await node.attach(BOB).receiveText("hello");
  assert.deepEqual((await node.published()).map(({ request }) => request), [true, undefined]);
});

Deno.test("the store sees messages and retractions; a failing removal is only logged", async () => {
  const store = new FakeChatStore();
  const node = chatFixture({ store });
  const link = node.attach(ALICE);
  const raw = '{"skychat_reply":{"text":"yes"}}';
  await link.receiveText(raw);
  await link.receiveText("refused");
  store.commit();
  await link.receiveText('{"type":"chat-delete","id":"1"}');
  store.failForget = "disk full";
  await link.receiveText('{"type":"chat-delete","id":"2"}');
  assert.deepEqual(store.appended.map(({ text }) => text), [raw, "refused"]);
  assert.deepEqual(store.forgotten, [[ALICE.hex, "1", ALICE.hex], [ALICE.hex, "2", ALICE.hex]]);
  const seen = (await node.published()).map(({ message, status }) => message ?? status);
  assert.deepEqual(seen, ["yes", "refused", "deleted", "deleted"]);
  assert.deepEqual(node.lines, [`INFO skychat/dm: history forget ${ALICE.hex}: disk full`]);
});

Deno.test("one connection cannot flood the log", async () => {
  const node = chatFixture();
  const link = node.attach(ALICE);
  for (let window = 0; window < 4; window++) {
    for (let index = 0; index < 10; index++) await link.receiveText('{"type":"pair-ack"}');
    await node.clock.advance(FLOOD_WINDOW_MS);
  }
  assert.equal(node.lines.length, MAX_LINES_PER_LINK);
  assert.match(node.lines.at(-1) ?? "", /further lines of this connection are left out/);
});

Deno.test("nor can many connections, of one key or of many, and what was left out is told", async () => {
  const node = chatFixture();
  const request = '{"type":"file-request","file_id":"1"}';
  for (let turn = 0; turn < 3 * FLOOD_LINES; turn++) {
    const link = node.attach(turn % 2 === 0 ? ALICE : BOB);
    await link.receiveText(request);
    link.end();
  }
  assert.equal(node.lines.length, FLOOD_LINES);
  await node.chat.close();
  assert.equal(
    node.lines.at(-1),
    `INFO skychat: ${2 * FLOOD_LINES} more lines about peers left out`,
  );
});

Deno.test("refusals of a full table do not flood the log", async () => {
  const node = chatFixture({ limits: { links: 1 } });
  node.attach(ALICE);
  const refused = Array.from({ length: 3 * FLOOD_LINES }, () => node.attach(BOB));
  await settle();
  assert.ok(refused.every(({ closeReasons: [reason] }) => reason === "too many connections"));
  assert.equal(node.lines.length, FLOOD_LINES);
  assert.match(node.lines[0] ?? "", /^WARN skychat: tcp-direct refusing .*: too many connections$/);
});

Deno.test("receipts of what came before a framing fault are written before the end", async () => {
  const node = chatFixture();
  const link = node.attach(ALICE);
  const writing = Promise.withResolvers<void>();
  link.write = () => writing.promise;
  const received = link.receive(concat(wanted("1", "one"), new Uint8Array(4)));
  await settle();
  assert.deepEqual(link.closeReasons, []);
  writing.resolve();
  await received;
  assert.deepEqual(link.closeReasons[0], "skychat: zero-length frame");
});

Deno.test("nothing after a framing fault is read", async () => {
  const node = chatFixture();
  const link = node.attach(ALICE);
  await link.receive(
    concat(encodeFrame(utf8("before")), new Uint8Array(4), encodeFrame(utf8("x"))),
  );
  await link.receiveText("after");
  assert.deepEqual((await node.published()).map(({ message }) => message), ["before"]);
  assert.deepEqual(link.closeReasons[0], "skychat: zero-length frame");
  await settle();
  assert.equal(node.chat.isConnected(ALICE), false);
});

Deno.test("a burst in one chunk reaches a reader that keeps up, whole and in order", async () => {
  const node = chatFixture();
  const link = node.attach(ALICE);
  const reader = node.events.subscribeLegacy();
  const seen: string[] = [];
  const reading = (async () => {
    for (let batch = await reader.next(); batch.length > 0; batch = await reader.next()) {
      for (const line of batch) seen.push(JSON.parse(line).message);
    }
  })();
  const texts = Array.from({ length: 700 }, (_, index) => `m${index}`);
  await link.receive(concat(...texts.map((text) => encodeFrame(utf8(text)))));
  node.events.close();
  await reading;
  assert.deepEqual(seen, texts);
});
