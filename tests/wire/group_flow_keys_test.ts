/** Private groups: who can read what, and when the key changes (groups.md 3). */
import assert from "node:assert/strict";
import { HandMember } from "#support/group_hand.ts";
import { assertOneKey, epochOf, keyIn, privateMesh, recordOf } from "#support/group_private.ts";
import { FIRST_PORT, type GroupNode, holds, inGroupWorld, keyOf } from "#support/group_scene.ts";
import { groupHistoryOf } from "#support/group_stores.ts";

const HAND = 8_910;
const TARGET = { key: keyOf(9_999) };

/** Everything in the feeds of nodes that a member reads, as text. */
async function textsOf(hand: HandMember, ...nodes: readonly GroupNode[]): Promise<string> {
  let all = "";
  for (const node of nodes) {
    for (const value of (await hand.read(node)).values()) all += new TextDecoder().decode(value);
  }
  return all;
}

Deno.test("members of a private group get its key and read each other, and nothing is in clear", () =>
  inGroupWorld(async (world) => {
    const [alice, bob, carol] = await privateMesh(world, 3, { members: [HAND] });
    assert.ok(alice !== undefined && bob !== undefined && carol !== undefined);
    assertOneKey(alice, bob, carol);
    await alice.say("secret of alice");
    await bob.say("secret of bob");
    await alice.act("mute", TARGET);
    await world.pass(1_000);
    assert.deepEqual(carol.received.toSorted(), ["secret of alice", "secret of bob"]);
    assert.ok(carol.roster.muted.has(TARGET.key));
    const hand = new HandMember(world, HAND);
    await hand.dial(alice, bob, carol);
    const texts = await textsOf(hand, alice, bob, carol);
    assert.ok(!texts.includes("secret of"));
    const mods = [...await hand.read(alice)].filter(([path]) => path.startsWith("mod/"));
    assert.ok(mods.every(([, value]) => new TextDecoder().decode(value.subarray(0, 4)) === "SKG1"));
    await hand.close();
  }));

for (const action of ["remove", "ban"] as const) {
  Deno.test(`after a member is out (${action}) there is a new key that it does not get`, () =>
    inGroupWorld(async (world) => {
      const [alice, bob, carol] = await privateMesh(world, 3);
      assert.ok(alice !== undefined && bob !== undefined && carol !== undefined);
      await alice.say("with carol");
      await world.pass(1_000);
      await alice.act(action, carol);
      await world.pass(2_000);
      await alice.say("without carol");
      await world.pass(5_000);
      assert.deepEqual([epochOf(alice), epochOf(bob), epochOf(carol)], [1n, 1n, 0n]);
      assertOneKey(alice, bob);
      assert.deepEqual(bob.received, ["with carol", "without carol"]);
      assert.deepEqual(carol.received, ["with carol"]);
    }));
}

Deno.test("a member that is added gets the key, and reads what was sealed with it before", () =>
  inGroupWorld(async (world) => {
    const [alice, bob] = await privateMesh(world, 2);
    assert.ok(alice !== undefined && bob !== undefined);
    await bob.say("before");
    await world.pass(1_000);
    const peers = [alice.port, bob.port];
    const carol = await world.start(FIRST_PORT + 2, { kind: "private", peers });
    await alice.act("add", carol);
    await world.pass(40_000);
    assertOneKey(alice, bob, carol);
    assert.deepEqual(carol.received, ["before"]);
    await carol.say("hello");
    await world.pass(1_000);
    assert.deepEqual(bob.received, ["hello"]);
    assert.deepEqual(holds(carol), holds(alice));
  }));

Deno.test("messages and decisions that come before their key are shown and applied once it comes", () =>
  inGroupWorld(async (world) => {
    const [alice, bob, carol] = await privateMesh(world, 3, { members: [HAND] });
    assert.ok(alice !== undefined && bob !== undefined && carol !== undefined);
    await alice.act("promote", bob);
    await world.pass(1_000);
    world.partition(carol.port);
    const courier = new HandMember(world, HAND);
    await courier.dial(bob, carol);
    await alice.session.rotateKey();
    await world.pass(1_000);
    await alice.say("under the new key");
    await world.pass(10);
    await bob.say("under it too");
    await bob.act("mute", TARGET);
    await world.pass(2_000);
    // By hand carol gets from bob's feed what she cannot open, and what opens it only after that.
    const leaves = Array.from(await courier.read(bob), ([path, value]) => ({ path, value }));
    const isKey = ({ path }: { path: string }) => path.startsWith("keys/");
    await courier.publish(...leaves.filter((leaf) => !isKey(leaf)));
    await world.pass(2_000);
    assert.deepEqual(carol.received, []);
    assert.ok(!carol.roster.muted.has(TARGET.key));
    assert.equal(epochOf(carol), 0n);
    await courier.publish(...leaves.filter(isKey));
    assertOneKey(alice, bob, carol);
    assert.deepEqual(carol.received, ["under the new key", "under it too"]);
    assert.ok(carol.roster.muted.has(TARGET.key));
    await courier.close();
  }));

