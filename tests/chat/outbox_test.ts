import assert from "node:assert/strict";
import { type DirectChatOptions, MAX_OUTBOX_PAYLOAD, OUTBOX_RETRY_MS } from "#chat";
import type { PublicKey } from "#crypto";
import { SecretKey } from "#crypto";
import { FakeChatStore, FakeQueueTable } from "#support/fake_chat_store.ts";
import {
  ALICE,
  BOB,
  type ChatFixture,
  chatFixture,
  FakeChatLink,
} from "#support/fake_chat_link.ts";
import { ManualClock, settle } from "#support/manual_clock.ts";
import { SeededRandom } from "#support/seeded_random.ts";

const CAROL = SecretKey.generate(new SeededRandom(5)).publicKey;
const DAY_MS = 86_400_000;

/** A node with an outbox; the same table makes it the same node after a restart. */
function queueing(
  table = new FakeQueueTable(),
  options: Partial<DirectChatOptions> = {},
): ChatFixture & { table: FakeQueueTable } {
  return Object.assign(chatFixture({ outbox: table, ...options }), { table });
}

/** Queues a text for Alice and returns its id. */
async function queue(node: ChatFixture, text: string, queueForMs = DAY_MS): Promise<string> {
  const outcome = await node.chat.send({ recipient: ALICE, text, queueForMs });
  assert.ok(outcome.kind === "queued", JSON.stringify(outcome, (_, value) => `${value}`));
  return outcome.id;
}

/** Bodies and ids written to a link. */
function written(link: FakeChatLink): { id: string; body: string; ack?: boolean }[] {
  return link.payloads.map((payload) => JSON.parse(payload))
    .filter(({ type }) => type === "chat-msg");
}

function bodies(link: FakeChatLink): string[] {
  return written(link).map(({ body }) => body);
}

/** The peer acknowledges the newest message on a link. */
async function acknowledge(link: FakeChatLink): Promise<void> {
  await link.receiveText(`{"type":"chat-ack","id":"${written(link).at(-1)?.id}"}`);
  await settle();
}

function states(node: ChatFixture): string[] {
  return node.chat.outbox?.list().map(({ state, text }) => `${text} ${state}`) ?? [];
}

function attach(node: ChatFixture, peer: PublicKey = ALICE): FakeChatLink {
  return node.attach(peer);
}

Deno.test("a message for a peer that is away is queued on disk and listed", async () => {
  const node = queueing();
  const wall = node.clock.wall();
  const outcome = await node.chat.send({
    recipient: ALICE,
    text: "later",
    replyTo: "0a",
    queueForMs: 60_000,
  });
  assert.ok(outcome.kind === "queued");
  assert.equal(outcome.expires, wall + 60_000_000_000n);
  assert.deepEqual(node.table.list(), [{
    id: outcome.id,
    to: ALICE.hex,
    text: "later",
    replyTo: "0a",
    queuedAt: `${wall}`,
    expiresAt: `${outcome.expires}`,
  }]);
  assert.deepEqual(states(node), ["later waiting"]);
  assert.deepEqual(await node.published(), []);
  assert.equal(node.chat.counters.outbound_fail_count, 0);
  await node.chat.close();
  assert.equal(node.clock.pending, 0);
});

Deno.test("without a place to keep it a message cannot be queued, connected or not", async () => {
  const node = chatFixture();
  const request = { recipient: ALICE, text: "later", queueForMs: DAY_MS };
  assert.deepEqual(await node.chat.send(request), {
    kind: "unqueueable",
    code: "no-store",
    message: "queue: the outbox needs --persist",
  });
  assert.equal(node.chat.counters.outbound_fail_count, 1);
  const link = node.attach(ALICE);
  assert.equal((await node.chat.send(request)).kind, "unqueueable");
  assert.deepEqual(link.payloads, []);
});

