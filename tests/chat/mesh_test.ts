/** Connections that are dialled through a visor when something is to be sent (visor.md 7.5). */
import assert from "node:assert/strict";
import { MESH_LOOK_MS, OUTBOX_REDIAL_MS, RECEIPT_WATCH } from "#chat";
import { MemoryHistory } from "#store";
import { ALICE, chatFixture } from "#support/fake_chat_link.ts";
import { FakeMesh } from "#support/fake_mesh.ts";
import { ManualClock } from "#support/manual_clock.ts";
import { meshFixture, send } from "#support/mesh_chat.ts";

const TO = ALICE.hex.slice(0, 8);
/** By which clients tell that a peer is away. */
const AWAY = "; over tcp-direct: no transport configured (no live tcp-direct connection)";

Deno.test("a message to somebody who is not connected is sent over a new skynet connection, the next over the same", async () => {
  const node = meshFixture();
  const first = await send(node, "one");
  const second = await send(node, "two", "skynet");
  assert.deepEqual(node.mesh.dials.map(([network]) => network), ["skynet"]);
  assert.deepEqual(node.mesh.links[0]?.payloads, ["one", "two"]);
  assert.deepEqual([first, second].map((outcome) => "network" in outcome && outcome.network), [
    "skynet",
    "skynet",
  ]);
  const published = await node.published();
  assert.deepEqual(published.map(({ network }) => network), ["skynet", "skynet"]);
  assert.equal(node.chat.counters.outbound_msg_count, 2);
  assert.equal(node.chat.counters.outbound_retry_count, 0);
  assert.equal(node.chat.counters.outbound_fallback_count, 0);
});

Deno.test("what comes over a connection of a visor carries its network", async () => {
  const node = meshFixture();
  await send(node, "hi", "dmsg");
  await node.published();
  await node.mesh.links[0]?.receiveText("hello");
  assert.deepEqual((await node.published()).map(({ network }) => network), ["dmsg"]);
});

Deno.test("a round is five dials with pauses that double, and the last reason is told", async () => {
  const node = meshFixture();
  node.mesh.networks = ["skynet"];
  node.mesh.failing.set("skynet", "no route to visor");
  const sending = node.chat.send({ recipient: ALICE, text: "hi" });
  await node.clock.advance(10_000);
  assert.deepEqual(await sending, {
    kind: "failed",
    code: "no-connection",
    message: `dial ${TO} over skynet: no route to visor${AWAY}`,
  });
  assert.deepEqual(node.mesh.dials.map(([, at]) => at), [0, 50, 150, 350, 750]);
  assert.equal(node.chat.counters.outbound_fail_count, 1);
});

Deno.test("where one network fails the other is tried, which counts", async () => {
  const node = meshFixture();
  node.mesh.failing.set("skynet", "no route to visor");
  const sending = node.chat.send({ recipient: ALICE, text: "hi" });
  await node.clock.advance(1_000);
  assert.equal((await sending).kind, "sent");
  assert.deepEqual(node.mesh.dials.map(([network]) => network), [
    ...Array(5).fill("skynet"),
    "dmsg",
  ]);
  assert.deepEqual((await node.published()).map(({ network }) => network), ["dmsg"]);
  assert.equal(node.chat.counters.outbound_fallback_count, 1);
  node.mesh.failing.set("dmsg", "dmsg error 100 - entry is not found in discovery");
  node.mesh.links[0]?.end();
  await node.clock.advance(0);
  const failing = node.chat.send({ recipient: ALICE, text: "hi", network: "dmsg" });
  await node.clock.advance(2_000);
  assert.deepEqual(await failing, {
    kind: "failed",
    code: "no-connection",
    message: `dial ${TO} over dmsg: dmsg error 100 - entry is not found in discovery` +
      `; over skynet: no route to visor${AWAY}`,
  });
});

Deno.test("twenty messages at once share one dial and arrive in order", async () => {
  const node = meshFixture();
  node.mesh.takes = 3_000;
  const texts = Array.from({ length: 20 }, (_, index) => `message ${index}`);
  const sending = texts.map((text) => node.chat.send({ recipient: ALICE, text }));
  await node.clock.advance(4_000);
  await Promise.all(sending);
  assert.equal(node.mesh.dials.length, 1);
  assert.deepEqual(node.mesh.links[0]?.payloads, texts);
});

