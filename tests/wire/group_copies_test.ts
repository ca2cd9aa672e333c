/** Records and keys of admins reach members that reach no admin, by the copies of those between (ours; groups.md 1.5). */
import assert from "node:assert/strict";
import { encodeMutation, type Mutation, MUTATION_OPS, signMutation } from "#group";
import { HandMember } from "#support/group_hand.ts";
import { assertOneKey, epochOf, keyIn } from "#support/group_private.ts";
import {
  FIRST_PORT,
  GROUP_ID,
  type GroupNode,
  type GroupNodeOptions,
  type GroupWorld,
  holds,
  inGroupWorld,
  keyOf,
} from "#support/group_scene.ts";
import { groupHistoryOf } from "#support/group_stores.ts";
import { openGovernance } from "../../lib/group/group_cipher.ts";
import { decodeRotation, verifyRotation } from "../../lib/group/key_rotation.ts";
import { LeafFault } from "../../lib/group/leaf_fault.ts";
import { decodeMutation, familyOf, verifyMutation } from "../../lib/group/mutation.ts";
import { secretOf } from "#support/feed_node.ts";

const TARGET = { key: keyOf(9_999) };
const OTHER = { key: keyOf(9_998) };
const HAND = 8_950;
/** Behind the end of the line. */
const NEWCOMER = FIRST_PORT + 4;

type Line = readonly [GroupNode, GroupNode, GroupNode, GroupNode];

/** Only neighbours reach each other. */
function isFar(one: number, other: number): boolean {
  return Math.abs(one - other) !== 1;
}

/** Four nodes in a line that all list each other, and a member worked by hand. The first is the founder's. */
async function line(
  world: GroupWorld,
  optionsOf: (index: number) => GroupNodeOptions = () => ({}),
): Promise<Line> {
  world.separate(isFar);
  const [a, b, c, d] = await world.mesh(4, (index) => ({ members: [HAND], ...optionsOf(index) }));
  assert.ok(a !== undefined && b !== undefined && c !== undefined && d !== undefined);
  await world.pass(8_000);
  return [a, b, c, d];
}

/** That these see the same. */
function assertAgreed(what: string, ...nodes: readonly GroupNode[]): void {
  const [first, ...others] = nodes;
  assert.ok(first !== undefined);
  for (const node of others) assert.deepEqual(holds(node), holds(first), `${what}: ${node.port}`);
}

/** All commands there are, one after the other, with what `check` finds after each. */
async function everyCommand(
  admin: GroupNode,
  check: (command: string) => Promise<void>,
): Promise<void> {
  const { session } = admin;
  const first = ["add", "promote", "mute", "unmute", "demote"] as const;
  for (const action of [...first, "remove", "add", "ban", "unban"] as const) {
    await admin.act(action, TARGET);
    await check(action);
  }
  for (const on of [true, false]) {
    await session.decide(session.desk.setReadOnly(on));
    await check(`read-only ${on}`);
  }
}

/** A decision in a feed. */
interface FeedRecord {
  /** Its JSON. */
  readonly value: Uint8Array;
  readonly mutation: Mutation;
}

/** The records in the feed of a node, as members read them. */
async function recordsOf(hand: HandMember, node: GroupNode): Promise<FeedRecord[]> {
  const key = keyIn(node);
  const records: FeedRecord[] = [];
  for (const [path, leaf] of await hand.read(node)) {
    const [family] = path.split("/");
    if (family !== "roster" && family !== "admin" && family !== "mod") continue;
    const value = openGovernance(key === undefined ? [] : [key], leaf);
    assert.ok(value instanceof Uint8Array, path);
    const mutation = decodeMutation(value, family);
    assert.ok(!(mutation instanceof LeafFault), path);
    records.push({ value, mutation });
  }
  return records;
}

/** Keys handed out in the feed of a node. */
async function deliveriesOf(hand: HandMember, node: GroupNode): Promise<Uint8Array[]> {
  return [...await hand.read(node)].flatMap(([path, value]) =>
    path.startsWith("keys/") ? [value] : []
  );
}

