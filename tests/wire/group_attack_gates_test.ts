/** Whose messages are shown (groups.md 1.7): mutes, bans, read-only rooms, channels, dates, tombstones. */
import assert from "node:assert/strict";
import { isAhead } from "#events";
import { HEARTBEAT_TEXT, tombstoneText } from "#group";
import { attack, shownOf } from "#support/group_attack.ts";
import { HandMember } from "#support/group_hand.ts";
import { SECOND } from "#support/group_scene.ts";

const MINUTE = 60n * SECOND;

Deno.test("a mute hides what is dated at or after it, to the nanosecond, and nothing before it", () =>
  attack(async ({ alice, mallory, nodes, world }) => {
    const at = world.clock.wall();
    await alice.act("mute", mallory);
    assert.equal(alice.roster.muted.get(mallory.key), at, "the time of the issuer");
    await world.pass(500);
    await mallory.publish(
      mallory.message("just before", { ts: at - 1n }),
      mallory.message("at that moment", { ts: at }),
      mallory.message("just after", { ts: at + 1n }),
    );
    for (const node of nodes) assert.deepEqual(shownOf(node, mallory), ["just before"]);
    await alice.act("unmute", mallory);
    await world.pass(500);
    await mallory.publish(mallory.message("free again"));
    for (const node of nodes) assert.equal(shownOf(node, mallory).at(-1), "free again");
  }));

Deno.test("a muted member cannot date its messages back in its own feed", () =>
  attack(async ({ alice, mallory, nodes, world }) => {
    await mallory.publish(mallory.message("early"));
    await world.pass(20 * 60_000);
    const before = world.clock.wall() - 10n * MINUTE;
    await mallory.publish(mallory.message("late"));
    await alice.act("mute", mallory);
    await world.pass(500);
    await mallory.publish(mallory.message("dated back", { ts: before }));
    for (const node of nodes) assert.deepEqual(shownOf(node, mallory), ["early", "late"]);
  }));

Deno.test("what a muted member dated back is not shown after a restart or when the mute is lifted either", () =>
  attack(async ({ alice, bob, mallory, world }) => {
    const { files } = bob;
    await mallory.publish(mallory.message("early"));
    await world.pass(20 * 60_000);
    await mallory.publish(mallory.message("late"));
    await alice.act("mute", mallory);
    await world.pass(500);
    await mallory.publish(mallory.message("dated back", { ts: world.clock.wall() - 10n * MINUTE }));
    await world.stop(bob);
    const again = await world.start(bob.port, {
      peers: [alice.port],
      members: [mallory.port],
      files,
    });
    await world.pass(2_000);
    await mallory.dial(again);
    await world.pass(2_000);
    assert.deepEqual(shownOf(again, mallory), []);
    await alice.act("unmute", mallory);
    await world.pass(2_000);
    await mallory.publish(mallory.message("and now"));
    assert.deepEqual(shownOf(again, mallory), ["and now"]);
    assert.deepEqual(shownOf(alice, mallory), ["early", "late", "and now"]);
  }));

Deno.test("a message dated far ahead is shown once, marked, and holds up nobody", () =>
  attack(async ({ mallory, nodes, talks, world }) => {
    const now = world.clock.wall();
    await mallory.publish(
      mallory.message("in a while", { ts: now + 4n * MINUTE }),
      mallory.message("in a year", { ts: now + 525_600n * MINUTE }),
      mallory.message("at the end of time", { ts: 2n ** 63n - 1n }),
    );
    for (const node of nodes) {
      const shown = node.events.filter(({ sender }) => sender === mallory.key);
      assert.deepEqual(shown.map((event) => [event.text, isAhead(event)]), [
        ["in a while", false],
        ["in a year", true],
        ["at the end of time", true],
      ]);
      assert.ok(
        shown.every(({ wall }) => wall <= world.clock.wall()),
        "it arrived when it arrived",
      );
    }
    await talks();
    for (const { session } of nodes) {
      assert.ok((session.state.lastMessageAt ?? 0n) <= world.clock.wall() + 5n * MINUTE);
    }
  }));

