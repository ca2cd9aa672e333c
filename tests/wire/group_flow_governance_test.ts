/** Decisions reach everybody and mean the same everywhere, in whatever order they come (groups.md 2.6 to 2.8, 4.6). */
import assert from "node:assert/strict";
import { encodeMutation, signMutation } from "#group";
import { HandMember } from "#support/group_hand.ts";
import { groupHistoryOf } from "#support/group_stores.ts";
import {
  FIRST_PORT,
  GROUP_ID,
  type GroupNode,
  type GroupWorld,
  holds,
  inGroupWorld,
  keyOf,
  SECOND,
} from "#support/group_scene.ts";

const TARGET = { key: keyOf(9_999) };
const OTHER = { key: keyOf(9_998) };
const HAND = 8_910;

/** Three nodes that know each other; the first is the founder's. */
async function three(world: GroupWorld): Promise<[GroupNode, GroupNode, GroupNode]> {
  const [alice, bob, carol] = await world.mesh(3);
  assert.ok(alice !== undefined && bob !== undefined && carol !== undefined);
  await world.pass(4_000);
  return [alice, bob, carol];
}

/** Who signed the record in a leaf; undefined for a message. */
function issuerOf(value: Uint8Array): string | undefined {
  return JSON.parse(new TextDecoder().decode(value)).issuer_pk;
}

/** That all see the same. */
function assertAgreed(...nodes: readonly GroupNode[]): void {
  const [first, ...others] = nodes;
  assert.ok(first !== undefined);
  for (const node of others) assert.deepEqual(holds(node), holds(first), `${node.port}`);
}

Deno.test("every command of the founder reaches every member", () =>
  inGroupWorld(async (world) => {
    const [alice, bob, carol] = await three(world);
    const { desk } = alice.session;
    for (const action of ["add", "promote", "mute", "unmute", "demote", "ban", "unban"] as const) {
      await alice.act(action, TARGET);
      await world.pass(1_000);
      assertAgreed(alice, bob, carol);
    }
    for (const on of [true, false]) {
      await alice.session.decide(desk.setReadOnly(on));
      await alice.session.decide(desk.setBackfill(!on));
      await world.pass(1_000);
      assertAgreed(alice, bob, carol);
      assert.equal(bob.roster.readOnlySince !== undefined, on);
      assert.equal(bob.roster.backfill, !on);
    }
    await alice.act("remove", carol);
    await world.pass(1_000);
    assert.deepEqual([...bob.roster.members].sort(), [alice.key, bob.key].sort());
    assert.ok(bob.notices.includes(`roster remove ${carol.key}`));
  }));

Deno.test("a decision that overtakes the promotion of its issuer counts once that comes", () =>
  inGroupWorld(async (world) => {
    const [alice, bob, carol] = await world.mesh(3, { members: [HAND] });
    assert.ok(alice !== undefined && bob !== undefined && carol !== undefined);
    await world.pass(4_000);
    // Carol hears nobody but a member by hand, which brings her what we want, when we want it.
    world.partition(carol.port);
    const courier = new HandMember(world, HAND);
    await courier.dial(alice, bob, carol);
    await alice.act("promote", bob);
    await world.pass(1_000);
    await bob.act("mute", TARGET);
    await bob.act("ban", OTHER);
    await world.pass(2_000);
    assert.ok(alice.roster.muted.has(TARGET.key));
    const overtaking = (await courier.read(bob)).entries()
      .filter(([, value]) => issuerOf(value) === bob.key)
      .map(([path, value]) => ({ path, value })).toArray();
    assert.ok(overtaking.length >= 2);
    await courier.publish(...overtaking);
    assert.equal(carol.roster.muted.size + carol.roster.banned.size, 0, "she cannot know yet");
    const promotions = (await courier.read(alice)).entries()
      .filter(([path]) => path.startsWith("admin/"))
      .map(([path, value]) => ({ path, value })).toArray();
    assert.equal(promotions.length, 1);
    await courier.publish(...promotions);
    assertAgreed(alice, bob, carol);
    assert.ok(carol.roster.muted.has(TARGET.key) && carol.roster.banned.has(OTHER.key));
    await courier.close();
  }));

Deno.test("two admins that decide at once agree in the end, and so does everybody", () =>
  inGroupWorld(async (world) => {
    const [alice, bob, carol] = await three(world);
    await alice.act("promote", bob);
    await world.pass(1_000);
    await Promise.all([alice.act("mute", TARGET), bob.act("ban", TARGET)]);
    await Promise.all([alice.act("add", OTHER), bob.act("ban", OTHER)]);
    await world.pass(1_000);
    assertAgreed(alice, bob, carol);
    // At the same nanosecond what restricts wins.
    assert.ok(carol.roster.banned.has(OTHER.key) && !carol.roster.isMember(OTHER.key));
    await Promise.all([
      alice.session.decide(alice.session.desk.setReadOnly(true)),
      bob.session.decide(bob.session.desk.setReadOnly(true)),
    ]);
    await world.pass(1_000);
    assertAgreed(alice, bob, carol);
  }));

