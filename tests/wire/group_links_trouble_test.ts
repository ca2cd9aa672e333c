/** Members that do not answer, refuse, fall silent, flood or lie: they hold up nobody else. */
import assert from "node:assert/strict";
import { CROSSED_DIALS_MS, MAX_SMALL_FRAME, rootMessage } from "#cxo";
import { secretOf } from "#support/feed_node.ts";
import { hello } from "#support/feed_raw.ts";
import { inLinksWorld, linesBetween } from "#support/group_links.ts";
import { RawMember } from "#support/group_raw.ts";

const PORT = 8_900;
const MEMBER_PORT = 8_901;

Deno.test("a member that cannot be reached is dialled after 3 s, then ever later up to 30 s", () =>
  inLinksWorld(async (world) => {
    const node = world.start(PORT);
    node.list([node, MEMBER_PORT]);
    await world.pass(120_000);
    const times = node.tried.map(({ at }) => at);
    const waits = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    assert.deepEqual(waits.slice(0, 6), [3_000, 6_000, 12_000, 24_000, 30_000, 30_000]);
    const said = node.logs.filter((line) => line.includes("reconnect"));
    assert.equal(said.length, 1, "the same trouble is said once");
    assert.match(said[0] ?? "", /reconnect [0-9a-f]{66}: dial 127.0.0.1:8901: connect: connection/);
    // Whoever connects at last is not dialled.
    const tried = node.tried.length;
    const member = new RawMember(world, MEMBER_PORT);
    member.root("msgs/1", "here");
    await member.dial(PORT);
    await world.pass(60_000);
    assert.deepEqual(node.has(member), { "msgs/1": "here" });
    assert.equal(node.tried.length, tried);
    await member.close();
  }));

Deno.test("a hundred members that never answer hold up none of the others", () =>
  inLinksWorld(async (world) => {
    const silent = Array.from({ length: 100 }, (_, index) => 20_000 + index);
    for (const port of silent) world.silent.add(port);
    const [one, two] = [world.start(PORT), world.start(PORT + 1)];
    for (const node of [one, two]) {
      node.put("msgs/1", "from the living");
      node.list([...silent, one, two]);
    }
    await world.pass(4_000);
    assert.deepEqual(one.has(two), { "msgs/1": "from the living" });
    assert.deepEqual(two.has(one), { "msgs/1": "from the living" });
    assert.equal(one.tried.length, 101, "all at once");
    await world.pass(20_000);
    assert.equal(linesBetween(one, two), 1);
  }));

Deno.test("a member that dialled is followed again over its new connection, whichever was the first", () =>
  inLinksWorld(async (world) => {
    const node = world.start(PORT);
    const member = new RawMember(world, MEMBER_PORT);
    node.list([node, MEMBER_PORT], () => undefined);
    member.root("msgs/1", "first");
    const first = await member.dial(PORT);
    await world.pass(1_000);
    assert.equal(member.asked.length, 1);
    const second = await member.dial(PORT);
    await world.pass(1_000);
    assert.deepEqual([first.isClosed, second.isClosed], [true, false], "the newest stays");
    assert.equal(member.asked.length, 2, "Sub is repeated");
    second.send(member.root("msgs/2", "second"));
    await world.pass(1_000);
    assert.deepEqual(node.has(member), { "msgs/1": "first", "msgs/2": "second" });
    await member.close();
  }));

Deno.test("a peer that keeps the newest of two crossed dials and closes the other is followed over that", () =>
  inLinksWorld(async (world) => {
    // Of two members one has the smaller key: the rule of the node and of its peer differ for one of them.
    for (const port of [MEMBER_PORT, MEMBER_PORT + 1]) {
      const node = world.start(PORT);
      const member = new RawMember(world, port);
      member.root("msgs/1", "kept");
      member.open();
      node.list([node, port]);
      await world.pass(500);
      assert.equal(member.lines.length, 1, "dialled");
      const newest = await member.dial(PORT);
      await world.clock.advance(0);
      member.lines[0]?.close();
      await world.pass(CROSSED_DIALS_MS + 1_000);
      assert.equal(newest.isClosed, false);
      assert.equal(member.lines.length, 2, "nobody dialled again");
      newest.send(member.root("msgs/2", "over the newest"));
      await world.pass(1_000);
      assert.deepEqual(node.has(member), { "msgs/1": "kept", "msgs/2": "over the newest" });
      await member.close();
      await world.stop(node);
    }
  }));