Deno.test("queued messages go out in order, one at a time, when a link appears", async () => {
  const node = queueing();
  const ids = [await queue(node, "one"), await queue(node, "two")];
  await node.chat.send({ recipient: CAROL, text: "for Carol", queueForMs: DAY_MS });
  const link = attach(node);
  await settle();
  assert.deepEqual(written(link), [{ type: "chat-msg", id: ids[0], body: "one", ack: true }]);
  assert.deepEqual(states(node), ["one sending", "two waiting", "for Carol waiting"]);
  await acknowledge(link);
  assert.deepEqual(written(link).map(({ id }) => id), ids);
  await acknowledge(link);
  assert.deepEqual([...node.table.rows.values()].map(({ text }) => text), ["for Carol"]);
  const seen = await node.published();
  assert.deepEqual(seen.map(({ id, message, status }) => [id, message ?? status]), [
    [ids[0], "one"],
    [ids[0], "received"],
    [ids[1], "two"],
    [ids[1], "received"],
  ]);
  assert.deepEqual([seen[0]?.dir, seen[0]?.to, seen[0]?.sender], ["out", ALICE.hex, BOB.hex]);
  assert.equal(node.chat.counters.outbound_msg_count, 2);
  await node.chat.close();
});

Deno.test("the time of the first write is on disk before that write", async () => {
  const node = queueing();
  const id = await queue(node, "one");
  const link = new FakeChatLink(ALICE);
  const { promise, resolve } = Promise.withResolvers<void>();
  node.table.beforeWrite = () => promise;
  void node.chat.attach(link);
  await settle();
  assert.deepEqual(link.payloads, []);
  resolve();
  await settle();
  assert.equal(link.payloads.length, 1);
  assert.equal(node.table.rows.get(id)?.writtenAt, `${node.clock.wall()}`);
  await node.chat.close();
});

Deno.test("a message of the outbox reaches the history once it arrived", async () => {
  const store = new FakeChatStore({ auto: true });
  const node = queueing(new FakeQueueTable(), { store });
  await queue(node, "one");
  const link = attach(node);
  await settle();
  assert.deepEqual(store.appended, []);
  await acknowledge(link);
  assert.deepEqual(store.appended.map(({ text, to }) => [text, to]), [["one", ALICE.hex]]);
  await node.chat.close();
});

Deno.test("a link lost before the receipt leaves the message for the next one, with its id", async () => {
  const node = queueing();
  const id = await queue(node, "one");
  const first = attach(node);
  await settle();
  first.end();
  await settle();
  assert.deepEqual(states(node), ["one waiting"]);
  const second = attach(node);
  await settle();
  assert.deepEqual([first, second].map((link) => written(link)[0]?.id), [id, id]);
  await acknowledge(second);
  assert.deepEqual(states(node), []);
  await node.chat.close();
});

Deno.test("a failed write leaves the message for the next link, and its time runs", async () => {
  const node = queueing();
  const id = await queue(node, "one");
  const first = new FakeChatLink(ALICE);
  first.writing = { fail: "broken pipe" };
  void node.chat.attach(first);
  await settle();
  assert.deepEqual(states(node), ["one waiting"]);
  assert.equal(node.table.rows.get(id)?.writtenAt, `${node.clock.wall()}`);
  const second = attach(node);
  await settle();
  assert.deepEqual(bodies(second), ["one"]);
  await node.chat.close();
});

Deno.test("a link that only has too much unwritten is tried again, its time does not run", async () => {
  const node = queueing();
  const id = await queue(node, "one");
  const link = new FakeChatLink(ALICE);
  link.writing = { fail: "backlog is full", code: "backlog-full" };
  void node.chat.attach(link);
  await settle();
  assert.equal(node.table.rows.get(id)?.writtenAt, undefined);
  link.writing = "ok";
  await node.clock.advance(OUTBOX_RETRY_MS);
  assert.deepEqual(bodies(link), ["one"]);
  await node.chat.close();
});

