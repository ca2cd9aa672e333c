/** Decisions by those who have no right to them, or that were made for something else (groups.md 10, 2.6, 2.7). */
import assert from "node:assert/strict";
import { encodeMutation, type Mutation, MUTATION_OPS, type MutationOp, signMutation } from "#group";
import { attack, type AttackScene, shownOf } from "#support/group_attack.ts";
import { HandMember } from "#support/group_hand.ts";
import { GROUP_ID, holds, keyOf, SECOND } from "#support/group_scene.ts";

const OTHER_GROUP = "0b5c6ad1-5a9e-4f5c-8d3f-6a1de0a9f0aa";
const NOBODY = { key: keyOf(9_999) };
const MINUTE = 60n * SECOND;

/** Whom a decision of each kind is about. */
function targetOf(op: MutationOp, peer: { readonly key: string }): { key: string } | undefined {
  return /read-|backfill/.test(op) ? undefined : peer;
}

/** Publishes what must change nothing at anybody. */
async function changesNothing(
  { bob, mallory, nodes, talks }: AttackScene,
  mutations: readonly Mutation[],
): Promise<void> {
  const before = nodes.map(holds);
  const notices = nodes.map((node) => node.notices.length);
  await mallory.publish(...mutations.map((mutation) => mallory.recordLeaf(mutation)));
  assert.deepEqual(nodes.map(holds), before);
  assert.deepEqual(nodes.map((node) => node.notices.length), notices);
  assert.ok(bob.roster.isMember(mallory.key));
  await talks();
}

Deno.test("no decision of a member that is no admin counts, of whatever kind, about whomever", () =>
  attack(async (scene) => {
    const { alice, bob, mallory } = scene;
    const decisions = MUTATION_OPS.flatMap((op) =>
      targetOf(op, bob) === undefined
        ? [mallory.mutation(op, undefined)]
        : [alice, bob, mallory, NOBODY].map((peer) => mallory.mutation(op, peer))
    );
    assert.equal(decisions.length, 8 * 4 + 4);
    await changesNothing(scene, decisions);
  }));

Deno.test("no decision in the name of the founder that the founder did not sign counts", () =>
  attack(async (scene) => {
    const { alice, bob, mallory } = scene;
    const decisions = MUTATION_OPS.map((op) => mallory.mutation(op, targetOf(op, bob)))
      .map((mutation): Mutation => ({ ...mutation, issuer: alice.key }));
    await changesNothing(scene, decisions);
    const unsigned = decisions.map((mutation) => ({ ...mutation, signature: new Uint8Array(65) }));
    await changesNothing(scene, unsigned);
  }));

Deno.test("a decision whose signed fields were changed counts for nothing", () =>
  attack(async (scene) => {
    const { alice, bob, mallory, world } = scene;
    const genuine = signMutation(alice.secret, {
      groupId: GROUP_ID,
      op: "mute",
      peer: mallory.key,
      issuedAt: world.clock.wall(),
    });
    await changesNothing(scene, [
      { ...genuine, peer: bob.key },
      { ...genuine, op: "ban" },
      { ...genuine, issuedAt: genuine.issuedAt + 1n },
      { ...genuine, parentSeq: 1n },
      { ...genuine, family: "roster", op: "remove" },
    ]);
  }));

Deno.test("an add, replayed as a promotion or in any other family, promotes nobody", () =>
  attack(async (scene) => {
    const { alice, mallory, world } = scene;
    const issuedAt = world.clock.wall();
    const add = signMutation(alice.secret, {
      ...{ groupId: GROUP_ID, op: "add", peer: mallory.key, issuedAt },
    });
    // Both are op 1, and differ in one byte of what is signed.
    const before = scene.nodes.map(holds);
    for (const family of ["admin", "mod"]) {
      await mallory.publish({ path: `${family}/00001`, value: encodeMutation(add) });
    }
    assert.deepEqual(scene.nodes.map(holds), before);
    for (const node of scene.nodes) {
      assert.ok(!node.roster.isAdmin(mallory.key) && !node.roster.banned.has(mallory.key));
    }
    await scene.talks();
  }));

