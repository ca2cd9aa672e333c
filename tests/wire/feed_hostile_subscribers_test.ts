/** Strangers at the door of our own feed, beside a follower that must not notice. */
import assert from "node:assert/strict";
import type { CxoMessage } from "#cxo";
import { GoSubscriber } from "#support/feed_go.ts";
import { type FeedNode, type FeedWorld, secretOf } from "#support/feed_node.ts";
import { FeedLine } from "#support/feed_peer.ts";
import { follow, hello, strangerSecret } from "#support/feed_raw.ts";
import { inWorld } from "#support/feed_scene.ts";

const PORT = 8_802;
const SECOND = 1_000;
const MINUTE = 60_000;
const MIB = 2 ** 20;

interface Door {
  readonly world: FeedWorld;
  readonly node: FeedNode;
  readonly go: GoSubscriber;
  /** That what we publish reaches the good follower, now. */
  goesOn(): Promise<void>;
  /** Log lines that warn. */
  warnings(): string[];
}

function atTheDoor(play: (door: Door) => Promise<void>): Promise<void> {
  return inWorld(async (world) => {
    const node = await world.start(PORT);
    const go = new GoSubscriber(world, { port: PORT });
    let said = 0;
    const door: Door = {
      ...{ world, node, go },
      goesOn: async () => {
        const text = `message ${++said}`;
        await node.say(text);
        await world.clock.advance(SECOND);
        assert.equal(go.shown.at(-1), text);
      },
      warnings: () => node.logs.filter((line) => !/conn accepted from/.test(line)),
    };
    await world.clock.advance(SECOND);
    await door.goesOn();
    await play(door);
    await door.goesOn();
    assert.equal(go.lines.length, 1, "the good follower kept its line");
    await go.close();
    await world.pass(SECOND);
  });
}

Deno.test("thousands of requests for objects, and nothing read: the line ends, others notice nothing", () =>
  atTheDoor(async ({ goesOn, node, warnings, world }) => {
    await node.say("x".repeat(100_000));
    await goesOn();
    const lines: FeedLine[] = [];
    for (let count = 0; count < 5; count++) {
      const line = await follow(world, PORT);
      await world.clock.advance(100);
      const [root] = line.all("Root");
      const id = root?.value.subarray(4, 36).toHex() ?? "";
      line.pause();
      for (let asked = 0; asked < 20_000; asked++) line.send({ type: "RqObject", id });
      lines.push(line);
    }
    const before = Deno.memoryUsage().external;
    await goesOn();
    await world.pass(20 * SECOND);
    await goesOn();
    assert.ok(Deno.memoryUsage().external - before < 100 * MIB);
    for (const line of lines) line.resume();
    await world.pass(SECOND);
    assert.ok(lines.every(({ isClosed }) => isClosed), "a write that takes 5 s ends a line");
    assert.ok(warnings().length <= 5);
    for (const line of lines) await line.end();
  }));

for (const type of ["RqList", "RqPreview", "Sub", "RqPeers"] as const) {
  Deno.test(`${type} without end and nothing read: the line ends, others notice nothing`, () =>
    atTheDoor(async ({ goesOn, node, world }) => {
      const line = await follow(world, PORT);
      line.pause();
      const message: CxoMessage = type === "RqList" ? { type } : { type, feed: node.key };
      for (let count = 0; count < 20_000; count++) line.send(message);
      await goesOn();
      await world.pass(20 * SECOND);
      line.resume();
      await world.pass(SECOND);
      assert.equal(line.isClosed, true);
      await line.end();
    }));
}

Deno.test("a follower that reads nothing is dropped once its queue is full, others go on", () =>
  atTheDoor(async ({ goesOn, node, world }) => {
    const line = await follow(world, PORT);
    line.pause();
    for (let count = 0; count < 600; count++) await goesOn();
    await world.pass(10 * SECOND);
    line.resume();
    await world.pass(SECOND);
    assert.equal(line.isClosed, true);
    assert.equal(node.feeds.figures.followers, 1);
    await line.end();
  }));

