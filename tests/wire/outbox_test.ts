import assert from "node:assert/strict";
import type { DirectChatOptions } from "#chat";
import { FakeChatStore, FakeQueueTable } from "#support/fake_chat_store.ts";
import { ManualClock, settle } from "#support/manual_clock.ts";
import { type MemoryNode, MemoryWorld, until } from "#support/memory_node.ts";
import { SeededRandom } from "#support/seeded_random.ts";

/** Texts of the messages that came in at a node. */
function inboundTexts(node: MemoryNode): unknown[] {
  return node.seen.filter(({ dir }) => dir === "in").map(({ message }) => message);
}

/** A world, and what was started in it, stopped afterwards. */
async function inWorld(
  run: (world: MemoryWorld, start: (node: MemoryNode) => MemoryNode) => Promise<void>,
): Promise<void> {
  const world = new MemoryWorld(new ManualClock());
  const nodes: MemoryNode[] = [];
  try {
    await run(world, (node) => (nodes.push(node), node));
  } finally {
    for (const node of nodes) await node.close();
    assert.equal(world.clock.pending, 0);
  }
}

Deno.test("a message queued before a restart arrives once when the recipient appears", async () => {
  await inWorld(async (world, start) => {
    const bob = start(world.node());
    const outbox = new FakeQueueTable();
    const before = world.node({ chat: { outbox } });
    const queued = await before.chat.send({ recipient: bob.key, text: "hi", queueForMs: 60_000 });
    assert.ok(queued.kind === "queued");
    await before.close();
    const chat = { outbox, random: new SeededRandom(99) };
    const after = start(world.node({ port: before.port, chat }));
    assert.ok(after.key.equals(before.key));
    await after.keepLinkTo(bob);
    await until(() => outbox.rows.size === 0 && after.seen.length === 2);
    assert.deepEqual(inboundTexts(bob), ["hi"]);
    assert.deepEqual(bob.seen[0]?.id, queued.id);
    assert.deepEqual(after.seen.map(({ id }) => id), [queued.id, queued.id]);
    after.dialled[0]?.reset();
    await world.clock.advance(2_000);
    await until(() => after.dialled.length === 2);
    assert.deepEqual(inboundTexts(bob), ["hi"]);
  });
});

Deno.test("queued messages follow a link that is cut again and again", async () => {
  await inWorld(async (world, start) => {
    const bob = start(world.node());
    const outbox = new FakeQueueTable();
    const alice = start(world.node({ chat: { outbox } }));
    const texts = Array.from({ length: 20 }, (_, index) => `message ${index}`);
    for (const text of texts) {
      await alice.chat.send({ recipient: bob.key, text, queueForMs: 3_600_000 });
    }
    await alice.keepLinkTo(bob);
    for (let cut = 0; outbox.rows.size > 0; cut++) {
      assert.ok(cut < 100, "it must come to an end");
      // A few turns are enough for some messages, seldom for all.
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      alice.dialled.at(-1)?.reset();
      await world.clock.advance(2_000);
    }
    assert.deepEqual(inboundTexts(bob), texts);
  });
});

Deno.test("an answer that waits for its commit reaches the sender when it is on disk", async () => {
  await inWorld(async (world, start) => {
    const store = new FakeChatStore();
    const chat: Partial<DirectChatOptions> = { store, ack: "stored" };
    const [alice, bob] = [start(world.node()), start(world.node({ chat }))];
    await alice.keepLinkTo(bob);
    let acked = false;
    const sending = alice.chat.send({ recipient: bob.key, text: "hi", waitMs: 5_000 });
    sending.then(() => acked = true);
    await until(() => store.pending === 1);
    await world.clock.advance(1_000);
    assert.equal(acked, false);
    store.commit();
    assert.deepEqual((await sending).kind, "acked");
  });
});

Deno.test("an orderly stop acknowledges what is committed before it closes the links", async () => {
  await inWorld(async (world, start) => {
    const store = new FakeChatStore();
    const alice = start(world.node());
    const bob = world.node({ chat: { store, ack: "stored" } });
    await alice.keepLinkTo(bob);
    const sending = alice.chat.send({ recipient: bob.key, text: "hi", waitMs: 5_000 });
    await until(() => store.pending === 1);
    const closing = bob.close();
    await settle();
    store.commit();
    assert.deepEqual((await sending).kind, "acked");
    await closing;
  });
});
