/** Whose messages are shown and kept, and how long they stay in a feed. */
import assert from "node:assert/strict";
import { heard, historyOf, inWorld, pair, sayMany, UNLIMITED } from "#support/feed_scene.ts";

const { alice: A, bob: B, toAlice } = pair();
const HOUR = 3_600_000;

Deno.test("what a blocked peer says is neither shown, counted nor kept", () =>
  inWorld(async (world) => {
    const history = historyOf(world, B);
    const blocked = new Set<string>();
    const isBlocked = (peer: string) => blocked.has(peer);
    const alice = await world.start(A);
    let bob = await world.start(B, { peers: toAlice, history, isBlocked });
    await world.pass(1_000);
    await alice.say("before");
    await world.pass(1_000);
    blocked.add(alice.key);
    await alice.say("blocked");
    await world.pass(1_000);
    blocked.delete(alice.key);
    await alice.say("after");
    await world.pass(1_000);
    assert.deepEqual(heard(bob, alice), ["before", "after"]);
    assert.equal(bob.chat.counters.inbound_msg_count, 2);
    const texts = async () => (await history.recent(0)).map(({ text }) => text);
    assert.deepEqual(await texts(), ["before", "after"]);
    // A restart is no way round it.
    blocked.add(alice.key);
    await world.stop(bob);
    bob = await world.start(B, { peers: toAlice, history, isBlocked });
    await world.pass(2_000);
    assert.deepEqual(heard(bob, alice), ["before", "after"]);
    assert.deepEqual(await texts(), ["before", "after"]);
    await world.stop(bob);
    await history.close();
  }));

Deno.test("of peers that are not on the whitelist nothing is kept: their feed is shown again", () =>
  inWorld(async (world) => {
    const [alice, carol] = [await world.start(A), await world.start(B + 1)];
    const history = historyOf(world, B, { whitelist: new Set([carol.key]) });
    const peers = [alice, carol];
    let bob = await world.start(B, { peers, history });
    await world.pass(1_000);
    await alice.say("unkept");
    await carol.say("kept");
    await world.pass(1_000);
    assert.deepEqual([heard(bob, alice), heard(bob, carol)], [["unkept"], ["kept"]]);
    assert.deepEqual((await history.recent(0)).map(({ text }) => text), ["kept"]);
    assert.deepEqual(history.journalFeeds(), [carol.key]);
    await world.stop(bob);
    bob = await world.start(B, { peers, history });
    await world.pass(2_000);
    assert.deepEqual([heard(bob, alice), heard(bob, carol)], [["unkept"], ["kept"]]);
    assert.equal(bob.chat.counters.inbound_msg_count, 1);
    await world.stop(bob);
    await history.close();
  }));

Deno.test("what the history's limits refuse is shown once all the same, after a restart too", () =>
  inWorld(async (world) => {
    const limits = { ...UNLIMITED, perPeerRatePerMinute: 3, maxMessageBytes: 8 };
    const history = historyOf(world, B, { limits });
    const alice = await world.start(A);
    let bob = await world.start(B, { peers: toAlice, history });
    await world.pass(1_000);
    const said = Array.from({ length: 8 }, (_, index) => `no. ${index}`);
    for (const text of [...said, "far too long"]) await alice.say(text);
    await world.pass(1_000);
    assert.deepEqual(heard(bob, alice), [...said, "far too long"]);
    assert.deepEqual((await history.recent(0)).map(({ text }) => text), said.slice(0, 3));
    await world.stop(bob);
    bob = await world.start(B, { peers: toAlice, history });
    await world.pass(2_000);
    assert.deepEqual(heard(bob, alice), [...said, "far too long"]);
    assert.equal(bob.chat.counters.inbound_msg_count, 0);
    await world.stop(bob);
    await history.close();
  }));

