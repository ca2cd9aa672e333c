/** Groups of our nodes and members as they are deployed (groups.md 4, 8.1, 11). */
import assert from "node:assert/strict";
import { SecretKey, sha256 } from "#crypto";
import { utf8, utf8Text } from "#kit";
import { GoGroupPeer, goLeaf } from "#support/group_go.ts";
import { FIRST_PORT, type GroupNode, type GroupWorld, inGroupWorld } from "#support/group_scene.ts";
import { checkMessageLeaf } from "../../lib/group/message_path.ts";
import { LeafFault } from "../../lib/group/leaf_fault.ts";
import vectors from "../vectors/groups.json" with { type: "json" };

const [ALICE, BOB, GO, GO_TOO] = [FIRST_PORT, FIRST_PORT + 1, FIRST_PORT + 2, FIRST_PORT + 3];

/** Two of ours and one as deployed, all of which list each other. */
async function scene(
  world: GroupWorld,
): Promise<{ alice: GroupNode; bob: GroupNode; go: GoGroupPeer }> {
  const alice = await world.start(ALICE, { peers: [BOB, GO] });
  const bob = await world.start(BOB, { peers: [ALICE, GO] });
  const go = new GoGroupPeer(world, GO, { members: [ALICE, BOB] });
  await world.pass(15_000);
  return { alice, bob, go };
}

Deno.test("the leaf of the stand-in is that of the worked example, but for the nonce of its signature", () => {
  const secret = SecretKey.parse(sha256(utf8("skychat groups vector: alice")).toHex());
  const ts = 1_790_000_000_123_456_789n;
  const leaf = utf8Text(goLeaf(secret, { text: "hello group", ts }));
  assert.equal(
    leaf.slice(0, leaf.indexOf(',"signature"')),
    `{"sender_pk":"${vectors.identities[0]?.pk_hex}","ts":"2026-09-21T14:13:20.123456789Z"` +
      `,"text":"hello group"`,
  );
  const path = `msgs/${secret.publicKey.hex}/${ts}/1`;
  for (const text of ["hello group", "<b>&\u2028 \u{1f600}", ""]) {
    assert.ok(!(checkMessageLeaf(path, goLeaf(secret, { text, ts })) instanceof LeafFault), text);
  }
});

Deno.test("both sides show what the other says, once, and no heartbeat", () =>
  inGroupWorld(async (world) => {
    const { alice, bob, go } = await scene(world);
    await alice.say("from alice");
    go.say("from the deployed one");
    await bob.say("from bob <&>");
    await world.pass(3_000);
    assert.deepEqual(go.shown.toSorted(), ["from alice", "from bob <&>"]);
    assert.deepEqual(alice.received.toSorted(), ["from bob <&>", "from the deployed one"]);
    assert.deepEqual(bob.received.toSorted(), ["from alice", "from the deployed one"]);
    assert.deepEqual(go.failures, []);
    await go.close();
  }));

Deno.test("a deployed member that says nothing is a member all the same, and holds up nobody", () =>
  inGroupWorld(async (world) => {
    const { alice, bob, go } = await scene(world);
    await world.pass(120_000);
    await alice.say("still here");
    await world.pass(2_000);
    assert.deepEqual([bob.received, go.shown], [["still here"], ["still here"]]);
    assert.ok(!go.failures.some((each) => each.includes("first Root")), go.failures.join());
    await go.close();
  }));

Deno.test("it restarts with nothing and copies everything anew, and nothing is shown twice here", () =>
  inGroupWorld(async (world) => {
    const { alice, bob, go } = await scene(world);
    for (let index = 0; index < 20; index++) {
      await alice.say(`a${index}`);
      go.say(`g${index}`);
      await world.pass(400);
    }
    await world.pass(2_000);
    await go.close();
    await world.pass(5_000);
    const again = new GoGroupPeer(world, GO, { members: [ALICE, BOB], life: 1 });
    await world.pass(90_000);
    // It shows its own history as nothing, and that of the others again, in any order.
    assert.deepEqual(
      again.shown.toSorted(),
      Array.from({ length: 20 }, (_, n) => `a${n}`).toSorted(),
    );
    for (const node of [alice, bob]) {
      const texts = node.received.filter((text) => text.startsWith("g"));
      assert.deepEqual(texts, Array.from({ length: 20 }, (_, n) => `g${n}`), `${node.port}`);
    }
    again.say("back");
    await alice.say("welcome");
    await world.pass(60_000);
    assert.deepEqual([alice.received.at(-1), bob.received.filter((t) => t === "back").length], [
      "back",
      1,
    ]);
    assert.equal(again.shown.at(-1), "welcome");
    await again.close();
  }));

