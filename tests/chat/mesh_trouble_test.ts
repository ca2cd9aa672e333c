/** Connections of a visor that lead nowhere, or stop working (visor.md 6.3, 7.5). */
import assert from "node:assert/strict";
import { FLOOD_LINES } from "#net";
import { MESH_EARLY_MS, MESH_LOOK_MS, RECEIPT_WATCH } from "#chat";
import { ALICE, FakeChatLink } from "#support/fake_chat_link.ts";
import { meshFixture, send } from "#support/mesh_chat.ts";
import { bothFailed } from "../../lib/chat/sender.ts";

const TO = ALICE.hex.slice(0, 8);
const NOBODY = "no listener on port 1, skychat offline";
const BROKEN = { fail: "broken\u001bpipe" } as const;

/** A node with a skynet connection on which one message was written. */
async function written() {
  const node = meshFixture();
  await send(node, "one");
  return { node, skynet: node.mesh.links[0] ?? assert.fail() };
}

Deno.test("where even the new connection cannot be written to, the other network is dialled", async () => {
  const { node, skynet } = await written();
  skynet.writing = BROKEN;
  node.mesh.writing.set("skynet", BROKEN);
  assert.equal((await send(node, "two")).kind, "sent");
  assert.deepEqual(node.mesh.links.map(({ network, payloads }) => [network, payloads]), [
    ["skynet", ["one"]],
    ["skynet", []],
    ["dmsg", ["two"]],
  ]);
  assert.equal(node.chat.counters.outbound_retry_count, 1);
  assert.equal(node.chat.counters.outbound_fallback_count, 1);
});

Deno.test("a first connection that cannot be written to leads to the other network as well", async () => {
  const node = meshFixture();
  node.mesh.writing.set("skynet", BROKEN);
  assert.equal((await send(node, "one")).kind, "sent");
  assert.deepEqual(node.mesh.links.map(({ network }) => network), ["skynet", "dmsg"]);
});

Deno.test("where every write fails the text says so, and not that the peer is away", async () => {
  const node = meshFixture();
  node.mesh.writing.set("skynet", BROKEN);
  node.mesh.writing.set("dmsg", { fail: "reset" });
  const both = await send(node, "one");
  assert.ok(both.kind === "failed");
  assert.equal(both.message, "redial after write broken\\u001bpipe: reset");
  node.mesh.networks = ["skynet"];
  const one = await send(node, "one");
  assert.ok(one.kind === "failed");
  const other = "no other network of the visor is in use";
  assert.equal(one.message, `redial after write broken\\u001bpipe: ${other}`);
});

Deno.test("where the other network cannot be dialled the text says both", async () => {
  const node = meshFixture();
  node.mesh.writing.set("skynet", { fail: "reset" });
  node.mesh.failing.set("dmsg", "entry is not found");
  const sending = node.chat.send({ recipient: ALICE, text: "hi" });
  await node.clock.advance(2_000);
  assert.deepEqual(await sending, {
    kind: "failed",
    code: "write-failed",
    message: "redial after write reset: over dmsg: entry is not found" +
      "; over tcp-direct: no transport configured (no live tcp-direct connection)",
  });
});

Deno.test("two failed attempts leave it open whether it arrived if one of them does", () => {
  const none = { kind: "no-connection", touched: false } as const;
  const failed = (touched: boolean) => ({ kind: "write-failed", reason: "x", touched } as const);
  const cases = [
    [none, none, false],
    [none, failed(true), true],
    [failed(true), none, true],
    [failed(true), failed(false), true],
    [failed(false), failed(true), true],
    [failed(false), failed(false), false],
  ] as const;
  for (const [first, second, touched] of cases) {
    assert.equal(bothFailed(first, second).touched, touched);
  }
});

Deno.test("the texts of a network reach nobody raw", async () => {
  const node = meshFixture();
  for (const network of ["skynet", "dmsg"] as const) {
    node.mesh.failing.set(network, "\u001b[31mno\r\nroute");
  }
  const sending = node.chat.send({ recipient: ALICE, text: "hi" });
  await node.clock.advance(2_000);
  const outcome = await sending;
  assert.ok(outcome.kind === "failed");
  const quoted = "\\u001b[31mno\\u000d\\u000aroute";
  assert.ok(outcome.message.startsWith(`dial ${TO} over skynet: ${quoted}; over dmsg: ${quoted};`));
  assert.equal(node.chat.linkState(ALICE).error, `${quoted}; over dmsg: ${quoted}`);
});

Deno.test("auto keeps dmsg when skynet is lost before it could be let go", async () => {
  const node = meshFixture();
  await node.chat.send({ recipient: ALICE, text: "one", network: "auto" });
  await node.clock.advance(MESH_LOOK_MS);
  const [dmsg, skynet] = node.mesh.links;
  skynet?.end();
  await node.clock.advance(RECEIPT_WATCH);
  assert.deepEqual(dmsg?.closeReasons, []);
  assert.equal((await send(node, "two", "auto")).kind, "sent");
  assert.deepEqual(dmsg?.payloads, ["one", "two"]);
});

Deno.test("what was written where nobody was is written again over the other network, in order", async () => {
  const { node, skynet } = await written();
  await send(node, "two");
  skynet.end(NOBODY);
  await node.clock.advance(0);
  assert.deepEqual(node.mesh.links.map(({ network, payloads }) => [network, payloads]), [
    ["skynet", ["one", "two"]],
    ["dmsg", ["one", "two"]],
  ]);
  assert.equal(node.chat.counters.outbound_fallback_count, 2);
  assert.equal(node.chat.counters.outbound_msg_count, 2);
  assert.match(node.lines.at(-1) ?? "", /^INFO skychat\/dm: 2 sent to .* sent again over dmsg$/);
});

