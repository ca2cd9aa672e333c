/** Whom a publisher asks for Roots that it lost, how many at a time, and for how long. */
import assert from "node:assert/strict";
import { SecretKey } from "#crypto";
import {
  type CxoMessage,
  ObjectShelf,
  REGISTRY,
  RootChain,
  type RootMessage,
  rootMessage,
  type RootSource,
  signRoot,
  Tree,
  TREE_NODE_SCHEMA,
} from "#cxo";
import { NO_BYTES, utf8 } from "#kit";
import { ManualClock } from "#support/manual_clock.ts";
import { SeededRandom } from "#support/seeded_random.ts";
import {
  FeedRecovery,
  MAX_RECOVERIES,
  MAX_WAITING_RECOVERIES,
  RECOVERY_REQUEST_MS,
} from "../../lib/cxo/feed_recovery.ts";

const SECRET = SecretKey.generate(new SeededRandom(7));
const EMPTY_ERR: CxoMessage = { type: "Err", text: "" };

/** The tree that was lost, of one message. */
const LOST = (() => {
  const tree = new Tree();
  tree.put("msgs/1", utf8("lost"));
  const { root, objects } = tree.publish();
  return { root, objects: new Map(objects.map(({ id, bytes }) => [id, bytes])) };
})();

/** A Root of a former process. */
function rootAt(time: number, object = LOST.root): RootMessage {
  return rootMessage(signRoot({
    refs: [{ object, schema: TREE_NODE_SCHEMA.id }],
    descriptor: NO_BYTES,
    registry: REGISTRY.id,
    pub: SECRET.publicKey.hex,
    nonce: 1n,
    seq: 1n,
    time: BigInt(time),
    prev: "ab".repeat(32),
  }, SECRET));
}

type Serve = (id: string) => CxoMessage | undefined;

const giveAll: Serve = (id) => {
  const value = LOST.objects.get(id);
  return value === undefined ? EMPTY_ERR : { type: "Object", value };
};
const giveNothing: Serve = () => EMPTY_ERR;
const saySilence: Serve = () => undefined;
const lie: Serve = () => ({ type: "Object", value: utf8("something else") });

let [peers, requests] = [0, 0];

/** A peer that gives back; without an answer it is given up after the time that it is asked for. */
class Giver implements RootSource {
  readonly peer: string;
  readonly remoteAddress = "192.0.2.1:8802";
  asked = 0;
  /** Its place among all that were asked. */
  place = 0;
  readonly #clock: ManualClock;
  readonly #serve: Serve;

  constructor(clock: ManualClock, serve: Serve, peer = `02${String(++peers).padStart(64, "0")}`) {
    this.#clock = clock;
    this.#serve = serve;
    this.peer = peer;
  }

  request(
    message: CxoMessage,
    { giveUps, timeoutMs = 59_000 }: { giveUps?: Set<() => void>; timeoutMs?: number } = {},
  ): Promise<CxoMessage | "timeout" | "closed"> {
    this.asked++;
    this.place = ++requests;
    const answer = message.type === "RqObject" ? this.#serve(message.id) : undefined;
    if (answer !== undefined) return Promise.resolve(answer);
    const { promise, resolve } = Promise.withResolvers<"timeout">();
    const timer = this.#clock.after(timeoutMs, () => resolve("timeout"));
    giveUps?.add(() => {
      timer.cancel();
      resolve("timeout");
    });
    return promise;
  }
}

/** A publisher that lost everything. */
class Scene {
  readonly clock = new ManualClock();
  /** Times of the Roots that came back, and the paths of their leaves. */
  readonly recovered: string[] = [];
  /** Who was reported, and why. */
  readonly hostile: { source: RootSource; code: string }[] = [];
  readonly recovery: FeedRecovery;

  constructor() {
    const { clock } = this;
    this.recovery = new FeedRecovery({
      clock,
      chain: new RootChain({ secret: SECRET, clock, journal: undefined }, undefined),
      shelf: new ObjectShelf(),
      node: () => undefined,
      onRoot: ({ root }, leaves) => {
        this.recovered.push(`${root.time} ${leaves.map(({ path }) => path)}`);
        return Promise.resolve();
      },
      onHostile: (source, { code }) => void this.hostile.push({ source, code }),
    });
  }

  static async play(action: (scene: Scene) => Promise<void>): Promise<void> {
    const scene = new Scene();
    await action(scene);
    scene.recovery.close();
    await scene.clock.advance(0);
    assert.equal(scene.clock.pending, 0);
  }

  giver(serve: Serve, peer?: string): Giver {
    return new Giver(this.clock, serve, peer);
  }

  /** Offers a Root; nothing speaks against it. */
  offer(source: RootSource, time: number): void {
    assert.equal(this.recovery.offer(rootAt(time), source), undefined);
  }
}

Deno.test("FeedRecovery takes a lost Root back, and asks nobody for one that is no newer", () =>
  Scene.play(async (scene) => {
    const [first, older, newer] = [giveAll, giveAll, giveAll].map((serve) => scene.giver(serve));
    assert.ok(first && older && newer);
    scene.offer(first, 50);
    await scene.clock.advance(1);
    scene.offer(older, 50);
    scene.offer(older, 49);
    scene.offer(newer, 51);
    await scene.clock.advance(1);
    assert.deepEqual(scene.recovered, ["50 msgs/1", "51 msgs/1"]);
    assert.equal(older.asked, 0);
    // Not even the signature of such a one is looked at.
    const unsigned = { ...rootAt(51), signature: new Uint8Array(65) };
    assert.equal(scene.recovery.offer(unsigned, older), undefined);
    const fault = scene.recovery.offer({ ...unsigned, value: rootAt(52).value }, older);
    assert.equal(fault?.code, "bad-signature");
  }));

