/** Restarts of our nodes and of nodes with the manners of the deployed Go program (cxo.md 5.8). */
import assert from "node:assert/strict";
import { historyOf, inWorld } from "#support/feed_scene.ts";
import { GoPublisher, GoSubscriber } from "#support/feed_go.ts";
import type { FeedWorld } from "#support/feed_node.ts";
import type { FeedLine } from "#support/feed_peer.ts";
import { follow } from "#support/feed_raw.ts";

const PUBLISHER = 8_802;
const SUBSCRIBER = 8_803;
const MINUTE = 60_000;

Deno.test("a Go publisher that restarts is healed by our push-back within a watchdog period", () =>
  inWorld(async (world) => {
    const before = new GoPublisher(world, PUBLISHER);
    const node = await world.start(SUBSCRIBER, { peers: [before] });
    for (let count = 0; count < 5; count++) {
      before.say(`before ${count}`);
      await world.clock.advance(1_000);
    }
    const last = before.copy.last;
    await before.close();
    await world.clock.advance(3_000);
    const after = new GoPublisher(world, PUBLISHER);
    await world.clock.advance(90_000);
    assert.equal(last?.root.seq, 4n);
    assert.deepEqual(after.copy.last?.value, last.value, "it took our Root, filled from us");
    assert.deepEqual(after.copy.fills, ["4: complete"]);
    after.say("after");
    await world.clock.advance(1_000);
    assert.equal(after.copy.last?.root.seq, 5n);
    assert.equal(after.copy.last?.root.prev, last.id);
    assert.deepEqual(node.received.slice(5), ["after"]);
    await after.close();
  }));

Deno.test("trap 9: what a restarted Go publisher says at once, with the old nonce and Seq 0, is shown", () =>
  inWorld(async (world) => {
    const before = new GoPublisher(world, PUBLISHER);
    const node = await world.start(SUBSCRIBER, { peers: [before] });
    for (let count = 0; count < 5; count++) {
      before.say(`before ${count}`);
      await world.clock.advance(1_000);
    }
    await before.close();
    const after = new GoPublisher(world, PUBLISHER);
    after.say("after");
    after.publish();
    assert.equal(after.copy.last?.root.seq, 0n);
    await world.clock.advance(5_000);
    assert.deepEqual(node.received.slice(4), ["before 4", "after"]);
    after.say("later");
    await world.clock.advance(1_000);
    assert.deepEqual(node.received.slice(6), ["later"]);
    await after.close();
  }));

Deno.test("a Go publisher that restarts with its clock set back is heard within its heartbeat", () =>
  inWorld(async (world) => {
    const before = new GoPublisher(world, PUBLISHER);
    const node = await world.start(SUBSCRIBER, { peers: [before] });
    for (let count = 0; count < 5; count++) {
      before.say(`before ${count}`);
      await world.clock.advance(1_000);
    }
    await before.close();
    const after = new GoPublisher(world, PUBLISHER, { skew: -3_600_000_000_000n });
    after.say("an hour earlier");
    after.publish();
    await world.clock.advance(5_000);
    assert.equal(after.copy.last?.root.seq, 4n, "our Root is the last of its head");
    after.say("and on");
    await world.clock.advance(1_000);
    assert.deepEqual(node.received.slice(5).sort(), ["an hour earlier", "and on"]);
    assert.equal(node.received.length, 7);
    await world.clock.advance(3 * MINUTE);
    assert.equal(node.received.length, 7);
    await after.close();
  }));

Deno.test("a live Go publisher whose clock is set back goes on", () =>
  inWorld(async (world) => {
    const go = new GoPublisher(world, PUBLISHER);
    const node = await world.start(SUBSCRIBER, { peers: [go] });
    go.say("before");
    await world.clock.advance(1_000);
    go.skew = -3_600_000_000_000n;
    go.say("after");
    await world.clock.advance(1_000);
    assert.deepEqual(node.received, ["before", "after"]);
    await go.close();
  }));

