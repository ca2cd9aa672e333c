import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type MessageEvent, unwrapGroupBody as unwrapOnServer } from "#events";
import { rfc3339 } from "#kit";
import { legacyMessageLine, structuredMessageLine } from "../../lib/events/event_json.ts";
import { GroupSync } from "../../lib/http/web/group_sync.js";
import {
  crowdText,
  groupInHash,
  groupOf,
  groupPath,
  groupPeer,
  hashOf,
} from "../../lib/http/web/groups.js";
import {
  fromGroupEvent,
  fromGroupLine,
  fromGroupRecord,
  nanosOf,
} from "../../lib/http/web/incoming.js";
import type { Message } from "../../lib/http/web/message.js";
import { People } from "../../lib/http/web/people.js";
import { ChatState } from "../../lib/http/web/state.js";
import { parseExact, unwrapGroupBody } from "../../lib/http/web/text.js";

const SELF = "02".padEnd(66, "a");
const BOB = "03".padEnd(66, "b");
const GROUP = "4f6c1d2e-8b3a-4c59-9e70-1a2b3c4d5e6f";
const PEER = groupPeer(GROUP);
const PLACE = { peer: PEER, self: SELF };
const WALL = 1_790_000_000_123_456_789n;

function eventOf(text: string, sentAt: bigint, more: Partial<MessageEvent> = {}): MessageEvent {
  return {
    direction: "in",
    id: "0123456789abcdef",
    network: "cxo",
    sender: BOB,
    text,
    length: text.length,
    channel: "group",
    groupId: GROUP,
    wall: WALL,
    sentAt,
    ...more,
  };
}

/** An event as the page reads it from `/sse`. */
function lineOf(event: MessageEvent) {
  return parseExact(legacyMessageLine(event));
}

function recordOf(text: string, nanos: bigint) {
  return { group_id: GROUP, sender_pk: BOB, text, ts: rfc3339(nanos), ts_nano: String(nanos) };
}

Deno.test("parseExact keeps every digit of a time, and leaves what stands in texts", () => {
  const line = { message: 'say "ts_nano":12 and {"deleted_ts_nano":3}', ts: 5 };
  const json = `{"ts_nano":${WALL},${JSON.stringify(line).slice(1)}`;
  deepStrictEqual(parseExact(json), { ts_nano: String(WALL), ...line });
});

Deno.test("groupPath and hashOf name any group, those included that are called like a route", () => {
  strictEqual(groupPath(groupPeer("join")), "group/%6aoin");
  strictEqual(groupPath(groupPeer("a/b?c#d")), "group/a%2Fb%3Fc%23d");
  for (const id of [GROUP, "join", "a/b?c#d%", "ä \u202E"]) {
    strictEqual(groupInHash(hashOf(groupPeer(id))), groupPeer(id));
  }
  strictEqual(groupInHash("group:%"), undefined);
  strictEqual(groupInHash(BOB), undefined);
});

Deno.test("groupOf reads whatever is there, and nothing of another type", () => {
  for (const info of [undefined, null, 1, [], { members: 5, admins: { length: 1 }, banned: [1] }]) {
    deepStrictEqual([...groupOf(info).members, ...groupOf(info).banned], []);
    strictEqual(groupOf(info).refusal, "");
  }
  const group = groupOf({
    mode: "private",
    kind: "channel",
    can_post: false,
    peer_connected: { x: true },
  });
  deepStrictEqual([group.sealed, group.kind, group.refusal], [
    true,
    "channel",
    "You may not write",
  ]);
  deepStrictEqual([...group.followed], ["x"]);
});

Deno.test("unwrapGroupBody agrees with the server about every body", () => {
  const bodies = [
    ...["plain", '{"skychat_file":{}}', '{"skychat_file":{"id":"1"}}'],
    ...['{"skychat_file":{"id":"1","name":"n","size":5}}', '{"skychat_file":{"id":"","name":"n"}}'],
    ...['{"skychat_file":{"id":"1","size":"5"}}', '{"skychat_file":{"id":"1","size":1.5}}'],
    ...['{"skychat_file":{"id":"1","size":-1}}', '{"skychat_file":{"id":1}}', "skychat_file"],
    '{"skychat_reply":{"text":"r"},"skychat_file":{"id":"1","name":"n"}}',
    '{"skychat_forward":{"text":"f"},"skychat_file":{"id":"1","name":"n"}}',
  ];
  for (const body of bodies) {
    strictEqual(unwrapGroupBody(body).text, unwrapOnServer(body).text, body);
  }
});

