/** Which of several connections of one peer counts, and what a node says of that. */
import assert from "node:assert/strict";
import {
  CROSSED_DIALS_MS,
  type CxoConnection,
  type CxoMessage,
  CxoNode,
  type CxoNodeOptions,
  FollowedFeed,
  MAX_SMALL_FRAME,
  objectOf,
  REGISTRY,
  rootMessage,
  signRoot,
  TREE_NODE_SCHEMA,
  ZERO_ID,
} from "#cxo";
import { NO_BYTES, utf8 } from "#kit";
import { ManualClock, settle } from "#support/manual_clock.ts";
import { FakeLink, frame, PUBLISHER, SUBSCRIBER, THEM, US } from "./connection_fixture.ts";

type Role = "dialer" | "acceptor";

/** Of two crossed dials: the role on our side of the one that stays, and of the other. */
const [WINNER, LOSER]: [Role, Role] = US < THEM ? ["dialer", "acceptor"] : ["acceptor", "dialer"];

class Scene {
  readonly clock = new ManualClock();
  readonly node: CxoNode;
  /** What the node told, in order. */
  readonly told: string[] = [];
  readonly links: FakeLink[] = [];
  readonly #names = new Map<CxoConnection, string>();

  constructor(options: Partial<CxoNodeOptions> = {}) {
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    this.node = new CxoNode({
      ...{ nodeId: US, clock: this.clock, log },
      onReady: (connection) => void this.told.push(`ready ${this.name(connection)}`),
      onGone: (connection, { message }) =>
        void this.told.push(`gone ${this.name(connection)}: ${message}`),
      ...options,
    });
  }

  static async play(
    action: (scene: Scene) => Promise<void>,
    options: Partial<CxoNodeOptions> = {},
  ): Promise<void> {
    const scene = new Scene(options);
    await action(scene);
    await scene.node.close(0);
    assert.equal(scene.clock.pending, 0);
  }

  name(connection: CxoConnection | undefined): string | undefined {
    return connection && this.#names.get(connection);
  }

  /** A connection past its greeting. */
  async greet(name: string, role: Role): Promise<{ link: FakeLink; isClosed: () => boolean }> {
    const link = new FakeLink();
    this.links.push(link);
    const { connection } = this.node.attach(link, role);
    this.#names.set(connection, name);
    await settle();
    await link.deliver(
      role === "acceptor"
        ? frame({ type: "Syn", protocol: 3, nodeId: THEM }, 1)
        : frame({ type: "Ack", nodeId: THEM }, 1, 1),
    );
    await settle();
    link.writes.length = 0;
    return { link, isClosed: () => connection.isClosed };
  }

  get counting(): string | undefined {
    return this.name(this.node.connectionOf(THEM));
  }
}

for (const role of ["dialer", "acceptor"] as const) {
  Deno.test(`the newest of two connections counts where each is of the ${role}`, () =>
    Scene.play(async (scene) => {
      const older = await scene.greet("older", role);
      await scene.greet("newer", role);
      assert.ok(older.isClosed());
      assert.equal(scene.counting, "newer");
      assert.deepEqual(scene.told, ["ready older", "ready newer"]);
      assert.equal(scene.node.connections, 1);
    }));
}

for (const order of [[WINNER, LOSER], [LOSER, WINNER]] as const) {
  Deno.test(`of crossed dials that of the smaller key stays: ${order[0]} first`, () =>
    Scene.play(async (scene) => {
      const lines = new Map<Role, Awaited<ReturnType<Scene["greet"]>>>();
      for (const role of order) {
        lines.set(role, await scene.greet(role, role));
        if (role === order[0]) await scene.clock.advance(CROSSED_DIALS_MS);
      }
      assert.equal(scene.counting, WINNER);
      assert.equal(lines.get(LOSER)?.isClosed(), false, "not yet: the peer may know no such rule");
      await scene.clock.advance(CROSSED_DIALS_MS);
      assert.equal(lines.get(LOSER)?.isClosed(), true);
      assert.equal(lines.get(WINNER)?.isClosed(), false);
      const told = order.filter((role) => role === WINNER || role === order[0]);
      assert.deepEqual(scene.told, told.map((role) => `ready ${role}`));
    }));

  Deno.test(`the other of crossed dials counts where the peer keeps that: ${order[0]} first`, () =>
    Scene.play(async (scene) => {
      const lines = new Map<Role, Awaited<ReturnType<Scene["greet"]>>>();
      for (const role of order) lines.set(role, await scene.greet(role, role));
      lines.get(WINNER)?.link.break();
      await scene.clock.advance(CROSSED_DIALS_MS * 2);
      assert.equal(scene.counting, LOSER);
      assert.equal(lines.get(LOSER)?.isClosed(), false);
      assert.equal(scene.told.at(-1), `ready ${LOSER}`);
      lines.get(LOSER)?.link.break();
      await settle();
      assert.equal(scene.told.at(-1), `gone ${LOSER}: EOF`);
      assert.equal(scene.counting, undefined);
    }));
}

Deno.test("dials that are more than 2 s apart did not cross: the newest counts", () =>
  Scene.play(async (scene) => {
    const older = await scene.greet("older", WINNER);
    await scene.clock.advance(CROSSED_DIALS_MS + 1);
    await scene.greet("newer", LOSER);
    assert.ok(older.isClosed());
    assert.equal(scene.counting, "newer");
  }));

Deno.test("of three connections the newest counts, and no other stays", () =>
  Scene.play(async (scene) => {
    const first = await scene.greet("first", WINNER);
    const second = await scene.greet("second", LOSER);
    await scene.greet("third", WINNER);
    assert.deepEqual([first.isClosed(), second.isClosed()], [true, true]);
    assert.equal(scene.counting, "third");
    const fourth = await scene.greet("fourth", LOSER);
    const fifth = await scene.greet("fifth", LOSER);
    assert.ok(fourth.isClosed(), "one spare at most");
    assert.equal(fifth.isClosed(), false);
    assert.equal(scene.counting, "third");
  }));