/** A record in a few words. */
function nameOf({ mutation: { issuer, op, peer } }: FeedRecord): string {
  return `${issuer} ${op} ${peer}`;
}

Deno.test("every command of the founder and of an admin reaches the end of a line, and holds there after a restart", () =>
  inGroupWorld(async (world) => {
    const [a, b, c, d] = await line(world);
    const reaches = async (command: string) => {
      await world.pass(2_000);
      assertAgreed(command, a, b, c, d);
    };
    await everyCommand(a, reaches);
    await a.act("promote", b);
    await reaches("promote b");
    await everyCommand(b, reaches);
    await b.act("ban", OTHER);
    await b.act("mute", c);
    await reaches("ban, mute of b");
    assert.ok(d.roster.isAdmin(b.key) && d.roster.banned.has(OTHER.key));
    assert.ok(d.roster.muted.has(c.key));
    const before = holds(d);
    const { files } = d;
    await world.stop(d);
    world.separate(() => true);
    const peers = [a.port, b.port, c.port];
    const again = await world.start(d.port, { peers, members: [HAND], files });
    await world.pass(5_000);
    assert.deepEqual(holds(again), before, "by what it kept");
    world.separate(isFar);
    await b.act("unban", OTHER);
    await world.pass(60_000);
    assertAgreed("after the restart", a, b, c, again);
    assert.ok(!again.roster.banned.has(OTHER.key));
    await b.act("demote", b);
    await world.pass(2_000);
    assertAgreed("its office given back", a, b, c, again);
  }));

Deno.test("a ban by the founder cuts off the banned member at the other end of the line", () =>
  inGroupWorld(async (world) => {
    const [a, b, c, d] = await line(world);
    const hand = new HandMember(world, HAND);
    await hand.dial(d);
    await hand.publish(hand.message("before"));
    assert.deepEqual(d.received, ["before"]);
    const [connection] = hand.lines;
    assert.ok(connection !== undefined && !connection.isClosed);
    await a.act("ban", hand);
    await world.pass(2_000);
    assert.ok(connection.isClosed, "cut at once");
    await hand.publish(hand.message("after"));
    await hand.dial(d);
    await hand.publish(hand.message("later"));
    assert.deepEqual([d.received, c.received], [["before"], ["before"]]);
    assert.ok(b.roster.banned.has(hand.key) && d.roster.banned.has(hand.key));
    await hand.close();
  }));

for (const isLate of [false, true]) {
  Deno.test(`what an admin decided stays at the end of the line when it is demoted${isLate ? " while that is away" : ""}`, () =>
    inGroupWorld(async (world) => {
      const [a, b, c, d] = await line(world);
      await a.act("promote", b);
      await world.pass(2_000);
      await b.act("ban", OTHER);
      await world.pass(2_000);
      assertAgreed("ban", a, b, c, d);
      if (isLate) world.partition(d.port);
      await a.act("demote", b);
      await world.pass(2_000);
      world.separate(isFar);
      await world.pass(isLate ? 60_000 : 1);
      assertAgreed("demote", a, b, c, d);
      assert.ok(d.roster.banned.has(OTHER.key) && !d.roster.isAdmin(b.key));
    }));
}

