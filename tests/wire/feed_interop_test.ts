/** Live traffic between our nodes and a node with the manners of the deployed Go program, in both roles. */
import assert from "node:assert/strict";
import { historyOf, inWorld } from "#support/feed_scene.ts";
import { type GoOptions, GoPublisher, GoSubscriber } from "#support/feed_go.ts";
import { follow, hello } from "#support/feed_raw.ts";

const PUBLISHER = 8_802;
const SUBSCRIBER = 8_803;
const MINUTE = 60_000;

Deno.test("live messages of a Go publisher are shown, in order", () =>
  inWorld(async (world) => {
    const go = new GoPublisher(world, PUBLISHER);
    go.say("before");
    await world.clock.advance(1_000);
    const node = await world.start(SUBSCRIBER, { peers: [go] });
    await world.clock.advance(1_000);
    for (const text of ["one", "two"]) {
      go.say(text);
      await world.clock.advance(1_000);
    }
    assert.deepEqual(node.received, ["before", "one", "two"]);
    assert.equal(node.shown[0]?.from, go.key);
    const [line] = go.lines;
    assert.equal(go.lines.length, 1);
    const [syn] = line?.line.all("Syn") ?? [];
    assert.equal(syn?.nodeId, line?.line.peer, "the node id is the key that noise has proven");
    assert.notEqual(syn?.nodeId, node.key, "trap 16: a subscriber's node id is not the chat key");
    await go.close();
  }));

Deno.test("live messages of ours reach a Go subscriber, in order", () =>
  inWorld(async (world) => {
    const node = await world.start(PUBLISHER);
    await node.say("before");
    await world.clock.advance(1_000);
    const go = new GoSubscriber(world, { port: PUBLISHER });
    await world.clock.advance(1_000);
    for (const text of ["one", "two"]) {
      await node.say(text);
      await world.clock.advance(1_000);
    }
    assert.deepEqual(go.shown, ["before", "one", "two"]);
    assert.deepEqual(go.failures, []);
    assert.equal(go.lines.length, 1);
    await go.close();
  }));

Deno.test("both ways at once: each of two programs publishes and follows the other", () =>
  inWorld(async (world) => {
    const goOut = new GoPublisher(world, SUBSCRIBER);
    const node = await world.start(PUBLISHER, { peers: [goOut] });
    const goIn = new GoSubscriber(world, { port: PUBLISHER });
    await world.clock.advance(1_000);
    for (let count = 0; count < 20; count++) {
      await node.say(`ours ${count}`);
      goOut.say(`theirs ${count}`);
      await world.clock.advance(137);
    }
    await world.clock.advance(2_000);
    const numbered = (who: string) => Array.from({ length: 20 }, (_, index) => `${who} ${index}`);
    assert.deepEqual(goIn.shown, numbered("ours"));
    assert.deepEqual(node.received, numbered("theirs"));
    await Promise.all([goIn.close(), goOut.close()]);
  }));

Deno.test("trap 15: two messages of one batch window come in one Root, both ways", () =>
  inWorld(async (world) => {
    const goOut = new GoPublisher(world, SUBSCRIBER);
    const node = await world.start(PUBLISHER, { peers: [goOut] });
    const goIn = new GoSubscriber(world, { port: PUBLISHER });
    await world.clock.advance(1_000);
    goOut.say("their first");
    await node.say("our first");
    await world.clock.advance(299);
    goOut.say("their second");
    await node.say("our second");
    assert.deepEqual(
      [goIn.shown, node.received],
      [[], []],
      "nothing goes out before the window ends",
    );
    await world.clock.advance(1);
    assert.deepEqual(goIn.shown, ["our first", "our second"]);
    assert.deepEqual(node.received, ["their first", "their second"]);
    assert.equal(goIn.copy.last?.root.seq, 0n);
    assert.equal(node.feeds.figures.peers[0]?.seq, 0n);
    await Promise.all([goIn.close(), goOut.close()]);
  }));