const ORDERS = [
  "the publisher",
  "the subscriber",
  "the publisher, then the subscriber",
  "the subscriber, then the publisher",
  "both at once",
] as const;

for (const order of ORDERS) {
  for (const gapMs of [0, 40_000]) {
    const pause = gapMs === 0 ? "at once" : "after 40 s";
    Deno.test(`restart of ${order} (Go publisher, our subscriber), back ${pause}: nothing lost or twice`, () =>
      inWorld(async (world) => {
        const history = historyOf(world, SUBSCRIBER);
        let go = new GoPublisher(world, PUBLISHER);
        let node = await world.start(SUBSCRIBER, { peers: [go], history });
        const said: string[] = [];
        const say = (text: string) => {
          go.say(text);
          said.push(text);
        };
        const stopGo = async () => {
          // A clean stop of a Go node publishes what waits first.
          go.publish();
          await world.clock.advance(500);
          await go.close();
        };
        const startGo = () => void (go = new GoPublisher(world, PUBLISHER));
        const startNode = async () => {
          node = await world.start(SUBSCRIBER, { peers: [go], history });
        };
        for (let round = 0; round < 3; round++) {
          say(`round ${round}, before`);
          await world.clock.advance(1_000);
          if (order === "the publisher") {
            await stopGo();
            await world.pass(gapMs);
            startGo();
          } else if (order === "the subscriber") {
            await world.stop(node);
            say(`round ${round}, meanwhile`);
            await world.pass(gapMs);
            await startNode();
          } else if (order === "the publisher, then the subscriber") {
            await stopGo();
            await world.pass(gapMs);
            startGo();
            await world.stop(node);
            await startNode();
          } else if (order === "the subscriber, then the publisher") {
            await world.stop(node);
            await stopGo();
            startGo();
            await world.pass(gapMs);
            await startNode();
          } else {
            await Promise.all([world.kill(node), stopGo()]);
            await world.pass(gapMs);
            startGo();
            await startNode();
          }
          say(`round ${round}, right after`);
          await world.pass(95_000);
          say(`round ${round}, later`);
          await world.pass(2_000);
          assert.deepEqual([...node.received].sort(), [...said].sort(), `round ${round}`);
        }
        await world.stop(node);
        await go.close();
        await history.close();
      }));
  }
}

for (const stored of [true, false]) {
  const store = stored ? "with a store" : "without a store";
  Deno.test(`our publisher restarts ${store}: a Go subscriber goes on, and a newcomer gets everything`, () =>
    inWorld(async (world) => {
      const history = stored ? historyOf(world, PUBLISHER) : undefined;
      let node = await world.start(PUBLISHER, { history });
      const go = new GoSubscriber(world, { port: PUBLISHER });
      const ours = await world.start(SUBSCRIBER, { peers: [node] });
      const said: string[] = [];
      for (let round = 0; round < 3; round++) {
        for (let count = 0; count < 3; count++) {
          said.push(`round ${round}, ${count}`);
          await node.say(`round ${round}, ${count}`);
          await world.clock.advance(1_000);
        }
        const { root } = go.copy.last ?? {};
        await (round === 1 ? world.kill(node) : world.stop(node));
        node = await world.start(PUBLISHER, { history });
        await world.pass(95_000);
        assert.equal(
          go.copy.last?.root.nonce === root?.nonce,
          stored,
          "without a store: a new head",
        );
        const newcomer = new GoSubscriber(world, { port: PUBLISHER, life: round + 1 });
        await world.pass(1_000);
        assert.deepEqual(newcomer.shown, said, `round ${round}: a newcomer`);
        assert.deepEqual(newcomer.failures, []);
        await newcomer.close();
        assert.deepEqual(go.shown, said, `round ${round}: the one that stayed`);
        assert.deepEqual(ours.received, said);
        assert.equal(node.feeds.figures.messages, said.length);
      }
      await go.close();
      await world.stop(ours);
      await world.stop(node);
      await history?.close();
    }));
}