Deno.test("a key that the founder changed reaches the end of the line, and a newcomer that reads one member only", () =>
  inGroupWorld(async (world) => {
    const [a, b, c, d] = await line(world, () => ({ kind: "private" }));
    assertOneKey(a, b, c, d);
    await a.session.rotateKey();
    await world.pass(2_000);
    assert.deepEqual([a, b, c, d].map(epochOf), [1n, 1n, 1n, 1n]);
    assertOneKey(a, b, c, d);
    await a.say("with the new key");
    await a.act("mute", TARGET);
    await world.pass(2_000);
    assert.deepEqual(d.received, ["with the new key"]);
    world.separate((one, other) =>
      [one, other].includes(NEWCOMER) ? Math.min(one, other) !== c.port : isFar(one, other)
    );
    const e = await world.start(NEWCOMER, { kind: "private", peers: [c.port] });
    await a.act("add", e);
    await world.pass(60_000);
    assertOneKey(a, b, c, d, e);
    assert.deepEqual(e.received, ["with the new key"]);
    assert.ok(e.roster.muted.has(TARGET.key) && e.roster.isMember(d.key));
    await a.act("remove", e);
    await world.pass(2_000);
    assert.deepEqual([d, e].map(epochOf), [2n, 1n], "and who is out gets none");
    // What was handed out is the founder's word, at everybody and once.
    const hand = new HandMember(world, HAND);
    await hand.dial(d);
    const deliveries = await deliveriesOf(hand, d);
    for (const rotation of deliveries.map(decodeRotation)) {
      assert.ok(!(rotation instanceof LeafFault) && rotation.issuer === a.key);
      assert.equal(verifyRotation(rotation), undefined);
    }
    assert.equal(new Set(deliveries.map((value) => value.toHex())).size, deliveries.length);
    await hand.close();
  }));

for (const isStored of [false, true]) {
  const how = isStored ? "with a store" : "without one";
  Deno.test(`a copy is the very record that its issuer signed, once in a feed, and goes when it is superseded (${how})`, () =>
    inGroupWorld(async (world) => {
      const [a, b, c, d] = await line(world, (index) => ({
        history: isStored ? groupHistoryOf(world, FIRST_PORT + index) : undefined,
      }));
      await a.act("promote", b);
      await world.pass(2_000);
      // Quickly one after the other, so that they meet what is still on its way to the disk.
      for (const action of ["mute", "unmute", "mute"] as const) await a.act(action, TARGET);
      await Promise.all([a.act("add", OTHER), b.act("mute", OTHER), a.act("mute", c)]);
      await world.pass(2_000);
      await b.act("unmute", OTHER);
      await world.pass(5_000);
      const hand = new HandMember(world, HAND);
      await hand.dial(a, b, c, d);
      const [ofA, ofB, ofC, ofD] = await Promise.all(
        [a, b, c, d].map((node) => recordsOf(hand, node)),
      );
      assert.ok(ofA && ofB && ofC && ofD);
      const wordsOf = ({ key }: GroupNode, records: readonly FeedRecord[]) =>
        records.flatMap(({ mutation, value }) => mutation.issuer === key ? [value.toHex()] : []);
      const signed = new Set([...wordsOf(a, ofA), ...wordsOf(b, ofB)]);
      for (const copies of [ofC, ofD]) {
        for (const copy of copies) {
          assert.ok(signed.has(copy.value.toHex()), `${nameOf(copy)} is no word of its issuer's`);
          assert.equal(verifyMutation(copy.mutation), undefined);
        }
        const names = copies.map(nameOf);
        assert.equal(new Set(names).size, names.length, names.join("\n"));
        const decided = [
          ...[`${a.key} promote ${b.key}`, `${a.key} mute ${TARGET.key}`, `${a.key} mute ${c.key}`],
          ...[`${a.key} add ${OTHER.key}`, `${b.key} unmute ${OTHER.key}`],
          ...[b, c, d, hand].map(({ key }) => `${a.key} add ${key}`),
        ];
        assert.deepEqual(names.toSorted(), decided.toSorted());
      }
      await hand.close();
    }));
}

