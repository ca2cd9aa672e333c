/** What a whole node keeps, replays, recognises and forgets. */
import assert from "node:assert/strict";
import { openEventStream } from "#support/event_stream.ts";
import { type HttpNode, NodePair } from "#support/node_pair.ts";

/** The texts of the first events of a stream. */
async function firstTexts(url: string, count: number): Promise<unknown[]> {
  const stream = await openEventStream(url);
  try {
    return (await stream.take(count)).map(({ message, text }) => message ?? text);
  } finally {
    await stream.close();
  }
}

for (const kept of [true, false]) {
  const where = kept ? "on disk" : "in memory";
  Deno.test(`forgetting a conversation clears the replay of /sse and /events ${where}`, async () => {
    await NodePair.with(async (pair) => {
      const keeper = await pair.keeper(kept ? {} : { history: undefined, ack: "received" });
      const peer = await pair.peer();
      await peer.send(pair.keeperKey, "secret");
      const [sse, events] = ["/sse", "/events?since=0"].map((path) => `${keeper.node.url}${path}`);
      assert.deepEqual(await firstTexts(events ?? "", 1), ["secret"]);
      if (kept) assert.deepEqual(await firstTexts(sse ?? "", 1), ["secret"]);
      const forgotten = await keeper.post("/history/forget", { pk: pair.peerKey, all: true });
      assert.equal(forgotten.status, 204);
      await peer.send(pair.keeperKey, "harmless");
      assert.deepEqual(await firstTexts(sse ?? "", 1), ["harmless"]);
      assert.deepEqual(await firstTexts(events ?? "", 1), ["harmless"]);
      if (kept) assert.deepEqual(await keeper.texts(), ["harmless"]);
    });
  });
}

Deno.test("a message that comes again after a restart is acknowledged and shown once", async () => {
  await NodePair.with(async (pair) => {
    let keeper = await pair.keeper();
    await pair.sendById({ id: "00ff", body: "once" });
    await pair.stop(keeper);
    keeper = await pair.keeper();
    await pair.sendById({ id: "00ff", body: "once" });
    await pair.sendById({ id: "0100", body: "twice" });
    assert.deepEqual(await keeper.texts(), ["once", "twice"]);
    const { events_seq, inbound_msg_count } = await keeper.get("/status");
    assert.deepEqual([events_seq, inbound_msg_count], [2, 1]);
    assert.deepEqual(await eventTexts(keeper), ["once", "twice"]);
  });
});

/** Every event from the first. */
async function eventTexts(keeper: HttpNode): Promise<unknown[]> {
  const { events_seq } = await keeper.get("/status");
  return await firstTexts(`${keeper.node.url}/events?since=0`, events_seq);
}