Deno.test("two parts that were apart agree once they meet, whichever decided what", () =>
  inGroupWorld(async (world) => {
    const [alice, bob, carol, dave] = await world.mesh(4);
    assert.ok(alice !== undefined && bob !== undefined);
    assert.ok(carol !== undefined && dave !== undefined);
    await world.pass(4_000);
    await alice.act("promote", carol);
    await world.pass(1_000);
    world.partition(alice.port, bob.port);
    await world.pass(1_000);
    await alice.act("mute", dave);
    await alice.act("add", TARGET);
    await alice.say("here");
    await world.pass(1_000);
    await carol.act("unmute", dave);
    await carol.act("mute", bob);
    await carol.act("ban", TARGET);
    await carol.say("there");
    await world.pass(60_000);
    assert.ok(!dave.roster.muted.has(dave.key) && bob.roster.muted.has(dave.key));
    world.heal();
    await world.pass(60_000);
    assertAgreed(alice, bob, carol, dave);
    assert.ok(alice.roster.muted.has(bob.key) && alice.roster.banned.has(TARGET.key));
    assert.deepEqual([bob.received, dave.received].map((texts) => texts.toSorted()), [
      ["here", "there"],
      ["here", "there"],
    ]);
  }));

Deno.test("an admin that restarts says again what holds, with the dates of then, and overrides nothing newer", () =>
  inGroupWorld(async (world) => {
    const [alice, bob, carol] = await three(world);
    await alice.act("promote", bob);
    await alice.act("mute", TARGET);
    await world.pass(1_000);
    const { files } = alice;
    await world.stop(alice);
    await bob.act("unmute", TARGET);
    await bob.session.decide(bob.session.desk.setReadOnly(true));
    await world.pass(5_000);
    const peers = [bob.port, carol.port];
    // Nothing of her feed was kept: she has to say everything anew.
    const again = await world.start(alice.port, { peers, files });
    await world.pass(60_000);
    assertAgreed(again, bob, carol);
    assert.ok(!carol.roster.muted.has(TARGET.key), "the newer decision stands");
    await world.stop(bob);
    const reader = await world.start(FIRST_PORT + 5, { peers: [again.port] });
    await again.act("add", reader);
    await world.pass(40_000);
    assert.deepEqual(holds(reader).muted, holds(again).muted);
    assert.equal(reader.roster.readOnlySince, carol.roster.readOnlySince);
    assert.ok(reader.roster.isAdmin(bob.key));
  }));

Deno.test("a decision that another admin overruled is not believed by whoever comes when that one is gone", () =>
  inGroupWorld(async (world) => {
    const [alice, bob] = await world.mesh(2);
    assert.ok(alice !== undefined && bob !== undefined);
    await world.pass(4_000);
    await alice.act("promote", bob);
    await alice.act("add", TARGET);
    await alice.act("mute", OTHER);
    await alice.session.decide(alice.session.desk.setReadOnly(true));
    await world.pass(1_000);
    await bob.act("remove", TARGET);
    await bob.act("unmute", OTHER);
    await bob.session.decide(bob.session.desk.setReadOnly(false));
    await world.pass(1_000);
    await world.stop(bob);
    const reader = await world.start(FIRST_PORT + 5, { peers: [alice.port] });
    await alice.act("add", reader);
    await world.pass(40_000);
    assertAgreed(alice, reader);
    assert.ok(!reader.roster.isMember(TARGET.key));
    assert.equal(reader.roster.muted.size, 0);
  }));

Deno.test("an admin that restarts never says with a new date what it decided long ago", () =>
  inGroupWorld(async (world) => {
    const [alice, bob] = await world.mesh(2, { members: [8_910] });
    assert.ok(alice !== undefined && bob !== undefined);
    await world.pass(4_000);
    await alice.act("mute", TARGET);
    const since = alice.roster.muted.get(TARGET.key);
    await world.pass(600_000);
    const { files } = alice;
    await world.stop(alice);
    const again = await world.start(alice.port, { peers: [bob.port], members: [8_910], files });
    const reader = new HandMember(world, 8_910);
    await world.pass(10_000);
    await reader.dial(again);
    const records = [...await reader.read(again)]
      .filter(([path]) => !path.startsWith("msgs/"))
      .map(([, value]) => JSON.parse(new TextDecoder().decode(value)));
    assert.ok(records.length >= 3, "two members and a mute");
    const start = 1_789_000_000_000_000_000n;
    const latest = new Date(Number((start + 10n * SECOND) / 1_000_000n)).toISOString();
    for (const { issued_at: at } of records) assert.ok(at < latest, at);
    assert.equal(again.roster.muted.get(TARGET.key), since);
    await reader.close();
  }));

Deno.test("what an admin decided stays when it is demoted, also for whoever hears of that first", () =>
  inGroupWorld(async (world) => {
    const [alice, bob, carol] = await three(world);
    await alice.act("promote", bob);
    await world.pass(1_000);
    world.partition(carol.port);
    await bob.act("mute", TARGET);
    await bob.act("ban", OTHER);
    await world.pass(1_000);
    await alice.act("demote", bob);
    await world.pass(1_000);
    await world.stop(bob);
    world.heal();
    await world.pass(40_000);
    assertAgreed(alice, carol);
    assert.ok(carol.roster.muted.has(TARGET.key) && carol.roster.banned.has(OTHER.key));
    assert.ok(!carol.roster.isAdmin(bob.key));
  }));