Deno.test("while backfill is off nobody but admins copies, and once it is on what was missed is copied", () =>
  inGroupWorld(async (world) => {
    const [a, b, c, d] = await line(world, () => ({ kind: "private" }));
    await a.act("promote", b);
    await world.pass(2_000);
    await a.session.decide(a.session.desk.setBackfill(false));
    await world.pass(2_000);
    const hand = new HandMember(world, HAND);
    await hand.dial(b, c, d);
    const before = [await recordsOf(hand, c), await deliveriesOf(hand, c)];
    await a.act("mute", TARGET);
    await b.act("mute", OTHER);
    await a.session.rotateKey();
    await world.pass(5_000);
    assert.deepEqual([await recordsOf(hand, c), await deliveriesOf(hand, c)], before);
    const ofB = (await recordsOf(hand, b)).map(nameOf);
    assert.ok(ofB.includes(`${a.key} mute ${TARGET.key}`), "an admin copies");
    assert.equal((await deliveriesOf(hand, b)).length, (before[1]?.length ?? 0) + 1);
    assert.deepEqual([c, d].map(({ roster }) => roster.muted.size), [2, 0]);
    assert.deepEqual([a, b, c, d].map(epochOf), [1n, 1n, 1n, 0n]);
    await a.session.decide(a.session.desk.setBackfill(true));
    await world.pass(5_000);
    assertAgreed("on again", a, b, c, d);
    assertOneKey(a, b, c, d);
    await hand.close();
  }));

Deno.test("records of invented people without end are copied by nobody and push out nobody else's", () =>
  inGroupWorld(async (world) => {
    const [a, b, c, d] = await line(world);
    const hand = new HandMember(world, HAND);
    await hand.dial(c, d);
    // An honest member brings what a newcomer will have decided, of whom nobody has heard yet.
    const [courier, newcomer] = [new HandMember(world, HAND + 1), new HandMember(world, HAND + 2)];
    await a.act("add", courier);
    await world.pass(2_000);
    await courier.dial(d);
    await courier.publish(
      ...Array.from(
        { length: 60 },
        (_, index) => courier.recordLeaf(newcomer.mutation("mute", { key: keyOf(20_000 + index) })),
      ),
    );
    const [ofC, ofD] = [await recordsOf(hand, c), await recordsOf(hand, d)];
    const issuedAt = world.clock.wall();
    for (let index = 0; index < 3_000; index++) {
      const op = MUTATION_OPS[index % MUTATION_OPS.length] ?? "ban";
      hand.put(hand.recordLeaf(signMutation(secretOf(30_000 + index), {
        ...{ groupId: GROUP_ID, op, issuedAt },
        peer: /read-|backfill/.test(op) ? "" : a.key,
      })));
    }
    hand.put(hand.decision("ban", b), hand.decision("promote", hand));
    // And one that nobody signed in the name of the founder.
    const forged = { ...hand.mutation("ban", b), issuer: a.key };
    hand.put({ path: `${familyOf("ban")}/99999`, value: encodeMutation(forged) });
    const before = holds(d);
    await hand.publish();
    await world.pass(30_000);
    assert.deepEqual([holds(d), holds(c)], [before, before]);
    assert.deepEqual([await recordsOf(hand, c), await recordsOf(hand, d)], [ofC, ofD]);
    await a.act("add", newcomer);
    await a.act("promote", newcomer);
    await world.pass(2_000);
    assert.equal(d.roster.muted.size, 60, "all that waited counts");
    assertAgreed("copied on", a, b, c, d);
    await Promise.all([hand.close(), courier.close()]);
  }));

for (const isRestarted of [false, true]) {
  const when = isRestarted ? ", all of which lost their feeds" : "";
  Deno.test(`one that comes late and reads the end of the line only learns seats, bans and admins${when}`, () =>
    inGroupWorld(async (world) => {
      const nodes = await line(world);
      let [a, b, , d] = nodes;
      await a.act("promote", b);
      await a.act("ban", OTHER);
      await a.act("add", { key: keyOf(NEWCOMER) });
      await world.pass(2_000);
      await b.act("mute", TARGET);
      await world.pass(2_000);
      if (isRestarted) {
        for (const node of nodes) await world.stop(node);
        [a, b, , d] = await line(world, (index) => ({ files: (nodes[index] ?? a).files }));
        await world.pass(60_000);
      }
      const e = await world.start(NEWCOMER, { peers: [d.port] });
      await world.pass(60_000);
      assert.ok(e.roster.banned.has(OTHER.key) && e.roster.muted.has(TARGET.key));
      assert.deepEqual([...e.roster.admins].sort(), [a.key, b.key].sort());
      assertAgreed("late", d, e);
    }));
}
