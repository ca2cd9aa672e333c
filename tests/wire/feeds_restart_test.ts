/** What restarts of either side, with and without a store, do to what is shown: nothing is lost or twice. */
import assert from "node:assert/strict";
import { heard, historyOf, inWorld, pair, sayMany } from "#support/feed_scene.ts";

const { alice: A, bob: B, toAlice } = pair();

for (const how of ["stop", "kill"] as const) {
  Deno.test(`a publisher that ends by ${how} goes on with its store where it was; who was away gets it all`, () =>
    inWorld(async (world) => {
      const history = historyOf(world, A);
      let alice = await world.start(A, { history });
      const bob = await world.start(B, { peers: toAlice });
      await world.pass(1_000);
      const said = await sayMany(alice, { from: 0, to: 5 });
      await world.pass(1_000);
      world.cut(bob);
      said.push(...await sayMany(alice, { from: 5, to: 9 }));
      await world.pass(1_000);
      let seq = alice.feeds.figures.seq ?? -1n;
      for (let life = 0; life < 3; life++) {
        await world[how](alice);
        // While nothing runs the time goes on too.
        await world.pass(5_000);
        alice = await world.start(A, { history });
        const next = alice.feeds.figures.seq;
        assert.ok(next !== undefined && next > seq, `seq ${next} after ${seq}`);
        seq = next;
        assert.equal(alice.feeds.figures.messages, said.length);
        said.push(...await sayMany(alice, { from: said.length, to: said.length + 2 }));
        await world.pass(1_000);
        seq = alice.feeds.figures.seq ?? seq;
      }
      world.heal(bob);
      await world.pass(60_000);
      assert.deepEqual(heard(bob, alice), said);
      await world.stop(alice);
      await history.close();
    }));
}

Deno.test("a subscriber that restarts with its store shows nothing twice, and what it missed", () =>
  inWorld(async (world) => {
    const history = historyOf(world, B);
    const alice = await world.start(A);
    let bob = await world.start(B, { peers: toAlice, history });
    await world.pass(1_000);
    const said = await sayMany(alice, { from: 0, to: 5 });
    await world.pass(1_000);
    for (let life = 0; life < 3; life++) {
      await world.kill(bob);
      said.push(...await sayMany(alice, { from: said.length, to: said.length + 3 }));
      await world.pass(1_000);
      bob = await world.start(B, { peers: toAlice, history });
      await world.pass(2_000);
      assert.deepEqual(heard(bob, alice), said, "with what it showed in lives before");
    }
    await world.stop(bob);
    await history.close();
  }));

Deno.test("a subscriber that restarts without a store shows the whole feed again", () =>
  inWorld(async (world) => {
    const alice = await world.start(A);
    let bob = await world.start(B, { peers: toAlice });
    await world.pass(1_000);
    const said = await sayMany(alice, { from: 0, to: 40 });
    await world.pass(1_000);
    await world.kill(bob);
    bob = await world.start(B, { peers: toAlice });
    await world.pass(2_000);
    assert.deepEqual(heard(bob, alice), said);
  }));

Deno.test("both restart with their stores: nothing is lost or twice", () =>
  inWorld(async (world) => {
    const [hers, his] = [historyOf(world, A), historyOf(world, B)];
    let alice = await world.start(A, { history: hers });
    let bob = await world.start(B, { peers: toAlice, history: his });
    await world.pass(1_000);
    const said: string[] = [];
    for (let life = 0; life < 4; life++) {
      said.push(...await sayMany(alice, { from: said.length, to: said.length + 3 }));
      await world.pass(life % 2 === 0 ? 1_000 : 0);
      await world.kill(alice);
      await world.kill(bob);
      alice = await world.start(A, { history: hers });
      bob = await world.start(B, { peers: toAlice, history: his });
      await world.pass(40_000);
      assert.deepEqual(heard(bob, alice), said);
    }
    await world.stop(alice);
    await world.stop(bob);
    await hers.close();
    await his.close();
  }));