Deno.test("requests for objects that nobody has are answered at once, with an empty Err", () =>
  atTheDoor(async ({ goesOn, warnings, world }) => {
    const line = await hello(world, PORT);
    for (let count = 0; count < 300; count++) {
      const id = count.toString(16).padStart(64, "0");
      const answer = line.ask({ type: "RqObject", id });
      // No time passes, but others get a turn.
      await world.clock.advance(0);
      assert.deepEqual(await answer, { type: "Err", text: "" });
    }
    await goesOn();
    assert.deepEqual(warnings(), []);
    await line.end();
  }));

Deno.test("a Sub of a feed of zeros ends the line, one of a foreign feed is refused", () =>
  atTheDoor(async ({ world }) => {
    const line = await hello(world, PORT);
    const feed = secretOf(4_711).publicKey.hex;
    const answer = await line.ask({ type: "Sub", feed });
    assert.deepEqual(answer, { type: "Err", text: "do not share the feed" });
    assert.equal(line.isClosed, false);
    assert.equal(await line.ask({ type: "Sub", feed: "0".repeat(66) }), "closed");
    const other = await follow(world, PORT);
    other.send({ type: "Unsub", feed: "0".repeat(66) });
    await world.clock.advance(10);
    assert.equal(other.isClosed, true);
    await line.end();
    await other.end();
  }));

Deno.test("Sub and Unsub in turns: each Sub brings Ok and the last Root, and nothing adds up", () =>
  atTheDoor(async ({ goesOn, node, world }) => {
    const line = await follow(world, PORT);
    const held = node.feeds.figures.objects;
    for (let count = 0; count < 500; count++) {
      line.send({ type: "Unsub", feed: node.key });
      assert.deepEqual(await line.ask({ type: "Sub", feed: node.key }), { type: "Ok" });
    }
    await world.clock.advance(0);
    assert.equal(line.all("Root").length, 501);
    assert.equal(node.feeds.figures.objects, held);
    assert.equal(node.feeds.figures.followers, 2);
    line.send({ type: "Unsub", feed: node.key });
    await goesOn();
    assert.equal(line.all("Root").length, 501, "no Root after Unsub");
    await line.end();
  }));

Deno.test("trap 18: Roots of our own feed, old ones that are valid, are passed over by a feed that goes on", () =>
  atTheDoor(async ({ goesOn, node, world }) => {
    const line = await follow(world, PORT);
    for (let count = 0; count < 5; count++) await goesOn();
    const roots = line.all("Root");
    const [messages, seq] = [node.feeds.figures.messages, node.feeds.figures.seq];
    for (let round = 0; round < 20; round++) for (const root of roots) line.send(root);
    await world.pass(20 * SECOND);
    assert.equal(line.isClosed, false);
    assert.deepEqual([node.feeds.figures.messages, node.feeds.figures.seq], [messages, seq]);
    assert.deepEqual(line.all("RqObject"), [], "nothing of it is asked for");
    await line.end();
  }));

Deno.test("a Root of our own feed with a wrong signature ends the line, with one log line", () =>
  atTheDoor(async ({ goesOn, node, warnings, world }) => {
    for (let count = 1; count <= 5; count++) {
      const line = await follow(world, PORT);
      const [root] = line.all("Root");
      assert.ok(root !== undefined);
      const value = root.value.slice();
      // Another nonce, later: a former head of ours, if the signature were ours.
      value[4 + 64 + 4 + 32 + 33] = 77;
      new DataView(value.buffer).setBigInt64(4 + 64 + 4 + 32 + 33 + 16, 2n ** 62n, true);
      line.send({ ...root, value });
      await world.clock.advance(100);
      assert.ok(warnings().length <= count);
      await goesOn();
      await line.end();
    }
    assert.equal(node.feeds.figures.followers, 1);
  }));

