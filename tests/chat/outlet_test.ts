import assert from "node:assert/strict";
import fc from "fast-check";
import type { MessageEvent, StatusEvent } from "#events";
import { encodeMessage, MAX_WAITING_EVENTS } from "#chat";
import { encodeFrame } from "#session";
import { concat } from "#kit";
import { settle } from "#support/manual_clock.ts";
import { FakeChatStore } from "#support/fake_chat_store.ts";
import {
  ALICE,
  BOB,
  type ChatFixture,
  chatFixture,
  type FakeChatLink,
} from "#support/fake_chat_link.ts";
import { Outlet } from "../../lib/chat/outlet.ts";

/** A `chat-msg` that wants a receipt. */
function wanted(id: string, body: string): Uint8Array {
  return encodeFrame(encodeMessage({ id, body, ack: true }));
}

/** A node that acknowledges what is on disk. */
function storing(): { store: FakeChatStore; node: ChatFixture; link: FakeChatLink } {
  const store = new FakeChatStore();
  const node = chatFixture({ store, ack: "stored" });
  return { store, node, link: node.attach(ALICE) };
}

/** Ids that were acknowledged on a link. */
function acknowledged(link: FakeChatLink): string[] {
  return link.payloads.map((payload) => JSON.parse(payload))
    .filter(({ type }) => type === "chat-ack").map(({ id }) => id);
}

/** What `/sse` showed, one word each. */
async function shown(node: ChatFixture): Promise<unknown[]> {
  return (await node.published()).map(({ message, status }) => message ?? status);
}

function messageEvent(text: string): MessageEvent {
  return {
    direction: "in",
    id: text,
    network: "tcp-direct",
    sender: ALICE.hex,
    text,
    length: text.length,
    channel: "dm",
    wall: 0n,
  };
}

Deno.test("ack stored: nothing is acknowledged or shown before its commit", async () => {
  const { link, node, store } = storing();
  await link.receive(concat(wanted("1", "one"), wanted("2", "two")));
  await settle();
  assert.equal(store.pending, 2);
  assert.deepEqual([acknowledged(link), await shown(node)], [[], []]);
  store.commit({ count: 1 });
  await settle();
  assert.deepEqual([acknowledged(link), await shown(node)], [["1"], ["one"]]);
  store.commit();
  await settle();
  assert.deepEqual([acknowledged(link), await shown(node)], [["1", "2"], ["two"]]);
});

Deno.test("ack received: the receipt comes at once, the event after the commit", async () => {
  const store = new FakeChatStore();
  const node = chatFixture({ store });
  const link = node.attach(ALICE);
  await link.receive(wanted("1", "one"));
  assert.deepEqual([acknowledged(link), await shown(node)], [["1"], []]);
  store.commit();
  assert.deepEqual(await shown(node), ["one"]);
});

Deno.test("a message that the limits refuse is acknowledged at once and shown all the same", async () => {
  const { link, node, store } = storing();
  await link.receive(concat(wanted("1", "kept"), wanted("2", "refused")));
  assert.deepEqual([acknowledged(link), await shown(node)], [["2"], []]);
  store.commit();
  assert.deepEqual(await shown(node), ["kept", "refused"]);
  assert.deepEqual(acknowledged(link), ["2", "1"]);
});

Deno.test("a failed commit costs neither the receipt nor the event", async () => {
  const { link, node, store } = storing();
  await link.receive(wanted("1", "one"));
  store.commit({ written: false });
  assert.deepEqual(await shown(node), ["one"]);
  assert.deepEqual(acknowledged(link), ["1"]);
});

Deno.test("an empty message has nothing to commit and is acknowledged at once", async () => {
  const { link, store } = storing();
  await link.receive(wanted("1", ""));
  assert.deepEqual([acknowledged(link), store.pending], [["1"], 0]);
});

Deno.test("a repetition is not acknowledged before the first copy is on disk, then it is", async () => {
  const { link, node, store } = storing();
  await link.receive(wanted("1", "one"));
  const again = node.attach(ALICE);
  await again.receive(wanted("1", "one"));
  await settle();
  assert.deepEqual([acknowledged(link), acknowledged(again), store.pending], [[], [], 1]);
  store.commit();
  await settle();
  assert.deepEqual([acknowledged(link), acknowledged(again)], [["1"], ["1"]]);
  await again.receive(wanted("1", "one"));
  assert.deepEqual(acknowledged(again), ["1", "1"]);
  assert.deepEqual([await shown(node), store.appended.length], [["one"], 1]);
});

Deno.test("the events carry the numbers of the store", async () => {
  const { link, node, store } = storing();
  const numbers: (number | undefined)[] = [];
  const publish: (event: MessageEvent, seq?: number) => void = (_, seq) => numbers.push(seq);
  node.events.publishMessage = publish;
  await link.receive(concat(wanted("1", "one"), wanted("2", "two")));
  store.commit();
  await settle();
  assert.deepEqual(numbers, [101, 102]);
});