Deno.test("a message of a group is the same one on /sse, on /events and in the history", () => {
  for (const ahead of [0n, 3_600_000_000_000n]) {
    const sentAt = WALL + ahead;
    const event = eventOf("text", sentAt);
    // The store keeps what is dated far ahead with a time five minutes after its arrival.
    const kept = ahead > 0n ? WALL + 300_000_000_000n : WALL;
    const all = [
      fromGroupLine(lineOf(event), PLACE),
      fromGroupEvent(parseExact(structuredMessageLine(event, 1)), PLACE),
      fromGroupRecord(recordOf("text", kept), PLACE),
    ];
    for (const one of all) {
      strictEqual(one?.id, `${BOB}@${kept}`);
      strictEqual(one?.text, "text");
      strictEqual(one?.at, Number(kept) / 1e6);
    }
    strictEqual(all[0]?.ahead, ahead > 0n);
    strictEqual(nanosOf(all[0]?.id ?? ""), String(kept));
  }
  strictEqual(fromGroupLine(lineOf(eventOf("x", WALL, { listed: false })), PLACE).listed, false);
  strictEqual(fromGroupLine(lineOf(eventOf("x", WALL, { sender: SELF })), PLACE).out, true);
});

Deno.test("People knows this node in groups by the key of its links, which a visor does not change", () => {
  const people = new People();
  const info = { id: GROUP, members: [SELF, BOB], admins: [SELF], owner_pk: SELF };
  people.readStatus({ visor_pk: SELF });
  strictEqual(people.selfInGroups, SELF);
  const visorKey = "02".padEnd(66, "e");
  people.readStatus({ visor_pk: visorKey, tcp_pk: SELF });
  strictEqual(people.self, visorKey);
  strictEqual(people.selfInGroups, SELF);
  deepStrictEqual([visorKey, SELF].map((key) => people.nameOf(key)), ["You", "You"]);
  strictEqual(people.nameOf(""), "");
  people.readGroups([info]);
  strictEqual(crowdText(groupOf(info), people.selfInGroups), "2 members, 1 connected");
});

/** A group that runs, with a history that the test writes. */
function newSync({ persistent = true } = {}) {
  const people = new People();
  people.selfInGroups = SELF;
  people.persistent = persistent;
  const told: Message[] = [];
  const state = new ChatState(() => {}, { now: () => 0 });
  const sync = new GroupSync(state, people, (message: Message) => told.push(message));
  const runs = (...ids: readonly string[]) => people.readGroups(ids.map((id) => ({ id })));
  runs(GROUP);
  const texts = () => state.conversations.get(PEER)?.messages.map(({ text }) => text) ?? [];
  return { people, state, sync, told, runs, texts };
}

/** Answers requests for the history while an action runs; the newest first in, last out. */
async function withHistory(
  answer: (url: URL) => unknown,
  action: () => Promise<void>,
): Promise<string[]> {
  const before = globalThis.fetch;
  const asked: string[] = [];
  globalThis.fetch = async (input) => {
    const url = new URL(String(input), "http://localhost/");
    asked.push(url.search);
    return Response.json(await answer(url));
  };
  try {
    await action();
  } finally {
    globalThis.fetch = before;
  }
  return asked;
}