Deno.test("a decision of the founder about another group counts in that group alone", () =>
  attack(async (scene) => {
    const { alice, bob, mallory, world } = scene;
    const issuedAt = world.clock.wall();
    const decisions = MUTATION_OPS.map((op) =>
      signMutation(alice.secret, {
        ...{ groupId: OTHER_GROUP, op, issuedAt },
        peer: targetOf(op, op === "promote" ? mallory : bob)?.key ?? "",
      })
    );
    await changesNothing(scene, decisions);
    // Nor does one whose id was changed after it was signed.
    await changesNothing(scene, decisions.map((mutation) => ({ ...mutation, groupId: GROUP_ID })));
  }));

Deno.test("the founder cannot be removed, demoted, banned or muted, by an admin neither", () =>
  attack(async (scene) => {
    const { alice, bob, mallory } = scene;
    await alice.act("promote", mallory);
    await scene.world.pass(1_000);
    assert.ok(bob.roster.isAdmin(mallory.key));
    await changesNothing(
      scene,
      (["remove", "demote", "ban", "mute"] as const).map((op) => mallory.mutation(op, alice)),
    );
    for (const node of scene.nodes) {
      assert.ok(node.roster.isAdmin(alice.key) && node.roster.isMember(alice.key));
    }
  }));

Deno.test("a demoted admin decides nothing more, and dating it back to its time in office does not help", () =>
  attack(async (scene) => {
    const { alice, bob, mallory, world } = scene;
    await alice.act("promote", mallory);
    await world.pass(2_000);
    const inOffice = world.clock.wall();
    await world.pass(2_000);
    await alice.act("demote", mallory);
    await world.pass(1_000);
    await changesNothing(scene, [
      mallory.mutation("ban", bob),
      mallory.mutation("promote", mallory),
      mallory.mutation("ban", bob, { issuedAt: inOffice }),
      mallory.mutation("remove", bob, { issuedAt: inOffice }),
      mallory.mutation("promote", mallory, { issuedAt: inOffice }),
      mallory.mutation("promote", NOBODY, { issuedAt: inOffice }),
      mallory.mutation("read-only", undefined, { issuedAt: inOffice }),
      mallory.mutation("read-only", undefined, { issuedAt: 1n }),
    ]);
  }));

Deno.test("a demoted admin cannot bring back its office with the promotion it once got", () =>
  attack(async (scene) => {
    const { alice, bob, mallory, world } = scene;
    await alice.act("promote", mallory);
    await world.pass(2_000);
    const records = [...await mallory.read(alice)].filter(([path]) => path.startsWith("admin/"));
    assert.equal(records.length, 1);
    await alice.act("demote", mallory);
    await world.pass(2_000);
    await mallory.publish(...records.map(([, value], index) => ({
      path: `admin/0000${index + 7}`,
      value,
    })));
    assert.ok(!bob.roster.isAdmin(mallory.key) && !alice.roster.isAdmin(mallory.key));
    await scene.talks();
  }));

Deno.test("an add that is replayed after the removal brings nobody back, not even under new numbers", () =>
  attack(async (scene) => {
    const { alice, bob, mallory, world } = scene;
    const eve = new HandMember(world, 8_920);
    await alice.act("add", eve);
    await world.pass(2_000);
    const adds = [...await mallory.read(alice)].filter(([path]) => path.startsWith("roster/"));
    await alice.act("remove", eve);
    await world.pass(2_000);
    await mallory.publish(...adds.map(([, value], index) => ({
      path: `roster/${String(index + 50).padStart(5, "0")}`,
      value,
    })));
    for (const node of [alice, bob]) assert.ok(!node.roster.isMember(eve.key));
    await scene.talks();
  }));

