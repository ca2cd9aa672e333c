/** What a member without authority tries with the keys of a private group (groups.md 2.5, 3.4). */
import assert from "node:assert/strict";
import { PublicKey, SecretKey } from "#crypto";
import {
  encodeMessageLeaf,
  encodeMutation,
  encodeRotation,
  groupMessagePath,
  HEARTBEAT_TEXT,
  signMessage,
  signMutation,
  signRotation,
  wrapGroupKey,
} from "#group";
import { HandMember } from "#support/group_hand.ts";
import { assertOneKey, epochOf, keyIn, privateMesh } from "#support/group_private.ts";
import { GROUP_ID, inGroupWorld, keyOf } from "#support/group_scene.ts";
import { SeededRandom } from "#support/seeded_random.ts";
import { decodeRotation } from "../../lib/group/key_rotation.ts";
import { LeafFault } from "../../lib/group/leaf_fault.ts";
import { sealBody, sealGovernance } from "../../lib/group/group_cipher.ts";

const HAND = 8_910;
/** An honest member by hand, which brings leaves of others one after the other. */
const COURIER = 8_911;
const TARGET = { key: keyOf(9_999) };

Deno.test("a rotation of somebody who is no admin, or that was forged, gives nobody a key", () =>
  inGroupWorld(async (world) => {
    const [alice, bob] = await privateMesh(world, 2, { members: [HAND] });
    assert.ok(alice !== undefined && bob !== undefined);
    const mallory = new HandMember(world, HAND);
    await mallory.dial(alice, bob);
    const random = new SeededRandom(7);
    const evil = random.bytes(32);
    const wraps = wrapGroupKey(evil, {
      recipients: [alice, bob].map(({ key }) => PublicKey.parse(key)),
      ephemeral: SecretKey.generate(random),
      random,
    });
    const rotation = signRotation(mallory.secret, {
      ...{ groupId: GROUP_ID, epoch: 99n, wraps },
      issuedAt: world.clock.wall(),
    });
    await mallory.publish(
      { path: "keys/00001", value: encodeRotation(rotation) },
      { path: "keys/00002", value: encodeRotation({ ...rotation, issuer: alice.key }) },
    );
    for (const node of [alice, bob]) assert.equal(epochOf(node), 0n);
    assertOneKey(alice, bob);
    // Once it is an admin it may, and what it gave out long ago does not count as new.
    await alice.act("promote", mallory);
    await world.pass(2_000);
    await alice.act("demote", mallory);
    await alice.session.rotateKey();
    await world.pass(2_000);
    assertOneKey(alice, bob);
    assert.notDeepEqual(keyIn(bob), evil);
    await alice.say("still private");
    await world.pass(1_000);
    assert.equal(bob.received.at(-1), "still private");
    await mallory.close();
  }));

Deno.test("a member without authority cannot decide under the seal of the group", () =>
  inGroupWorld(async (world) => {
    const [alice, bob] = await privateMesh(world, 2, { members: [HAND] });
    assert.ok(alice !== undefined && bob !== undefined);
    const mallory = new HandMember(world, HAND);
    await mallory.dial(alice, bob);
    const key = keyIn(alice);
    assert.ok(key !== undefined);
    const ban = (secret: SecretKey) =>
      sealGovernance(
        key,
        encodeMutation(signMutation(secret, {
          ...{ groupId: GROUP_ID, op: "ban", peer: bob.key, issuedAt: world.clock.wall() },
        })),
        new SeededRandom(9),
      );
    await mallory.publish({ path: "mod/00001", value: ban(mallory.secret) });
    assert.ok(!alice.roster.banned.has(bob.key));
    // The same of the founder counts, whoever brings it: the signature decides.
    await mallory.publish({ path: "mod/00002", value: ban(alice.secret) });
    assert.ok(alice.roster.banned.has(bob.key));
    await mallory.close();
  }));