Deno.test("a connection that fails while it is written to is replaced by a new one, once", async () => {
  const node = meshFixture();
  await send(node, "one");
  const [old] = node.mesh.links;
  assert.ok(old !== undefined);
  old.writing = { fail: "broken pipe" };
  assert.equal((await send(node, "two")).kind, "sent");
  assert.equal(old.closeReasons[0], "write failed: broken pipe");
  assert.deepEqual(node.mesh.links[1]?.payloads, ["two"]);
  assert.equal(node.chat.counters.outbound_retry_count, 1);
  const [, current] = node.mesh.links;
  assert.ok(current !== undefined);
  current.writing = { fail: "broken pipe" };
  node.mesh.networks = [];
  assert.deepEqual(await send(node, "three"), {
    kind: "failed",
    code: "write-failed",
    message: `redial after write broken pipe: no network of the visor is in use${AWAY}`,
  });
});

Deno.test("auto takes dmsg at once and moves to skynet behind the peer's back", async () => {
  const node = meshFixture();
  const sending = node.chat.send({ recipient: ALICE, text: "one", network: "auto" });
  assert.equal((await sending).kind, "sent");
  assert.deepEqual(node.mesh.dials, [["dmsg", 0], ["skynet", 0]]);
  assert.equal(node.chat.counters.outbound_fallback_count, 0);
  await node.clock.advance(MESH_LOOK_MS);
  await send(node, "two", "auto");
  const [dmsg, skynet] = node.mesh.links;
  assert.deepEqual([dmsg?.payloads, skynet?.payloads], [["one"], ["two"]]);
  assert.deepEqual(dmsg?.closeReasons, [], "a receipt may still come");
  await node.clock.advance(RECEIPT_WATCH);
  assert.deepEqual(dmsg?.closeReasons[0], "moved to skynet");
  assert.equal(node.mesh.dials.length, 2);
});

Deno.test("what takes too long behind the peer's back is given up, and dmsg stays", async () => {
  const node = meshFixture();
  node.mesh.failing.set("skynet", "hang");
  await node.chat.send({ recipient: ALICE, text: "one", network: "auto" });
  await node.clock.advance(60_000);
  assert.equal((await send(node, "two", "auto")).kind, "sent");
  assert.deepEqual(node.mesh.links.map(({ payloads }) => payloads), [["one", "two"]]);
  await node.chat.close();
  assert.equal(node.clock.pending, 0);
});

Deno.test("auto takes whatever is connected", async () => {
  const node = meshFixture();
  const link = node.attach(ALICE);
  assert.equal(
    (await node.chat.send({ recipient: ALICE, text: "hi", network: "auto" })).kind,
    "sent",
  );
  assert.deepEqual([link.payloads, node.mesh.dials], [["hi"], []]);
});

Deno.test("tcp-direct by name dials nothing and uses no other connection", async () => {
  const node = meshFixture();
  await send(node, "over skynet");
  assert.deepEqual(await node.chat.send({ recipient: ALICE, text: "hi", network: "tcp-direct" }), {
    kind: "failed",
    code: "no-connection",
    message: `dial ${TO} over tcp-direct: skychat/dm: no transport configured (dial unavailable)` +
      ": no live tcp-direct connection",
  });
  const direct = node.attach(ALICE);
  await send(node, "over skynet again", "skynet");
  await node.chat.send({ recipient: ALICE, text: "direct", network: "tcp-direct" });
  assert.deepEqual(direct.payloads, ["over skynet again", "direct"], "the newest is used");
  assert.equal(node.mesh.dials.length, 1);
});

Deno.test("a skynet connection that ends before it is used was none", async () => {
  const node = meshFixture();
  node.mesh.networks = ["skynet"];
  node.mesh.ends = "no listener on port 1, skychat offline";
  const sending = node.chat.send({ recipient: ALICE, text: "hi" });
  await node.clock.advance(5);
  const other = node.chat.send({ recipient: ALICE, text: "hi", network: "auto" });
  await node.clock.advance(5_000);
  const outcome = await sending;
  assert.equal((await other).kind, "failed", "nothing goes over it meanwhile");
  assert.ok(outcome.kind === "failed");
  const why = "no listener on port 1, skychat offline";
  assert.equal(outcome.message, `dial ${TO} over skynet: ${why}${AWAY}`);
  assert.ok(node.mesh.links.every(({ payloads }) => payloads.length === 0));
  assert.equal(node.mesh.links.length, 10);
});

