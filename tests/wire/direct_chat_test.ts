import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, rfc3339, utf8, utf8Text } from "#kit";
import { classify, encodeMessage } from "#chat";
import { SecretKey } from "#crypto";
import { encodeFrame, FrameDecoder } from "#session";
import { ManualClock } from "#support/manual_clock.ts";
import { type MemoryNode, MemoryWorld, until } from "#support/memory_node.ts";
import { SeededRandom } from "#support/seeded_random.ts";

/** Two nodes of one world, closed afterwards. */
async function withNodes(
  run: (alice: MemoryNode, bob: MemoryNode, world: MemoryWorld) => Promise<void>,
  world: MemoryWorld = new MemoryWorld(new ManualClock()),
): Promise<void> {
  const [alice, bob] = [world.node(), world.node()];
  try {
    await run(alice, bob, world);
  } finally {
    await alice.close();
    await bob.close();
  }
}

/** Texts of the messages that came in at a node. */
function inboundTexts(node: MemoryNode): unknown[] {
  return node.seen.filter(({ dir }) => dir === "in").map(({ message }) => message);
}

Deno.test("two nodes exchange a message and its receipt", async () => {
  await withNodes(async (alice, bob, world) => {
    await alice.keepLinkTo(bob);
    const text = "hello from A over tcp-direct";
    const outcome = await alice.chat.send({ recipient: bob.key, text, waitMs: 3_000 });
    assert.ok(outcome.kind === "acked");
    const { id } = outcome;
    await until(() => bob.seen.length === 1 && alice.seen.length === 2);
    const sender = alice.key.hex;
    const ts = rfc3339(world.clock.wall());
    const event = { id, len: 28, message: text, network: "tcp-direct", sender, ts };
    assert.deepEqual(bob.seen, [{ dir: "in", ...event }]);
    const [mirror, status] = alice.seen;
    assert.deepEqual(mirror, { dir: "out", ...event, to: bob.key.hex });
    assert.deepEqual(status, {
      channel: "dm-status",
      id,
      peer: bob.key.hex,
      status: "received",
    });
    await bob.chat.sendRead(alice.key, [id]);
    await bob.chat.sendDelete(alice.key, id);
    await until(() => alice.seen.length === 4);
    assert.deepEqual(alice.seen.slice(2).map((one) => one.status), ["read", "deleted"]);
  });
});

Deno.test("messages of every size arrive whole and in order however TCP cuts them", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1 }), async (seed) => {
      const random = new SeededRandom(seed);
      const cut = () => 1 + random.below(random.below(4) === 0 ? 20_000 : 40);
      const world = new MemoryWorld(new ManualClock(), { cut });
      await withNodes(async (alice, bob) => {
        await alice.keepLinkTo(bob);
        const sizes = [1, 4_070, 65_536, 30, 4_066, 12_000, 2, 65_000];
        const texts = sizes.map((size, index) => `${index}`.repeat(size));
        for (const text of texts) {
          assert.equal((await alice.chat.send({ recipient: bob.key, text })).kind, "sent");
        }
        await until(() => bob.seen.length === texts.length);
        assert.deepEqual(inboundTexts(bob), texts);
      }, world);
    }),
    { numRuns: 4 },
  );
});

Deno.test("check 2 over a link: 1 000 concurrent sends and receipts never interleave", async () => {
  await withNodes(async (alice, bob) => {
    await alice.keepLinkTo(bob);
    await until(() => bob.chat.isConnected(alice.key));
    const both: [MemoryNode, MemoryNode][] = [[alice, bob], [bob, alice]];
    const sends = both.flatMap(([from, to]) =>
      Array.from({ length: 500 }, (_, index) =>
        from.chat.send({
          recipient: to.key,
          text: `${index} `.repeat(1 + index % 50),
          waitMs: 5_000,
        }))
    );
    const outcomes = await Promise.all(sends);
    assert.deepEqual(new Set(outcomes.map(({ kind }) => kind)), new Set(["acked"]));
    for (const node of [alice, bob]) {
      assert.equal(node.chat.counters.inbound_msg_count, 500);
      assert.equal(node.chat.counters.outbound_msg_count, 500);
      assert.equal(node.chat.counters.inbound_drop_count, 0);
    }
  });
});

Deno.test("check 5: a peer that falls silent is dropped after 20 s and dialled again", async () => {
  await withNodes(async (alice, bob, world) => {
    await alice.keepLinkTo(bob);
    alice.dialled[0]?.hold();
    const asked = await alice.chat.send({ recipient: bob.key, text: "lost", receipts: true });
    assert.equal(asked.kind, "receipt-asked");
    await world.clock.advance(19_999);
    assert.equal(alice.dialled.length, 1);
    assert.equal(alice.chat.counters.inbound_drop_count, 0);
    await world.clock.advance(1);
    await until(() => alice.dialled.length === 2 && alice.chat.isConnected(bob.key));
    assert.equal(alice.chat.counters.inbound_drop_count, 1);
    const outcome = await alice.chat.send({ recipient: bob.key, text: "back", waitMs: 3_000 });
    assert.equal(outcome.kind, "acked");
    await until(() => inboundTexts(bob).includes("back"));
  });
});