Deno.test("a status does not overtake the messages before it, a waiter does not wait for them", async () => {
  const { link, node, store } = storing();
  const sending = node.chat.send({ recipient: ALICE, text: "hi", waitMs: 3_000 });
  await settle();
  const { id } = JSON.parse(link.payloads[0] ?? "");
  await link.receive(wanted("1", "one"));
  await link.receiveText(`{"type":"chat-ack","id":"${id}"}`);
  assert.equal((await sending).kind, "acked");
  assert.deepEqual(await shown(node), []);
  store.commit();
  assert.deepEqual(await shown(node), ["hi", "one", "received"]);
  await link.receiveText(`{"type":"chat-read","id":"${id}"}`);
  assert.deepEqual(await shown(node), ["read"]);
});

Deno.test("a retraction waits until its message is on disk, and holds up only its own connection", async () => {
  const { link, node, store } = storing();
  const other = node.attach(BOB);
  await link.receive(wanted("1", "one"));
  const retracting = link.receiveText('{"type":"chat-delete","id":"1"}');
  await settle();
  assert.deepEqual(store.forgotten, []);
  await other.receive(wanted("2", "two"));
  assert.equal(store.pending, 2);
  store.commit();
  await retracting;
  assert.deepEqual(store.forgotten, [[ALICE.hex, "1", ALICE.hex]]);
  assert.deepEqual(await shown(node), ["one", "two", "deleted"]);
});

for (const store of [new FakeChatStore({ auto: true }), undefined]) {
  const name = store === undefined ? "without" : "with";

  Deno.test(`${name} a store, what was retracted is not shown to readers who come later`, async () => {
    const node = chatFixture({ ...(store && { store }) });
    const link = node.attach(ALICE);
    await link.receive(concat(wanted("1", "theirs"), wanted("2", "stays")));
    await settle();
    const sending = node.chat.send({ recipient: ALICE, text: "ours", waitMs: 3_000 });
    await settle();
    const sent = link.payloads.map((payload) => JSON.parse(payload))
      .find(({ type }) => type === "chat-msg");
    await link.receiveText(`{"type":"chat-ack","id":"${sent.id}"}`);
    await sending;
    const later = () =>
      node.events.subscribeLegacy().backlog.map((line) => JSON.parse(line).message);
    // Each side takes back only what it wrote.
    await link.receiveText(`{"type":"chat-delete","id":"${sent.id}"}`);
    await node.chat.sendDelete(ALICE, "1");
    assert.deepEqual(later().filter((text) => text), ["theirs", "stays", "ours"]);
    await link.receiveText('{"type":"chat-delete","id":"1"}');
    await node.chat.sendDelete(ALICE, sent.id);
    assert.deepEqual(later().filter((text) => text), ["stays"]);
  });
}

Deno.test("reading pauses while the store is not ready, and goes on when it is", async () => {
  const { link, node, store } = storing();
  const { promise, resolve } = Promise.withResolvers<void>();
  store.ready = promise;
  let handled = false;
  const receiving = link.receive(concat(wanted("1", "one"), wanted("2", "two")))
    .then(() => handled = true);
  await settle();
  assert.deepEqual([store.appended.map(({ text }) => text), handled], [["one"], false]);
  store.ready = undefined;
  resolve();
  await receiving;
  assert.deepEqual(store.appended.map(({ text }) => text), ["one", "two"]);
  store.commit();
  assert.deepEqual(await shown(node), ["one", "two"]);
});

Deno.test("a connection that ends is not kept by a store that never gets ready", async () => {
  const { link, node, store } = storing();
  store.ready = new Promise(() => {});
  const receiving = link.receive(wanted("1", "one"));
  await settle();
  link.end();
  await receiving;
  await settle();
  assert.equal(node.chat.isConnected(ALICE), false);
});

Deno.test("statuses that wait for the disk are bounded as well", async () => {
  const { link, node, store } = storing();
  await link.receive(wanted("1", "one"));
  const acks = Array.from(
    { length: MAX_WAITING_EVENTS + 100 },
    (_, index) => encodeFrame(new TextEncoder().encode(`{"type":"chat-ack","id":"${index}"}`)),
  );
  let handled = false;
  const receiving = link.receive(concat(...acks)).then(() => handled = true);
  for (let turn = 0; turn < 20; turn++) await settle();
  assert.equal(handled, false);
  store.commit();
  await receiving;
  assert.equal(node.chat.isConnected(ALICE), true);
});