for (const probes of [false, true]) {
  const manner = probes ? "one that probes" : "one that never probes";
  for (const published of [true, false]) {
    const feed = published ? "a feed that was published" : "a feed without a Root";
    Deno.test(`3 min of silence on ${feed} cost no reconnect, in both roles, with ${manner}`, () =>
      inWorld(async (world) => {
        const options: GoOptions = { probes };
        const goOut = new GoPublisher(world, SUBSCRIBER, options);
        const node = await world.start(PUBLISHER, { peers: [goOut] });
        const goIn = new GoSubscriber(world, { port: PUBLISHER, ...options });
        await world.clock.advance(1_000);
        if (published) {
          goOut.say("theirs");
          await node.say("ours");
          await world.clock.advance(1_000);
        }
        await world.clock.advance(3 * MINUTE);
        const lines = [...goOut.lines, ...goIn.lines];
        assert.deepEqual(lines.map(({ isClosed, reason }) => [isClosed, reason]), [
          [false, ""],
          [false, ""],
        ]);
        assert.deepEqual(node.received, published ? ["theirs"] : []);
        assert.deepEqual(goIn.shown, published ? ["ours"] : []);
        assert.deepEqual(node.logs.filter((line) => /disconnect|failed|dropped/.test(line)), []);
        await Promise.all([goIn.close(), goOut.close()]);
      }));
  }
}

Deno.test("trap 10: heartbeats are Roots without messages, and keep a feed fresh, both ways", () =>
  inWorld(async (world) => {
    const goOut = new GoPublisher(world, SUBSCRIBER);
    const node = await world.start(PUBLISHER, { peers: [goOut] });
    const goIn = new GoSubscriber(world, { port: PUBLISHER });
    await world.clock.advance(1_000);
    goOut.say("theirs");
    await node.say("ours");
    await world.clock.advance(1_000);
    const quiet = { shown: node.shown.length, asked: goIn.copy.asked.length };
    for (let minutes = 1; minutes <= 5; minutes++) {
      const before = [goIn.copy.last, node.feeds.figures.peers[0]?.seq] as const;
      await world.clock.advance(67_500);
      const [root, seq] = [goIn.copy.last?.root, node.feeds.figures.peers[0]];
      assert.ok((root?.seq ?? 0n) > (before[0]?.root.seq ?? 0n), "we send heartbeats");
      assert.deepEqual(root?.refs, before[0]?.root.refs);
      assert.ok((seq?.seq ?? 0n) > (before[1] ?? 0n), "theirs are taken");
      assert.ok((seq?.lagMs ?? Infinity) <= 67_500);
    }
    assert.equal(node.shown.length, quiet.shown, "no heartbeat is a message");
    assert.equal(goIn.copy.asked.length, quiet.asked, "and it needs no object");
    assert.deepEqual(goIn.shown, ["ours"]);
    // A quiet timer that heartbeats did not reset would have subscribed again.
    assert.equal(goOut.lines[0]?.line.all("Sub").length, 1);
    await Promise.all([goIn.close(), goOut.close()]);
  }));

Deno.test("a slow Go subscriber completes every Root that it begins while we publish on", () =>
  inWorld(async (world) => {
    const node = await world.start(PUBLISHER);
    for (let count = 0; count < 40; count++) await node.say(`early ${count}`);
    await world.clock.advance(1_000);
    const go = new GoSubscriber(world, { port: PUBLISHER, objectDelayMs: 1_000 });
    await world.clock.advance(1_000);
    const late = 70;
    for (let count = 0; count < late; count++) {
      await node.say(`late ${count}`);
      await world.clock.advance(1_000);
    }
    await world.clock.advance(3 * MINUTE);
    assert.ok(go.copy.fills.length >= 2);
    assert.deepEqual(go.copy.fills.filter((fill) => !fill.endsWith("complete")), []);
    assert.deepEqual(go.lines.map(({ reason }) => reason), [""]);
    assert.equal(go.shown.length, 40 + late);
    assert.equal(new Set(go.shown).size, go.shown.length);
    await go.close();
  }));