Deno.test("sealed rubbish without end pushes out neither sealed messages nor sealed decisions of others", () =>
  inGroupWorld(async (world) => {
    const [alice, bob, carol] = await privateMesh(world, 3, { members: [HAND, COURIER] });
    assert.ok(alice !== undefined && bob !== undefined && carol !== undefined);
    await alice.act("promote", carol);
    await world.pass(1_000);
    const mallory = new HandMember(world, HAND);
    await mallory.dial(bob);
    // Bob hears nobody but these two, and no key when the founder changes it.
    world.partition(bob.port);
    const courier = new HandMember(world, COURIER);
    await courier.dial(bob, carol);
    await alice.session.rotateKey();
    await world.pass(1_000);
    await alice.say("for bob, once he has the key");
    await carol.act("mute", TARGET);
    await world.pass(2_000);
    const leaves = Array.from(await courier.read(carol), ([path, value]) => ({ path, value }));
    const isKey = ({ path }: { path: string }) => path.startsWith("keys/");
    await courier.publish(...leaves.filter((leaf) => !isKey(leaf)));
    const random = new SeededRandom(11);
    const start = world.clock.wall();
    for (let index = 0n; index < 1_200n; index++) {
      const body = sealBody(random.bytes(32), "rubbish", random);
      const ts = start + index;
      mallory.put({
        path: groupMessagePath({ sender: mallory.key, ts, seq: 1 }),
        value: encodeMessageLeaf(signMessage(mallory.secret, { ts, ...body })),
      });
    }
    for (let index = 0; index < 400; index++) {
      const value = sealGovernance(random.bytes(32), new Uint8Array(300), random);
      mallory.put({ path: `mod/${20_000 + index}`, value });
    }
    await mallory.publish();
    await world.pass(30_000);
    assert.deepEqual(bob.received, []);
    assert.ok(!bob.roster.muted.has(TARGET.key));
    // Nothing but the keys comes now: the rest must still be there.
    await courier.publish(...leaves.filter(isKey));
    assert.deepEqual(bob.received, ["for bob, once he has the key"]);
    assert.ok(bob.roster.muted.has(TARGET.key));
    await Promise.all([mallory.close(), courier.close()]);
  }));

Deno.test("messages in clear do not belong into a private group, nor sealed ones into a public one", () =>
  inGroupWorld(async (world) => {
    for (const kind of ["private", "public"] as const) {
      const nodes = await world.mesh(2, { kind, members: [HAND] });
      await world.pass(5_000);
      const mallory = new HandMember(world, HAND);
      await mallory.dial(...nodes);
      const ts = world.clock.wall();
      const key = nodes[0] && keyIn(nodes[0]);
      const body = kind === "private"
        ? { text: "in clear" }
        : sealBody(new Uint8Array(32), "sealed", new SeededRandom(3));
      assert.equal(key === undefined, kind === "public");
      await mallory.publish({
        path: groupMessagePath({ sender: mallory.key, ts, seq: 1 }),
        value: encodeMessageLeaf(signMessage(mallory.secret, { ts, ...body })),
      });
      for (const node of nodes) assert.deepEqual(node.received, [], kind);
      await mallory.close();
      for (const node of nodes) await world.stop(node);
    }
  }));

Deno.test("a heartbeat under the seal is neither shown nor taken for a message", () =>
  inGroupWorld(async (world) => {
    const [alice, bob] = await privateMesh(world, 2, { members: [HAND] });
    assert.ok(alice !== undefined && bob !== undefined);
    const mallory = new HandMember(world, HAND);
    await mallory.dial(alice, bob);
    const key = keyIn(alice);
    assert.ok(key !== undefined);
    const random = new SeededRandom(5);
    for (const [index, text] of [HEARTBEAT_TEXT, "a message"].entries()) {
      const ts = world.clock.wall();
      mallory.put({
        path: groupMessagePath({ sender: mallory.key, ts, seq: index + 1 }),
        value: encodeMessageLeaf(
          signMessage(mallory.secret, { ts, ...sealBody(key, text, random) }),
        ),
      });
    }
    await mallory.publish();
    for (const node of [alice, bob]) assert.deepEqual(node.received, ["a message"]);
    await mallory.close();
  }));

