import assert from "node:assert/strict";
import { rfc3339, utf8 } from "#kit";
import { type PublicKey, SecretKey } from "#crypto";
import { encodeAck, MAX_LINKS_PER_PEER, MAX_READ_IDS } from "#chat";
import { encodeFrame } from "#session";
import { settle } from "#support/manual_clock.ts";
import { ALICE, BOB, chatFixture, FakeChatLink } from "#support/fake_chat_link.ts";
import { FakeChatStore } from "#support/fake_chat_store.ts";
import { SeededRandom } from "#support/seeded_random.ts";

const CAROL = SecretKey.generate(new SeededRandom(5)).publicKey;
const UNAVAILABLE = "skychat/dm: no transport configured (dial unavailable)";

/** The id of the newest frame written to a link. */
function lastId(link: FakeChatLink): string {
  return JSON.parse(link.payloads.at(-1) ?? "").id;
}

Deno.test("DirectChat sends bare text and mirrors it with a local id", async () => {
  const node = chatFixture();
  const link = node.attach(ALICE);
  const outcome = await node.chat.send({ recipient: ALICE, text: "héllo", network: "skynet" });
  assert.deepEqual(link.payloads, ["héllo"]);
  assert.ok(outcome.kind === "sent");
  assert.deepEqual(await node.published(), [{
    dir: "out",
    id: outcome.id,
    len: 6,
    message: "héllo",
    network: "tcp-direct",
    sender: BOB.hex,
    to: ALICE.hex,
    ts: rfc3339(node.clock.wall()),
  }]);
  const { outbound_msg_count, last_send, last_rx } = node.chat.counters;
  assert.deepEqual([outbound_msg_count, last_send, last_rx], [1, node.clock.wall(), undefined]);
});

Deno.test("DirectChat tells the store which ids the peer knows", async () => {
  const store = new FakeChatStore();
  const node = chatFixture({ store });
  node.attach(ALICE);
  await node.chat.send({ recipient: ALICE, text: "bare" });
  await node.chat.send({ recipient: ALICE, text: "wrapped", receipts: true });
  await node.chat.send({ recipient: ALICE, text: "quoting", replyTo: "0a" });
  assert.deepEqual(store.appended.map(({ localId }) => localId), [true, undefined, undefined]);
  assert.deepEqual(store.appended.map(({ id }) => id.length), [16, 16, 16]);
});

Deno.test("DirectChat mirrors a quotation and uses the wire id", async () => {
  const node = chatFixture();
  const link = node.attach(ALICE);
  const outcome = await node.chat.send({ recipient: ALICE, text: "agreed", replyTo: "0a" });
  const [event] = await node.published();
  assert.deepEqual([event?.reply_to_id, event?.id], ["0a", lastId(link)]);
  assert.deepEqual(outcome, { kind: "sent", id: lastId(link), network: "tcp-direct" });
});

Deno.test("DirectChat waits for the receipt and measures from just before the write", async () => {
  const node = chatFixture();
  const link = node.attach(ALICE);
  const sending = node.chat.send({ recipient: ALICE, text: "hi", waitMs: 3_000 });
  await node.clock.advance(250);
  await link.receiveText(`{"type":"chat-ack","id":"${lastId(link)}"}`);
  assert.deepEqual(await sending, { kind: "acked", id: lastId(link), ms: 250 });
  assert.equal(node.clock.pending, 0);
});

Deno.test("DirectChat does not miss a receipt that comes while the write is still under way", async () => {
  const node = chatFixture();
  const link = node.attach(ALICE);
  const write = link.write.bind(link);
  link.write = async (bytes) => {
    await write(bytes);
    await link.receiveText(`{"type":"chat-ack","id":"${lastId(link)}"}`);
  };
  const outcome = await node.chat.send({ recipient: ALICE, text: "hi", waitMs: 3_000 });
  assert.equal(outcome.kind, "acked");
});