Deno.test("GroupSync drops what was taken back while nobody listened, and nothing else", async () => {
  const { state, sync, texts } = newSync();
  let kept = [recordOf("slip", WALL), recordOf("stays", WALL + 1_000_000n)];
  await withHistory(() => kept, async () => {
    await sync.readAll();
    sync.take(lineOf(eventOf("not stored", WALL + 2_000_000n)), true);
    sync.take(lineOf(eventOf("live slip", WALL + 3_000_000n)), true);
    kept.push(recordOf("live slip", WALL + 3_000_000n));
    await sync.meet();
    deepStrictEqual(texts(), ["slip", "stays", "not stored", "live slip"]);
    kept = kept.filter(({ text }) => !text.includes("slip"));
    await sync.readAll();
    deepStrictEqual(texts(), ["stays", "not stored"]);
  });
  strictEqual(state.unread, 2);
});

Deno.test("GroupSync does not show again what was taken back during a reading", async () => {
  const { sync, texts } = newSync();
  const reading = Promise.withResolvers<void>();
  await withHistory(async () => {
    await reading.promise;
    return [recordOf("slip", WALL), recordOf("stays", WALL + 1n)];
  }, async () => {
    const read = sync.readAll();
    sync.takeRetraction(
      parseExact(`{"group_id":"${GROUP}","deleted_by":"${BOB}","deleted_ts_nano":${WALL}}`),
    );
    reading.resolve();
    await read;
    sync.take(lineOf(eventOf("slip", WALL)), true);
  });
  deepStrictEqual(texts(), ["stays"]);
});

Deno.test("GroupSync counts what comes late as unread, whenever it was written", async () => {
  const { state, sync, told, texts } = newSync();
  await withHistory(() => [recordOf("older", WALL - 9_000_000n)], async () => {
    await sync.readAll();
    state.see(PEER);
    sync.take(lineOf(eventOf("mine", WALL, { direction: "out", sender: SELF })), true);
    sync.take(lineOf(eventOf("late", WALL - 5_000_000n)), true);
    sync.take(lineOf(eventOf("late", WALL - 5_000_000n)), true);
  });
  deepStrictEqual(texts(), ["older", "late", "mine"]);
  strictEqual(state.unread, 1);
  deepStrictEqual(told.map(({ text }) => text), ["late"]);
});

Deno.test("GroupSync keeps what comes before its group is known, and leaves other groups' out", async () => {
  const { sync, runs, state, texts } = newSync({ persistent: false });
  runs();
  sync.take(lineOf(eventOf("of a group before", WALL, { groupId: "before" })), true);
  sync.take(lineOf(eventOf("early", WALL)), true);
  await sync.meet();
  deepStrictEqual(texts(), []);
  runs(GROUP);
  await sync.meet();
  deepStrictEqual(texts(), ["early"]);
  const other = eventOf("elsewhere", WALL, { groupId: "other" });
  sync.takeMissed(parseExact(structuredMessageLine(other, 1)));
  deepStrictEqual(texts(), ["early"]);
  runs();
  await sync.meet();
  strictEqual(state.conversations.has(PEER), false);
});

Deno.test("GroupSync reads older pages until the beginning, equal times included", async () => {
  const { state, sync, texts } = newSync();
  state.show(PEER);
  // In threes of one time, so that pages end between them, and all within a few milliseconds.
  const all = Array.from({ length: 501 }, (_, at) => ({
    ...recordOf(`${at}`, WALL + BigInt(Math.floor(at / 3)) * 10_000n),
    sender_pk: "02".padEnd(66, "cde".charAt(at % 3)),
  }));
  const asked = await withHistory((url) => {
    const before = BigInt(url.searchParams.get("before") ?? 2n ** 63n);
    return all.filter(({ ts_nano }) => BigInt(ts_nano) < before).slice(-200);
  }, async () => {
    await sync.readAll();
    sync.take(lineOf(eventOf("out of the blue", WALL - 1_000_000_000_000n)), true);
    while (sync.mayHaveOlder(PEER)) await sync.readOlder(PEER);
  });
  strictEqual(asked.length, 3);
  const [first, ...rest] = texts();
  strictEqual(first, "out of the blue");
  deepStrictEqual(
    rest.map((text) => Math.floor(Number(text) / 3)),
    all.map((_, at) => Math.floor(at / 3)),
  );
  strictEqual(new Set(rest).size, all.length);
  ok(state.conversation(PEER).room > 0);
});