Deno.test("ours restart, with and without what they kept, and it shows nothing twice", () =>
  inGroupWorld(async (world) => {
    const { alice, bob, go } = await scene(world);
    await alice.say("one");
    go.say("two");
    await world.pass(2_000);
    const { files } = alice;
    await world.stop(alice);
    go.say("three");
    await world.pass(2_000);
    let next = await world.start(ALICE, { peers: [BOB, GO], files });
    await world.pass(90_000);
    assert.deepEqual(next.received, ["three"]);
    await world.stop(next);
    next = await world.start(ALICE, { peers: [BOB, GO] });
    await world.pass(90_000);
    assert.deepEqual(next.received, ["two", "three"]);
    await next.say("four");
    await world.pass(60_000);
    assert.deepEqual(go.shown, ["one", "four"]);
    assert.deepEqual(bob.received, ["one", "two", "three", "four"]);
    await go.close();
  }));

Deno.test("one that comes late gets the history from whoever is there, and brings it to others", () =>
  inGroupWorld(async (world) => {
    const { alice, bob, go } = await scene(world);
    await alice.say("one");
    await world.pass(1_000);
    go.say("two");
    await world.pass(2_000);
    await world.stop(alice);
    await go.close();
    const late = new GoGroupPeer(world, GO_TOO, { members: [BOB] });
    const out = await world.start(FIRST_PORT + 4, { peers: [GO_TOO], owner: ALICE });
    // Bob does not list it yet, so it gets nothing.
    await world.pass(20_000);
    assert.deepEqual(late.shown, []);
    assert.ok(late.failures.some((each) => each.includes("subscribe rejected")));
    await late.close();
    await world.stop(out);
    const listed = await world.start(BOB + 10, { peers: [BOB], owner: ALICE });
    await world.pass(5_000);
    assert.deepEqual(listed.received, []);
    assert.deepEqual(bob.received, ["one", "two"]);
  }));

Deno.test("two of them and one of ours carry a message between two that cannot reach each other", () =>
  inGroupWorld(async (world) => {
    world.separate((one, other) => [one, other].sort().join() === `${GO},${GO_TOO}`);
    const alice = await world.start(ALICE, { peers: [GO, GO_TOO] });
    const go = new GoGroupPeer(world, GO, { members: [ALICE, GO_TOO] });
    const too = new GoGroupPeer(world, GO_TOO, { members: [ALICE, GO] });
    await world.pass(30_000);
    go.say("through the middle");
    await world.pass(3_000);
    assert.deepEqual([alice.received, too.shown], [["through the middle"], ["through the middle"]]);
    too.say("and back");
    await world.pass(3_000);
    assert.deepEqual(go.shown, ["and back"]);
    await Promise.all([go.close(), too.close()]);
  }));

Deno.test("what the founder decides reaches it as records that it may ignore, and it stays connected", () =>
  inGroupWorld(async (world) => {
    const { alice, bob, go } = await scene(world);
    await alice.act("mute", bob);
    await alice.session.decide(alice.session.desk.setReadOnly(true));
    await world.pass(2_000);
    assert.ok(go.records.some(({ path }) => path.startsWith("roster/")));
    // From two feeds, since bob copies them: as the founder signed them, and nothing else.
    const mods = go.records.filter(({ path }) => path.startsWith("mod/"));
    const decided = new Set(mods.map(({ json }) => json));
    assert.deepEqual([mods.length, decided.size], [4, 2]);
    const issuers = Array.from(decided, (json) => JSON.parse(json).issuer_pk);
    assert.deepEqual(issuers, [alice.key, alice.key]);
    go.say("not read-only for me, says it");
    await world.pass(2_000);
    assert.deepEqual(alice.received, [], "but for us it is");
    await alice.say("by the founder");
    await world.pass(2_000);
    assert.deepEqual(go.shown, ["by the founder"]);
    await alice.session.decide(alice.session.desk.setReadOnly(false));
    await world.pass(2_000);
    go.say("open again");
    await world.pass(2_000);
    assert.equal(alice.received.at(-1), "open again");
    await go.close();
  }));

Deno.test("a deployed member that is banned is cut off, and the others go on", () =>
  inGroupWorld(async (world) => {
    const { alice, bob, go } = await scene(world);
    await alice.act("ban", go);
    await world.pass(2_000);
    await alice.say("without it");
    go.say("anybody?");
    await world.pass(60_000);
    assert.deepEqual([bob.received, go.shown], [["without it"], []]);
    assert.deepEqual(alice.received, []);
    await go.close();
  }));