Deno.test("check 3: wait_ms 1 behaves as 100, 999 999 as 60 000", async () => {
  for (const [waitMs, effective] of [[1, 100], [999_999, 60_000]] as const) {
    const node = chatFixture();
    const link = node.attach(ALICE);
    const sending = node.chat.send({ recipient: ALICE, text: "hi", waitMs });
    let settled = false;
    sending.then(() => settled = true);
    await node.clock.advance(effective - 1);
    assert.equal(settled, false);
    await node.clock.advance(1);
    assert.deepEqual(await sending, { kind: "timeout", id: lastId(link), ms: effective });
    assert.deepEqual(link.payloads.length, 1, "never sent again");
    assert.ok(node.chat.isConnected(ALICE), "the connection is kept");
    assert.equal(node.chat.counters.outbound_fail_count, 0);
  }
});

Deno.test("check 4: a receipt from a third peer with the right id does not release the waiter", async () => {
  const node = chatFixture();
  const [link, foreign] = [node.attach(ALICE), node.attach(CAROL)];
  const sending = node.chat.send({ recipient: ALICE, text: "hi", waitMs: 500 });
  await settle();
  await foreign.receiveText(`{"type":"chat-ack","id":"${lastId(link)}"}`);
  await node.clock.advance(500);
  assert.equal((await sending).kind, "timeout");
});

Deno.test("DirectChat takes the receipt on any connection of the right peer", async () => {
  const node = chatFixture();
  const older = node.attach(ALICE);
  const newest = node.attach(ALICE);
  const sending = node.chat.send({ recipient: ALICE, text: "hi", waitMs: 500 });
  await settle();
  await older.receiveText(`{"type":"chat-ack","id":"${lastId(newest)}"}`);
  assert.equal((await sending).kind, "acked");
});

Deno.test("check 5: without a receipt the connection is closed after 20 s, and only that one", async () => {
  const node = chatFixture();
  const [older, newest] = [node.attach(ALICE), node.attach(ALICE)];
  const outcome = await node.chat.send({ recipient: ALICE, text: "hi", receipts: true });
  assert.deepEqual(outcome, { kind: "receipt-asked", id: lastId(newest) });
  await node.clock.advance(19_999);
  assert.deepEqual(newest.closeReasons, []);
  await node.clock.advance(1);
  assert.ok(newest.closeReasons.length > 0);
  assert.deepEqual(older.closeReasons, []);
  assert.deepEqual(node.lines, [
    "WARN skychat/dm: no receipt from 0279be66 within 20s — dropped stale conn; " +
    "next send will redial (closed)",
  ]);
  await node.chat.send({ recipient: ALICE, text: "next" });
  assert.deepEqual(older.payloads, ["next"]);
});

Deno.test("a receipt in time, or a connection that is gone anyway, ends the 20 s watch", async () => {
  const node = chatFixture();
  const link = node.attach(ALICE);
  await node.chat.send({ recipient: ALICE, text: "hi", receipts: true });
  await link.receiveText(`{"type":"chat-ack","id":"${lastId(link)}"}`);
  await settle();
  assert.equal(node.clock.pending, 0);
  await node.chat.send({ recipient: ALICE, text: "hi", receipts: true });
  link.end();
  await node.clock.advance(30_000);
  assert.deepEqual(node.lines, []);
});

Deno.test("DirectChat refuses an empty message and counts nothing", async () => {
  const node = chatFixture();
  const outcome = await node.chat.send({ recipient: ALICE, text: "" });
  assert.deepEqual(outcome, {
    kind: "failed",
    code: "empty",
    message: "skychat/dm: empty message",
  });
  assert.equal(node.chat.counters.outbound_fail_count, 0);
});

Deno.test("DirectChat refuses an oversize message without touching the connection", async () => {
  const node = chatFixture();
  const link = node.attach(ALICE);
  link.writing = { fail: "must not be written to" };
  const outcome = await node.chat.send({ recipient: ALICE, text: "x".repeat(65_537) });
  assert.deepEqual(outcome, {
    kind: "failed",
    code: "too-large",
    message: "skychat: payload 65537 > max 65536",
  });
  assert.ok(node.chat.isConnected(ALICE));
  assert.deepEqual(link.closeReasons, []);
});

