/**
 * The traps of cxo.md section 11 that have no test of their own elsewhere. The others:
 *
 * | trap | where                                             | test                                          |
 * | ---- | ------------------------------------------------- | --------------------------------------------- |
 * | 1    | tests/cxo/wire_test.ts, frame_test.ts             | "trap 1: lengths are big-endian, …"           |
 * | 4    | tests/cxo/wire_test.ts, connection_test.ts        | "trap 4: Ping, Pong, RqPeers, …"              |
 * | 6    | tests/cxo/wire_test.ts, connection_test.ts        | "trap 6: a Root in the same read as Ok …"     |
 * | 7    | tests/cxo/root_test.ts, feed_hostile_roots_test   | "the signed Pub, Nonce and Seq … (trap 7)"    |
 * | 8    | tests/cxo/root_test.ts, feed_hostile_roots_test   | "Seq is 0 exactly when Prev … (trap 8)"       |
 * | 9    | tests/wire/feed_interop_restart_test.ts, here     | "trap 9: what a restarted Go publisher says …"|
 * | 10   | tests/cxo/tree_test.ts, feed_interop_test.ts      | "trap 10: heartbeats are Roots without …"     |
 * | 11   | tests/cxo/tree_test.ts                            | "children are sorted by bytes, … (trap 11)"   |
 * | 12   | tests/cxo/root_test.ts                            | "times and nonces beyond 2^53 … (trap 12)"    |
 * | 13   | tests/cxo/refs_test.ts, feed_hostile_objects_test | "a node is not a top: … (trap 13)"            |
 * | 14   | tests/cxo/walk_test.ts, feed_hostile_objects_test | "trap 14: empty leaves are passed over"       |
 * | 19   | tests/cxo/wire_test.ts, connection_test.ts        | "trap 19: a request times out, …"             |
 * | 20   | tests/cxo/wire_test.ts, feed_hostile_floods_test  | "trap 20: an announced length takes no …"     |
 */
import assert from "node:assert/strict";

import { SecretKey } from "#crypto";
import {
  acceptRoot,
  CxoFault,
  decodeRoot,
  objectOf,
  REGISTRY,
  rootMessage,
  rootTreeNode,
  signRoot,
  TREE_NODE_SCHEMA,
} from "#cxo";
import { concat, utf8 } from "#kit";
import { SecureSession } from "#session";
import { GoPublisher, GoSubscriber } from "#support/feed_go.ts";
import { secretOf } from "#support/feed_node.ts";
import { SOME_ID, underAttack } from "#support/feed_hostile.ts";
import { follow, hello, strangerSecret } from "#support/feed_raw.ts";
import { inWorld } from "#support/feed_scene.ts";
import { ScriptedRandom } from "#support/seeded_random.ts";
import { dataOf, sessionPair, wireOf } from "#support/session_pair.ts";
import { APP_FLAGS } from "../../cli/app_flags.ts";
import vectors from "../vectors/cxo.json" with { type: "json" };

const PUBLISHER = 8_802;
const SUBSCRIBER = 8_803;
const MINUTE = 60_000;

Deno.test("trap 2: the keys of XX are swapped after the split, as recorded frames prove", () => {
  const { initiator_static, initiator_ephemeral, syn_frame, wire } = vectors.noise_xx;
  const dialer = new SecureSession({
    role: "initiator",
    pattern: "XX",
    local: SecretKey.parse(initiator_static.secret),
    random: new ScriptedRandom(Uint8Array.fromHex(initiator_ephemeral.secret)),
    offerPostQuantum: false,
  });
  const recorded = wire.map(({ hex }) => Uint8Array.fromHex(hex));
  dialer.start();
  dialer.push(recorded[1] ?? new Uint8Array());
  const syn = Uint8Array.fromHex(syn_frame);
  const sealed = [dialer.seal(syn.subarray(0, 12)), dialer.seal(syn.subarray(12))];
  assert.deepEqual(sealed, recorded.slice(3, 5));
  const heard = dataOf(dialer.push(concat(...recorded.slice(5, 7))));
  assert.equal(heard.toHex(), vectors.noise_xx.ack_frame);
});

