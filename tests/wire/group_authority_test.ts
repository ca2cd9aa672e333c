/** Who was put out stays out, who comes knows who belongs, and no old key comes back (groups.md 2.6, 3.2, 3.6). */
import assert from "node:assert/strict";
import { encodeMessageLeaf, groupMessagePath, signMessage, signMutation } from "#group";
import { HandMember } from "#support/group_hand.ts";
import { assertOneKey, epochOf, privateMesh } from "#support/group_private.ts";
import {
  FIRST_PORT,
  GROUP_ID,
  type GroupNode,
  type GroupWorld,
  holds,
  inGroupWorld,
  keyOf,
} from "#support/group_scene.ts";
import { SeededRandom } from "#support/seeded_random.ts";
import { sealBody } from "../../lib/group/group_cipher.ts";

const HAND = 8_910;

/** The first nodes of a mesh, by name. */
async function four(world: GroupWorld): Promise<[GroupNode, GroupNode, GroupNode, GroupNode]> {
  const [alice, bob, carol, dave] = await world.mesh(4, { members: [HAND] });
  assert.ok(alice && bob && carol && dave);
  await world.pass(5_000);
  return [alice, bob, carol, dave];
}

for (const action of ["ban", "demote", "remove"] as const) {
  Deno.test(`an admin that was put out (${action}) puts nobody out, however it dates that`, () =>
    inGroupWorld(async (world) => {
      const [alice, bob, carol, dave] = await four(world);
      // She has the office for longer than he has.
      await alice.act("promote", carol);
      await world.pass(2_000);
      const between = world.clock.wall();
      await world.pass(1_000);
      await alice.act("promote", bob);
      await world.pass(2_000);
      await world.stop(alice);
      await bob.act(action, carol);
      await world.pass(2_000);
      const before = [bob, dave].map(holds);
      const hand = new HandMember(world, HAND);
      await hand.dial(bob, dave);
      for (const issuedAt of [world.clock.wall(), between]) {
        const ops = ["demote", "ban", "remove"] as const;
        const records = ops.map((op) =>
          signMutation(carol.secret, { groupId: GROUP_ID, op, peer: bob.key, issuedAt })
        );
        await hand.publish(...records.map((record) => hand.recordLeaf(record)));
        await world.pass(1_000);
        assert.deepEqual([bob, dave].map(holds), before);
      }
      assert.ok(bob.roster.isAdmin(bob.key) && !dave.roster.isAdmin(carol.key));
      await hand.close();
    }));
}

Deno.test("who joins a private group after its key was changed knows what was decided before", () =>
  inGroupWorld(async (world) => {
    const [alice, bob, carol] = await privateMesh(world, 3);
    assert.ok(alice !== undefined && bob !== undefined && carol !== undefined);
    await alice.act("promote", bob);
    await world.pass(1_000);
    await bob.act("mute", carol);
    await alice.session.decide(alice.session.desk.setReadOnly(true));
    await world.pass(1_000);
    await alice.session.rotateKey();
    await world.pass(2_000);
    const dave = await world.start(FIRST_PORT + 3, { kind: "private", peers: [alice.port] });
    await alice.act("add", dave);
    await world.pass(40_000);
    assertOneKey(alice, dave);
    assert.deepEqual(holds(dave), holds(alice));
    await assert.rejects(dave.say("while only admins may"), { code: "group-forbidden" });
  }));

Deno.test("handing out an old key without having heard of a newer one brings it back nowhere", () =>
  inGroupWorld(async (world) => {
    const [alice, bob, carol, dave] = await privateMesh(world, 4);
    assert.ok(alice && bob && carol && dave);
    await alice.act("promote", bob);
    await world.pass(3_000);
    const isApart = (port: number) => port === alice.port || port === dave.port;
    world.separate((one, other) => isApart(one) !== isApart(other));
    await bob.act("ban", carol);
    await world.pass(1_000);
    await alice.act("add", { key: keyOf(9_998) });
    await world.pass(1_000);
    assert.deepEqual([alice, bob].map(epochOf), [0n, 1n]);
    world.heal();
    await world.pass(60_000);
    assertOneKey(alice, bob, dave);
    assert.equal(epochOf(alice), 1n, "which carol has not");
  }));

Deno.test("a sealed message that no key opens is copied once, by however many paths it comes", () =>
  inGroupWorld(async (world) => {
    const [alice, bob] = await privateMesh(world, 2, { members: [HAND] });
    assert.ok(alice !== undefined && bob !== undefined);
    const hand = new HandMember(world, HAND);
    await hand.dial(alice);
    const ts = world.clock.wall();
    const body = sealBody(new Uint8Array(32).fill(7), "nobody has this key", new SeededRandom(1));
    const value = encodeMessageLeaf(signMessage(hand.secret, { ts, ...body }));
    await hand.publish(
      ...Array.from({ length: 300 }, (_, index) => ({
        path: groupMessagePath({ sender: hand.key, ts, seq: index + 1 }),
        value,
      })),
    );
    await world.pass(2_000);
    const copies = [...(await hand.read(alice)).keys()]
      .filter((path) => path.startsWith(`msgs/${hand.key}/`));
    assert.equal(copies.length, 1);
    await hand.close();
  }));
