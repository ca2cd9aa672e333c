/** Whoever heard the same decisions agrees on what holds, in whatever order and through whomever it heard them. */
import assert from "node:assert/strict";
import { encodeMutation, type MutationOp, signMutation } from "#group";
import { secretOf } from "#support/feed_node.ts";
import { attack } from "#support/group_attack.ts";
import { HandMember } from "#support/group_hand.ts";
import { FIRST_PORT, GROUP_ID, holds, inGroupWorld, keyOf } from "#support/group_scene.ts";

const BOB = { key: keyOf(FIRST_PORT + 1) };

Deno.test("whoever comes late does not believe an admin of once, not even with the promotion at hand", () =>
  attack(async ({ alice, bob, mallory, world }) => {
    await alice.act("promote", mallory);
    await world.pass(1_000);
    const inOffice = world.clock.wall();
    const promotions = [...await mallory.read(alice)].filter(([path]) => path.startsWith("admin/"));
    await world.pass(1_000);
    await alice.act("demote", mallory);
    await world.pass(1_000);
    mallory.put(...promotions.map(([, value]) => ({ path: "admin/00001", value })));
    await mallory.publish(mallory.decision("ban", bob, { issuedAt: inOffice }));
    const late = await world.start(FIRST_PORT + 5, {
      peers: [alice.port, bob.port],
      members: [mallory.port],
    });
    world.separate((one, other) => [one, other].includes(late.port) && one !== mallory.port);
    await alice.act("add", late);
    await mallory.dial(late);
    await world.pass(2_000);
    world.heal();
    await world.pass(40_000);
    assert.deepEqual(holds(late), holds(alice));
    assert.ok(!late.roster.banned.has(bob.key));
  }));

Deno.test("what an admin of once dated back comes to nothing when it is promoted and demoted in one update", () =>
  inGroupWorld(async (world) => {
    const [alice, bob] = await world.mesh(2, { members: [8_910] });
    assert.ok(alice !== undefined && bob !== undefined);
    const mallory = new HandMember(world, 8_910);
    await world.pass(4_000);
    world.partition(bob.port);
    await mallory.dial(bob);
    await alice.act("promote", mallory);
    await world.pass(1_000);
    await mallory.publish(mallory.decision("mute", alice), mallory.decision("remove", bob));
    await alice.act("demote", mallory);
    await world.pass(1_000);
    world.heal();
    await world.pass(40_000);
    assert.deepEqual(holds(bob), holds(alice));
    await mallory.close();
  }));

Deno.test("two admins that demote each other agree with everybody on who is left", () =>
  inGroupWorld(async (world) => {
    const nodes = await world.mesh(4);
    const [alice, bob, carol, dave] = nodes;
    assert.ok(alice !== undefined && bob !== undefined);
    assert.ok(carol !== undefined && dave !== undefined);
    await world.pass(4_000);
    await alice.act("promote", bob);
    await world.pass(1_000);
    await alice.act("promote", carol);
    await world.pass(1_000);
    world.partition(bob.port);
    await bob.act("demote", carol);
    await world.pass(1_000);
    await carol.act("demote", bob);
    await world.pass(1_000);
    assert.ok(!dave.roster.isAdmin(bob.key) && !bob.roster.isAdmin(carol.key));
    world.heal();
    await world.pass(60_000);
    for (const node of nodes) assert.deepEqual(holds(node), holds(alice), `${node.port}`);
    const left = [bob, carol].filter(({ key }) => alice.roster.isAdmin(key));
    assert.deepEqual(left, [carol], "the founder heard and repeated what she said");
  }));

Deno.test("an admin that gives its office back is none, and what it decided stays", () =>
  inGroupWorld(async (world) => {
    const nodes = await world.mesh(3);
    const [alice, bob] = nodes;
    assert.ok(alice !== undefined && bob !== undefined);
    const target = { key: keyOf(9_999) };
    await world.pass(4_000);
    await alice.act("promote", bob);
    await world.pass(1_000);
    await bob.act("mute", target);
    await bob.act("demote", bob);
    await world.pass(1_000);
    for (const node of nodes) {
      assert.ok(!node.roster.isAdmin(bob.key));
      assert.ok(node.roster.muted.has(target.key));
    }
    await assert.rejects(bob.act("unmute", target), { code: "group-forbidden" });
    await alice.act("promote", bob);
    await world.pass(1_000);
    await bob.act("unmute", target);
    await world.pass(1_000);
    for (const node of nodes) {
      assert.ok(node.roster.isAdmin(bob.key));
      assert.ok(!node.roster.muted.has(target.key));
    }
  }));

Deno.test("the same leaves through different members' feeds, in any order, say the same at all nodes", () =>
  inGroupWorld(async (world) => {
    const nodes = await world.mesh(2, { members: [8_910, 8_911], owner: 8_920 });
    const feeds = [8_910, 8_911].map((port) => new HandMember(world, port));
    await world.pass(4_000);
    // Each node is reached by one of them only, and they are not copied.
    for (const [index, feed] of feeds.entries()) await feed.dial(...nodes.slice(index, index + 1));
    const founder = secretOf(8_920);
    const sign = (issuer: number, op: MutationOp, peer: { key: string }, at: number) =>
      signMutation(issuer === 8_920 ? founder : secretOf(issuer), {
        ...{ groupId: GROUP_ID, op, peer: peer.key },
        issuedAt: world.clock.wall() + BigInt(at),
      });
    const [x, y] = [keyOf(9_001), keyOf(9_002)].map((key) => ({ key }));
    assert.ok(x !== undefined && y !== undefined);
    const records = [
      sign(8_920, "add", x, 1),
      sign(8_920, "promote", { key: keyOf(8_910) }, 2),
      sign(8_910, "ban", y, 3),
      sign(8_910, "promote", { key: keyOf(8_911) }, 4),
      sign(8_911, "mute", x, 5),
      sign(8_911, "remove", x, 6),
      sign(8_920, "demote", { key: keyOf(8_910) }, 7),
      sign(8_920, "add", x, 8),
      sign(8_920, "mute", BOB, 9),
    ].map((record) => ({ family: record.family, value: encodeMutation(record) }));
    const orders = [records, records.toReversed()];
    for (let step = 0; step < records.length; step++) {
      for (const [index, feed] of feeds.entries()) {
        const record = orders[index]?.[step];
        assert.ok(record !== undefined);
        await feed.publish({
          path: `${record.family}/${String(step).padStart(5, "0")}`,
          value: record.value,
        });
      }
    }
    const [one, two] = nodes;
    assert.ok(one !== undefined && two !== undefined);
    assert.deepEqual(holds(one), holds(two));
    assert.deepEqual([...one.roster.admins], [keyOf(8_920)], "nobody promoted by whom was demoted");
    assert.ok(one.roster.isMember(x.key) && one.roster.muted.has(BOB.key));
    await Promise.all(feeds.map((feed) => feed.close()));
  }));