Deno.test("DirectChat fails at once without a connection, and says why", async () => {
  const node = chatFixture();
  node.attach(ALICE);
  const outcome = await node.chat.send({ recipient: CAROL, text: "hi", waitMs: 5_000 });
  assert.deepEqual(outcome, {
    kind: "failed",
    code: "no-connection",
    message: `dial ${
      CAROL.hex.slice(0, 8)
    } over skynet: ${UNAVAILABLE}: no live tcp-direct connection`,
  });
  assert.equal(node.chat.counters.outbound_fail_count, 1);
  assert.equal(node.chat.counters.outbound_msg_count, 0);
  assert.deepEqual(await node.published(), []);
  assert.equal(node.clock.pending, 0);
});

Deno.test("DirectChat closes a connection that cannot be written to and uses the next one", async () => {
  const node = chatFixture();
  const [rescue, broken] = [node.attach(ALICE), node.attach(ALICE)];
  broken.writing = { fail: "broken pipe" };
  const outcome = await node.chat.send({ recipient: ALICE, text: "hi" });
  assert.equal(outcome.kind, "sent");
  assert.deepEqual(rescue.payloads, ["hi"]);
  assert.deepEqual(broken.closeReasons[0], "write failed: broken pipe");
  await settle();
  const { outbound_retry_count, outbound_msg_count, outbound_fail_count, inbound_drop_count } =
    node.chat.counters;
  assert.deepEqual(
    [outbound_retry_count, outbound_msg_count, outbound_fail_count, inbound_drop_count],
    [1, 1, 0, 1],
  );
});

Deno.test("DirectChat leaves a connection alone that only has too much unwritten", async () => {
  const node = chatFixture();
  const full = node.attach(ALICE);
  full.writing = { fail: "backlog is full", code: "backlog-full" };
  const outcome = await node.chat.send({ recipient: ALICE, text: "hi" });
  assert.deepEqual(outcome, {
    kind: "failed",
    code: "write-failed",
    message: `redial after write backlog is full: ${UNAVAILABLE}`,
  });
  assert.deepEqual(full.closeReasons, []);
  assert.ok(node.chat.isConnected(ALICE));
  full.writing = "ok";
  assert.equal((await node.chat.send({ recipient: ALICE, text: "hi" })).kind, "sent");
});

Deno.test("DirectChat forgets a broken connection at once, not when its read loop ends", async () => {
  const node = chatFixture();
  const link = node.attach(ALICE);
  link.writing = { fail: "broken pipe" };
  link.close = () => {};
  await node.chat.send({ recipient: ALICE, text: "hi" });
  assert.equal(node.chat.isConnected(ALICE), false);
  link.end();
});

Deno.test("DirectChat awaits no receipt for what was not sent", async () => {
  const node = chatFixture({ limits: { pendingReceipts: 2 } });
  const link = node.attach(ALICE);
  const waiting = node.chat.send({ recipient: ALICE, text: "hi", waitMs: 5_000 });
  for (let index = 0; index < 3; index++) {
    await node.chat.send({ recipient: CAROL, text: "hi", waitMs: 5_000 });
  }
  await link.receiveText(`{"type":"chat-ack","id":"${lastId(link)}"}`);
  assert.equal((await waiting).kind, "acked");
});

Deno.test("DirectChat gives up when every connection of the peer fails", async () => {
  const node = chatFixture();
  for (const fail of ["reset by peer", "broken pipe"]) node.attach(ALICE).writing = { fail };
  const outcome = await node.chat.send({ recipient: ALICE, text: "hi", receipts: true });
  assert.deepEqual(outcome, {
    kind: "failed",
    code: "write-failed",
    message: `redial after write reset by peer: ${UNAVAILABLE}`,
  });
  await settle();
  const { outbound_fail_count, outbound_retry_count, outbound_msg_count } = node.chat.counters;
  assert.deepEqual([outbound_fail_count, outbound_retry_count, outbound_msg_count], [1, 0, 0]);
  assert.deepEqual([node.chat.isConnected(ALICE), node.clock.pending], [false, 0]);
});