Deno.test("a message dated ahead of a mute that is not there yet is hidden once it is muted", () =>
  attack(async ({ alice, mallory, nodes, world }) => {
    await alice.act("mute", mallory);
    await world.pass(500);
    await mallory.publish(
      mallory.message("tomorrow", { ts: world.clock.wall() + 1_440n * MINUTE }),
    );
    for (const node of nodes) assert.deepEqual(shownOf(node, mallory), []);
  }));

Deno.test("in a read-only room only admins are heard from then on, and nobody else can send", () =>
  attack(async ({ alice, bob, mallory, nodes, world }) => {
    const before = mallory.message("before");
    await world.pass(100);
    await alice.session.decide(alice.session.desk.setReadOnly(true));
    await world.pass(500);
    await mallory.publish(before, mallory.message("after"));
    for (const node of nodes) assert.deepEqual(shownOf(node, mallory), ["before"]);
    await assert.rejects(bob.say("no"), {
      message: "group: posting not permitted: group is read-only",
    });
    await alice.act("promote", bob);
    await alice.say("the founder may");
    await world.pass(1_000);
    await bob.say("and so may an admin");
    await world.pass(1_000);
    assert.equal(bob.received.at(-1), "the founder may");
    assert.equal(alice.received.at(-1), "and so may an admin");
    await alice.session.decide(alice.session.desk.setReadOnly(false));
    await world.pass(500);
    await mallory.publish(mallory.message("open again"));
    for (const node of nodes) assert.equal(shownOf(node, mallory).at(-1), "open again");
  }));

Deno.test("a ban hides messages of every age, and its target cannot bring old ones", () =>
  attack(async ({ alice, mallory, nodes, world }) => {
    const carol = new HandMember(world, 8_911);
    await alice.act("add", carol);
    await world.pass(1_000);
    await carol.dial(...nodes);
    const old = mallory.message("old");
    await world.pass(5_000);
    await alice.act("ban", mallory);
    await world.pass(500);
    await carol.publish(old);
    for (const node of nodes) assert.deepEqual(shownOf(node, mallory), []);
    await carol.close();
  }));

Deno.test("a tombstone takes back messages of its own author only", () =>
  attack(async ({ alice, bob, mallory, nodes, world }) => {
    const ts = await alice.say("stays");
    await world.pass(1_000);
    const mine = mallory.message("goes");
    await mallory.publish(mine);
    const at = BigInt(mine.path.split("/")[2] ?? "");
    await mallory.publish(mallory.message(tombstoneText(ts)), mallory.message(tombstoneText(at)));
    for (const node of nodes) {
      const of = node.retractions.map(({ sender, ts }) => [sender, ts]);
      assert.deepEqual(of, [[mallory.key, ts], [mallory.key, at]]);
      const leaves = [...(await mallory.read(node)).keys()];
      assert.ok(leaves.some((path) => path.startsWith(`msgs/${alice.key}/${ts}/`)));
      assert.ok(!leaves.includes(mine.path), "the copy of the message is gone");
    }
    assert.ok(bob.received.includes("stays"));
    assert.ok(
      nodes.every((node) => !node.received.some((text) => text.includes("skychat_delete"))),
    );
  }));

Deno.test("a tombstone that comes before its message keeps it from being shown, whoever brings it", () =>
  attack(async ({ alice, mallory, nodes, world }) => {
    const carol = new HandMember(world, 8_911);
    await alice.act("add", carol);
    await world.pass(1_000);
    await carol.dial(...nodes);
    const mine = mallory.message("never mind");
    const at = BigInt(mine.path.split("/")[2] ?? "");
    await mallory.publish(mallory.message(tombstoneText(at)));
    await carol.publish(mine);
    for (const node of nodes) {
      assert.deepEqual(shownOf(node, mallory), []);
      assert.ok(!(await mallory.read(node)).has(mine.path));
    }
    await carol.close();
  }));

