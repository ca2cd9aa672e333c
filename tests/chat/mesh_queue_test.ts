/** Messages that may be queued, and what is asked for besides, on a node with a visor. */
import assert from "node:assert/strict";
import { DUPLICATE_WINDOW, MESH_LOOK_MS, OUTBOX_REDIAL_MS } from "#chat";
import { ALICE, BOB } from "#support/fake_chat_link.ts";
import { meshFixture, send } from "#support/mesh_chat.ts";

const NOBODY = "no listener on port 1, skychat offline";
const LATER = { recipient: ALICE, text: "later", queueForMs: 600_000 } as const;

for (const network of ["skynet", "dmsg"] as const) {
  Deno.test(`what may be queued is sent at once to a peer that is connected over ${network}, and waited for`, async () => {
    const node = meshFixture();
    await send(node, "first", network);
    const [link] = node.mesh.links;
    const sending = node.chat.send({ ...LATER, network: "skynet", waitMs: 5_000 });
    await node.clock.advance(100);
    const { body, id } = JSON.parse(link?.payloads[1] ?? "{}");
    assert.equal(body, "later");
    await link?.receiveText(`{"type":"chat-ack","id":"${id}"}`);
    assert.deepEqual(await sending, { kind: "acked", id, ms: 100 });
    const silent = node.chat.send({ ...LATER, waitMs: 5_000 });
    await node.clock.advance(5_000);
    assert.equal((await silent).kind, "timeout");
    assert.deepEqual(node.chat.outbox?.list(), []);
  });
}

Deno.test("what may be queued does not wait for a dial", async () => {
  const node = meshFixture();
  node.mesh.away.set(ALICE.hex, "hang");
  assert.equal((await node.chat.send({ ...LATER, waitMs: 5_000 })).kind, "queued");
  await node.chat.close();
});

for (const network of ["tcp-direct", "cxo"]) {
  Deno.test(`for ${network} nothing is dialled, not by /link and not for what is queued`, async () => {
    const node = meshFixture();
    const error = "no live tcp-direct connection";
    const away = { ready: false, connecting: false, error };
    assert.deepEqual(node.chat.connect(ALICE, network), away);
    const outcome = await node.chat.send({ recipient: ALICE, text: "hi", network });
    assert.ok(outcome.kind === "failed");
    assert.match(outcome.message, /no transport configured \(dial unavailable\)/);
    await node.chat.send({ ...LATER, network });
    await node.clock.advance(3 * OUTBOX_REDIAL_MS);
    assert.deepEqual(node.mesh.dials, []);
    await send(node, "over skynet");
    await node.clock.advance(OUTBOX_REDIAL_MS);
    assert.deepEqual(node.mesh.links[0]?.payloads, ["over skynet"]);
    assert.deepEqual(node.chat.connect(ALICE, network), away);
    const direct = node.attach(ALICE);
    await node.clock.advance(0);
    assert.equal(JSON.parse(direct.payloads[0] ?? "{}").body, "later");
    assert.deepEqual(node.chat.connect(ALICE, network), {
      ready: true,
      connecting: false,
      network: "tcp-direct",
    });
    await node.chat.close();
  });
}

Deno.test("what waits for tcp-direct holds up nothing that may go over the mesh", async () => {
  const node = meshFixture();
  await node.chat.send({ ...LATER, text: "direct", network: "tcp-direct" });
  await node.chat.send({ ...LATER, text: "any", network: "skynet" });
  await node.clock.advance(MESH_LOOK_MS);
  const bodies = node.mesh.links[0]?.payloads.map((payload) => JSON.parse(payload).body);
  assert.deepEqual(bodies, ["any"]);
  await node.chat.close();
});

Deno.test("a queued message is dialled for over the network that was asked for, after a restart too", async () => {
  for (const network of ["skynet", "dmsg"] as const) {
    const node = meshFixture();
    node.mesh.away.set(ALICE.hex, "no route");
    await node.chat.send({ ...LATER, network });
    await node.clock.advance(OUTBOX_REDIAL_MS - 1);
    const tries = node.mesh.dials.length;
    assert.equal(node.mesh.dials[0]?.[0], network, "at once");
    await node.clock.advance(1);
    assert.equal(node.mesh.dials[tries]?.[0], network, "every minute");
    await node.chat.close();
    const again = meshFixture({ outbox: node.table });
    await again.clock.advance(OUTBOX_REDIAL_MS);
    assert.equal(again.mesh.dials[0]?.[0], network);
    await again.chat.close();
  }
});