Deno.test("a member that refuses keeps its connection, and is asked again: later, or once it speaks", () =>
  inLinksWorld(async (world) => {
    const node = world.start(PORT);
    const member = new RawMember(world, MEMBER_PORT);
    node.list([node, MEMBER_PORT]);
    node.put("msgs/1", "for it");
    member.refusal = "subscribe rejected";
    member.root("msgs/1", "not yet");
    const line = await member.dial(PORT);
    assert.deepEqual(await line.ask({ type: "Sub", feed: node.key }), { type: "Ok" });
    await world.pass(100_000);
    const waits = member.asked.slice(1).map((at, index) => at - (member.asked[index] ?? 0));
    // It spoke at the beginning, which is why it was asked once more soon.
    assert.deepEqual(waits, [1_000, 3_000, 6_000, 12_000, 24_000, 30_000]);
    assert.equal(line.isClosed, false, "it may follow");
    assert.equal(line.all("Root").length > 0, true);
    assert.equal(node.logs.filter((text) => text.includes("subscribe rejected")).length, 1);
    const asked = member.asked.length;
    member.refusal = undefined;
    assert.deepEqual(await line.ask({ type: "Sub", feed: node.key }), { type: "Ok" });
    await world.pass(1_000);
    assert.equal(member.asked.length, asked + 1);
    assert.deepEqual(node.has(member), { "msgs/1": "not yet" });
    await member.close();
  }));

Deno.test("one that refuses and speaks without end is asked once a second at most", () =>
  inLinksWorld(async (world) => {
    const node = world.start(PORT);
    const member = new RawMember(world, MEMBER_PORT);
    node.list([node, MEMBER_PORT], () => undefined);
    member.refusal = "no";
    const line = await member.dial(PORT);
    for (let count = 0; count < 100; count++) {
      line.send(member.root("msgs/1", `${count}`));
      await world.clock.advance(100);
    }
    assert.ok(member.asked.length <= 11, `${member.asked.length} times in 10 s`);
    assert.equal(line.isClosed, false);
    await member.close();
  }));

Deno.test("a member that brings no Root for 60 s is subscribed to again; where it says nothing, dialled anew", () =>
  inLinksWorld(async (world) => {
    const node = world.start(PORT);
    const member = new RawMember(world, MEMBER_PORT);
    member.open();
    member.root("msgs/1", "once");
    node.list([node, MEMBER_PORT]);
    await world.pass(130_000);
    assert.equal(member.lines.length, 1);
    const waits = member.asked.slice(1).map((at, index) => at - (member.asked[index] ?? 0));
    assert.deepEqual(waits, [60_000, 60_000], "asked again over the same connection");
    member.answersSub = false;
    await world.pass(130_000);
    assert.ok(member.lines.length > 1, "given up");
    member.answersSub = true;
    await world.pass(70_000);
    member.line?.send(member.root("msgs/2", "again"));
    await world.pass(1_000);
    assert.deepEqual(node.has(member), { "msgs/1": "once", "msgs/2": "again" });
    await member.close();
  }));

Deno.test("a Root that does not come whole is asked for again, and what came is handed on", () =>
  inLinksWorld(async (world) => {
    const node = world.start(PORT);
    const member = new RawMember(world, MEMBER_PORT);
    node.list([node, MEMBER_PORT], () => undefined);
    member.root("msgs/1", "whole");
    const line = await member.dial(PORT);
    await world.pass(1_000);
    const broken = member.root("msgs/2", "missing");
    member.forget();
    line.send(broken);
    await world.pass(1_000);
    assert.ok(member.asked.length >= 2, "asked again");
    assert.ok(node.logs.some((text) => text.endsWith("is incomplete: an object is missing")));
    assert.equal(line.isClosed, false);
    await member.close();
  }));

Deno.test("a leaf of 256 KiB comes over a connection that its publisher dialled", () =>
  inLinksWorld(async (world) => {
    const [node, hidden] = [world.start(PORT), world.start(MEMBER_PORT, { listens: false })];
    const text = "x".repeat(262_144);
    assert.ok(text.length >= MAX_SMALL_FRAME);
    node.list([node, hidden], () => undefined);
    hidden.put("msgs/1", text);
    hidden.list([node, hidden]);
    await world.pass(3_000);
    assert.equal(node.has(hidden)["msgs/1"], text);
    assert.equal(node.dialled.length, 0);
  }));

