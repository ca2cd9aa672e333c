/** What a node answers to whoever follows, may not follow, or refuses. */
import assert from "node:assert/strict";
import {
  type CxoConnection,
  type CxoMessage,
  CxoNode,
  type CxoNodeOptions,
  objectOf,
  REGISTRY,
  type RootMessage,
  rootMessage,
  type SharedFeed,
  type SignedRoot,
  signRoot,
  TREE_NODE_SCHEMA,
  ZERO_ID,
} from "#cxo";
import { NO_BYTES, utf8 } from "#kit";
import { ManualClock, settle } from "#support/manual_clock.ts";
import { FakeLink, frame, PUBLISHER, THEM, US } from "./connection_fixture.ts";

const OBJECT = objectOf(utf8("some object"));
const SIGNED: SignedRoot = signRoot({
  refs: [{ object: OBJECT.id, schema: TREE_NODE_SCHEMA.id }],
  descriptor: NO_BYTES,
  registry: REGISTRY.id,
  pub: THEM,
  nonce: 1n,
  seq: 0n,
  time: 1n,
  prev: ZERO_ID,
}, PUBLISHER);
const OK: CxoMessage = { type: "Ok" };
const SUB: CxoMessage = { type: "Sub", feed: THEM };
const EMPTY_ERR: CxoMessage = { type: "Err", text: "" };

/** A feed of one object, which notes the Roots that it is offered. */
class OneObject implements SharedFeed {
  readonly key = THEM;
  readonly last: SignedRoot | undefined = SIGNED;
  readonly offers: RootMessage[] = [];

  giveBack(): readonly SignedRoot[] {
    return [];
  }

  object(id: string): Uint8Array | undefined {
    return id === OBJECT.id ? OBJECT.bytes : undefined;
  }

  offer(message: RootMessage): undefined {
    this.offers.push(message);
  }
}

/** A node with one connection, whose other end is the test. */
class Scene {
  readonly clock = new ManualClock();
  readonly link = new FakeLink();
  readonly feed = new OneObject();
  readonly node: CxoNode;
  readonly connection: CxoConnection;
  #seq = 1;

  constructor(role: "dialer" | "acceptor", options: Partial<CxoNodeOptions>) {
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    this.node = new CxoNode({ nodeId: US, clock: this.clock, log, ...options });
    this.node.share(this.feed);
    this.connection = this.node.attach(this.link, role).connection;
  }

  /** Plays a scene that begins when the greeting is over. */
  static async play(
    action: (scene: Scene) => Promise<void>,
    { role = "acceptor", ...options }: Partial<CxoNodeOptions> & { role?: "dialer" | "acceptor" } =
      {},
  ): Promise<void> {
    const scene = new Scene(role, options);
    await settle();
    await scene.link.deliver(
      role === "acceptor"
        ? frame({ type: "Syn", protocol: 3, nodeId: THEM }, 1)
        : frame({ type: "Ack", nodeId: THEM }, 1, 1),
    );
    await settle();
    scene.link.writes.length = 0;
    await action(scene);
    await scene.node.close(0);
    assert.equal(scene.clock.pending, 0);
  }

