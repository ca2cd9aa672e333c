/** More than anybody needs: leaves, records and rotations without end (groups.md 4.7; 10, item 7). */
import assert from "node:assert/strict";
import type { MutationOp } from "#group";
import { equalBytes } from "#kit";
import { attack, type AttackScene, shownOf } from "#support/group_attack.ts";
import { type HandLeaf, HandMember } from "#support/group_hand.ts";
import { type GroupNode, keyOf, SECOND } from "#support/group_scene.ts";
import { MAX_WAITING_RECORDS } from "../../lib/group/waiting_records.ts";
import { GROUP_LIMITS } from "../../lib/group/leaf_budget.ts";
import { LEAF_RATE, RECORD_RATE } from "../../lib/group/pace.ts";

/** So many messages of the attacker, the oldest first. */
function many({ mallory, world }: AttackScene, count: number, text = "x"): HandLeaf[] {
  const start = world.clock.wall() - BigInt(count);
  return Array.from(
    { length: count },
    (_, index) => mallory.message(`${text} ${index}`, { ts: start + BigInt(index) }),
  );
}

function recordPath({ files }: GroupNode): string {
  return [...files.texts.keys()].find((path) => path.endsWith("/record.json")) ?? "";
}

/** Copies of the attacker's messages in a feed. */
async function copies({ mallory }: AttackScene, node: GroupNode): Promise<[string, Uint8Array][]> {
  return [...await mallory.read(node)].filter(([path]) => path.startsWith(`msgs/${mallory.key}/`));
}

Deno.test("of one sender at most 2000 leaves are copied, the newest, and the rest is shown all the same", () =>
  attack(async (scene) => {
    const { leavesPerSender } = GROUP_LIMITS;
    assert.equal(leavesPerSender, 2_000);
    const { alice, mallory, world } = scene;
    const leaves = many(scene, leavesPerSender + 400);
    await mallory.publish(...leaves);
    await world.pass(60_000);
    assert.equal(shownOf(alice, mallory).length, leaves.length);
    const kept = (await copies(scene, alice)).map(([path]) => path);
    assert.ok(
      kept.length <= leavesPerSender && kept.length > leavesPerSender / 2,
      `${kept.length}`,
    );
    assert.ok(kept.includes(leaves.at(-1)?.path ?? ""), "the newest stays");
    assert.ok(!kept.includes(leaves[0]?.path ?? ""), "the oldest goes");
    await scene.talks();
  }));

Deno.test("of one sender at most 8 MiB are copied", () =>
  attack(async (scene) => {
    const { bytesPerSender } = GROUP_LIMITS;
    assert.equal(bytesPerSender, 8_388_608);
    const { alice, mallory, world } = scene;
    await mallory.publish(...many(scene, 44, "x".repeat(250_000)));
    await world.pass(20_000);
    assert.equal(shownOf(alice, mallory).length, 44);
    const bytes = (await copies(scene, alice)).reduce((sum, [, value]) => sum + value.length, 0);
    assert.ok(bytes <= bytesPerSender && bytes > bytesPerSender / 2, `${bytes}`);
    await scene.talks();
  }));

Deno.test("what one sender is too much with pushes out nothing of others", () =>
  attack(async (scene) => {
    const { alice, bob, mallory, world } = scene;
    const said = await Promise.all(["one", "two", "three"].map((text) => bob.say(text)));
    await world.pass(1_000);
    await mallory.publish(...many(scene, 2_500));
    await world.pass(60_000);
    const paths = [...(await mallory.read(alice)).keys()];
    for (const ts of said) {
      assert.ok(paths.some((path) => path.startsWith(`msgs/${bob.key}/${ts}/`)));
    }
  }));

