import assert from "node:assert/strict";
import { DELETE_RATE } from "#chat";
import { FakeChatStore } from "#support/fake_chat_store.ts";
import { ALICE, chatFixture } from "#support/fake_chat_link.ts";

Deno.test("a connection gets so many deletions at once and a second; one line tells of the rest", async () => {
  const store = new FakeChatStore();
  const node = chatFixture({ store });
  const link = node.attach(ALICE);
  let sent = 0;
  const flood = async (count: number) => {
    for (let n = 0; n < count; n++) {
      await link.receiveText(JSON.stringify({ type: "chat-delete", id: `${sent++}` }));
    }
  };
  await flood(DELETE_RATE.burst + 100);
  assert.equal(store.forgotten.length, DELETE_RATE.burst);
  await node.clock.advance(1_000);
  await flood(100);
  assert.equal(store.forgotten.length, DELETE_RATE.burst + DELETE_RATE.perSecond);
  const lines = node.lines.filter((line) => line.includes("deletions"));
  assert.deepEqual(lines, [
    `INFO skychat/dm: too many deletions from ${ALICE.hex}: some ignored`,
  ]);
  const other = node.attach(ALICE);
  await other.receiveText(JSON.stringify({ type: "chat-delete", id: "x" }));
  assert.equal(store.forgotten.length, DELETE_RATE.burst + DELETE_RATE.perSecond + 1);
  const shown = (await node.published()).map(({ status }) => status);
  assert.equal(shown.length, store.forgotten.length, "ignored ones are not shown either");
});