Deno.test("check 8: of two connections with a peer either one can go, and messages flow on both", async () => {
  for (const killed of [0, 1]) {
    const node = chatFixture();
    const links = [node.attach(ALICE), node.attach(ALICE, { direction: "out" })];
    for (const link of links) await link.receiveText("in");
    links[killed]?.end();
    await settle();
    assert.deepEqual(node.chat.peers(), [ALICE.hex]);
    assert.equal((await node.chat.send({ recipient: ALICE, text: "out" })).kind, "sent");
    assert.deepEqual(links[1 - killed]?.payloads, ["out"]);
    assert.equal(node.chat.counters.inbound_msg_count, 2);
    assert.equal(node.chat.counters.inbound_drop_count, 1);
  }
});

Deno.test("check 9: a short connection that comes and goes leaves the long-lived one in use", async () => {
  const node = chatFixture();
  const long = node.attach(ALICE);
  const short = node.attach(ALICE);
  await short.receiveText('{"type":"chat-msg","id":"1","body":"via","ack":true}');
  assert.deepEqual(short.payloads, ['{"type":"chat-ack","id":"1"}']);
  short.end();
  await settle();
  assert.equal((await node.chat.send({ recipient: ALICE, text: "answer" })).kind, "sent");
  assert.deepEqual(long.payloads, ["answer"]);
});

Deno.test("check 2: 1 000 concurrent sends and receipts are whole frames, each written once", async () => {
  const node = chatFixture();
  const link = node.attach(ALICE);
  const work: Promise<unknown>[] = [];
  for (let index = 0; index < 1_000; index++) {
    work.push(node.chat.send({ recipient: ALICE, text: `out ${index}` }));
    work.push(link.receiveText(`{"type":"chat-msg","id":"in ${index}","body":"b","ack":true}`));
  }
  await Promise.all(work);
  // The fake connection refuses a write that is not made of whole frames.
  assert.equal(link.payloads.length, 2_000);
  const expected = Array.from({ length: 1_000 }, (_, index) => [
    `out ${index}`,
    `{"type":"chat-ack","id":"in ${index}"}`,
  ]).flat();
  assert.deepEqual(link.payloads.toSorted(), expected.toSorted());
  assert.equal(node.chat.counters.inbound_msg_count, 1_000);
  assert.equal(node.chat.counters.outbound_msg_count, 1_000);
});

Deno.test("DirectChat closes the oldest connection of a key beyond its share", async () => {
  const node = chatFixture();
  const links = Array.from({ length: MAX_LINKS_PER_PEER + 1 }, () => node.attach(ALICE));
  await settle();
  assert.deepEqual(links.map((link) => link.closeReasons.length > 0), [
    true,
    ...Array<boolean>(MAX_LINKS_PER_PEER).fill(false),
  ]);
  assert.equal(node.chat.counters.inbound_drop_count, 1);
});

Deno.test("DirectChat closes a connection that finds the table full, without counting it", async () => {
  const node = chatFixture({ limits: { links: 1 } });
  node.attach(ALICE);
  const link = new FakeChatLink(CAROL);
  const end = await node.chat.attach(link);
  assert.equal(end.message, "too many connections");
  assert.deepEqual(node.lines, [
    `WARN skychat: tcp-direct refusing ${CAROL.hex}: too many connections`,
  ]);
  assert.equal(node.chat.counters.inbound_drop_count, 0);
  assert.deepEqual(node.chat.peers(), [ALICE.hex]);
});

Deno.test("DirectChat counts every read loop that ends, orderly or not, once", async () => {
  const node = chatFixture();
  const links = [node.attach(ALICE), node.attach(CAROL), node.attach(ALICE)];
  assert.deepEqual(node.chat.peers(), [ALICE.hex, CAROL.hex].sort());
  links[0]?.end();
  await links[1]?.receive(new Uint8Array(4));
  links[2]?.close("reset");
  await settle();
  assert.equal(node.chat.counters.inbound_drop_count, 3);
  assert.deepEqual(node.chat.peers(), []);
});

Deno.test("DirectChat.attach says why a connection ended", async () => {
  const node = chatFixture();
  const link = new FakeChatLink(ALICE);
  const attached = node.chat.attach(link);
  link.end();
  assert.deepEqual(await attached, { code: "eof", message: "EOF" });
  const hostile = new FakeChatLink(ALICE);
  const ended = node.chat.attach(hostile);
  await hostile.receive(utf8("\u0000\u0000\u0000\u0000"));
  assert.deepEqual(await ended, {
    code: "zero-length-frame",
    message: "skychat: zero-length frame",
  });
});