Deno.test("what an admin decided stays when it is removed or banned, for whoever comes later", () =>
  inGroupWorld(async (world) => {
    const [alice, bob, carol] = await three(world);
    for (const action of ["remove", "ban"] as const) {
      await alice.act("add", bob);
      await alice.act("promote", bob);
      await world.pass(1_000);
      const target = action === "ban" ? TARGET : OTHER;
      await bob.act("mute", target);
      await world.pass(1_000);
      await alice.act(action, bob);
      await world.pass(4_000);
      assertAgreed(alice, carol);
      const reader = await world.start(FIRST_PORT + 5, { peers: [alice.port] });
      await alice.act("add", reader);
      await world.pass(40_000);
      assert.ok(reader.roster.muted.has(target.key), action);
      assert.ok(!reader.roster.isAdmin(bob.key));
      await alice.act("remove", reader);
      await world.stop(reader);
    }
  }));

Deno.test("an admin that leaves says so, and nobody dials or waits for it any more", () =>
  inGroupWorld(async (world) => {
    const [alice, bob, carol] = await three(world);
    await alice.act("promote", bob);
    await world.pass(1_000);
    const ended = bob.session.end("left");
    await world.pass(3_000);
    await ended;
    for (const node of [alice, carol]) {
      assert.ok(!node.roster.isMember(bob.key));
      assert.equal(node.state(bob), undefined);
    }
    await world.stop(bob);
    assertAgreed(alice, carol);
    assert.equal(bob.session.state.status, "left");
  }));

Deno.test("that an admin left is on its disk before anybody hears of it", () =>
  inGroupWorld(async (world) => {
    const [alice, bob] = await three(world);
    await alice.act("promote", bob);
    await world.pass(1_000);
    const disk = Promise.withResolvers<void>();
    bob.files.before = () => disk.promise;
    const ended = bob.session.end("left");
    await world.pass(3_000);
    assert.ok(alice.roster.isMember(bob.key));
    disk.resolve();
    await world.pass(3_000);
    await ended;
    assert.ok(!alice.roster.isMember(bob.key));
  }));

Deno.test("an admin that cannot seal what it says leaves all the same", () =>
  inGroupWorld(async (world) => {
    const peers = [FIRST_PORT];
    const bob = await world.start(FIRST_PORT + 1, { kind: "private", governance: "all", peers });
    await world.pass(1_000);
    assert.ok(bob.roster.isAdmin(bob.key) && bob.session.state.key === undefined);
    await bob.session.end("left");
    await world.stop(bob);
    assert.equal(bob.session.state.status, "left");
    assert.ok(bob.logs.some((line) => line.includes("nobody was told that this node left")));
  }));

Deno.test("a decision that comes from several while its copy is on its way to the disk is copied once", () =>
  inGroupWorld(async (world) => {
    const history = groupHistoryOf(world, FIRST_PORT + 2);
    const journalOf = history.journal.bind(history);
    history.journal = (key) => {
      const journal = journalOf(key);
      assert.ok(journal !== undefined);
      const append = journal.append.bind(journal);
      journal.append = async (entries) => {
        await world.clock.sleep(2_000);
        return await append(entries);
      };
      return journal;
    };
    const [alice, bob, carol] = await world.mesh(3, (index) => ({
      members: [HAND],
      ...(index === 2 && { history }),
    }));
    assert.ok(alice !== undefined && bob !== undefined && carol !== undefined);
    await world.pass(40_000);
    await alice.act("mute", TARGET);
    await world.pass(20_000);
    const hand = new HandMember(world, HAND);
    await hand.dial(bob, carol);
    for (const node of [bob, carol]) {
      const leaves = [...await hand.read(node)].filter(([path]) => !path.startsWith("msgs/"));
      const records = leaves.map(([, value]) => new TextDecoder().decode(value));
      assert.deepEqual([records.length, new Set(records).size], [4, 4], `${node.port}`);
    }
    await hand.close();
  }));

Deno.test("of records that differ only in who signed them, one counts, and everybody takes the same", () =>
  inGroupWorld(async (world) => {
    const [alice, bob, carol] = await three(world);
    await alice.act("promote", bob);
    await world.pass(1_000);
    const hand = new HandMember(world, 8_910);
    await alice.act("add", hand);
    await world.pass(1_000);
    await hand.dial(carol);
    const issuedAt = world.clock.wall();
    const records = [alice, bob].map(({ secret }) =>
      signMutation(secret, { groupId: GROUP_ID, op: "mute", peer: TARGET.key, issuedAt })
    );
    const before = carol.notices.length;
    await hand.publish(...records.map((record, index) => ({
      path: `mod/0000${index + 1}`,
      value: encodeMutation(record),
    })));
    assert.equal(carol.notices.length, before + 1, "said once");
    assert.equal(carol.roster.muted.get(TARGET.key), issuedAt);
    await hand.close();
  }));
