/** A peer that lets requests wait for ever costs its own connection at most. */
import assert from "node:assert/strict";
import { SecretKey } from "#crypto";
import { REGISTRY, rootMessage, signRoot, Tree, TREE_NODE_SCHEMA } from "#cxo";
import { NO_BYTES, systemRandom, utf8 } from "#kit";
import { feedSpec, type FeedWorld, secretOf } from "#support/feed_node.ts";
import { FeedDoor, FeedLine } from "#support/feed_peer.ts";
import { FIRST_PORT, heard, inWorld } from "#support/feed_scene.ts";

const [A, B] = [FIRST_PORT, FIRST_PORT + 1];

Deno.test("a follower that gives old Roots back, and few of their objects, ends nothing but its line", () =>
  inWorld(async (world) => {
    const alice = await world.start(A);
    const secret = SecretKey.generate(systemRandom);
    const opening = FeedLine.dial(world.network, { secret, port: A });
    await world.pass(500);
    const line = await opening;
    line.send({ type: "Syn", protocol: 3, nodeId: secret.publicKey.hex });
    line.send({ type: "Sub", feed: alice.key });
    await world.pass(500);
    const miser = new Miser(world, A);
    line.onMessage = (heard) => miser.take(line, heard);
    for (let push = 0; push < 60; push++) {
      miser.push(line);
      await world.pass(200);
    }
    // Twice, then it is asked no more.
    assert.ok(miser.asked > 20, `${miser.asked} requests came`);
    const bob = await world.start(B, { peers: [alice] });
    await world.pass(2_000);
    await alice.say("still here");
    await world.pass(2_000);
    assert.deepEqual(heard(bob, alice), ["still here"]);
    await line.end();
  }));

Deno.test("a publisher that gives few of the objects of its Roots leaves its reader alive", () =>
  inWorld(async (world) => {
    const miser = new Miser(world, A);
    const door = new FeedDoor(world.network, {
      ...{ secret: secretOf(A), port: A },
      onLine: (line) => {
        line.onMessage = (heard) => miser.take(line, heard);
      },
    });
    const carol = await world.start(B + 1);
    const bob = await world.start(B, { peers: [{ spec: feedSpec(A) }, carol] });
    await world.pass(60_000);
    assert.ok(miser.asked > 80, `${miser.asked} requests came`);
    await carol.say("still here");
    await world.pass(2_000);
    assert.deepEqual(heard(bob, carol), ["still here"]);
    await world.stop(bob);
    await door.close();
  }));

/** Signs Roots of a real tree; of each it gives the upper objects, one refusal, and silence. */
class Miser {
  asked = 0;
  readonly #world: FeedWorld;
  readonly #secret: SecretKey;
  readonly #tree = new Tree();
  readonly #objects = new Map<string, Uint8Array>();
  #seq = 0n;
  #refused = false;

  constructor(world: FeedWorld, port: number) {
    this.#world = world;
    this.#secret = secretOf(port);
  }

  take(line: FeedLine, { seq, message }: FeedLine["heard"][number]): void {
    switch (message.type) {
      case "Syn":
        line.send({ type: "Ack", nodeId: this.#secret.publicKey.hex }, seq);
        break;
      case "Sub":
        line.send({ type: "Ok" }, seq);
        this.push(line);
        break;
      case "RqObject":
        this.#answer(line, { seq, value: this.#objects.get(message.id) });
    }
  }

  push(line: FeedLine): void {
    const number = Number(this.#seq);
    for (let leaf = 0; leaf < 16; leaf++) {
      this.#tree.put(`msgs/${leaf}`, utf8(`${number} ${leaf}`));
    }
    const { root: object, objects } = this.#tree.publish();
    for (const { id, bytes, children } of objects) {
      if (children.length > 0) this.#objects.set(id, bytes);
    }
    this.#refused = false;
    const signed = signRoot({
      refs: [{ object, schema: TREE_NODE_SCHEMA.id }],
      descriptor: NO_BYTES,
      registry: REGISTRY.id,
      pub: this.#secret.publicKey.hex,
      nonce: 1n,
      seq: this.#seq,
      time: this.#world.clock.wall() + this.#seq,
      prev: (this.#seq === 0n ? "0" : "b").repeat(64),
    }, this.#secret);
    this.#seq++;
    line.send(rootMessage(signed));
  }

  #answer(line: FeedLine, { seq, value }: { seq: number; value: Uint8Array | undefined }): void {
    this.asked++;
    if (value !== undefined) return void line.send({ type: "Object", value }, seq);
    if (this.#refused) return;
    this.#refused = true;
    line.send({ type: "Err", text: "" }, seq);
  }
}