Deno.test("/link says how it stands, and asks for a connection", async () => {
  const node = meshFixture();
  assert.deepEqual(node.chat.linkState(ALICE), {
    ready: false,
    connecting: false,
    error: undefined,
  });
  node.mesh.failing.set("skynet", "no route");
  node.mesh.networks = ["skynet"];
  assert.deepEqual(node.chat.connect(ALICE, "skynet"), { ready: false, connecting: true });
  assert.equal(node.chat.linkState(ALICE).connecting, true);
  await node.clock.advance(5_000);
  assert.deepEqual(node.chat.linkState(ALICE), {
    ready: false,
    connecting: false,
    error: "no route",
  });
  node.mesh.failing.clear();
  node.chat.connect(ALICE, "");
  await node.clock.advance(MESH_LOOK_MS);
  const ready = { ready: true, connecting: false, network: "skynet" };
  assert.deepEqual(node.chat.linkState(ALICE), ready);
  assert.deepEqual(node.chat.connect(ALICE, "dmsg"), ready);
  assert.equal(node.mesh.dials.length, 6);
});

Deno.test("without a visor nothing is dialled, and /link says so", async () => {
  const node = chatFixture();
  assert.deepEqual(node.chat.connect(ALICE, "dmsg"), {
    ready: false,
    connecting: false,
    error: "no live tcp-direct connection",
  });
  const outcome = await node.chat.send({ recipient: ALICE, text: "hi", network: "auto" });
  assert.ok(outcome.kind === "failed");
  assert.match(outcome.message, /dial unavailable\): no live tcp-direct connection$/);
});

Deno.test("a message that is queued is sent as soon as its recipient can be dialled", async () => {
  const clock = new ManualClock();
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const store = new MemoryHistory({ clock, log, self: ALICE.hex });
  const mesh = new FakeMesh(clock);
  const node = { ...chatFixture({ clock, mesh, store, outbox: store.outbox }), mesh };
  for (const network of ["skynet", "dmsg"] as const) mesh.failing.set(network, "no route");
  const queued = await node.chat.send({ recipient: ALICE, text: "later", queueForMs: 600_000 });
  assert.equal(queued.kind, "queued");
  await clock.advance(5_000);
  const before = mesh.dials.length;
  assert.ok(before > 0, "tried at once");
  mesh.failing.clear();
  await clock.advance(OUTBOX_REDIAL_MS);
  const [link] = mesh.links;
  const { body, id } = JSON.parse(link?.payloads[0] ?? "{}");
  assert.equal(body, "later");
  await link?.receiveText(`{"type":"chat-ack","id":"${id}"}`);
  await clock.advance(0);
  assert.deepEqual(node.chat.outbox?.list(), []);
  assert.deepEqual((await node.published()).map(({ network }) => network).filter(Boolean), [
    link?.network,
  ]);
  await clock.advance(3 * OUTBOX_REDIAL_MS);
  assert.ok(mesh.dials.length <= before + 2, "nobody is dialled for nothing");
  await node.chat.close();
});

Deno.test("that a message was read is said over a new connection, for which nobody waits", async () => {
  const node = meshFixture();
  node.mesh.takes = 5_000;
  await node.chat.sendRead(ALICE, ["0a"]);
  await node.clock.advance(6_000);
  assert.deepEqual(node.mesh.links[0]?.payloads, ['{"type":"chat-read","id":"0a"}']);
});

Deno.test("closing ends dials that are under way and leaves no timer", async () => {
  const node = meshFixture();
  node.mesh.failing.set("skynet", "hang");
  const sending = node.chat.send({ recipient: ALICE, text: "hi" });
  await node.clock.advance(1_000);
  await node.chat.close();
  assert.equal((await sending).kind, "failed");
  assert.equal(node.clock.pending, 0);
});