Deno.test("tombstones without end push out neither messages nor the memory of others' tombstones at once", () =>
  attack(async ({ alice, bob, mallory, nodes, talks, world }) => {
    const ts = await bob.say("goes");
    await world.pass(1_000);
    await bob.session.publisher.unsend(ts);
    const start = world.clock.wall();
    for (let index = 0n; index < 300n; index++) {
      mallory.put(mallory.message(tombstoneText(index + 1n), { ts: start + index }));
    }
    await mallory.publish();
    await world.pass(10_000);
    assert.ok(alice.retractions.some(({ sender, ts: of }) => sender === bob.key && of === ts));
    await talks();
    assert.ok(nodes.every(({ session }) => session.state.members.length === 2));
  }));

Deno.test("heartbeats are neither shown nor copied, whoever sends them and however many", () =>
  attack(async ({ alice, mallory, nodes, world }) => {
    const ts = world.clock.wall();
    const beats = Array.from(
      { length: 20 },
      (_, index) => mallory.message(HEARTBEAT_TEXT, { ts: ts + BigInt(index) }),
    );
    await mallory.publish(...beats);
    for (const node of nodes) {
      assert.deepEqual(shownOf(node, mallory), []);
      const leaves = await mallory.read(node);
      assert.ok(beats.every(({ path }) => !leaves.has(path)));
    }
    // Only the exact text is one.
    await mallory.publish(mallory.message(`${HEARTBEAT_TEXT} `));
    assert.deepEqual(shownOf(alice, mallory), [`${HEARTBEAT_TEXT} `]);
  }));

Deno.test("own messages that come back through copies are neither shown nor written again", () =>
  attack(async ({ alice, bob, mallory, world }) => {
    await alice.say("mine");
    await world.pass(1_000);
    const own = [...await mallory.read(alice)].filter(([path]) => path.includes(alice.key));
    const [shown, size] = [alice.events.length, (await mallory.read(alice)).size];
    await mallory.publish(...own.map(([path, value]) => ({ path, value })));
    assert.equal(alice.events.length, shown);
    assert.equal((await mallory.read(alice)).size, size);
    assert.ok(bob.received.filter((text) => text === "mine").length === 1);
  }));

Deno.test("a message of somebody in no list is shown, marked as such, once", () =>
  attack(async ({ mallory, nodes, world }) => {
    const stranger = new HandMember(world, 8_950);
    await mallory.publish(stranger.message("a guest"));
    for (const node of nodes) {
      const shown = node.events.filter(({ sender }) => sender === stranger.key);
      assert.deepEqual(shown.map(({ text, listed }) => [text, listed]), [["a guest", false]]);
      assert.ok(
        node.events.every(({ sender, listed }) => sender === stranger.key || listed !== false),
      );
    }
  }));

Deno.test("in a channel only admins are heard, whatever the date, and members follow nobody else", () =>
  attack(async ({ alice, bob, mallory, nodes, world }) => {
    assert.deepEqual(bob.session.state.members.map(({ member }) => member), [alice.key]);
    await mallory.publish(mallory.message("not here", { ts: 1n }), mallory.message("nor now"));
    mallory.clear();
    mallory.push();
    for (const node of nodes) assert.deepEqual(shownOf(node, mallory), []);
    await alice.act("promote", mallory);
    await world.pass(2_000);
    await mallory.publish(mallory.message("as an admin"));
    for (const node of nodes) assert.deepEqual(shownOf(node, mallory), ["as an admin"]);
  }, { kind: "channel" }));

Deno.test("whom this node blocks is not shown here, and is still copied for others", () => {
  let blocked = "";
  return attack(async ({ mallory, nodes }) => {
    blocked = mallory.key;
    const leaf = mallory.message("unseen");
    await mallory.publish(leaf);
    for (const node of nodes) {
      assert.deepEqual(shownOf(node, mallory), []);
      assert.ok((await mallory.read(node)).has(leaf.path));
    }
  }, { isBlocked: (peer) => peer === blocked });
});