Deno.test("nothing is written while its time cannot be put on disk", async () => {
  const node = queueing();
  await queue(node, "one");
  node.table.fail = "disk full";
  const link = attach(node);
  await settle();
  assert.deepEqual([link.payloads, states(node)], [[], ["one waiting"]]);
  node.table.fail = undefined;
  await node.clock.advance(OUTBOX_RETRY_MS);
  assert.deepEqual(bodies(link), ["one"]);
  await node.chat.close();
});

Deno.test("a message whose first write is too long ago is listed as unconfirmed, not repeated", async () => {
  const node = queueing();
  await queue(node, "one");
  await queue(node, "two");
  const first = attach(node);
  await settle();
  first.end();
  await node.clock.advance(600_001);
  assert.deepEqual(states(node), ["one unconfirmed", "two waiting"]);
  const second = attach(node);
  await settle();
  assert.deepEqual(bodies(second), ["two"]);
  await acknowledge(second);
  assert.deepEqual(states(node), ["one unconfirmed"]);
  await node.chat.close();
});

Deno.test("silence on a living link makes a message unconfirmed and costs the link; a late receipt counts", async () => {
  const node = queueing();
  const id = await queue(node, "one");
  await queue(node, "two");
  const first = attach(node);
  await node.clock.advance(20_000);
  assert.deepEqual(states(node), ["one unconfirmed", "two waiting"]);
  assert.match(first.closeReasons[0] ?? "", /^skychat\/dm: no receipt from 0279be66 within 20s/);
  const second = attach(node);
  await settle();
  assert.deepEqual(bodies(second), ["two"]);
  await second.receiveText(`{"type":"chat-ack","id":"${id}"}`);
  await settle();
  assert.deepEqual(states(node), ["two sending"]);
  assert.equal(node.table.rows.has(id), false);
  const seen = (await node.published()).map(({ message, status }) => message ?? status);
  assert.deepEqual(seen, ["one", "received"]);
  await node.chat.close();
});

Deno.test("unconfirmed stays unconfirmed after a restart", async () => {
  const node = queueing();
  await queue(node, "one");
  attach(node);
  await node.clock.advance(20_000);
  await node.chat.close();
  const again = queueing(node.table, { clock: node.clock });
  assert.deepEqual(states(again), ["one unconfirmed"]);
  const link = attach(again);
  await settle();
  assert.deepEqual(link.payloads, []);
  await again.chat.close();
});

Deno.test("the outbox survives a restart at any point before the receipt", async () => {
  for (const point of ["queued", "written"]) {
    const node = queueing();
    const id = await queue(node, "one");
    if (point === "written") attach(node);
    await settle();
    await node.chat.close();
    const again = queueing(node.table, { clock: node.clock });
    const link = attach(again);
    await settle();
    assert.deepEqual(written(link).map((one) => one.id), [id]);
    await acknowledge(link);
    await again.chat.close();
    const last = queueing(node.table, { clock: node.clock });
    assert.deepEqual(states(last), []);
    assert.equal(node.clock.pending, 0);
  }
});

Deno.test("a peer cannot acknowledge messages of others, or what it was not sent", async () => {
  const node = queueing();
  const id = await queue(node, "one");
  const hostile = attach(node, CAROL);
  await hostile.receiveText(`{"type":"chat-ack","id":"${id}"}`);
  assert.deepEqual(states(node), ["one waiting"]);
  attach(node);
  await settle();
  await hostile.receiveText(`{"type":"chat-ack","id":"${id}"}`);
  await settle();
  assert.deepEqual(states(node), ["one sending"]);
  assert.ok(node.table.rows.has(id));
  const early = queueing();
  const unsent = await queue(early, "two");
  const blocked = new FakeChatLink(ALICE);
  early.table.fail = "nothing can be sent";
  void early.chat.attach(blocked);
  await blocked.receiveText(`{"type":"chat-ack","id":"${unsent}"}`);
  await settle();
  assert.deepEqual(states(early), ["two waiting"]);
  await Promise.all([node.chat.close(), early.chat.close()]);
});

