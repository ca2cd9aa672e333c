import assert from "node:assert/strict";
import { SILENT_LINK_MS } from "#chat";
import { ALICE, BOB, chatFixture, FakeChatLink } from "#support/fake_chat_link.ts";
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

Deno.test("who was written to finds a place although strangers have all of theirs", async () => {
  const node = chatFixture({ limits: { strangerLinks: 1 } });
  node.chat.attach(new FakeChatLink(BOB, { network: "dmsg" }));
  const early = new FakeChatLink(ALICE, { network: "dmsg" });
  node.chat.attach(early);
  assert.deepEqual(early.closeReasons, ["too many connections"]);
  await node.chat.send({ recipient: ALICE, text: "are you there?" });
  const late = new FakeChatLink(ALICE, { network: "dmsg" });
  node.chat.attach(late);
  assert.deepEqual(late.closeReasons, []);
});
