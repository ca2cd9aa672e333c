import assert from "node:assert/strict";
import { SILENT_LINK_MS } from "#chat";
import { ALICE, BOB, chatFixture, FakeChatLink } from "#support/fake_chat_link.ts";
import { FakeQueueTable } from "#support/fake_chat_store.ts";
import { strangers } from "#support/mesh_chat.ts";

const [CAROL = BOB, DAVE = BOB] = strangers(2);

Deno.test("a full node lets those go who never said anything, and nobody who did", async () => {
  const node = chatFixture({ limits: { links: 2 } });
  const speaks = node.attach(ALICE);
  await speaks.receiveText("hello");
  const silent = node.attach(BOB);
  await node.clock.advance(SILENT_LINK_MS);
  node.attach(CAROL);
  assert.deepEqual(silent.closeReasons, ["superseded: too many connections"]);
  assert.deepEqual(node.chat.peers(), [ALICE, CAROL].map(({ hex }) => hex).sort());
  const late = node.attach(DAVE);
  assert.deepEqual(late.closeReasons, ["too many connections"]);
});

Deno.test("half a frame is nothing said, and neither is what a blocked peer says", async () => {
  const node = chatFixture({ limits: { links: 2 }, isBlocked: (peer) => peer.equals(BOB) });
  const half = node.attach(ALICE);
  await half.receive(new Uint8Array([0, 0, 0, 5, 1]));
  const blocked = node.attach(BOB);
  await blocked.receiveText("hello");
  await node.clock.advance(SILENT_LINK_MS);
  node.attach(CAROL);
  node.attach(DAVE);
  for (const link of [half, blocked]) {
    assert.deepEqual(link.closeReasons, ["superseded: too many connections"]);
  }
});

for (const what of ["who was written to", "whoever something is queued for"]) {
  Deno.test(`${what} finds a place although strangers have all of theirs`, async () => {
    const queueForMs = what === "who was written to" ? undefined : 60_000;
    const node = chatFixture({ limits: { strangerLinks: 1 }, outbox: new FakeQueueTable() });
    node.chat.attach(new FakeChatLink(BOB, { network: "dmsg" }));
    const early = new FakeChatLink(ALICE, { network: "dmsg" });
    node.chat.attach(early);
    assert.deepEqual(early.closeReasons, ["too many connections"]);
    await node.chat.send({
      recipient: ALICE,
      text: "are you there?",
      ...(queueForMs && { queueForMs }),
    });
    const late = new FakeChatLink(ALICE, { network: "dmsg" });
    node.chat.attach(late);
    assert.deepEqual(late.closeReasons, []);
    await node.chat.close();
  });
}

Deno.test("whoever something is queued for is no stranger after a restart either", async () => {
  const table = new FakeQueueTable();
  const before = chatFixture({ outbox: table });
  await before.chat.send({ recipient: ALICE, text: "later", queueForMs: 60_000 });
  await before.chat.close();
  const node = chatFixture({ limits: { strangerLinks: 1 }, outbox: table });
  node.chat.attach(new FakeChatLink(BOB, { network: "dmsg" }));
  const late = new FakeChatLink(ALICE, { network: "dmsg" });
  node.chat.attach(late);
  assert.deepEqual(late.closeReasons, []);
  await node.chat.close();
});