Deno.test("whoever waits for its receipt gets it from there", async () => {
  const node = meshFixture();
  const sending = node.chat.send({ recipient: ALICE, text: "hi", waitMs: 5_000 });
  await node.clock.advance(MESH_LOOK_MS + 100);
  node.mesh.links[0]?.end(NOBODY);
  await node.clock.advance(100);
  const dmsg = node.mesh.links[1];
  const { id } = JSON.parse(dmsg?.payloads[0] ?? "{}");
  await dmsg?.receiveText(`{"type":"chat-ack","id":"${id}"}`);
  assert.equal((await sending).kind, "acked");
});

Deno.test("where there is no other way it is lost, which is counted, logged and told by /link", async () => {
  const { node, skynet } = await written();
  node.mesh.networks = ["skynet"];
  skynet.end(NOBODY);
  await node.clock.advance(0);
  assert.equal(node.mesh.links.length, 1, "skynet has answered");
  assert.equal(node.chat.counters.outbound_fail_count, 1);
  assert.equal(node.chat.linkState(ALICE).error, NOBODY);
  assert.match(node.lines.at(-1) ?? "", /^WARN skychat\/dm: 1 sent to .* lost: no other network/);
});

for (
  const [what, spoil] of [
    ["whose peer was heard", (link: FakeChatLink) => link.receive(new Uint8Array([0]))],
    ["that is old", () => Promise.resolve(MESH_EARLY_MS)],
  ] as const
) {
  Deno.test(`nothing is written again for a connection ${what}`, async () => {
    const { node, skynet } = await written();
    await node.clock.advance(await spoil(skynet) ?? 0);
    skynet.end(NOBODY);
    await node.clock.advance(1_000);
    assert.equal(node.mesh.links.length, 1);
  });
}

Deno.test("nothing is written again when a connection ends otherwise: it may have arrived", async () => {
  const { node, skynet } = await written();
  skynet.end("EOF");
  await node.clock.advance(1_000);
  assert.equal(node.mesh.links.length, 1);
  assert.equal(node.clock.pending, 1, "only the queue's next look");
});

Deno.test("connections over the mesh are told like those over TCP, dials that fail once for a network", async () => {
  const node = meshFixture();
  node.mesh.failing.set("skynet", "no\nroute");
  const sending = node.chat.send({ recipient: ALICE, text: "hi" });
  await node.clock.advance(1_000);
  await sending;
  const accepted = new FakeChatLink(ALICE, { network: "skynet" });
  void node.chat.attach(accepted);
  accepted.end("EOF");
  await node.clock.advance(0);
  node.mesh.links[0]?.end("re\nset");
  await node.clock.advance(0);
  assert.deepEqual(node.lines, [
    `INFO skychat: skynet dial ${ALICE.hex} failed: no\\u000aroute`,
    `INFO skychat: dmsg connected to ${ALICE.hex}`,
    `INFO skychat: skynet conn accepted from ${ALICE.hex}`,
    `INFO skychat: skynet disconnected from ${ALICE.hex}: EOF`,
    `INFO skychat: dmsg disconnected from ${ALICE.hex}: re\\u000aset`,
  ]);
  for (let turn = 0; turn < FLOOD_LINES; turn++) {
    const link = new FakeChatLink(ALICE, { network: "dmsg" });
    void node.chat.attach(link);
    link.end("EOF");
    await node.clock.advance(0);
  }
  assert.equal(node.lines.length, FLOOD_LINES);
});

Deno.test("what was written as the visor said that nobody was there is sent again, too", async () => {
  const node = meshFixture();
  node.mesh.onLink = (link) => {
    if (link.network === "skynet") link.onWrite = () => link.end(NOBODY);
  };
  assert.equal((await send(node, "one")).kind, "sent");
  await node.clock.advance(0);
  assert.deepEqual(node.mesh.links.map(({ network, payloads }) => [network, payloads]), [
    ["skynet", ["one"]],
    ["dmsg", ["one"]],
  ]);
});

Deno.test("a peer that reads nothing is not dialled for another connection", async () => {
  const { node, skynet } = await written();
  skynet.writing = { fail: "backlog full", code: "backlog-full" };
  const outcome = await send(node, "two");
  assert.ok(outcome.kind === "failed" && outcome.code === "write-failed");
  assert.match(outcome.message, /^redial after write backlog full: /);
  assert.equal(node.mesh.links.length, 1);
  assert.deepEqual(skynet.closeReasons, []);
});

Deno.test("a mistake of ours on a connection that we dialled ends that connection, not the process", async () => {
  const { node, skynet } = await written();
  skynet.failServing(new TypeError("x\nis not a function"));
  await node.clock.advance(0);
  assert.equal(node.chat.isConnected(ALICE), false);
  assert.match(
    node.lines.at(-1) ?? "",
    /^WARN skychat: visor skynet link to .* failed: x\\u000ais not/,
  );
});

Deno.test("what auto moved to skynet, where nobody was, is sent again over what it moved from", async () => {
  const node = meshFixture();
  await node.chat.send({ recipient: ALICE, text: "one", network: "auto" });
  await node.clock.advance(MESH_LOOK_MS);
  await send(node, "two", "auto");
  const [dmsg, skynet] = node.mesh.links;
  assert.deepEqual([dmsg?.payloads, skynet?.payloads], [["one"], ["two"]]);
  skynet?.end(NOBODY);
  await node.clock.advance(RECEIPT_WATCH);
  assert.deepEqual(dmsg?.payloads, ["one", "two"]);
  assert.deepEqual(dmsg?.closeReasons, []);
});