Deno.test("objects of a pushed Root stay 3 min and 8 Roots, and are gone afterwards", () =>
  inWorld(async (world) => {
    const node = await world.start(PUBLISHER);
    const line = await follow(world, PUBLISHER);
    for (let count = 0; count < 20; count++) {
      await node.say(`message ${count}`);
      await world.clock.advance(1_000);
    }
    const nodes = line.all("Root").map(({ value }) => value.subarray(4, 36).toHex());
    assert.equal(new Set(nodes).size, 20);
    const held = async () => {
      const found: boolean[] = [];
      for (const id of nodes) {
        const answer = await line.ask({ type: "RqObject", id });
        found.push(typeof answer === "object" && answer.type === "Object");
      }
      return found;
    };
    // The first was superseded 1 s after it was pushed.
    await world.clock.advance(3 * MINUTE - 20_000);
    assert.deepEqual(await held(), nodes.map(() => true), "3 min are not over");
    await world.clock.advance(45_000);
    const later = await held();
    assert.equal(later[0], false, "kept for no reason any more");
    assert.deepEqual(later.slice(-5), Array(5).fill(true), "the last 8 Roots, heartbeats included");
    const objects = node.feeds.figures.objects;
    await world.clock.advance(9 * 67_500);
    const last = await held();
    assert.deepEqual(last.slice(0, -1), Array(19).fill(false));
    assert.equal(last.at(-1), true, "the tree of the last Root stays for ever");
    assert.ok(node.feeds.figures.objects < objects);
    await line.end();
  }));

Deno.test("a Go publisher that drops what it superseded delays messages, and loses none", () =>
  inWorld(async (world) => {
    const go = new GoPublisher(world, PUBLISHER);
    const node = await world.start(SUBSCRIBER, { peers: [go] });
    await world.clock.advance(1_000);
    const [line] = go.live;
    assert.ok(line !== undefined);
    line.line.pause();
    for (let count = 0; count < 60; count++) go.say(`early ${count}`);
    await world.clock.advance(500);
    go.say("late");
    await world.clock.advance(500);
    // Our first request is read now; what it asks for is gone.
    line.line.resume();
    await world.pass(50_000);
    assert.deepEqual(node.received, []);
    await world.pass(MINUTE);
    assert.ok(node.logs.some((text) => text.includes("Root 0 is incomplete")));
    assert.equal(node.received.length, 61);
    assert.equal(new Set(node.received).size, 61);
    assert.equal(go.lines.length, 1, "and the line stays");
    await go.close();
  }));

Deno.test("a follower without ML-KEM, and one that previews, are served", () =>
  inWorld(async (world) => {
    const node = await world.start(PUBLISHER);
    await node.say("hello");
    await world.clock.advance(1_000);
    const classical = await follow(world, PUBLISHER, { postQuantum: false });
    assert.equal(classical.all("Root").length, 1);
    const stranger = await hello(world, PUBLISHER);
    const answer = await stranger.ask({ type: "RqPreview", feed: node.key });
    assert.ok(typeof answer === "object" && answer.type === "Root");
    assert.deepEqual(answer.value, classical.all("Root")[0]?.value);
    assert.equal(node.feeds.figures.followers, 1, "a preview follows nothing");
    await classical.end();
    await stranger.end();
  }));

Deno.test("a store keeps messages of a Go publisher from being shown twice over 5 of our restarts", () =>
  inWorld(async (world) => {
    const go = new GoPublisher(world, PUBLISHER);
    const history = historyOf(world, SUBSCRIBER);
    const said: string[] = [];
    for (let life = 0; life < 5; life++) {
      const node = await world.start(SUBSCRIBER, { peers: [go], history });
      go.say(`in life ${life}`);
      said.push(`in life ${life}`);
      await world.clock.advance(1_000);
      assert.deepEqual(node.received, said);
      await world.stop(node);
      go.say(`after life ${life}`);
      said.push(`after life ${life}`);
      await world.clock.advance(1_000);
    }
    await go.close();
    await history.close();
  }));