Deno.test("our publisher without a store takes its history back from a Go subscriber alone", () =>
  inWorld(async (world) => {
    const before = await world.start(PUBLISHER);
    const go = new GoSubscriber(world, { port: PUBLISHER });
    for (let count = 0; count < 30; count++) await before.say(`message ${count}`);
    await world.clock.advance(1_000);
    await world.stop(before);
    const after = await world.start(PUBLISHER);
    await world.pass(95_000);
    assert.equal(after.feeds.figures.messages, 30);
    assert.equal(go.shown.length, 30);
    const line = await follow(world, PUBLISHER);
    assert.equal(line.all("Root").length, 1);
    await line.end();
    await go.close();
  }));

Deno.test("our publisher without a store and with its clock set back is followed all the same", () =>
  inWorld(async (world) => {
    const before = await world.start(PUBLISHER);
    const go = new GoSubscriber(world, { port: PUBLISHER });
    const ours = await world.start(SUBSCRIBER, { peers: [before] });
    await before.say("before");
    await world.clock.advance(1_000);
    await world.stop(before);
    const after = await world.start(PUBLISHER, { wallShift: -3_600_000_000_000n });
    await after.say("after");
    await world.pass(95_000);
    await after.say("later");
    await world.pass(2_000);
    assert.deepEqual([...go.shown].sort(), ["after", "before", "later"]);
    assert.deepEqual([...ours.received].sort(), ["after", "before", "later"]);
    await go.close();
  }));

Deno.test("of two followers that give a history back, the one who has more of it counts", () =>
  inWorld(async (world) => {
    const before = await world.start(PUBLISHER);
    const behind = new GoSubscriber(world, { port: PUBLISHER });
    await before.say("both have this");
    await world.clock.advance(1_000);
    await behind.close();
    const ahead = new GoSubscriber(world, { port: PUBLISHER, life: 1 });
    await before.say("one has this");
    await world.clock.advance(1_000);
    await ahead.close();
    await world.stop(before);
    const after = await world.start(PUBLISHER);
    // The one that is behind comes first, and is slow. Each says it once, since new Roots keep it busy.
    const lines = [await giver(world, behind, 3_000), await giver(world, ahead, 0)];
    await world.pass(MINUTE);
    assert.equal(after.feeds.figures.messages, 2);
    for (const line of lines) await line.end();
  }));

Deno.test("a follower that gives a history back and then nothing of it does not keep it from others", () =>
  inWorld(async (world) => {
    const before = await world.start(PUBLISHER);
    const go = new GoSubscriber(world, { port: PUBLISHER });
    await before.say("worth having");
    await world.clock.advance(1_000);
    await world.stop(before);
    const after = await world.start(PUBLISHER);
    const mute = await follow(world, PUBLISHER);
    const old = go.copy.message;
    assert.ok(old !== undefined);
    // As often as it is answered nothing, it says it again.
    const again = () => {
      mute.send(old);
      timer = world.clock.after(1_000, again);
    };
    let timer = world.clock.after(0, again);
    await world.pass(5 * MINUTE);
    timer.cancel();
    assert.equal(after.feeds.figures.messages, 1);
    await go.close();
    await mute.end();
  }));

/** Follows, and gives back once what a subscriber that is gone held, with a pause before each object. */
async function giver(
  world: FeedWorld,
  { copy }: GoSubscriber,
  pauseMs: number,
): Promise<FeedLine> {
  const line = await follow(world, PUBLISHER);
  assert.ok(copy.message !== undefined);
  line.onMessage = ({ message, seq }) => {
    if (message.type === "RqList") line.send({ type: "Err", text: "not a public server" }, seq);
    if (message.type !== "RqObject") return;
    const value = copy.objects.get(message.id) ?? new Uint8Array();
    world.clock.after(pauseMs, () => line.send({ type: "Object", value }, seq));
  };
  line.send(copy.message);
  await world.clock.advance(0);
  return line;
}