Deno.test("a queued message that was written where nobody was goes over the other network at once", async () => {
  const node = meshFixture();
  await node.chat.send({ ...LATER, network: "skynet" });
  await node.clock.advance(MESH_LOOK_MS);
  const [skynet] = node.mesh.links;
  assert.equal(skynet?.payloads.length, 1);
  skynet?.end(NOBODY);
  await node.clock.advance(0);
  const [, dmsg] = node.mesh.links;
  assert.equal(dmsg?.network, "dmsg");
  assert.deepEqual(dmsg?.payloads, skynet?.payloads, "with the same id, once");
  await node.chat.close();
});

Deno.test("whoever connects meanwhile is not dialled any more", async () => {
  const node = meshFixture();
  node.mesh.away.set(BOB.hex, "no route");
  await node.chat.send({ ...LATER, recipient: BOB });
  await node.clock.advance(OUTBOX_REDIAL_MS / 2);
  const before = node.mesh.dials.length;
  node.attach(BOB).writing = { fail: "backlog full", code: "backlog-full" };
  await node.clock.advance(2 * OUTBOX_REDIAL_MS);
  assert.equal(node.mesh.dials.length, before);
  await node.chat.close();
});

Deno.test("a failed write that may have arrived counts as written, whatever other connections did", async () => {
  const node = meshFixture();
  node.attach(ALICE).writing = { fail: "backlog full", code: "backlog-full" };
  node.attach(ALICE).writing = { fail: "broken pipe" };
  await node.chat.send(LATER);
  const [row] = node.table.rows.values();
  assert.ok(row?.writtenAt !== undefined);
  await node.chat.close();
});

Deno.test("a queued message waits for as long as skynet says, however late, that nobody is there", async () => {
  for (const how of ["after the write", "during it", "instead of it"]) {
    const node = meshFixture();
    node.mesh.networks = ["skynet"];
    node.mesh.onLink = (link) => {
      if (how === "during it") link.onWrite = () => link.end(NOBODY);
      if (how === "instead of it") link.writing = { fail: NOBODY };
      node.clock.after(MESH_LOOK_MS + 100, () => link.end(NOBODY));
    };
    await node.chat.send({ ...LATER, queueForMs: 2 * DUPLICATE_WINDOW, network: "skynet" });
    await node.clock.advance(DUPLICATE_WINDOW + OUTBOX_REDIAL_MS);
    const [{ state } = { state: "gone" }] = node.chat.outbox?.list() ?? [];
    assert.equal(state, "waiting", how);
    assert.equal([...node.table.rows.values()][0]?.writtenAt, undefined, how);
    node.mesh.onLink = () => {};
    await node.clock.advance(2 * OUTBOX_REDIAL_MS);
    const link = node.mesh.links.at(-1);
    const { body, id } = JSON.parse(link?.payloads[0] ?? "{}");
    assert.equal(body, "later", how);
    await link?.receiveText(`{"type":"chat-ack","id":"${id}"}`);
    assert.deepEqual(node.chat.outbox?.list(), [], how);
    await node.chat.close();
  }
});

Deno.test("what was written on a connection that broke may have arrived, and is not written for ever", async () => {
  const node = meshFixture();
  node.mesh.networks = ["skynet"];
  node.mesh.onLink = (link) => node.clock.after(MESH_LOOK_MS + 100, () => link.end("EOF"));
  await node.chat.send({ ...LATER, queueForMs: 2 * DUPLICATE_WINDOW, network: "skynet" });
  await node.clock.advance(DUPLICATE_WINDOW + OUTBOX_REDIAL_MS);
  assert.equal(node.chat.outbox?.list()[0]?.state, "unconfirmed");
  await node.chat.close();
});
