/** How many peers are dialled at a time, for how long, and in which order (visor.md 7.5). */
import assert from "node:assert/strict";
import {
  MAX_ASIDE_DIALS,
  MAX_DIAL_FAILURES,
  MAX_LINK_DIALS,
  MAX_MESH_DIALS,
  MAX_QUEUE_DIALS,
  MESH_LOOK_MS,
  MESH_ROUND_LIMIT_MS,
  MESH_SLOW_DIAL_MS,
  MESH_UPGRADE_MS,
  OUTBOX_REDIAL_MS,
} from "#chat";
import type { PublicKey } from "#crypto";
import { ALICE, BOB } from "#support/fake_chat_link.ts";
import { type MeshFixture, meshFixture, send, strangers } from "#support/mesh_chat.ts";

const EVERY_NETWORK = ["skynet", "dmsg"] as const;

/** Queues a message for each of these peers. */
async function queueFor({ chat }: MeshFixture, peers: readonly PublicKey[]): Promise<void> {
  for (const recipient of peers) {
    const { kind } = await chat.send({ recipient, text: "later", queueForMs: 86_400_000 });
    assert.equal(kind, "queued");
  }
}

Deno.test("dials that hang, of queued peers, of /link, of control frames, leave messages alone", async () => {
  const node = meshFixture();
  const away = strangers(100);
  for (const { hex } of away) node.mesh.away.set(hex, "hang");
  await queueFor(node, away.slice(0, 40));
  const asked = away.slice(40, 70).map((peer) => node.chat.connect(peer, "skynet"));
  for (const peer of away.slice(70)) await node.chat.sendRead(peer, ["0a"]);
  await node.clock.advance(0);
  assert.equal(node.mesh.open, MAX_QUEUE_DIALS + MAX_LINK_DIALS + MAX_ASIDE_DIALS);
  assert.equal(asked.filter(({ connecting }) => connecting).length, MAX_LINK_DIALS);
  assert.deepEqual(asked.at(-1), {
    ready: false,
    connecting: false,
    error: "too many peers are being dialled",
  });
  assert.equal((await send(node, "hi")).kind, "sent");
  await node.chat.close();
  assert.equal(node.clock.pending, 0);
});

Deno.test("so many messages wait for dials at a time; one more fails, but joins a dial of its peer", async () => {
  const node = meshFixture();
  const away = strangers(MAX_MESH_DIALS);
  for (const { hex } of [...away, BOB]) node.mesh.away.set(hex, "hang");
  const sending = away.map((recipient) => node.chat.send({ recipient, text: "hi" }));
  await node.clock.advance(0);
  assert.equal(node.mesh.open, MAX_MESH_DIALS);
  const refused = await node.chat.send({ recipient: BOB, text: "hi" });
  assert.deepEqual(refused, {
    kind: "failed",
    code: "no-connection",
    message: `dial ${BOB.hex.slice(0, 8)} over skynet: too many peers are being dialled`,
  });
  const joined = node.chat.send({ recipient: away[0] ?? BOB, text: "too" });
  await node.clock.advance(MESH_ROUND_LIMIT_MS);
  for (const outcome of await Promise.all([...sending, joined])) {
    assert.ok(outcome.kind === "failed");
    assert.match(outcome.message, /: given up; over tcp-direct: no transport configured/);
  }
  assert.equal((await send(node, "hi")).kind, "sent");
});

Deno.test("all dials of a message take two minutes at most", async () => {
  const node = meshFixture();
  node.mesh.away.set(ALICE.hex, "hang");
  let ended = false;
  const sending = node.chat.send({ recipient: ALICE, text: "hi" }).finally(() => ended = true);
  await node.clock.advance(MESH_ROUND_LIMIT_MS - 1);
  assert.equal(ended, false);
  await node.clock.advance(1);
  assert.equal((await sending).kind, "failed");
  assert.equal(node.mesh.open, 0);
});

Deno.test("a dial that fails slowly is not repeated, the other network is tried", async () => {
  for (
    const { takes, dials } of [{ takes: 0, dials: 10 }, { takes: MESH_SLOW_DIAL_MS, dials: 2 }]
  ) {
    const node = meshFixture();
    for (const network of EVERY_NETWORK) node.mesh.failing.set(network, "no route");
    node.mesh.takes = takes;
    const sending = node.chat.send({ recipient: ALICE, text: "hi" });
    await node.clock.advance(MESH_ROUND_LIMIT_MS);
    assert.equal((await sending).kind, "failed");
    assert.equal(node.mesh.dials.length, dials);
  }
});