  /** Says something; all that is said to it at once. */
  async say(message: CxoMessage, rseq = 0): Promise<CxoMessage[]> {
    this.link.writes.length = 0;
    await this.link.deliver(frame(message, ++this.#seq, rseq));
    await settle();
    return this.link.said.map(({ message }) => message);
  }

  /** Lets the node ask to follow, and answers; what it makes of the answer. */
  async answerFollow(answer: CxoMessage): Promise<string | undefined> {
    this.link.writes.length = 0;
    const followed = this.node.follow(this.connection, THEM);
    await settle();
    const [asked] = this.link.said;
    assert.deepEqual(asked?.message, SUB);
    await this.say(answer, asked?.seq);
    return await followed;
  }
}

Deno.test("CxoNode answers a second Sub of a member with Ok and the last Root", () =>
  Scene.play(async (scene) => {
    const answer = [OK, rootMessage(SIGNED)];
    assert.deepEqual(await scene.say(SUB), answer);
    assert.deepEqual(await scene.say(SUB), answer);
    assert.equal(scene.node.followers(THEM), 1);
  }));

Deno.test("CxoNode asks whether one may follow at the first Sub only: who is in stays in", () => {
  const allowed = new Set([THEM]);
  return Scene.play(async (scene) => {
    await scene.say(SUB);
    allowed.clear();
    assert.deepEqual(await scene.say(SUB), [OK, rootMessage(SIGNED)]);
    const object = await scene.say({ type: "RqObject", id: OBJECT.id });
    assert.deepEqual(object, [{ type: "Object", value: OBJECT.bytes }]);
    await scene.say({ type: "Unsub", feed: THEM });
    assert.deepEqual(await scene.say(SUB), [{ type: "Err", text: "subscribe rejected" }]);
  }, { mayFollow: (nodeId) => allowed.has(nodeId) });
});

Deno.test("CxoNode passes over Roots of a feed that the peer refused to send", () =>
  Scene.play(async (scene) => {
    assert.equal(await scene.answerFollow({ type: "Err", text: "no" }), "no");
    await scene.say(rootMessage(SIGNED));
    assert.deepEqual(scene.feed.offers, []);
    assert.equal(await scene.answerFollow(OK), undefined);
    await scene.say(rootMessage(SIGNED));
    assert.equal(scene.feed.offers.length, 1);
  }, { role: "dialer" }));

Deno.test("CxoNode takes a Root that comes in one read with the answer to Sub", () =>
  Scene.play(async (scene) => {
    const followed = scene.node.follow(scene.connection, THEM);
    await settle();
    const seq = scene.link.said[0]?.seq;
    await scene.link.deliver(frame(OK, 2, seq), frame(rootMessage(SIGNED), 3));
    assert.equal(await followed, undefined);
    assert.equal(scene.feed.offers.length, 1);
  }, { role: "dialer" }));

Deno.test("CxoNode keeps who follows it when it is refused the same feed itself", () =>
  Scene.play(async (scene) => {
    await scene.say(SUB);
    assert.equal(await scene.answerFollow({ type: "Err", text: "no" }), "no");
    assert.equal(scene.node.followers(THEM), 1);
  }));

Deno.test("CxoNode neither serves, previews nor lets follow whom it does not allow", () => {
  const asked: [string, string][] = [];
  return Scene.play(async (scene) => {
    assert.deepEqual(await scene.say(SUB), [{ type: "Err", text: "subscribe rejected" }]);
    assert.equal(scene.node.followers(THEM), 0);
    assert.deepEqual(await scene.say({ type: "RqObject", id: OBJECT.id }), [EMPTY_ERR]);
    assert.deepEqual(await scene.say({ type: "RqPreview", feed: THEM }), [
      { type: "Err", text: "no such feed" },
    ]);
    // The Registry is the same everywhere.
    assert.deepEqual(await scene.say({ type: "RqObject", id: REGISTRY.id }), [
      { type: "Object", value: REGISTRY.bytes },
    ]);
    // What is announced goes to nobody, and what is pushed is not looked at.
    scene.link.writes.length = 0;
    scene.node.announce(SIGNED);
    await settle();
    assert.deepEqual(scene.link.said, []);
    await scene.say(rootMessage(SIGNED));
    assert.deepEqual(scene.feed.offers, []);
    assert.ok(asked.length >= 3 && asked.every(([who, what]) => who === THEM && what === THEM));
  }, {
    mayFollow: (nodeId, feed) => {
      asked.push([nodeId, feed]);
      return false;
    },
  });
});

Deno.test("CxoNode tells a stranger to the feed that is not shared from one that may not", () =>
  Scene.play(async (scene) => {
    const text = "do not share the feed";
    assert.deepEqual(await scene.say({ type: "Sub", feed: US }), [{ type: "Err", text }]);
    const preview = await scene.say({ type: "RqPreview", feed: US });
    assert.deepEqual(preview, [{ type: "Err", text: "no such feed" }]);
    assert.deepEqual(await scene.say({ type: "RqPreview", feed: THEM }), [rootMessage(SIGNED)]);
    const object = await scene.say({ type: "RqObject", id: OBJECT.id });
    assert.deepEqual(object, [{ type: "Object", value: OBJECT.bytes }]);
  }));