Deno.test("nothing is sent to a blocked peer until it is no longer blocked", async () => {
  let blocked = true;
  const node = queueing(new FakeQueueTable(), { isBlocked: () => blocked });
  await queue(node, "one");
  const link = attach(node);
  await settle();
  assert.deepEqual(link.payloads, []);
  blocked = false;
  node.chat.outbox?.deliver(ALICE);
  await settle();
  assert.deepEqual(bodies(link), ["one"]);
  await node.chat.close();
});

Deno.test("an expired message is dropped with a log line, queued, unconfirmed or found at start", async () => {
  const node = queueing();
  const id = await queue(node, "one", 5_000);
  await queue(node, "two", 60_000);
  await node.clock.advance(5_001);
  assert.deepEqual(states(node), ["two waiting"]);
  assert.deepEqual(node.lines, [
    `WARN skychat/dm: queued message ${id} to 0279be66 expired undelivered`,
  ]);
  attach(node);
  await node.clock.advance(25_000);
  assert.deepEqual(states(node), ["two unconfirmed"]);
  await node.chat.close();
  await node.clock.advance(60_000);
  const again = queueing(node.table, { clock: node.clock });
  await settle();
  assert.deepEqual([states(again), again.table.rows.size], [[], 0]);
  assert.match(again.lines[0] ?? "", /expired unconfirmed$/);
  await again.chat.close();
});

Deno.test("a link that appears after the expiry finds nothing", async () => {
  const clock = new ManualClock();
  const table = new FakeQueueTable();
  table.rows.set("1", {
    id: "1",
    to: ALICE.hex,
    text: "old",
    queuedAt: "0",
    expiresAt: `${clock.wall()}`,
  });
  const node = queueing(table, { clock });
  const link = attach(node);
  await settle();
  assert.deepEqual([link.payloads, table.rows.size], [[], 0]);
  await node.chat.close();
});

Deno.test("the outbox is bounded in messages, in those of one peer and in bytes", async () => {
  const refusalOf = async (limits: DirectChatOptions["outboxLimits"], text = "x") => {
    const node = queueing(new FakeQueueTable(), { outboxLimits: limits ?? {} });
    const send = (recipient: PublicKey) => node.chat.send({ recipient, text, queueForMs: DAY_MS });
    assert.equal((await send(ALICE)).kind, "queued");
    const outcomes = [await send(ALICE), await send(CAROL)];
    await node.chat.close();
    return outcomes.map((outcome) => outcome.kind === "unqueueable" ? outcome.code : outcome.kind);
  };
  assert.deepEqual(await refusalOf({ entries: 1 }), ["full", "full"]);
  assert.deepEqual(await refusalOf({ perPeer: 1 }), ["full", "queued"]);
  assert.deepEqual(await refusalOf({ bytes: 7 }, "éé"), ["full", "full"]);
});

Deno.test("a message that is too long for the outbox or for a frame is not queued", async () => {
  const node = queueing();
  const send = (length: number) =>
    node.chat.send({ recipient: ALICE, text: "x".repeat(length), queueForMs: DAY_MS });
  const outcome = await send(MAX_OUTBOX_PAYLOAD);
  assert.ok(outcome.kind === "unqueueable" && outcome.code === "too-large");
  assert.match(outcome.message, /^queue: message \d+ > max 65024 bytes$/);
  assert.equal((await send(70_000)).kind, "failed");
  assert.equal(
    (await node.chat.send({ recipient: ALICE, text: "", queueForMs: 1 })).kind,
    "failed",
  );
  assert.deepEqual(states(node), []);
  await node.chat.close();
});

Deno.test("a message that cannot be written to disk is not promised", async () => {
  const node = queueing();
  node.table.fail = "disk full";
  const outcome = await node.chat.send({ recipient: ALICE, text: "one", queueForMs: DAY_MS });
  assert.deepEqual(outcome, {
    kind: "unqueueable",
    code: "no-store",
    message: "queue: the outbox cannot be written: disk full",
  });
  assert.deepEqual(states(node), []);
  await node.chat.close();
});

