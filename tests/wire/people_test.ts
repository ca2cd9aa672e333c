/** Who may write to the user, between whole nodes: HTTP in, links in memory, HTTP out. */
import assert from "node:assert/strict";
import { openEventStream } from "#support/event_stream.ts";
import { NodePair } from "#support/node_pair.ts";

Deno.test("a blocked peer gets no receipt, and nothing of it is stored, shown or counted", async () => {
  await NodePair.with(async (pair) => {
    const keeper = await pair.keeper();
    const peer = await pair.peer();
    const block = (blocked: boolean) =>
      keeper.post("/privacy/block", { pk: pair.peerKey, blocked });
    assert.deepEqual((await block(true)).body["blocked"], [pair.peerKey]);
    const unheard = await peer.post("/message", {
      recipient: pair.keeperKey,
      message: "unheard",
      wait_ms: 100,
    });
    assert.deepEqual([unheard.status, unheard.body["acked"]], [504, false]);
    assert.deepEqual((await block(false)).body["blocked"], []);
    // On the same link, so what came before it has been dealt with.
    assert.equal((await peer.send(pair.keeperKey, "heard")).status, 200);
    assert.deepEqual(await keeper.texts(), ["heard"]);
    const { events_seq, inbound_msg_count } = await keeper.get("/status");
    assert.deepEqual([events_seq, inbound_msg_count], [1, 1]);
    assert.deepEqual(await keeper.get("/unread"), { unread: 1 });
  });
});

Deno.test("messages of new people are requests until they are accepted", async () => {
  await NodePair.with(async (pair) => {
    const keeper = await pair.keeper();
    const peer = await pair.peer();
    const state = await keeper.post("/privacy", { approval: true });
    assert.deepEqual(state.body, { approval: true, blocked: [], requests: [] });
    const stream = await openEventStream(`${keeper.node.url}/sse`);
    try {
      await peer.send(pair.keeperKey, "may I?");
      assert.deepEqual((await keeper.get("/privacy")).requests, [pair.peerKey]);
      const accepted = await keeper.post("/privacy/accept", { pk: pair.peerKey });
      assert.deepEqual(accepted.body["requests"], []);
      await peer.send(pair.keeperKey, "thanks");
      const events = await stream.take(2);
      assert.deepEqual(events.map(({ message, request }) => [message, request]), [
        ["may I?", true],
        ["thanks", undefined],
      ]);
    } finally {
      await stream.close();
    }
  });
});

Deno.test("writing to people accepts them", async () => {
  await NodePair.with(async (pair) => {
    const keeper = await pair.keeper();
    const peer = await pair.peer();
    await keeper.post("/privacy", { approval: true });
    const stream = await openEventStream(`${keeper.node.url}/sse`);
    try {
      await keeper.post("/message", { recipient: pair.peerKey, message: "hello" });
      await peer.send(pair.keeperKey, "hello yourself");
      const [mirror, answer] = await stream.take(2);
      assert.deepEqual([mirror?.["dir"], answer?.["dir"]], ["out", "in"]);
      assert.equal(answer?.["request"], undefined);
      assert.deepEqual((await keeper.get("/privacy")).requests, []);
    } finally {
      await stream.close();
    }
  });
});

Deno.test("messages that came in are unread until somebody says otherwise; own ones are not", async () => {
  await NodePair.with(async (pair) => {
    const keeper = await pair.keeper();
    const peer = await pair.peer();
    for (const text of ["one", "two"]) await peer.send(pair.keeperKey, text);
    await keeper.send(pair.peerKey, "three");
    // Once the own one is shown, it would have been counted.
    const stream = await openEventStream(`${keeper.node.url}/events`);
    await stream.take(3);
    await stream.close();
    assert.deepEqual(await keeper.get("/unread"), { unread: 2 });
    assert.equal((await keeper.post("/unread", { unread: 0 })).status, 204);
    await peer.send(pair.keeperKey, "four");
    assert.deepEqual(await keeper.get("/unread"), { unread: 1 });
  });
});

Deno.test("what is queued for a blocked peer waits, and goes when the peer is unblocked", async () => {
  await NodePair.with(async (pair) => {
    const keeper = await pair.keeper();
    const queued = await keeper.post("/message", {
      recipient: pair.peerKey,
      message: "once you may",
      queue: true,
    });
    assert.equal(queued.status, 202);
    await keeper.post("/privacy/block", { pk: pair.peerKey, blocked: true });
    const peer = await pair.peer();
    const stream = await openEventStream(`${peer.node.url}/sse`);
    try {
      await keeper.node.log.until("conn accepted");
      const [waiting] = await keeper.get("/outbox");
      assert.deepEqual([waiting.id, waiting.state], [queued.body["id"], "waiting"]);
      await keeper.post("/privacy/block", { pk: pair.peerKey, blocked: false });
      const [event] = await stream.take(1);
      assert.deepEqual([event?.["dir"], event?.["message"]], ["in", "once you may"]);
    } finally {
      await stream.close();
    }
  });
});