Deno.test("messages of strangers, one each, have the room of one sender together", () =>
  attack(async (scene) => {
    const { alice, bob, mallory, world } = scene;
    const ts = await bob.say("of a member");
    await world.pass(1_000);
    const count = GROUP_LIMITS.leavesPerSender + 50;
    for (let index = 0; index < count; index++) {
      mallory.put(new HandMember(world, 20_000 + index).message(`stranger ${index}`));
    }
    await mallory.publish();
    await world.pass(20_000);
    const shown = alice.events.filter(({ listed }) => listed === false);
    assert.equal(shown.length, count);
    const paths = [...(await mallory.read(alice)).keys()];
    const members = [alice.key, bob.key, mallory.key];
    const strange = paths.filter((path) =>
      path.startsWith("msgs/") && !members.includes(path.split("/")[1] ?? "")
    );
    assert.ok(strange.length <= GROUP_LIMITS.leavesPerSender, `${strange.length} copies`);
    assert.ok(strange.length > GROUP_LIMITS.leavesPerSender / 2);
    assert.ok(paths.some((path) => path.startsWith(`msgs/${bob.key}/${ts}/`)));
    await scene.talks();
  }));

Deno.test("messages without end of one member come slower, and those of others do not", () =>
  attack(async (scene) => {
    const { alice, bob, mallory, world } = scene;
    // What comes with the first update counts as history.
    await mallory.publish(...many(scene, LEAF_RATE.burst + 1));
    const before = shownOf(alice, mallory).length;
    mallory.put(...many(scene, 1_000, "y"));
    mallory.push();
    await world.pass(2_000);
    await bob.say("in between");
    await world.pass(1_000);
    assert.equal(shownOf(alice, bob).at(-1), "in between");
    const more = shownOf(alice, mallory).length - before;
    assert.ok(more < 400, `${more} messages in three seconds`);
    await world.pass(30_000);
    assert.equal(shownOf(alice, mallory).length - before, 1_000, "and all of them come");
  }));

Deno.test("thousands of records that count for nothing hold up neither decisions nor messages", () =>
  attack(async (scene) => {
    const { alice, bob, mallory, world } = scene;
    const target = { key: keyOf(9_999) };
    const ops: MutationOp[] = ["ban", "add", "promote", "mute"];
    const start = world.clock.wall() - 10_000n;
    const one = ops.map((op) => mallory.decision(op, target, { issuedAt: start }));
    for (let number = 0; number < 3_000; number++) {
      const { path, value } = one[number % 4] ?? mallory.message("");
      mallory.put({ path: `${path.split("/")[0]}/${10_000 + number}`, value });
    }
    await mallory.publish();
    assert.ok(!bob.roster.banned.has(target.key));
    await alice.act("ban", target);
    await world.pass(1_000);
    assert.ok(bob.roster.banned.has(target.key));
    await scene.talks();
  }));

Deno.test("decisions of one admin without end come slower, and those of others do not", () =>
  attack(async (scene) => {
    const { alice, bob, mallory, world } = scene;
    await alice.act("promote", mallory);
    await world.pass(1_000);
    const ghosts = Array.from(
      { length: RECORD_RATE.burst + 700 },
      (_, index) => keyOf(20_000 + index),
    );
    const mutes = ghosts.map((key) => mallory.decision("mute", { key }));
    const mutedOf = (node: GroupNode) => ghosts.filter((key) => node.roster.muted.has(key)).length;
    // What comes with the first update counts as history.
    await mallory.publish(...mutes.slice(0, RECORD_RATE.burst + 1));
    await world.pass(2_000);
    assert.equal(mutedOf(bob), RECORD_RATE.burst + 1);
    await mallory.publish(...mutes);
    await alice.act("ban", { key: keyOf(9_999) });
    await world.pass(1_000);
    assert.ok(bob.roster.banned.has(keyOf(9_999)));
    assert.ok(mutedOf(bob) < RECORD_RATE.burst + 100, `${mutedOf(bob)} in a second`);
    await world.pass(90_000);
    for (const node of [alice, bob]) assert.equal(mutedOf(node), ghosts.length, "all of them come");
    await scene.talks();
  }));