Deno.test("a connected peer gets the message now, wrapped, and the wait is honoured", async () => {
  const node = queueing();
  const link = attach(node);
  const plain = await node.chat.send({ recipient: ALICE, text: "plain", queueForMs: DAY_MS });
  assert.equal(plain.kind, "sent");
  const waiting = node.chat.send({ recipient: ALICE, text: "hi", waitMs: 500, queueForMs: DAY_MS });
  await settle();
  await acknowledge(link);
  assert.equal((await waiting).kind, "acked");
  assert.deepEqual(written(link).map(({ ack, body }) => [body, ack]), [
    ["plain", undefined],
    ["hi", true],
  ]);
  assert.deepEqual([node.table.rows.size, node.clock.pending], [0, 0]);
});

Deno.test("what failed now is queued under the same id, and repeated only in its time", async () => {
  const node = queueing();
  const link = attach(node);
  link.writing = { fail: "broken pipe" };
  const id = await queue(node, "one");
  assert.equal(node.table.rows.get(id)?.writtenAt, `${node.clock.wall()}`);
  assert.equal(node.chat.counters.outbound_fail_count, 0);
  const next = attach(node);
  await settle();
  assert.deepEqual(written(next).map((one) => one.id), [id]);
  await node.chat.close();
});

Deno.test("what may be queued stays behind what is queued already; an ordinary send does not wait", async () => {
  const node = queueing();
  await queue(node, "one");
  const link = attach(node);
  await settle();
  await queue(node, "two");
  assert.equal((await node.chat.send({ recipient: ALICE, text: "now" })).kind, "sent");
  assert.deepEqual(link.payloads.length, 2);
  assert.equal(link.payloads[1], "now");
  await link.receiveText(`{"type":"chat-ack","id":"${JSON.parse(link.payloads[0] ?? "").id}"}`);
  await settle();
  assert.equal(JSON.parse(link.payloads[2] ?? "").body, "two");
  await node.chat.close();
});

Deno.test("a queued message can be cancelled, once, and retracting it does the same", async () => {
  const node = queueing();
  const [one, two] = [await queue(node, "one"), await queue(node, "two")];
  assert.equal(await node.chat.outbox?.cancel(one), true);
  assert.equal(await node.chat.outbox?.cancel(one), false);
  await node.chat.sendDelete(CAROL, two);
  assert.deepEqual(states(node), ["two waiting"]);
  await node.chat.sendDelete(ALICE, two);
  assert.deepEqual([states(node), node.table.rows.size], [[], 0]);
  const link = attach(node);
  await settle();
  assert.deepEqual(link.payloads, []);
  await node.chat.close();
});

Deno.test("cancelling what is being sent lets the next one go", async () => {
  const node = queueing();
  const one = await queue(node, "one");
  await queue(node, "two");
  const link = attach(node);
  await settle();
  await node.chat.outbox?.cancel(one);
  await settle();
  assert.deepEqual(bodies(link), ["one", "two"]);
  await node.chat.close();
});

Deno.test("a damaged row costs that row only", async () => {
  const clock = new ManualClock();
  const table = new FakeQueueTable();
  const row = { text: "x", queuedAt: "0", expiresAt: `${clock.wall() + 10n ** 15n}` };
  table.rows.set("1", { ...row, id: "1", to: "no key" });
  table.rows.set("2", { ...row, id: "2", to: ALICE.hex });
  table.rows.set("3", { ...row, id: "3", to: ALICE.hex, expiresAt: "never" });
  const node = queueing(table, { clock });
  assert.deepEqual(states(node), ["x waiting"]);
  assert.match(node.lines[0] ?? "", /^WARN skychat\/dm: queued message 1 is unusable: /);
  assert.match(node.lines[1] ?? "", /^WARN skychat\/dm: queued message 3 is unusable: /);
  await node.chat.close();
});