Deno.test("queued peers are dialled a few at a time, each in its turn, however many hang", async () => {
  const node = meshFixture();
  const peers = strangers(70);
  for (const { hex } of peers) node.mesh.away.set(hex, "hang");
  await queueFor(node, peers);
  await node.clock.advance(4 * MESH_ROUND_LIMIT_MS);
  assert.equal(node.mesh.mostOpen, MAX_QUEUE_DIALS);
  assert.deepEqual(
    node.mesh.peers.slice(0, 70),
    peers.map(({ hex }) => hex),
    "nobody twice before all",
  );
  const back = peers[69] ?? assert.fail();
  node.mesh.away.delete(back.hex);
  await node.clock.advance(6 * MESH_ROUND_LIMIT_MS);
  assert.equal(node.chat.isConnected(back), true);
  await node.chat.close();
  assert.equal(node.clock.pending, 0);
});

Deno.test("a peer that is back is reached within a minute, though a hundred others stay away", async () => {
  const node = meshFixture();
  const peers = strangers(101);
  for (const { hex } of peers) node.mesh.away.set(hex, "no route");
  await queueFor(node, peers);
  await node.clock.advance(OUTBOX_REDIAL_MS / 2);
  const back = peers[100] ?? assert.fail();
  node.mesh.away.delete(back.hex);
  await node.clock.advance(OUTBOX_REDIAL_MS);
  assert.equal(node.chat.isConnected(back), true);
  assert.equal(node.mesh.links[0]?.payloads.length, 1);
  await node.chat.close();
});

Deno.test("moving to skynet is given up after its time", async () => {
  const node = meshFixture();
  node.mesh.failing.set("skynet", "hang");
  await node.chat.send({ recipient: ALICE, text: "one", network: "auto" });
  await node.clock.advance(MESH_UPGRADE_MS - 1);
  assert.equal(node.mesh.open, 1);
  await node.clock.advance(1);
  assert.equal(node.mesh.open, 0);
});

Deno.test("one peer is moved at a time by one dial, and few peers at a time", async () => {
  const node = meshFixture();
  node.mesh.failing.set("skynet", "hang");
  for (let turn = 0; turn < 5; turn++) {
    await node.chat.send({ recipient: ALICE, text: "hi", network: "auto" });
    node.mesh.links.at(-1)?.end();
    await node.clock.advance(10);
  }
  assert.equal(node.mesh.links.length, 5);
  assert.equal(node.mesh.open, 1);
  assert.equal(node.chat.linkState(ALICE).connecting, true);
  for (const recipient of strangers(2 * MAX_ASIDE_DIALS)) {
    await node.chat.send({ recipient, text: "hi", network: "auto" });
  }
  assert.equal(node.mesh.open, MAX_ASIDE_DIALS);
});

Deno.test("the last failure is remembered of so many peers", async () => {
  const node = meshFixture();
  const peers = strangers(MAX_DIAL_FAILURES + 1);
  for (const { hex } of peers) node.mesh.away.set(hex, "no route");
  for (const recipient of peers) {
    const sending = node.chat.send({ recipient, text: "hi" });
    await node.clock.advance(2_000);
    await sending;
  }
  const errors = peers.map((peer) => node.chat.linkState(peer).error);
  assert.equal(errors[0], undefined);
  assert.deepEqual(new Set(errors.slice(1)), new Set(["no route; over dmsg: no route"]));
});

Deno.test("only a network that was dialled in vain makes the other one a fallback", async () => {
  const off = meshFixture();
  off.mesh.networks = ["dmsg"];
  assert.equal((await send(off, "hi", "skynet")).kind, "sent");
  assert.equal(off.chat.counters.outbound_fallback_count, 0);
  const auto = meshFixture();
  auto.mesh.failing.set("dmsg", "entry is not found");
  const sending = auto.chat.send({ recipient: ALICE, text: "hi", network: "auto" });
  await auto.clock.advance(1_000 + MESH_LOOK_MS);
  assert.equal((await sending).kind, "sent");
  assert.equal(auto.mesh.links[0]?.network, "skynet");
  assert.equal(auto.chat.counters.outbound_fallback_count, 0);
});

Deno.test("/link says so at once when no network of the visor is in use", () => {
  const node = meshFixture();
  node.mesh.networks = [];
  assert.deepEqual(node.chat.connect(ALICE, "skynet"), {
    ready: false,
    connecting: false,
    error: "no network of the visor is in use",
  });
});

Deno.test("a connection that is only looked at makes nobody a peer", async () => {
  const node = meshFixture();
  node.chat.connect(ALICE, "skynet");
  await node.clock.advance(MESH_LOOK_MS - 1);
  assert.equal(node.mesh.links.length, 1);
  assert.deepEqual(node.chat.peers(), []);
  await node.clock.advance(1);
  assert.deepEqual(node.chat.peers(), [ALICE.hex]);
});