Deno.test("a frame that nobody asked for stays small, of a member too", () =>
  inLinksWorld(async (world) => {
    const node = world.start(PORT);
    node.list([node, MEMBER_PORT], () => undefined);
    const line = await hello(world, PORT, { secret: secretOf(MEMBER_PORT) });
    line.sendBytes(new Uint8Array([0, 0x10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]));
    await world.pass(500);
    assert.ok(line.isClosed);
    assert.match(node.logs.join("\n"), /frame of 1048576 bytes/);
    await line.end();
  }));

Deno.test("a member that pushes Roots without end is slowed down, and the others are heard meanwhile", () =>
  inLinksWorld(async (world) => {
    let handled = 0;
    const evil = new RawMember(world, MEMBER_PORT);
    const node = world.start(PORT, {
      onUpdate: (member) => {
        if (member === evil.key) handled++;
        return Promise.resolve();
      },
    });
    const good = world.start(PORT + 5);
    for (const each of [node, good]) {
      each.list(
        [node, good, MEMBER_PORT],
        (port) => port === MEMBER_PORT ? undefined : `127.0.0.1:${port}`,
      );
    }
    const line = await evil.dial(PORT);
    await world.pass(4_000);
    for (let count = 0; count < 2_000; count++) {
      line.send(evil.root(`msgs/${count % 10}`, `${count}`));
    }
    good.put("msgs/1", "good");
    await world.pass(5_000);
    assert.deepEqual(node.has(good), { "msgs/1": "good" });
    assert.ok(handled <= 40 + 10 * 10, `${handled} Roots were taken`);
    assert.equal(node.links.followers, 1);
    await evil.close();
  }));

Deno.test("Roots of other keys that a member pushes are passed over, forged ones of its own end the line", () =>
  inLinksWorld(async (world) => {
    const [node, other] = [world.start(PORT), world.start(PORT + 5)];
    const evil = new RawMember(world, MEMBER_PORT);
    const addresses = (port: number) => port === MEMBER_PORT ? undefined : `127.0.0.1:${port}`;
    for (const each of [node, other]) each.list([node, other, MEMBER_PORT], addresses);
    other.put("msgs/1", "true");
    await world.pass(4_000);
    const line = await evil.dial(PORT);
    await world.pass(500);
    const own = evil.root("msgs/1", "false");
    const foreign = new RawMember(world, 7_777).root("msgs/1", "of a stranger");
    for (
      const root of [
        { ...own, feed: other.key },
        foreign,
        { ...foreign, feed: node.key },
        ...(other.feed.last === undefined ? [] : [rootMessage(other.feed.last)]),
      ]
    ) line.send(root);
    await world.pass(500);
    assert.equal(line.isClosed, false);
    assert.deepEqual([node.has(evil), node.has(other)], [{}, { "msgs/1": "true" }]);
    line.send({ ...foreign, feed: evil.key });
    await world.pass(500);
    assert.equal(line.isClosed, true, "no honest peer does that");
    assert.match(node.logs.join("\n"), /cxo dropped/);
    assert.equal(node.state(evil)?.connected, false);
    await evil.close();
  }));

Deno.test("a member that serves what is not the object is dropped, and dialled again after a pause", () =>
  inLinksWorld(async (world) => {
    const node = world.start(PORT);
    const evil = new RawMember(world, MEMBER_PORT);
    evil.open();
    evil.root("msgs/1", "false");
    evil.falsify();
    node.list([node, MEMBER_PORT]);
    await world.pass(60_000);
    assert.deepEqual(node.has(evil), {});
    assert.match(node.logs.join("\n"), /cxo dropped \S+ \([0-9a-f]{66}\): not the object/);
    assert.ok(evil.lines.length >= 4 && evil.lines.length <= 6, `${evil.lines.length} lines`);
    await evil.close();
  }));

Deno.test("what handles an update and fails is said, and the next one comes", () =>
  inLinksWorld(async (world) => {
    let fails = true;
    const node = world.start(PORT, {
      onUpdate: () => fails ? Promise.reject(new Error("a mistake")) : Promise.resolve(),
    });
    const member = new RawMember(world, MEMBER_PORT);
    node.list([node, MEMBER_PORT], () => undefined);
    const line = await member.dial(PORT);
    await world.pass(500);
    line.send(member.root("msgs/1", "lost"));
    await world.pass(500);
    assert.match(node.logs.at(-1) ?? "", /an update was not handled: a mistake/);
    fails = false;
    line.send(member.root("msgs/2", "next"));
    await world.pass(500);
    assert.deepEqual(node.has(member), { "msgs/2": "next" });
    await member.close();
  }));
