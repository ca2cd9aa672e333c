/** Who has no seat reads nothing, whatever it claims (groups.md 10, item 1; trap 24). */
import assert from "node:assert/strict";
import type { FeedLine } from "#support/feed_peer.ts";
import { attack, type AttackScene, MALLORY_PORT, shownOf } from "#support/group_attack.ts";
import { hello, strangerSecret } from "#support/feed_raw.ts";
import { HandMember } from "#support/group_hand.ts";
import { keyOf } from "#support/group_scene.ts";

const NO_FEED = { type: "Err", text: "no such feed" };
const REJECTED = { type: "Err", text: "subscribe rejected" };

/** That nothing of a node's feed comes over a line, now or with its next message. */
async function getsNothing(
  { alice, world }: AttackScene,
  line: FeedLine,
  ids: readonly string[],
): Promise<void> {
  const feed = alice.key;
  assert.deepEqual(await line.ask({ type: "Sub", feed }), REJECTED);
  assert.deepEqual(await line.ask({ type: "RqPreview", feed }), NO_FEED);
  for (const id of ids) {
    assert.deepEqual(await line.ask({ type: "RqObject", id }), { type: "Err", text: "" });
  }
  await alice.say("for members");
  await world.pass(1_000);
  assert.deepEqual(line.all("Root"), []);
}

/** Ids of objects of the founder's feed, as a member learns them. */
async function idsOf({ alice, mallory }: AttackScene): Promise<string[]> {
  await mallory.read(alice);
  return mallory.lines.flatMap((line) => line.all("Object")).map(({ value }) => value)
    .filter(({ length }) => length === 32).map((value) => value.toHex());
}

Deno.test("a stranger that claims a member's node id in Syn is hung up on and reads nothing", () =>
  attack(async (scene) => {
    const { alice, bob, world } = scene;
    for (const nodeId of [alice.key, bob.key, keyOf(MALLORY_PORT)]) {
      await assert.rejects(hello(world, alice.port, { secret: strangerSecret(), nodeId }));
    }
    await scene.talks();
  }));

Deno.test("a member that claims another member's node id is hung up on, and that one stays connected", () =>
  attack(async (scene) => {
    const { alice, bob, mallory, world } = scene;
    const { secret } = mallory;
    await assert.rejects(hello(world, alice.port, { secret, nodeId: bob.key }));
    await world.pass(5_000);
    assert.equal(alice.state(bob)?.following, true);
    await scene.talks();
  }));

Deno.test("without a seat there is neither feed nor preview nor any object", () =>
  attack(async (scene) => {
    const ids = await idsOf(scene);
    assert.ok(ids.length > 2);
    const line = await hello(scene.world, scene.alice.port, { secret: strangerSecret() });
    await getsNothing(scene, line, ids);
    await line.end();
  }));

Deno.test("a feed that a stranger pushes is followed by nobody", () =>
  attack(async (scene) => {
    const stranger = new HandMember(scene.world, 8_950);
    await stranger.dial(...scene.nodes);
    await stranger.publish(stranger.message("let me in"));
    for (const node of scene.nodes) {
      assert.deepEqual(shownOf(node, stranger), []);
      assert.equal(node.state(stranger), undefined);
    }
    assert.ok(stranger.lines.every((line) => line.all("Sub").length === 0));
    await scene.talks();
    await stranger.close();
  }));

for (const action of ["remove", "ban"] as const) {
  Deno.test(`a member that is out (${action}) is cut off everywhere at once and gets nothing after it`, () =>
    attack(async (scene) => {
      const { alice, bob, mallory, world } = scene;
      const ids = await idsOf(scene);
      for (const node of scene.nodes) {
        const line = mallory.lines.find(({ stream }) =>
          stream.remoteAddress.endsWith(`:${node.port}`)
        );
        assert.deepEqual(await line?.ask({ type: "Sub", feed: node.key }), { type: "Ok" });
      }
      await world.pass(1_000);
      const roots = mallory.roots.length;
      await alice.act(action, mallory);
      await alice.say("not for the one that left");
      await world.pass(1_000);
      assert.ok(mallory.lines.every(({ isClosed }) => isClosed));
      assert.equal(mallory.roots.length, roots, "not even the word that puts it out");
      for (const node of scene.nodes) {
        assert.ok(!node.roster.isMember(mallory.key));
        assert.equal(node.state(mallory), undefined);
      }
      await mallory.dial(alice, bob);
      const [line] = mallory.lines.slice(-2);
      assert.ok(line !== undefined);
      await getsNothing(scene, line, ids);
      await mallory.publish(mallory.message("I am still here"));
      for (const node of scene.nodes) assert.deepEqual(shownOf(node, mallory), []);
    }));
}

Deno.test("what a removed member wrote later is not shown through others either, what it wrote before is", () =>
  attack(async (scene) => {
    const { alice, bob, mallory, world } = scene;
    const carol = new HandMember(world, 8_911);
    await alice.act("add", carol);
    await world.pass(2_000);
    await carol.dial(alice, bob);
    await world.pass(2_000);
    const before = mallory.message("before");
    await world.pass(100);
    await alice.act("remove", mallory);
    await world.pass(100);
    await carol.publish(before, mallory.message("after"));
    for (const node of scene.nodes) assert.deepEqual(shownOf(node, mallory), ["before"]);
    await carol.close();
  }));

Deno.test("a member that is added again reads and is heard again", () =>
  attack(async (scene) => {
    const { alice, bob, mallory, world } = scene;
    await mallory.publish(mallory.message("first"));
    await alice.act("remove", mallory);
    await world.pass(1_000);
    mallory.put(mallory.message("while out"));
    await world.pass(1_000);
    await alice.act("add", mallory);
    await world.pass(2_000);
    await mallory.dial(alice, bob);
    await mallory.publish(mallory.message("back"));
    for (const node of scene.nodes) {
      assert.ok(node.roster.isMember(mallory.key));
      // A removal counts until a newer add (groups.md 1.7).
      assert.deepEqual(shownOf(node, mallory).toSorted(), ["back", "first", "while out"]);
    }
    assert.ok((await mallory.read(alice)).size > 0);
    await scene.talks();
  }));

Deno.test("a ban that is lifted gives no seat back; an add after it does", () =>
  attack(async (scene) => {
    const { alice, bob, mallory, world } = scene;
    await alice.act("ban", mallory);
    await world.pass(1_000);
    await alice.act("unban", mallory);
    await world.pass(1_000);
    for (const node of scene.nodes) assert.ok(!node.roster.isMember(mallory.key));
    await mallory.dial(alice);
    const line = mallory.lines.at(-1);
    assert.deepEqual(await line?.ask({ type: "Sub", feed: alice.key }), REJECTED);
    await alice.act("add", mallory);
    await world.pass(1_000);
    assert.deepEqual(await line?.ask({ type: "Sub", feed: alice.key }), { type: "Ok" });
    assert.ok(bob.roster.isMember(mallory.key));
  }));