for (const [how, serve] of [["refuses", giveNothing], ["is silent", saySilence]] as const) {
  Deno.test(`FeedRecovery asks a peer no more that gave a Root twice and then ${how}`, () =>
    Scene.play(async (scene) => {
      const spoiler = scene.giver(serve);
      for (const round of [1, 2]) {
        scene.offer(spoiler, round);
        await scene.clock.advance(RECOVERY_REQUEST_MS);
        assert.equal(spoiler.asked, round);
      }
      scene.offer(spoiler, 3);
      // A new line is no new peer.
      const again = scene.giver(giveAll, spoiler.peer);
      scene.offer(again, 4);
      await scene.clock.advance(RECOVERY_REQUEST_MS);
      assert.deepEqual([spoiler.asked, again.asked], [2, 0]);
      assert.deepEqual(scene.recovered, []);
      const honest = scene.giver(giveAll);
      scene.offer(honest, 3);
      await scene.clock.advance(1);
      assert.deepEqual(scene.recovered, ["3 msgs/1"]);
      assert.deepEqual(scene.hostile, []);
    }));
}

Deno.test("FeedRecovery fetches four Roots at a time, of whom spoilt least first", () =>
  Scene.play(async (scene) => {
    assert.equal(MAX_RECOVERIES, 4);
    const spoiler = scene.giver(giveNothing);
    scene.offer(spoiler, 1);
    await scene.clock.advance(1);
    const givers = Array.from({ length: 6 }, () => scene.giver(saySilence));
    givers.forEach((giver, index) => scene.offer(giver, 100 + index));
    scene.offer(spoiler, 1_000);
    const asked = () => givers.map((giver) => giver.asked);
    await scene.clock.advance(RECOVERY_REQUEST_MS - 1);
    assert.deepEqual([...asked(), spoiler.asked], [1, 1, 1, 1, 0, 0, 1]);
    await scene.clock.advance(1);
    assert.deepEqual([...asked(), spoiler.asked], [1, 1, 1, 1, 1, 1, 2]);
    const order = [...givers.slice(4), spoiler].toSorted((a, b) => a.place - b.place);
    assert.deepEqual(order, [givers[5], givers[4], spoiler], "of those the newest Root first");
  }));

Deno.test("FeedRecovery gives a silent peer 5 s: one that has the Root waits no longer behind four", () =>
  Scene.play(async (scene) => {
    assert.equal(RECOVERY_REQUEST_MS, 5_000);
    for (let count = 0; count < MAX_RECOVERIES; count++) {
      scene.offer(scene.giver(saySilence), 100 + count);
    }
    const honest = scene.giver(giveAll);
    scene.offer(honest, 99);
    await scene.clock.advance(RECOVERY_REQUEST_MS - 1);
    assert.deepEqual(scene.recovered, []);
    await scene.clock.advance(1);
    assert.deepEqual(scene.recovered, ["99 msgs/1"]);
  }));

Deno.test("FeedRecovery lets 64 peers wait: of one more the oldest Root goes", () =>
  Scene.play(async (scene) => {
    assert.equal(MAX_WAITING_RECOVERIES, 64);
    for (let count = 0; count < MAX_RECOVERIES; count++) {
      scene.offer(scene.giver(saySilence), 1_000 + count);
    }
    const givers = Array.from({ length: MAX_WAITING_RECOVERIES }, () => scene.giver(giveNothing));
    // The 11th has the oldest Root, and the 21st the same as the 31st.
    givers.forEach((giver, index) =>
      scene.offer(giver, index === 10 ? 1 : index === 20 || index === 30 ? 2 : 100 + index)
    );
    const late = [scene.giver(giveNothing), scene.giver(giveNothing)];
    for (const giver of late) scene.offer(giver, 500);
    const tooOld = scene.giver(giveNothing);
    scene.offer(tooOld, 1);
    await scene.clock.advance(RECOVERY_REQUEST_MS);
    const passedOver = givers.flatMap(({ asked }, index) => asked === 0 ? [index] : []);
    assert.deepEqual(passedOver, [10, 20], "the oldest; of two that are alike who waited longest");
    assert.deepEqual([...late, tooOld].map(({ asked }) => asked), [1, 1, 0]);
  }));

Deno.test("FeedRecovery keeps of each waiting peer its newest Root", () =>
  Scene.play(async (scene) => {
    for (let count = 0; count < MAX_RECOVERIES; count++) {
      scene.offer(scene.giver(saySilence), 1_000 + count);
    }
    const giver = scene.giver(giveAll);
    for (const time of [10, 30, 20]) scene.offer(giver, time);
    await scene.clock.advance(RECOVERY_REQUEST_MS);
    assert.deepEqual(scene.recovered, ["30 msgs/1"]);
  }));

Deno.test("FeedRecovery reports who sent another object than it was asked for, and goes on", () =>
  Scene.play(async (scene) => {
    const [liar, honest] = [scene.giver(lie), scene.giver(giveAll)];
    scene.offer(liar, 20);
    scene.offer(honest, 10);
    await scene.clock.advance(1);
    assert.equal(scene.hostile.length, 1);
    assert.equal(scene.hostile[0]?.source, liar);
    assert.equal(scene.hostile[0]?.code, "wrong-hash");
    assert.deepEqual(scene.recovered, ["10 msgs/1"]);
  }));

Deno.test("FeedRecovery takes nothing more once it is closed, and waits for nobody", () =>
  Scene.play(async (scene) => {
    scene.offer(scene.giver(saySilence), 10);
    scene.recovery.close();
    await scene.clock.advance(0);
    assert.equal(scene.clock.pending, 0);
    const late = scene.giver(giveAll);
    scene.offer(late, 20);
    await scene.clock.advance(1);
    assert.equal(late.asked, 0);
  }));