Deno.test("trap 3: message 1 has 33 or 1217 bytes, and what follows the key is part of the transcript", () => {
  for (const offerPostQuantum of [false, true]) {
    const pair = sessionPair({ pattern: "XX", initiator: { offerPostQuantum } });
    const first = wireOf(pair.initiator.start());
    assert.equal(first.length, 2 + (offerPostQuantum ? 1_217 : 33));
    pair.responder.push(wireOf(pair.initiator.push(wireOf(pair.responder.push(first)))));
    assert.deepEqual([pair.initiator.established, pair.responder.established], [true, true]);
  }
  const pair = sessionPair({ pattern: "XX" });
  const first = wireOf(pair.initiator.start());
  // The last byte of the ML-KEM key: the answer must not fit any more.
  const changed = first.with(first.length - 1, (first.at(-1) ?? 0) ^ 1);
  const answer = pair.initiator.push(wireOf(pair.responder.push(changed)));
  assert.equal(answer.at(-1)?.kind, "fatal");
});

Deno.test("trap 5: what a Go subscriber is still fetching is never answered with Err", () =>
  inWorld(async (world) => {
    const node = await world.start(PUBLISHER);
    for (let count = 0; count < 10; count++) await node.say(`early ${count}`);
    await world.clock.advance(1_000);
    const go = new GoSubscriber(world, { port: PUBLISHER, objectDelayMs: 5_000 });
    await world.clock.advance(1_000);
    for (let count = 0; count < 60; count++) {
      await node.say(`late ${count}`);
      await world.clock.advance(1_000);
    }
    assert.ok(go.copy.asked.length >= 10);
    assert.deepEqual(go.line?.line.all("Err"), []);
    await world.clock.advance(10 * MINUTE);
    assert.deepEqual(go.lines.map(({ reason }) => reason), [""], "it never hung up");
    assert.equal(go.shown.length, 70);
    await go.close();
  }));

Deno.test("trap 9: our publisher never uses a Seq of an old nonce again", () =>
  inWorld(async (world) => {
    const used = new Set<string>();
    for (let life = 0; life < 4; life++) {
      const node = await world.start(PUBLISHER);
      const line = await follow(world, PUBLISHER);
      await node.say(`life ${life}`);
      await world.clock.advance(1_000);
      const roots = line.all("Root");
      assert.ok(roots.length > 0);
      for (const { nonce, seq } of roots) {
        assert.notEqual(nonce, 0n);
        assert.ok(!used.has(`${nonce}/${seq}`));
        used.add(`${nonce}/${seq}`);
      }
      await world.kill(node);
      await line.end();
    }
  }));

Deno.test("trap 15: messages of one Root are shown in the order of their paths", () =>
  underAttack({
    onFollowed: (line, evil) => {
      const names = ["c", "a", "e", "b", "d"];
      line.send(evil.root(evil.node(names.map((name) => ({ name, leaf: utf8(`at ${name}`) })))));
    },
  }, async ({ victim, world }) => {
    await world.clock.advance(1_000);
    const shown = victim.received.filter((text) => text.startsWith("at"));
    assert.deepEqual(shown, ["at a", "at b", "at c", "at d", "at e"]);
  }));

Deno.test("trap 16: each subscriber has a node id of its own, new at every start, and nobody is refused", () =>
  inWorld(async (world) => {
    const go = new GoPublisher(world, PUBLISHER);
    const other = new GoPublisher(world, PUBLISHER + 10);
    const ids: string[] = [];
    for (let life = 0; life < 3; life++) {
      const node = await world.start(SUBSCRIBER, { peers: [go, other] });
      await world.clock.advance(1_000);
      for (const { line } of [...go.live, ...other.live]) {
        const [syn] = line.all("Syn");
        assert.equal(syn?.nodeId, line.peer);
        ids.push(line.peer);
      }
      assert.ok(!ids.includes(node.key));
      await world.stop(node);
    }
    assert.equal(new Set(ids).size, 6);
    const ours = await world.start(PUBLISHER + 20);
    const stranger = await follow(world, PUBLISHER + 20);
    assert.equal(ours.feeds.figures.followers, 1);
    await stranger.end();
    await go.close();
    await other.close();
  }));

Deno.test("trap 17: of two connections of one node id the newest stays", () =>
  inWorld(async (world) => {
    const node = await world.start(PUBLISHER);
    const secret = strangerSecret();
    const lines = [];
    for (let count = 0; count < 4; count++) lines.push(await follow(world, PUBLISHER, { secret }));
    await world.clock.advance(100);
    assert.deepEqual(lines.map(({ isClosed }) => isClosed), [true, true, true, false]);
    assert.equal(node.feeds.figures.followers, 1);
    for (const line of lines) await line.end();
  }));