Deno.test("what is said last before a stop in order reaches who is connected", () =>
  inWorld(async (world) => {
    const alice = await world.start(A);
    const bob = await world.start(B, { peers: toAlice });
    await world.pass(1_000);
    const said = await sayMany(alice, { from: 0, to: 30 });
    await world.stop(alice);
    assert.deepEqual(heard(bob, alice), said);
  }));

for (const stored of [false, true]) {
  const how = stored ? "an empty store" : "no store";

  Deno.test(`a publisher that comes back with ${how} gets its history from those who have it`, () =>
    inWorld(async (world) => {
      let alice = await world.start(A);
      const bob = await world.start(B, { peers: toAlice });
      await world.pass(1_000);
      const said = await sayMany(alice, { from: 0, to: 300 });
      await world.pass(1_000);
      await world.kill(alice);
      const history = stored ? historyOf(world, A) : undefined;
      alice = await world.start(A, history && { history });
      await world.pass(40_000);
      assert.equal(alice.feeds.figures.messages, 300);
      said.push(...await sayMany(alice, { from: 300, to: 302 }));
      const carol = await world.start(B + 1, { peers: toAlice });
      await world.pass(2_000);
      assert.deepEqual(heard(carol, alice), said);
      assert.deepEqual(heard(bob, alice), said);
      if (history === undefined) return;
      // What came back is kept from now on.
      await world.stop(alice);
      alice = await world.start(A, { history });
      assert.equal(alice.feeds.figures.messages, 302);
      await world.stop(alice);
      await history.close();
    }));
}

Deno.test("a publisher without a store that speaks before its peers are back still gets its history", () =>
  inWorld(async (world) => {
    let alice = await world.start(A);
    const bob = await world.start(B, { peers: toAlice });
    await world.pass(1_000);
    const said = await sayMany(alice, { from: 0, to: 300 });
    await world.pass(1_000);
    await world.kill(alice);
    alice = await world.start(A);
    said.push(...await sayMany(alice, { from: 300, to: 301 }));
    await world.pass(40_000);
    assert.equal(alice.feeds.figures.messages, 301);
    const carol = await world.start(B + 1, { peers: toAlice });
    await world.pass(2_000);
    assert.deepEqual(heard(carol, alice), said);
    assert.deepEqual(heard(bob, alice), said);
  }));

Deno.test("of two peers that come back at once the one with more gives the history back", () =>
  inWorld(async (world) => {
    let alice = await world.start(A);
    const bob = await world.start(B, { peers: toAlice });
    const carol = await world.start(B + 1, { peers: toAlice });
    await world.pass(1_000);
    const said = await sayMany(alice, { from: 0, to: 200 });
    await world.pass(1_000);
    // Bob, who dials first, misses what was said last.
    world.hold(bob);
    said.push(...await sayMany(alice, { from: 200, to: 240 }));
    await world.pass(1_000);
    const killed = world.kill(alice);
    world.release(bob);
    await killed;
    alice = await world.start(A);
    await world.pass(120_000);
    assert.equal(alice.feeds.figures.messages, 240);
    const dora = await world.start(B + 2, { peers: toAlice });
    await world.pass(2_000);
    for (const node of [bob, carol, dora]) assert.deepEqual(heard(node, alice), said);
  }));

Deno.test("a publisher whose clock was set back is still heard", () =>
  inWorld(async (world) => {
    let alice = await world.start(A, { wallShift: 0n });
    const bob = await world.start(B, { peers: toAlice });
    await world.pass(1_000);
    const said = await sayMany(alice, { from: 0, to: 3 });
    await world.pass(1_000);
    await world.kill(alice);
    alice = await world.start(A, { wallShift: -3_600_000_000_000n });
    await world.pass(40_000);
    const later = await sayMany(alice, { from: 3, to: 5 });
    await world.pass(2_000);
    assert.deepEqual([...heard(bob, alice)].sort(), [...said, ...later].sort());
  }));