Deno.test("DirectChat.close waits for commits and the receipts they are owed", async () => {
  const { link, node, store } = storing();
  await link.receive(wanted("1", "one"));
  const closing = node.chat.close();
  await link.receive(wanted("2", "came too late"));
  await settle();
  assert.deepEqual(link.closeReasons, []);
  store.commit();
  await closing;
  assert.deepEqual([acknowledged(link), link.closeReasons[0]], [["1"], "shutting down"]);
  assert.deepEqual(store.appended.map(({ text }) => text), ["one"]);
  assert.deepEqual(await shown(node), ["one"]);
  assert.equal(node.clock.pending, 0);
});

Deno.test("DirectChat.close does not wait for ever for a disk that hangs", async () => {
  const { link, node, store } = storing();
  await link.receive(wanted("1", "one"));
  store.ready = new Promise(() => {});
  const stuck = link.receive(wanted("2", "two"));
  let closed = false;
  const closing = node.chat.close().then(() => closed = true);
  await node.clock.advance(999);
  assert.equal(closed, false);
  await node.clock.advance(1);
  await Promise.all([closing, stuck]);
  assert.deepEqual([link.payloads, node.clock.pending], [[], 0]);
});

Deno.test("DirectChat.remember makes a message from before a restart a repetition, for its time", async () => {
  const store = new FakeChatStore({ auto: true });
  const node = chatFixture({ store, ack: "stored" });
  node.chat.remember(ALICE.hex, { id: "1", body: "old", ageMs: 500_000 });
  node.chat.remember(ALICE.hex, { id: "2", body: "older text", ageMs: 1_000 });
  const link = node.attach(ALICE);
  await node.clock.advance(99_000);
  await link.receive(concat(wanted("1", "old"), wanted("2", "another text")));
  await settle();
  assert.deepEqual(acknowledged(link), ["1", "2"]);
  assert.deepEqual(await shown(node), ["another text"]);
  const later = chatFixture();
  later.chat.remember(ALICE.hex, { id: "1", body: "old", ageMs: 500_000 });
  await later.clock.advance(100_001);
  await later.attach(ALICE).receive(wanted("1", "old"));
  assert.deepEqual(await shown(later), ["old"]);
});

Deno.test("Outlet without a store is synchronous", () => {
  const seen: string[] = [];
  const outlet = new Outlet({
    events: {
      publishMessage: ({ text }, seq) => seen.push(`${text} ${seq}`),
      publishStatus: ({ status }) => seen.push(status),
      forgetMessage: (_, { id }) => seen.push(`forget ${id}`),
      forgetGroup: (group, { timestamp }) => seen.push(`forget ${group} ${timestamp}`),
      publishGroupDelete: ({ groupId }) => seen.push(`gone from ${groupId}`),
    },
    store: undefined,
  });
  outlet.message(messageEvent("a"), () => seen.push("receipt"));
  outlet.status({ id: "a", peer: ALICE.hex, status: "read" });
  assert.equal(outlet.forget(ALICE.hex, { id: "a", author: ALICE.hex }), undefined);
  assert.equal(
    outlet.retract({ groupId: "g", deletedBy: ALICE.hex, deletedTs: 5n }),
    undefined,
  );
  assert.deepEqual(
    seen,
    ["receipt", "a undefined", "read", "forget a", "forget g 5", "gone from g"],
  );
  assert.deepEqual([outlet.ready, outlet.passed(), outlet.size], [undefined, undefined, 0]);
});

Deno.test("Outlet keeps the order of news whenever the commits end, and owes nothing afterwards", async () => {
  const news = fc.array(fc.constantFrom("message", "status", "retract", "commit", "passed"), {
    maxLength: 60,
  });
  await fc.assert(
    fc.asyncProperty(news, async (steps) => {
      const store = new FakeChatStore();
      const seen: string[] = [];
      const outlet = new Outlet({
        events: {
          publishMessage: ({ text }) => seen.push(text),
          publishStatus: ({ id }: StatusEvent) => seen.push(id),
          forgetMessage: () => {},
          forgetGroup: () => {},
          publishGroupDelete: ({ groupId }) => seen.push(groupId),
        },
        store,
      });
      const expected: string[] = [];
      for (const [index, step] of steps.entries()) {
        const name = `${index}`;
        if (step === "message") outlet.message(messageEvent(name));
        else if (step === "status") outlet.status({ id: name, peer: "", status: "read" });
        else if (step === "retract") {
          void outlet.retract({ groupId: name, deletedBy: "", deletedTs: 0n });
        } else if (step === "passed") void outlet.passed()?.then(() => seen.length);
        else store.commit({ count: 1 });
        if (["message", "status", "retract"].includes(step)) expected.push(name);
        if (index % 7 === 0) await Promise.resolve();
        assert.deepEqual(seen, expected.slice(0, seen.length));
      }
      store.commit();
      await outlet.passed();
      assert.deepEqual([seen, outlet.size], [expected, 0]);
    }),
    { numRuns: 100 },
  );
});
