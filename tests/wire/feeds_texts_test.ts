/** What a message of a feed looks like to whoever reads events, history and counters. */
import assert from "node:assert/strict";
import { rfc3339 } from "#kit";
import { heard, historyOf, inWorld, pair } from "#support/feed_scene.ts";

const { alice: A, bob: B, toAlice } = pair();

for (const stored of [false, true]) {
  const how = stored ? "with" : "without";

  Deno.test(`texts arrive as they were written, ${how} history`, () =>
    inWorld(async (world) => {
      const [hers, his] = stored ? [historyOf(world, A), historyOf(world, B)] : [];
      let alice = await world.start(A, { history: hers });
      const bob = await world.start(B, { peers: toAlice, history: his });
      await world.pass(1_000);
      const texts = [
        ...["same", "same", " same ", "same"],
        ...["a\0b", "\u2028\u2029", "\r\n\r\n", "data: x\n\nevent: y", "\u{1f600}\u0301", "\ufeff"],
        ...["/", "msgs/1", "x".repeat(102_400), "\u{10ffff}".repeat(25_600)],
      ];
      for (const text of texts) await alice.say(text);
      await world.pass(3_000);
      assert.deepEqual(heard(bob, alice), texts);
      assert.equal(new Set(bob.shown.map(({ id }) => id)).size, texts.length);
      if (stored) {
        await world.stop(alice);
        alice = await world.start(A, { history: hers });
        await world.pass(40_000);
        const carol = await world.start(B + 1, { peers: toAlice });
        await world.pass(3_000);
        assert.deepEqual(heard(carol, alice), texts);
        assert.deepEqual(heard(bob, alice), texts);
      }
      await world.stop(alice);
      await world.stop(bob);
      await hers?.close();
      await his?.close();
    }));
}

Deno.test("an empty text is taken and reaches nobody; one with half a surrogate is mended", () =>
  inWorld(async (world) => {
    const alice = await world.start(A);
    const bob = await world.start(B, { peers: toAlice });
    await world.pass(1_000);
    await alice.say("");
    await alice.say("one");
    await alice.say("");
    await alice.say("\ud800!");
    await world.pass(2_000);
    assert.deepEqual(heard(bob, alice), ["one", "\ufffd!"]);
  }));

Deno.test("a text that no reader would take is refused before anything is kept or shown", () =>
  inWorld(async (world) => {
    const history = historyOf(world, A);
    const alice = await world.start(A, { history });
    await assert.rejects(alice.say("x".repeat(131_073)), /131073 bytes, at most 131072/);
    await alice.say("\u00e9".repeat(65_536));
    await world.pass(1_000);
    assert.equal(alice.shown.length, 1);
    assert.equal(alice.feeds.figures.messages, 1);
    assert.equal((await history.recent(0)).length, 1);
    await world.stop(alice);
    await history.close();
  }));

Deno.test("both sides' events say group, cxo and no group; each has its counters", () =>
  inWorld(async (world) => {
    const alice = await world.start(A);
    const bob = await world.start(B, { peers: toAlice });
    await world.pass(1_000);
    await alice.feeds.publish({ recipient: bob.key, text: "hello" });
    await alice.feeds.publish({ recipient: alice.key, text: "again" });
    await world.pass(1_000);
    const [sent, received] = [alice.shown[0], bob.shown[0]];
    assert.ok(sent !== undefined && received !== undefined);
    assert.deepEqual(
      [sent.dir, sent.channel, sent.transport, sent.from, sent.to, "group_id" in sent],
      ["out", "group", "cxo", alice.key, bob.key, false],
    );
    assert.deepEqual(
      [received.dir, received.channel, received.transport, received.from, "to" in received],
      ["in", "group", "cxo", alice.key, false],
    );
    assert.equal("group_id" in received, false);
    // The time is that of the writing, on both sides.
    assert.equal(received.ts, sent.ts);
    // And so is its id, although none travels.
    assert.match(sent.id, /^[0-9a-f]{16}$/);
    assert.equal(received.id, sent.id);
    const { outbound_msg_count, inbound_msg_count } = alice.chat.counters;
    assert.deepEqual([outbound_msg_count, inbound_msg_count], [2, 0]);
    assert.equal(bob.chat.counters.inbound_msg_count, 2);
    assert.equal(bob.chat.counters.last_rx !== undefined, true);
    const { figures } = bob.feeds;
    assert.equal(figures.peers[0]?.connected, true);
    assert.equal(figures.peers[0]?.seq, alice.feeds.figures.seq);
    assert.equal(alice.feeds.figures.followers, 1);
    assert.equal(figures.followers, 0);
  }));

Deno.test("history keeps what came under its author's key with the time of the writing, never later than now", () =>
  inWorld(async (world) => {
    const [hers, his] = [historyOf(world, A), historyOf(world, B)];
    const hour = 3_600_000_000_000n;
    let alice = await world.start(A, { history: hers });
    const bob = await world.start(B, { peers: toAlice, history: his });
    await world.pass(1_000);
    world.cut(bob);
    const written = rfc3339(world.clock.wall());
    await alice.say("while you were away");
    await world.pass(90_000);
    world.heal(bob);
    await world.pass(60_000);
    await world.stop(alice);
    alice = await world.start(A, { history: hers, wallShift: hour });
    await world.pass(60_000);
    await alice.say("from tomorrow");
    await alice.say("from tomorrow");
    await world.pass(2_000);
    const records = await his.byPeer(alice.key, 0);
    assert.deepEqual(records.map(({ text, outgoing, peer }) => [text, outgoing, peer]), [
      ["while you were away", false, alice.key],
      ["from tomorrow", false, alice.key],
      ["from tomorrow", false, alice.key],
    ]);
    const [first, ...late] = records.map(({ timestamp }) => timestamp);
    assert.equal(first, written);
    const now = Number(world.clock.wall() / 1_000_000n);
    for (const time of late) assert.ok(Date.parse(time) <= now, `${time} is to come`);
    assert.equal(new Set(records.map(({ timestamp }) => timestamp)).size, 3);
    assert.deepEqual((await hers.recent(0)).map(({ outgoing }) => outgoing), [true, true, true]);
    await world.stop(alice);
    await world.stop(bob);
    await hers.close();
    await his.close();
  }));