Deno.test("what others decided is written down at once, and not again for each of many decisions", () =>
  attack(async (scene) => {
    const { alice, bob, mallory, world } = scene;
    await alice.act("promote", mallory);
    await world.pass(3_000);
    const written = () => bob.files.steps.filter((step) => step.includes("record.json")).length;
    let before = written();
    const ghosts = Array.from({ length: 20 }, (_, index) => keyOf(20_000 + index));
    await mallory.publish(mallory.decision("mute", { key: ghosts[0] ?? "" }));
    const once = written() - before;
    assert.ok(once > 0 && bob.files.texts.get(recordPath(bob))?.includes(ghosts[0] ?? "?"));
    before = written();
    for (const key of ghosts.slice(1)) {
      mallory.put(mallory.decision("mute", { key }));
      mallory.push();
      await world.pass(100);
    }
    await world.pass(2_000);
    assert.ok(written() - before <= 4 * once, `${written() - before} steps`);
    for (const key of ghosts) assert.ok(bob.files.texts.get(recordPath(bob))?.includes(key));
  }));

Deno.test("a member that fills the places of records without authority pushes out nobody else's", () =>
  attack(async (scene) => {
    const { alice, bob, mallory, world } = scene;
    const carol = new HandMember(world, 8_911);
    const target = { key: keyOf(9_999) };
    await alice.act("add", carol);
    await world.pass(1_000);
    await carol.dial(...scene.nodes);
    // The decision of an admin overtakes its promotion.
    await carol.publish(carol.decision("mute", target));
    assert.ok(!bob.roster.muted.has(target.key));
    const start = world.clock.wall() - BigInt(MAX_WAITING_RECORDS) * 4n;
    for (let index = 0n; index < MAX_WAITING_RECORDS * 2; index++) {
      mallory.put(mallory.decision("ban", bob, { issuedAt: start + index }));
    }
    await mallory.publish();
    await alice.act("promote", carol);
    await world.pass(1_000);
    for (const { roster } of scene.nodes) {
      assert.ok(roster.muted.has(target.key));
      assert.ok(!roster.banned.has(bob.key));
    }
    await carol.close();
    await scene.talks();
  }));

Deno.test("a feed beyond what a feed may hold is not taken, and nobody else suffers", () =>
  attack(async (scene) => {
    const { alice, mallory, world } = scene;
    const leaves = Array.from({ length: 330 }, (_, index) => ({
      path: `msgs/x/${index}`,
      value: new Uint8Array(262_144).fill(index),
    }));
    assert.ok(equalBytes(leaves[0]?.value.subarray(0, 2) ?? Uint8Array.of(1), new Uint8Array(2)));
    mallory.put(...leaves);
    mallory.push();
    await world.pass(20_000);
    const held = alice.state(mallory)?.objects ?? 0;
    assert.ok(held < leaves.length * 2, `${held} objects`);
    await scene.talks();
  }));

Deno.test("Roots and leaves at a pace that no honest member has leave the others connected", () =>
  attack(async (scene) => {
    const { alice, bob, mallory, world } = scene;
    for (let round = 0; round < 200; round++) {
      mallory.put(mallory.message(`round ${round}`, { ts: world.clock.wall() + BigInt(round) }));
      mallory.push();
      await world.clock.advance(5);
    }
    await scene.talks();
    await world.pass(30_000);
    assert.equal(shownOf(bob, mallory).length, 200);
    assert.equal(alice.state(bob)?.following, true);
    assert.ok(world.clock.wall() > SECOND);
  }));

Deno.test("a member that never answers requests holds up nobody else", () =>
  attack(async (scene) => {
    const { mallory, world } = scene;
    for (const line of mallory.lines) line.onMessage = () => {};
    for (let round = 0; round < 5; round++) {
      mallory.put(mallory.message(`unanswered ${round}`));
      mallory.push();
      await world.pass(15_000);
      await scene.talks();
    }
    assert.ok(scene.nodes.every((node) => shownOf(node, mallory).length === 0));
  }));