Deno.test("trap 18: a Root of our own feed from a follower is adopted when it is ours and ahead", () =>
  inWorld(async (world) => {
    const node = await world.start(PUBLISHER);
    const line = await follow(world, PUBLISHER);
    await node.say("here");
    await world.clock.advance(1_000);
    const last = decodeRoot(line.all("Root").at(-1)?.value ?? new Uint8Array());
    assert.ok(!(last instanceof CxoFault));
    const ahead = signRoot({ ...last, seq: 41n, prev: SOME_ID }, secretOf(PUBLISHER));
    line.send(rootMessage(ahead));
    await world.clock.advance(1_000);
    assert.equal(line.isClosed, false);
    await node.say("further");
    await world.clock.advance(1_000);
    const next = acceptRoot(line.all("Root").at(-1) ?? assert.fail());
    assert.ok(!(next instanceof CxoFault));
    assert.ok(next.root.seq > 41n, `seq ${next.root.seq}`);
    await line.end();
  }));

Deno.test("trap 21: every dial has a port of its own, and many of one address are served", () =>
  inWorld(async (world) => {
    const go = new GoPublisher(world, PUBLISHER);
    await world.start(SUBSCRIBER, { peers: [go] });
    for (let count = 0; count < 5; count++) {
      await world.pass(2_000);
      go.live[0]?.hangUp("test");
    }
    await world.pass(40_000);
    const addresses = go.lines.map(({ line }) => line.stream.remoteAddress);
    assert.ok(addresses.length >= 4);
    assert.equal(new Set(addresses).size, addresses.length);
    const node = await world.start(PUBLISHER + 10);
    const lines = [];
    for (let count = 0; count < 10; count++) lines.push(await follow(world, PUBLISHER + 10));
    assert.equal(node.feeds.figures.followers, 10);
    for (const line of lines) await line.end();
    await go.close();
  }));

Deno.test("trap 22: texts are misspelled as upstream, and those of a peer decide nothing", () =>
  inWorld(async (world) => {
    const secret = secretOf(PUBLISHER);
    const tree = {
      refs: [{ object: SOME_ID, schema: SOME_ID }],
      descriptor: new Uint8Array(),
      registry: REGISTRY.id,
      pub: secret.publicKey.hex,
      ...{ nonce: 1n, seq: 1n, time: 1n, prev: SOME_ID },
    };
    const fault = rootTreeNode(signRoot(tree, secret).root);
    assert.ok(fault instanceof CxoFault);
    assert.equal(fault.message, `missng schema "${SOME_ID}"`);
    // A refusal in any words is a refusal: tried again after 1, 2, 4, … s.
    for (const text of ["subscribe rejected", "subscribe rejcted", ""]) {
      const go = new GoPublisher(world, PUBLISHER);
      go.say("never heard");
      go.refusal = text;
      const node = await world.start(SUBSCRIBER, { peers: [go] });
      await world.pass(10_000);
      assert.equal(go.lines.length, 4, text);
      assert.deepEqual(node.received, []);
      await world.stop(node);
      await go.close();
    }
  }));

Deno.test("trap 23: the port is skychat's, 8802, not that of the default node, 8870", () => {
  assert.equal(APP_FLAGS["cxo-listen"].default, ":8802");
});

Deno.test("trap 24: tags are part of the Registry: any other quoting is another Registry", () =>
  inWorld(async (world) => {
    const recorded = vectors.registry;
    assert.equal(REGISTRY.bytes.toHex(), recorded.encoded_hex);
    assert.equal(REGISTRY.id, recorded.ref);
    assert.equal(
      TREE_NODE_SCHEMA.id,
      "d797975daa4a6dd6604ccbd1d0bd01fcaf258618f31f8570e9c42b335a10a6c9",
    );
    const text = new TextDecoder("latin1").decode(REGISTRY.bytes);
    const at = text.indexOf('skyobject:"schema=');
    assert.ok(at > 0);
    const other = objectOf(REGISTRY.bytes.with(at + "skyobject:".length, "'".charCodeAt(0)));
    assert.notEqual(other.id, REGISTRY.id);
    await world.start(PUBLISHER);
    const line = await hello(world, PUBLISHER);
    const answer = await line.ask({ type: "RqObject", id: REGISTRY.id });
    assert.ok(typeof answer === "object" && answer.type === "Object");
    assert.deepEqual(answer.value, REGISTRY.bytes);
    await line.end();
  }));