Deno.test("cut ends every connection of a node, greeted or not, and no other", () =>
  Scene.play(async (scene) => {
    const greeted = await scene.greet("greeted", "acceptor");
    const silent = new FakeLink();
    const { connection } = scene.node.attach(silent, "acceptor");
    await settle();
    assert.equal(scene.node.cut((nodeId) => nodeId === US, "not them"), 0);
    assert.equal(scene.node.cut((nodeId) => nodeId === THEM, "no seat"), 2);
    await settle();
    assert.deepEqual([greeted.isClosed(), connection.isClosed], [true, true]);
    assert.deepEqual(scene.told, ["ready greeted", "gone greeted: no seat"]);
  }));

const OBJECT = objectOf(utf8("some object"));
const MADE = {
  refs: [{ object: OBJECT.id, schema: TREE_NODE_SCHEMA.id }],
  descriptor: NO_BYTES,
  registry: REGISTRY.id,
  nonce: 1n,
  seq: 0n,
  time: 1n,
  prev: ZERO_ID,
};
const ERR: CxoMessage = { type: "Err", text: "" };

/** A feed of one object under a key. */
function oneObject(key: string) {
  const secret = key === THEM ? PUBLISHER : SUBSCRIBER;
  const last = signRoot({ ...MADE, pub: key }, secret);
  const object = (id: string) => id === OBJECT.id ? OBJECT.bytes : undefined;
  return { key, last, giveBack: () => [], object, offer: () => undefined };
}

/** What a node answers to one question, which is all that it says. */
async function ask(link: FakeLink, message: CxoMessage, seq: number): Promise<CxoMessage[]> {
  link.writes.length = 0;
  await link.deliver(frame(message, seq));
  await settle();
  return link.said.map((said) => said.message);
}

Deno.test("a feed that is shared with its publisher alone goes to nobody else", () =>
  Scene.play(async (scene) => {
    const { link } = await scene.greet("line", "acceptor");
    scene.node.share(oneObject(US), "publisher");
    const text = "do not share the feed";
    assert.deepEqual(await ask(link, { type: "Sub", feed: US }, 2), [{ type: "Err", text }]);
    const preview = await ask(link, { type: "RqPreview", feed: US }, 3);
    assert.deepEqual(preview, [{ type: "Err", text: "no such feed" }]);
    assert.deepEqual(await ask(link, { type: "RqObject", id: OBJECT.id }, 4), [ERR]);
    const theirs = oneObject(THEM);
    scene.node.share(theirs, "publisher");
    const answers = await ask(link, { type: "Sub", feed: THEM }, 5);
    assert.deepEqual(answers, [{ type: "Ok" }, rootMessage(theirs.last)]);
    const object = await ask(link, { type: "RqObject", id: OBJECT.id }, 6);
    assert.deepEqual(object, [{ type: "Object", value: OBJECT.bytes }]);
  }));

Deno.test("a feed that is not shared any more is neither served nor taken, and its followers are told", () =>
  Scene.play(async (scene) => {
    const { link } = await scene.greet("line", "acceptor");
    const feed = oneObject(THEM);
    scene.node.share(feed);
    await ask(link, { type: "Sub", feed: THEM }, 2);
    assert.equal(scene.node.followers(THEM), 1);
    link.writes.length = 0;
    scene.node.unshare(THEM);
    await settle();
    assert.deepEqual(link.said.map(({ message }) => message), [{ type: "Unsub", feed: THEM }]);
    assert.equal(scene.node.followers(THEM), 0);
    assert.deepEqual(await ask(link, { type: "RqObject", id: OBJECT.id }, 3), [ERR]);
    scene.node.unshare(THEM);
    await settle();
    assert.equal(link.said.length, 1, "said once");
  }));

for (const takesLarge of [true, false]) {
  Deno.test(`large objects of a peer that dialled are ${takesLarge ? "taken" : "refused"} where the node says so`, () =>
    Scene.play(async (scene) => {
      const { link, isClosed } = await scene.greet("line", "acceptor");
      const large = objectOf(new Uint8Array(MAX_SMALL_FRAME));
      const feed = new FollowedFeed({
        ...{ key: THEM, clock: scene.clock },
        onUpdate: () => Promise.resolve(),
        onEnd: () => {},
      });
      scene.node.share(feed, "publisher");
      const connection = scene.node.connectionOf(THEM);
      assert.ok(connection !== undefined);
      const answer = connection.request({ type: "RqObject", id: large.id });
      await settle();
      const seq = link.said[0]?.seq;
      await link.deliver(frame({ type: "Object", value: large.bytes }, 2, seq));
      assert.equal(typeof await answer, takesLarge ? "object" : "string");
      assert.equal(isClosed(), !takesLarge);
      await feed.close();
    }, { takesLarge: (nodeId) => takesLarge && nodeId === THEM }));
}

Deno.test("a node tells of each Sub and each Root of a peer, taken or not", () => {
  const heard: string[] = [];
  return Scene.play(async (scene) => {
    const { link } = await scene.greet("line", "acceptor");
    const { last } = oneObject(THEM);
    await ask(link, { type: "Sub", feed: US }, 2);
    await ask(link, rootMessage(last), 3);
    await ask(link, { type: "RqPreview", feed: THEM }, 4);
    assert.deepEqual(heard, [THEM, THEM]);
  }, { onHeard: ({ peer }) => void heard.push(peer) });
});