Deno.test("at its cap a feed loses its oldest messages; readers keep theirs and see nothing twice", () =>
  inWorld(async (world) => {
    const [hers, his] = [historyOf(world, A), historyOf(world, B)];
    let alice = await world.start(A, { history: hers, cap: 20 });
    let bob = await world.start(B, { peers: toAlice, history: his });
    await world.pass(1_000);
    const said: string[] = [];
    for (let round = 0; round < 12; round++) {
      said.push(...await sayMany(alice, { from: said.length, to: said.length + 7 }));
      await world.pass(700);
      if (round === 5) {
        await world.stop(bob);
        bob = await world.start(B, { peers: toAlice, history: his });
      }
      if (round === 7) {
        await world.stop(alice);
        alice = await world.start(A, { history: hers, cap: 20 });
        await world.pass(40_000);
      }
      const { messages } = alice.feeds.figures;
      assert.ok(messages <= 20 && (said.length < 20 || messages > 15), `${messages} messages`);
    }
    await world.pass(40_000);
    assert.deepEqual(heard(bob, alice), said);
    const { messages } = alice.feeds.figures;
    const carol = await world.start(B + 1, { peers: toAlice });
    await world.pass(2_000);
    assert.deepEqual(heard(carol, alice), said.slice(-messages));
    assert.equal((await his.recent(0)).length, said.length);
    await world.stop(alice);
    await world.stop(bob);
    await hers.close();
    await his.close();
  }));

Deno.test("a restart at the cap brings back what was in the feed, however often the journal was rewritten", () =>
  inWorld(async (world) => {
    const history = historyOf(world, A);
    let alice = await world.start(A, { history, cap: 10 });
    const said = await sayMany(alice, { from: 0, to: 1_100 });
    const { messages } = alice.feeds.figures;
    await world.stop(alice);
    // What the cap took out does not come back under a larger one.
    alice = await world.start(A, { history, cap: 1_000 });
    const bob = await world.start(B, { peers: toAlice });
    await world.pass(2_000);
    assert.deepEqual(heard(bob, alice), said.slice(-messages));
    await world.stop(alice);
    await history.close();
  }));

Deno.test("what is said while the journal is rewritten is there after a restart", () =>
  inWorld(async (world) => {
    const history = historyOf(world, A);
    let alice = await world.start(A, { history, cap: 10 });
    const texts = Array.from({ length: 1_100 }, (_, index) => `message ${index}`);
    // All at once, as requests of many clients are.
    await Promise.all(texts.map((text) => alice.say(text)));
    const { messages } = alice.feeds.figures;
    await world.stop(alice);
    alice = await world.start(A, { history, cap: 10 });
    const bob = await world.start(B, { peers: toAlice });
    await world.pass(2_000);
    assert.deepEqual(heard(bob, alice), texts.slice(-messages));
    await world.stop(alice);
    await history.close();
  }));

Deno.test("messages leave the feed at their age limit; a restart does not bring them back", () =>
  inWorld(async (world) => {
    const history = historyOf(world, A);
    const options = { history, maxAgeMs: 4 * HOUR };
    let alice = await world.start(A, options);
    const bob = await world.start(B, { peers: toAlice });
    await world.pass(1_000);
    const said = await sayMany(alice, { from: 0, to: 3 });
    await world.clock.advance(2 * HOUR);
    said.push(...await sayMany(alice, { from: 3, to: 5 }));
    await world.clock.advance(3 * HOUR);
    assert.equal(alice.feeds.figures.messages, 2);
    await world.stop(alice);
    alice = await world.start(A, options);
    await world.pass(60_000);
    assert.equal(alice.feeds.figures.messages, 2);
    // The peer that still has the old ones gives nothing back.
    assert.deepEqual(heard(bob, alice), said);
    await world.clock.advance(2 * HOUR);
    assert.equal(alice.feeds.figures.messages, 0);
    const carol = await world.start(B + 1, { peers: toAlice });
    await world.pass(2_000);
    assert.deepEqual(heard(carol, alice), []);
    await alice.say("new");
    await world.pass(2_000);
    assert.deepEqual(heard(carol, alice), ["new"]);
    assert.deepEqual(heard(bob, alice), [...said, "new"]);
    await world.stop(alice);
    await history.close();
  }));