Deno.test("check 6: a peer that is not on the whitelist gets a handshake and nothing else", async () => {
  const world = new MemoryWorld(new ManualClock());
  const friend = SecretKey.generate(new SeededRandom(99)).publicKey;
  const [alice, bob] = [world.node(), world.node({ whitelist: friend.hex })];
  const before = bob.chat.counters;
  const link = await alice.dial(bob);
  const received: Uint8Array[] = [];
  const end = await link.serve((bytes) => void received.push(bytes));
  assert.equal(end.code, "eof");
  assert.deepEqual(received, []);
  assert.deepEqual(bob.chat.peers(), []);
  assert.deepEqual(bob.chat.counters, before);
  await alice.close();
  await bob.close();
});

Deno.test("check 7: with an empty whitelist any key is served", async () => {
  await withNodes(async (alice, bob, world) => {
    const stranger = world.node();
    await stranger.keepLinkTo(bob);
    await alice.keepLinkTo(bob);
    await until(() => bob.chat.peers().length === 2);
    assert.deepEqual(bob.chat.peers(), [alice.key.hex, stranger.key.hex].sort());
    await stranger.close();
  });
});

for (const killed of ["ours", "theirs"]) {
  Deno.test(`check 8: both dial each other, messages flow on when ${killed} is killed`, async () => {
    await withNodes(async (alice, bob, world) => {
      await alice.keepLinkTo(bob);
      await bob.keepLinkTo(alice);
      await until(() => alice.chat.isConnected(bob.key) && bob.chat.isConnected(alice.key));
      const send = (from: MemoryNode, to: MemoryNode) =>
        from.chat.send({ recipient: to.key, text: "hi", waitMs: 1_000 });
      assert.equal((await send(alice, bob)).kind, "acked");
      assert.equal((await send(bob, alice)).kind, "acked");
      (killed === "ours" ? alice : bob).dialled[0]?.reset();
      await until(() => alice.chat.counters.inbound_drop_count === 1);
      await until(() => bob.chat.counters.inbound_drop_count === 1);
      assert.equal((await send(alice, bob)).kind, "acked");
      assert.equal((await send(bob, alice)).kind, "acked");
      await world.clock.advance(5_000);
      assert.equal(alice.dialled.length + bob.dialled.length, 3, "the killed one was redialled");
    });
  });
}

Deno.test("check 9: after a one-shot send of the same identity the listener still reaches it", async () => {
  await withNodes(async (alice, bob) => {
    await alice.keepLinkTo(bob);
    const link = await alice.dial(bob);
    await link.write(encodeFrame(encodeMessage({ id: "00ff", body: "via", ack: true })));
    const decoder = new FrameDecoder();
    await link.serve((bytes) => {
      for (const event of decoder.push(bytes)) {
        assert.ok(event.kind === "frame");
        assert.deepEqual(classify(event.payload), {
          kind: "receipt",
          status: "received",
          id: "00ff",
        });
        link.close();
      }
    });
    await until(() => bob.chat.counters.inbound_drop_count === 1);
    const outcome = await bob.chat.send({ recipient: alice.key, text: "answer", waitMs: 1_000 });
    assert.equal(outcome.kind, "acked");
  });
});

Deno.test("a framing fault ends the connection, after the receipts of what came before", async () => {
  await withNodes(async (alice, bob) => {
    const link = await alice.dial(bob);
    const message = encodeFrame(encodeMessage({ id: "1", body: "last words", ack: true }));
    await link.write(concat(message, utf8("hello, unframed")));
    const received: Uint8Array[] = [];
    const end = await link.serve((bytes) => void received.push(bytes));
    assert.equal(end.code, "eof");
    assert.equal(utf8Text(concat(...received)).slice(4), '{"type":"chat-ack","id":"1"}');
    assert.deepEqual(inboundTexts(bob), ["last words"]);
    assert.deepEqual(bob.chat.peers(), []);
    assert.equal(bob.chat.counters.inbound_drop_count, 1);
  });
});

Deno.test("a peer that never reads its receipts cannot make us keep them", async () => {
  await withNodes(async (alice, bob, world) => {
    const link = await alice.dial(bob);
    await until(() => bob.chat.isConnected(alice.key));
    // Nobody serves this link: Bob's receipts fill the pipe and then wait.
    const message = encodeFrame(encodeMessage({ id: "x".repeat(100), body: "b", ack: true }));
    const batch = concat(...Array.from({ length: 400 }, () => message));
    const flood = (async () => {
      for (let round = 0; round < 30; round++) await link.write(batch);
    })().catch(() => "refused");
    await world.clock.advance(6_000);
    await until(() => !bob.chat.isConnected(alice.key));
    link.close();
    await flood;
    assert.ok(bob.chat.counters.inbound_msg_count < 30 * 400);
  });
});
