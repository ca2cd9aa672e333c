import assert from "node:assert/strict";
import type { MessageEvent } from "#events";
import { settle } from "#support/manual_clock.ts";
import { ALICE, type ChatFixture, chatFixture } from "#support/fake_chat_link.ts";
import { FakeChatStore } from "#support/fake_chat_store.ts";

const SENT_AT = 1_790_000_000_123_456_789n;
const GONE = { groupId: "team", sender: ALICE.hex, ts: SENT_AT };

function said(text: string, changes: Partial<MessageEvent> = {}): MessageEvent {
  return {
    direction: "in",
    id: text,
    network: "cxo",
    sender: ALICE.hex,
    text,
    length: text.length,
    channel: "group",
    groupId: "team",
    sentAt: SENT_AT,
    wall: 0n,
    ...changes,
  };
}

/** What `/sse` showed, one word each. */
async function shown(node: ChatFixture): Promise<unknown[]> {
  return (await node.published()).map(({ message, channel }) => message ?? channel);
}

function replayed(node: ChatFixture): unknown[] {
  return node.events.subscribeLegacy().backlog.map((line) => JSON.parse(line))
    .map(({ message, channel }) => message ?? channel).filter((word) => word !== "dm-status");
}

Deno.test("surface counts messages of groups, and not what the system says", async () => {
  const node = chatFixture();
  const channels = new Set(["system", "group"] as const);
  const events = node.events.subscribe({ channels, since: 0 });
  assert.equal(node.chat.surface(said("roster add x", { channel: "system" })), undefined);
  assert.equal(
    node.chat.surface(said("ban x", { channel: "system", direction: "out" })),
    undefined,
  );
  const before = node.chat.counters;
  assert.deepEqual([before.inbound_msg_count, before.outbound_msg_count], [0, 0]);
  assert.deepEqual([before.last_rx, before.last_send], [undefined, undefined]);
  node.chat.surface(said("in"));
  node.chat.surface(said("out", { direction: "out" }));
  const { inbound_msg_count, outbound_msg_count } = node.chat.counters;
  assert.deepEqual([inbound_msg_count, outbound_msg_count], [1, 1]);
  assert.deepEqual(await shown(node), ["in", "out"]);
  const texts = (await events.next()).map((line) => JSON.parse(line).text);
  assert.deepEqual(texts, ["roster add x", "ban x", "in", "out"]);
});

Deno.test("retract without a store forgets the message in the replay buffers and says so", async () => {
  const node = chatFixture();
  node.chat.surface(said("secret"));
  node.chat.surface(said("a nanosecond later", { sentAt: SENT_AT + 1n }));
  await node.chat.retract(GONE);
  assert.deepEqual(await shown(node), ["secret", "a nanosecond later", "group-delete"]);
  assert.deepEqual(replayed(node), ["a nanosecond later", "group-delete"]);
});

Deno.test("retract waits for what is on its way to the disk, and later news wait for it", async () => {
  const store = new FakeChatStore();
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  store.forgetGate = gate;
  const node = chatFixture({ store });
  node.chat.surface(said("secret"));
  const done = node.chat.retract(GONE);
  node.chat.surface(said("later"));
  await settle();
  assert.deepEqual([store.forgottenInGroups, await shown(node)], [[], []]);
  store.commit();
  await settle();
  assert.deepEqual(store.forgottenInGroups, [["team", ALICE.hex, SENT_AT]]);
  assert.deepEqual(await shown(node), ["secret"], "what follows waits for the retraction");
  open();
  await done;
  assert.deepEqual(await shown(node), ["group-delete", "later"]);
  assert.deepEqual(replayed(node), ["group-delete", "later"]);
});

Deno.test("a disk that refuses to forget is logged, and consumers are told all the same", async () => {
  const store = new FakeChatStore({ auto: true });
  store.failForget = "disk\nfull";
  const node = chatFixture({ store });
  node.chat.surface(said("secret"));
  await node.chat.retract({ ...GONE, groupId: "team\n" });
  await node.chat.retract(GONE);
  assert.deepEqual(await shown(node), ["secret", "group-delete", "group-delete"]);
  assert.deepEqual(replayed(node), ["group-delete", "group-delete"]);
  assert.deepEqual(node.lines, [
    'WARN skychat: group "team\\u000a" history forget: disk\\u000afull',
    'WARN skychat: group "team" history forget: disk\\u000afull',
  ]);
});
