/** What an import brought is not shown again when the feed it came from is followed. */
import assert from "node:assert/strict";
import { heard, historyOf, inWorld, pair, sayMany } from "#support/feed_scene.ts";

const { alice: A, bob: B, toAlice } = pair();

Deno.test("messages of a feed that were imported are in the history once, and not shown again", () =>
  inWorld(async (world) => {
    const [old, fresh] = [historyOf(world, B), historyOf(world, B)];
    const alice = await world.start(A);
    let bob = await world.start(B, { peers: toAlice, history: old });
    await world.pass(1_000);
    await sayMany(alice, { from: 0, to: 5 });
    await world.pass(1_000);
    await world.stop(bob);
    const messages = await old.byPeer(alice.key, 0);
    assert.equal(messages.length, 5);
    await fresh.import({ messages, groupMessages: [] });
    for (let life = 0; life < 2; life++) {
      const news = await sayMany(alice, { from: 5 + life, to: 6 + life });
      await world.pass(1_000);
      bob = await world.start(B, { peers: toAlice, history: fresh });
      await world.pass(2_000);
      assert.deepEqual(heard(bob, alice).slice(-1), news);
      assert.equal((await fresh.byPeer(alice.key, 0)).length, 6 + life);
      assert.equal(fresh.journal(alice.key)?.length, 6 + life);
      await world.stop(bob);
    }
    await old.close();
    await fresh.close();
  }));