Deno.test("1,000 connections that say nothing leave places for who has something to say", () =>
  atTheDoor(async ({ goesOn, warnings, world }) => {
    const network = world.network.from("203.0.113.9");
    const silent = await Promise.all(
      Array.from(
        { length: 1_000 },
        () => network.connect("127.0.0.1", PORT, new AbortController().signal),
      ),
    );
    await world.clock.advance(10);
    const line = await follow(world, PORT);
    assert.equal(line.all("Root").length, 1);
    await goesOn();
    await world.pass(MINUTE);
    assert.ok(warnings().length < 60, `${warnings().length} log lines`);
    for (const stream of silent) stream.close();
    await line.end();
  }));

Deno.test("strangers of one address that shake hands and say nothing leave places for others", () =>
  atTheDoor(async ({ goesOn, world }) => {
    const network = world.network.from("203.0.113.9");
    const strangers = { network, clock: world.clock };
    const lines: FeedLine[] = [];
    for (let count = 0; count < 100; count++) {
      const line = await hello(strangers, PORT).catch(() => undefined);
      if (line !== undefined) lines.push(line);
      await world.clock.advance(100);
    }
    assert.ok(lines.length > 0);
    await goesOn();
    const other = await follow(
      { network: world.network.from("198.51.100.2"), clock: world.clock },
      PORT,
    );
    assert.equal(other.all("Root").length, 1);
    for (const line of [...lines, other]) await line.end();
  }));

Deno.test("trap 21: one that shakes hands and never says Syn is gone after 59 s, without a word", () =>
  atTheDoor(async ({ node, warnings, world }) => {
    const line = await FeedLine.dial(world.network, { port: PORT, secret: strangerSecret() });
    await world.pass(58 * SECOND);
    assert.equal(line.isClosed, false);
    await world.pass(2 * SECOND);
    assert.equal(line.isClosed, true);
    assert.deepEqual(line.heard, []);
    assert.equal(node.feeds.figures.followers, 1);
    assert.ok(warnings().length <= 1);
    await line.end();
  }));

Deno.test("a follower that never says anything again is probed, and gone after 90 s", () =>
  atTheDoor(async ({ goesOn, node, world }) => {
    const line = await follow(world, PORT);
    line.onMessage = () => {};
    await world.pass(89 * SECOND);
    assert.equal(line.isClosed, false);
    assert.ok(line.all("RqList").length >= 1, "it was asked for a sign of life");
    await world.pass(32 * SECOND);
    assert.equal(line.isClosed, true);
    assert.equal(node.feeds.figures.followers, 1);
    await goesOn();
    await line.end();
  }));

Deno.test("a stranger may not make us hold a frame of megabytes before it has said who it is", () =>
  atTheDoor(async ({ goesOn, world }) => {
    const line = await FeedLine.dial(world.network, { port: PORT, secret: strangerSecret() });
    const header = new Uint8Array(4);
    new DataView(header.buffer).setUint32(0, 16 * MIB);
    line.sendBytes(header);
    await world.clock.advance(100);
    assert.equal(line.isClosed, true, "a Syn has 44 bytes");
    await goesOn();
    await line.end();
  }));

Deno.test("a follower that we asked nothing may not make us hold a frame of megabytes", () =>
  atTheDoor(async ({ goesOn, world }) => {
    const line = await follow(world, PORT);
    const header = new Uint8Array(4);
    new DataView(header.buffer).setUint32(0, 16 * MIB);
    line.sendBytes(header);
    await world.clock.advance(100);
    assert.equal(line.isClosed, true, "only an Object is so large, and none was asked for");
    await goesOn();
    await line.end();
  }));

Deno.test("a newcomer with the node id of another takes its place, and nobody else's", () =>
  atTheDoor(async ({ goesOn, world }) => {
    const secret = strangerSecret();
    const first = await follow(world, PORT, { secret });
    const second = await follow(world, PORT, { secret });
    await world.clock.advance(100);
    assert.deepEqual([first.isClosed, second.isClosed], [true, false]);
    const liar = await hello(world, PORT, { nodeId: secret.publicKey.hex }).catch(() => undefined);
    await world.clock.advance(100);
    assert.equal(second.isClosed, false, "whoever only claims it closes nobody");
    await goesOn();
    for (const line of [first, second]) await line.end();
    await liar?.end();
  }));