Deno.test("DirectChat.sendRead sends one frame per id, skips blanks, counts nothing", async () => {
  const node = chatFixture();
  const link = node.attach(ALICE);
  await node.chat.sendRead(ALICE, ["1", "", "2", "x".repeat(70_000)]);
  assert.deepEqual(link.payloads, [
    '{"type":"chat-read","id":"1"}',
    '{"type":"chat-read","id":"2"}',
  ]);
  await node.chat.sendRead(ALICE, Array.from({ length: 1_000 }, (_, index) => `${index}`));
  assert.equal(link.payloads.length, 2 + MAX_READ_IDS);
  await node.chat.sendRead(CAROL, ["1"]);
  await node.chat.sendRead(ALICE, []);
  const { outbound_msg_count, outbound_fail_count } = node.chat.counters;
  assert.deepEqual([outbound_msg_count, outbound_fail_count], [0, 0]);
  assert.deepEqual(await node.published(), []);
});

Deno.test("DirectChat.sendDelete retracts for both sides, connected or not", async () => {
  const store = new FakeChatStore();
  const node = chatFixture({ store });
  const link = node.attach(ALICE);
  await node.chat.sendDelete(ALICE, "1");
  await node.chat.sendDelete(CAROL, "2");
  assert.deepEqual(link.payloads, ['{"type":"chat-delete","id":"1"}']);
  const deleted = (id: string, peer: PublicKey) => ({
    channel: "dm-status",
    id,
    peer: peer.hex,
    status: "deleted",
  });
  assert.deepEqual(await node.published(), [deleted("1", ALICE), deleted("2", CAROL)]);
  assert.deepEqual(store.forgotten, [[ALICE.hex, "1", BOB.hex], [CAROL.hex, "2", BOB.hex]]);
});

Deno.test("DirectChat.sendDelete waits for the message that is still on its way to the disk", async () => {
  const store = new FakeChatStore();
  const node = chatFixture({ store });
  const link = node.attach(ALICE);
  await node.chat.send({ recipient: ALICE, text: "regretted", receipts: true });
  const id = lastId(link);
  const deleting = node.chat.sendDelete(ALICE, id);
  await settle();
  assert.deepEqual([store.pending, store.forgotten], [1, []]);
  store.commit();
  await deleting;
  assert.deepEqual(store.forgotten, [[ALICE.hex, id, BOB.hex]]);
  const events = await node.published();
  assert.deepEqual(events.map(({ message, status }) => message ?? status), [
    "regretted",
    "deleted",
  ]);
});

Deno.test("DirectChat.close ends every connection and everybody who waits", async () => {
  const node = chatFixture();
  const link = node.attach(ALICE);
  const waiting = node.chat.send({ recipient: ALICE, text: "hi", waitMs: 5_000 });
  await node.chat.send({ recipient: ALICE, text: "hi", receipts: true });
  await node.chat.close();
  assert.equal((await waiting).kind, "timeout");
  assert.deepEqual(link.closeReasons[0], "shutting down");
  assert.deepEqual([node.chat.peers(), node.clock.pending, node.lines], [[], 0, []]);
  const late = new FakeChatLink(CAROL);
  assert.equal((await node.chat.attach(late)).message, "shutting down");
  assert.equal((await node.chat.send({ recipient: ALICE, text: "hi" })).kind, "failed");
});

Deno.test("a node may be connected to its own key", async () => {
  const node = chatFixture();
  const link = node.attach(BOB);
  const sending = node.chat.send({ recipient: BOB, text: "note to self", waitMs: 1_000 });
  await settle();
  await link.receiveText(link.payloads[0] ?? "");
  assert.deepEqual(link.payloads.length, 2);
  await link.receive(encodeFrame(encodeAck(lastId(link))));
  assert.equal((await sending).kind, "acked");
  const seen = (await node.published()).map(({ dir, status }) => dir ?? status);
  assert.deepEqual(seen, ["out", "in", "received"]);
});