Deno.test("an admin may date a decision up to 5 minutes ahead, to the nanosecond, and the log says so", () =>
  attack(async (scene) => {
    const { alice, mallory, world } = scene;
    await alice.act("promote", mallory);
    await world.pass(1_000);
    const before = world.clock.wall();
    const edge = before + 5n * MINUTE;
    const decide = (peer: { key: string }, issuedAt: bigint) =>
      mallory.recordLeaf(mallory.mutation("mute", peer, { issuedAt }));
    const far = { key: keyOf(9_998) };
    const further = { key: keyOf(9_997) };
    mallory.put(
      decide(far, edge + 1n),
      decide(NOBODY, edge),
      decide(further, before + 11n * MINUTE),
    );
    mallory.push();
    await world.instant();
    assert.equal(world.clock.wall(), before);
    for (const { roster } of scene.nodes) assert.deepEqual([...roster.muted], [[NOBODY.key, edge]]);
    for (const node of scene.nodes) {
      const warned = node.logs.filter((line) => line.includes("is dated ahead of now"));
      assert.equal(warned.length, 1, node.logs.join("\n"));
    }
    // The founder overrules what was pinned ahead, with a date that others do not believe at once.
    await alice.act("unmute", NOBODY);
    await world.pass(90_000);
    for (const { roster } of scene.nodes) {
      assert.deepEqual([...roster.muted], [[far.key, edge + 1n]]);
    }
    // Nor does a decision count for good that was dated further ahead than clocks differ.
    await world.pass(660_000);
    for (const { roster } of scene.nodes) assert.ok(!roster.muted.has(further.key));
  }));

Deno.test("a record without an issue time, of an unknown operation or with a needless target is none", () =>
  attack(async (scene) => {
    const { alice, bob, mallory, nodes, world } = scene;
    await alice.act("promote", mallory);
    await world.pass(1_000);
    const before = nodes.map(holds);
    const sound = mallory.recordLeaf(mallory.mutation("read-only", undefined));
    const json = new TextDecoder().decode(sound.value);
    const changed = [
      json.replace(/"op":5/, '"op":9'),
      json.replace(/"op":5/, '"op":0'),
      json.replace(/"op":5/, '"op":5.5'),
      json.replace(/"op":5/, '"op":"5"'),
      json.replace(/"peer_pk":"0*"/, `"peer_pk":"${bob.key}"`),
      json.replace(/"issued_at":"[^"]*"/, '"issued_at":"0001-01-01T00:00:00Z"'),
      json.replace(/"issued_at":"[^"]*"/, '"issued_at":"1969-12-31T23:59:59Z"'),
      json.replace(/"group_id":"[^"]*"/, '"group_id":""'),
    ];
    assert.ok(changed.every((each) => each !== json));
    await mallory.publish(...changed.map((each, index) => ({
      path: `mod/1000${index}`,
      value: new TextEncoder().encode(each),
    })));
    assert.deepEqual(nodes.map(holds), before);
    await mallory.publish(sound);
    for (const node of nodes) assert.notEqual(node.roster.readOnlySince, undefined);
  }));

Deno.test("with governance of all, what a member decides counts, but not against the founder", () =>
  attack(async ({ alice, bob, mallory, nodes }) => {
    await mallory.publish(mallory.decision("remove", alice), mallory.decision("mute", bob));
    for (const node of nodes) {
      assert.ok(node.roster.isMember(alice.key));
      assert.ok(node.roster.muted.has(bob.key));
    }
    await assert.rejects(bob.say("muted"), { message: "group: posting not permitted: muted" });
    assert.deepEqual(shownOf(alice, bob).at(-1), "from bob 1");
  }, { governance: "all" }));

Deno.test("in a group whose id is no UUID nothing is decided, by the founder neither", () =>
  attack(async (scene) => {
    const { alice, bob, mallory } = scene;
    await assert.rejects(alice.act("ban", mallory), {
      message: "group id is not a UUID; roster changes need one",
    });
    await changesNothing(scene, [
      signMutation(alice.secret, {
        ...{ groupId: GROUP_ID, op: "ban", peer: bob.key, issuedAt: scene.world.clock.wall() },
      }),
    ]);
  }, { id: "team-room" }));