Deno.test("rotations without authority, without end, push out none of an admin whose promotion comes later", () =>
  inGroupWorld(async (world) => {
    const [alice, bob, carol] = await privateMesh(world, 3, { members: [HAND, COURIER] });
    assert.ok(alice !== undefined && bob !== undefined && carol !== undefined);
    const mallory = new HandMember(world, HAND);
    await mallory.dial(bob);
    world.partition(bob.port);
    const courier = new HandMember(world, COURIER);
    await courier.dial(alice, bob);
    await alice.act("promote", carol);
    await world.pass(1_000);
    // As it is sealed now bob can open it.
    const promotions = Array.from(await courier.read(alice), ([path, value]) => ({ path, value }))
      .filter(({ path }) => path.startsWith("admin/"));
    assert.equal(promotions.length, 1);
    await carol.session.rotateKey();
    await world.pass(1_000);
    assert.deepEqual([epochOf(carol), epochOf(bob)], [1n, 0n]);
    const leaves = Array.from(await courier.read(alice), ([path, value]) => ({ path, value }));
    const rotations = leaves.filter(({ value }) => {
      const rotation = decodeRotation(value);
      return !(rotation instanceof LeafFault) && rotation.issuer === carol.key;
    });
    assert.equal(rotations.length, 1);
    await courier.publish(...rotations);
    assert.equal(epochOf(bob), 0n, "carol is nobody to him yet");
    const random = new SeededRandom(13);
    for (let index = 0; index < 80; index++) {
      const wraps = wrapGroupKey(random.bytes(32), {
        recipients: [PublicKey.parse(bob.key)],
        ephemeral: SecretKey.generate(random),
        random,
      });
      const rotation = signRotation(mallory.secret, {
        ...{ groupId: GROUP_ID, epoch: BigInt(index + 2), wraps },
        issuedAt: world.clock.wall() + BigInt(index),
      });
      mallory.put({ path: `keys/${10_000 + index}`, value: encodeRotation(rotation) });
    }
    await mallory.publish();
    assert.equal(epochOf(bob), 0n);
    // Bob now hears that carol is an admin, and her key counts, which does not come again.
    await courier.publish(...promotions);
    assert.ok(bob.roster.isAdmin(carol.key));
    assert.equal(epochOf(bob), 1n);
    await Promise.all([mallory.close(), courier.close()]);
  }));

Deno.test("an admin that hands out a key of the highest number keeps nobody from changing the key", () =>
  inGroupWorld(async (world) => {
    const [alice, bob] = await privateMesh(world, 2, { members: [HAND] });
    assert.ok(alice !== undefined && bob !== undefined);
    const mallory = new HandMember(world, HAND);
    await mallory.dial(alice, bob);
    await alice.act("promote", mallory);
    await world.pass(2_000);
    const random = new SeededRandom(9);
    const wraps = wrapGroupKey(random.bytes(32), {
      recipients: [alice, bob].map(({ key }) => PublicKey.parse(key)),
      ephemeral: SecretKey.generate(random),
      random,
    });
    for (const epoch of [2n ** 64n - 1n, 2n ** 63n]) {
      const issuedAt = world.clock.wall();
      const rotation = signRotation(mallory.secret, { groupId: GROUP_ID, epoch, wraps, issuedAt });
      await mallory.publish({ path: `keys/${epoch % 97n}`, value: encodeRotation(rotation) });
    }
    for (const node of [alice, bob]) assert.equal(epochOf(node), 0n);
    await alice.act("ban", mallory);
    await world.pass(2_000);
    for (const node of [alice, bob]) assert.equal(epochOf(node), 1n);
    assertOneKey(alice, bob);
    await bob.say("without mallory");
    await world.pass(1_000);
    assert.equal(alice.received.at(-1), "without mallory");
    await mallory.close();
  }));