Deno.test("a key of an admin whose promotion stands under its very seal comes by the founder's word", () =>
  inGroupWorld(async (world) => {
    const [alice, bob, carol] = await privateMesh(world, 3);
    assert.ok(alice !== undefined && bob !== undefined && carol !== undefined);
    world.partition(carol.port);
    await alice.act("promote", bob);
    await world.pass(2_000);
    await bob.session.rotateKey();
    await world.pass(5_000);
    world.heal();
    await world.pass(60_000);
    assert.deepEqual([alice, bob, carol].map(epochOf), [1n, 1n, 1n]);
    assertOneKey(alice, bob, carol);
    assert.ok(carol.roster.isAdmin(bob.key));
    // Also for whoever is new, and was added by that admin.
    const peers = [alice.port, bob.port];
    const dave = await world.start(FIRST_PORT + 4, { kind: "private", peers });
    await bob.act("add", dave);
    await world.pass(60_000);
    assertOneKey(alice, bob, carol, dave);
    assert.deepEqual(holds(dave), holds(alice));
  }));

Deno.test("two admins that change the key at once leave everybody with one key, and both readable", () =>
  inGroupWorld(async (world) => {
    const [alice, bob, carol] = await privateMesh(world, 3);
    assert.ok(alice !== undefined && bob !== undefined && carol !== undefined);
    await alice.act("promote", bob);
    await world.pass(1_000);
    world.partition(bob.port);
    await alice.session.rotateKey();
    await alice.say("alice's epoch");
    await world.pass(100);
    await bob.session.rotateKey();
    await bob.say("bob's epoch");
    await world.pass(1_000);
    assert.deepEqual([epochOf(alice), epochOf(bob)], [1n, 1n]);
    assert.notDeepEqual(keyIn(alice), keyIn(bob));
    world.heal();
    await world.pass(60_000);
    assertOneKey(alice, bob, carol);
    assert.deepEqual(carol.received.toSorted(), ["alice's epoch", "bob's epoch"]);
    assert.deepEqual([alice.received, bob.received], [["bob's epoch"], ["alice's epoch"]]);
    await carol.say("one key again");
    await world.pass(1_000);
    assert.equal(alice.received.at(-1), "one key again");
    assert.equal(bob.received.at(-1), "one key again");
  }));

Deno.test("keys of old epochs still open what was sealed with them, after restarts too", () =>
  inGroupWorld(async (world) => {
    const [alice, bob] = await privateMesh(world, 2);
    assert.ok(alice !== undefined && bob !== undefined);
    await world.stop(bob);
    const said: string[] = [];
    for (let epoch = 0; epoch < 5; epoch++) {
      said.push(`epoch ${epoch}`);
      await alice.say(`epoch ${epoch}`);
      await alice.session.rotateKey();
      await world.pass(1_000);
    }
    const { files } = bob;
    let again = await world.start(bob.port, { kind: "private", peers: [alice.port], files });
    await world.pass(40_000);
    assert.deepEqual(again.received, said);
    assertOneKey(alice, again);
    assert.ok(
      !JSON.stringify([...files.texts]).includes('"aes_key"'),
      "no key in clear on the disk",
    );
    await world.stop(again);
    again = await world.start(bob.port, { kind: "private", peers: [alice.port], files });
    await world.pass(40_000);
    assert.deepEqual([again.received, recordOf(again).key_ring?.length], [[], 5]);
    await again.say("still one key");
    await world.pass(1_000);
    assert.equal(alice.received.at(-1), "still one key");
  }));

Deno.test("a member that lost its keys, and not its store, shows nothing twice once it gets them again", () =>
  inGroupWorld(async (world) => {
    const history = groupHistoryOf(world, FIRST_PORT + 2);
    const members = [FIRST_PORT + 2, HAND];
    const [alice, bob] = await privateMesh(world, 2, { members });
    assert.ok(alice !== undefined && bob !== undefined);
    const hand = new HandMember(world, HAND);
    const peers = [alice.port, bob.port];
    const options = { kind: "private", members, peers, history } as const;
    const carol = await world.start(FIRST_PORT + 2, options);
    await world.pass(5_000);
    await alice.say("from alice");
    await bob.say("from bob");
    const taken = await bob.say("taken back");
    await carol.say("from carol");
    await world.pass(2_000);
    await bob.session.publisher.unsend(taken);
    await world.pass(2_000);
    assert.deepEqual([...carol.received].sort(), ["from alice", "from bob", "taken back"]);
    await world.stop(carol);
    await alice.say("meanwhile");
    const again = await world.start(FIRST_PORT + 2, options);
    await world.pass(40_000);
    assert.deepEqual(again.received, ["meanwhile"]);
    assertOneKey(alice, again);
    await hand.dial(again);
    const copies = [...(await hand.read(again)).keys()];
    const ofAlice = copies.filter((path) => path.startsWith(`msgs/${alice.key}/`));
    assert.equal(ofAlice.length, 2, "and it still has them");
    await hand.close();
  }));

Deno.test("an admin's restart does not change the key (groups.md 3.5, trap)", () =>
  inGroupWorld(async (world) => {
    const [alice, bob] = await privateMesh(world, 2);
    assert.ok(alice !== undefined && bob !== undefined);
    let node = alice;
    for (let round = 0; round < 3; round++) {
      const { files } = node;
      await world.stop(node);
      node = await world.start(FIRST_PORT, { kind: "private", peers: [bob.port], files });
      await world.pass(700_000);
    }
    assert.deepEqual([epochOf(node), epochOf(bob)], [0n, 0n]);
    assertOneKey(node, bob);
  }));
