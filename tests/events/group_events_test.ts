import assert from "node:assert/strict";
import fc from "fast-check";
import {
  EventHub,
  groupDeleteLine,
  legacyMessageLine,
  type MessageEvent,
  parseChannels,
  resumableSeqOf,
  STRUCTURED_RING,
  structuredMessageLine,
  type Subscription,
} from "#events";
import { ManualClock } from "#support/manual_clock.ts";
import { groupOfLine, sentAtOfLine } from "../../lib/events/event_json.ts";
import { isForgotten, partiesOfLine } from "../../lib/events/forgotten.ts";
import { StructuredStream } from "../../lib/events/structured_stream.ts";
import { ALICE, BOB } from "./durable_harness.ts";

const ALL = parseChannels("all,system");
const TEAM = "4f6c1d2e-8b3a-4c59-9e70-1a2b3c4d5e6f";
/** Its last digits do not fit into a number of JavaScript. */
const SENT_AT = 1_790_000_000_123_456_789n;

function said(text: string, changes: Partial<MessageEvent> = {}): MessageEvent {
  return {
    direction: "in",
    id: "00112233aabbccdd",
    network: "cxo",
    sender: ALICE,
    text,
    length: text.length,
    channel: "group",
    groupId: TEAM,
    sentAt: SENT_AT,
    wall: 1_790_000_001_500_000_000n,
    ...changes,
  };
}

function newHub(): EventHub {
  return new EventHub({ clock: new ManualClock() });
}

function legacy(hub: EventHub): Record<string, unknown>[] {
  return hub.subscribeLegacy().backlog.map((line) => JSON.parse(line));
}

function texts(lines: readonly string[]): unknown[] {
  return lines.map((line) => JSON.parse(line).text);
}

Deno.test("a group message has the author's time on both streams, to the nanosecond (groups.md 6.3)", () => {
  assert.equal(
    structuredMessageLine(said("hello"), 17),
    `{"seq":17,"id":"00112233aabbccdd","ts":"2026-09-21T14:13:21.5Z","channel":"group",` +
      `"transport":"cxo","dir":"in","from":"${ALICE}","group_id":"${TEAM}","text":"hello",` +
      `"len":5,"msg_ts":"2026-09-21T14:13:20.123456789Z","ts_nano":1790000000123456789}`,
  );
  assert.equal(
    legacyMessageLine(said("hello")),
    `{"dir":"in","group_id":"${TEAM}","id":"00112233aabbccdd","len":5,"message":"hello",` +
      `"msg_ts":"2026-09-21T14:13:20.123456789Z","network":"cxo","sender":"${ALICE}",` +
      `"ts":"2026-09-21T14:13:21.5Z","ts_nano":1790000000123456789}`,
  );
});

Deno.test("a group message says when its author was never listed, and a passing number stays marked", () => {
  const event = said("hello", { listed: false });
  assert.equal(JSON.parse(legacyMessageLine(event)).listed, false);
  const line = structuredMessageLine(event, 5, { kept: false });
  assert.match(line, /,"len":5,"listed":false,"msg_ts":"[^"]+","ts_nano":[0-9]+,"kept":false}$/);
  assert.equal(resumableSeqOf(line), undefined);
  assert.equal(resumableSeqOf(structuredMessageLine(event, 5)), 5);
});

Deno.test("/sse unwraps the four bodies of groups, and files only there (groups.md 2.3)", () => {
  const file = '{"skychat_file":{"id":"f1","name":"a\\nb.png","size":12}}';
  const line = legacyMessageLine(said(file));
  assert.match(
    line,
    /^{"dir":"in","file_id":"f1","file_name":"a\\nb.png","file_size":12,"group_id":/,
  );
  assert.equal(JSON.parse(line).message, "📎 a\nb.png");
  const { groupId: _, ...direct } = said(file);
  assert.equal(JSON.parse(legacyMessageLine(direct)).message, file);
  const reply = '{"skychat_reply":{"text":"yes","to_sender":"x","to_ts":"t","to_preview":"p"}}';
  const forward = '{"skychat_forward":{"text":"news","from":"c"}}';
  const shown = [reply, forward].map((text) => JSON.parse(legacyMessageLine(said(text))));
  assert.deepEqual(shown.map(({ message }) => message), ["yes", "news"]);
  assert.deepEqual([shown[0].reply_to_sender, shown[1].forward_from], ["x", "c"]);
});

Deno.test("a file that is not quite one is ordinary text", () => {
  const rows = [
    '{"skychat_file":{"id":"","name":"a","size":1}}',
    '{"skychat_file":{"name":"a","size":1}}',
    '{"skychat_file":{"id":5,"name":"a","size":1}}',
    '{"skychat_file":{"id":"f","name":{},"size":1}}',
    '{"skychat_file":{"id":"f","name":"a","size":-1}}',
    '{"skychat_file":{"id":"f","name":"a","size":1e300}}',
    '{"skychat_file":{"id":"f","name":"a","size":"1"}}',
    '{"skychat_file":[]}',
    '{"skychat_file":{"id":"f"',
    'x{"skychat_file":{"id":"f","name":"a","size":1}}',
  ];
  for (const text of rows) {
    const line = JSON.parse(legacyMessageLine(said(text)));
    assert.deepEqual([line.message, "file_id" in line], [text, false]);
  }
  const least = JSON.parse(legacyMessageLine(said(' {"skychat_file":{"id":"f"}}')));
  assert.deepEqual([least.file_id, least.file_size, least.message], ["f", 0, "📎 "]);
});

Deno.test("groupDeleteLine names group, author and time, and is one line", () => {
  const gone = { groupId: TEAM, deletedBy: ALICE, deletedTs: SENT_AT };
  assert.equal(
    groupDeleteLine(gone),
    `{"channel":"group-delete","group_id":"${TEAM}","deleted_by":"${ALICE}",` +
      `"deleted_ts_nano":1790000000123456789}`,
  );
  const odd = groupDeleteLine({ ...gone, groupId: "a\n\ndata: {}\u2028\ud800" });
  // deno-lint-ignore no-control-regex -- control characters are what this is about
  assert.doesNotMatch(odd, /[\u0000-\u001f\u2028\u2029]/);
  assert.equal(JSON.parse(odd).group_id, "a\n\ndata: {}\u2028\ufffd");
});

Deno.test("no text and no group id is taken for a field or for the end of a line", () => {
  const hostile = fc.constantFrom(
    '","group_id":"other","x":"',
    ',"ts_nano":1}',
    ',"kept":false}',
    'x","ts_nano":1,"y":"',
    "\n\ndata: {}\n\n",
    "\\",
    '\\"',
    "\u2028\u2029",
  );
  const text = fc.oneof(fc.string({ unit: "grapheme" }), hostile);
  fc.assert(
    fc.property(text, text, fc.bigInt(0n, 2n ** 63n - 1n), (body, groupId, sentAt) => {
      const line = structuredMessageLine(said(body, { groupId: `g${groupId}`, sentAt }), 1);
      assert.equal(groupOfLine(line), `g${groupId}`);
      assert.equal(sentAtOfLine(line), sentAt);
      assert.equal(resumableSeqOf(line), 1);
      assert.equal(line.split(/[\r\n\u2028\u2029]/).length, 1);
      assert.equal(JSON.parse(line).text, body);
      const { groupId: _, sentAt: __, ...direct } = said(body);
      const plain = structuredMessageLine(direct, 1);
      assert.deepEqual([groupOfLine(plain), sentAtOfLine(plain)], [undefined, undefined]);
    }),
    { numRuns: 300 },
  );
});

Deno.test("notices of the system go to /events alone, retractions to /sse alone, where they are replayed", async () => {
  const hub = newHub();
  const [live, events] = [hub.subscribeLegacy(), hub.subscribe({ channels: ALL, since: 0 })];
  hub.publishMessage(said("roster add x", { channel: "system" }));
  hub.publishGroupDelete({ groupId: TEAM, deletedBy: ALICE, deletedTs: 1n });
  hub.publishMessage(said("hello"));
  assert.deepEqual(texts(await events.next()), ["roster add x", "hello"]);
  const seen = (await live.next()).map((line) => JSON.parse(line));
  assert.deepEqual(seen.map(({ channel, message }) => channel ?? message), [
    "group-delete",
    "hello",
  ]);
  assert.deepEqual(legacy(hub), seen);
  hub.close();
  hub.publishGroupDelete({ groupId: TEAM, deletedBy: ALICE, deletedTs: 1n });
});

Deno.test("EventHub.forgetGroup drops one message by author and nanosecond, or all of a group", () => {
  const hub = newHub();
  const messages: [string, Partial<MessageEvent>][] = [
    ["gone", {}],
    ["a nanosecond later", { sentAt: SENT_AT + 1n }],
    ["of another", { sender: BOB }],
    ["of another group", { groupId: "team" }],
    ["direct", { channel: "dm", to: BOB }],
  ];
  for (const [text, changes] of messages) {
    const { groupId: _, sentAt: __, ...direct } = said(text, changes);
    hub.publishMessage(changes.channel === "dm" ? direct : said(text, changes));
  }
  const kept = () => texts(hub.subscribe({ channels: ALL, since: 0 }).backlog);
  hub.forgetGroup(TEAM, { sender: ALICE, timestamp: SENT_AT });
  const rest = messages.map(([text]) => text).slice(1);
  assert.deepEqual(kept(), rest);
  assert.deepEqual(legacy(hub).map(({ message }) => message), rest);
  hub.publishGroupDelete({ groupId: TEAM, deletedBy: ALICE, deletedTs: SENT_AT });
  hub.forgetPeer(ALICE);
  hub.forgetGroup(TEAM);
  assert.deepEqual(kept(), ["of another group"]);
  assert.deepEqual(legacy(hub).map(({ message }) => message), ["of another group"]);
});

Deno.test("what is dated far ahead is dropped from both replays by its author's time", () => {
  const hub = newHub();
  const wall = said("").wall;
  const sentAt = wall + 600_000_000_000n;
  hub.publishMessage(said("ahead", { sentAt }));
  hub.publishMessage(said("in five minutes", { sentAt: wall + 300_000_000_000n }));
  const kept = () => texts(hub.subscribe({ channels: ALL, since: 0 }).backlog);
  assert.deepEqual(kept(), ["ahead", "in five minutes"]);
  hub.forgetGroup(TEAM, { sender: ALICE, timestamp: sentAt });
  assert.deepEqual(kept(), ["in five minutes"]);
  assert.deepEqual(legacy(hub).map(({ message }) => message), ["in five minutes"]);
  const line = structuredMessageLine(said("ahead", { sentAt }), 1);
  const which = { sender: ALICE, timestamp: sentAt };
  assert.equal(isForgotten(partiesOfLine(line), { group: TEAM, which }), true);
  assert.equal(
    isForgotten(partiesOfLine(line), {
      group: TEAM,
      which: { ...which, timestamp: wall + 300_000_000_000n },
    }),
    false,
  );
});

function take(reader: Subscription): unknown[] {
  return texts(reader.take());
}

Deno.test("/events of one group has its messages and notices, replayed and live, and nothing else", () => {
  const hub = newHub();
  const all = (from: string) => {
    hub.publishMessage(said(`${from} team`));
    hub.publishMessage(said(`${from} other`, { groupId: "other" }));
    hub.publishMessage(said(`${from} notice`, { channel: "system" }));
    const { groupId: _, ...feed } = said(`${from} feed ,"group_id":"${TEAM}",`);
    hub.publishMessage(feed);
  };
  all("old");
  const team = hub.subscribe({ channels: ALL, since: 0, group: TEAM });
  const ordinary = hub.subscribe({ channels: parseChannels("all"), since: 1, group: TEAM });
  assert.deepEqual(texts(team.backlog), ["old team", "old notice"]);
  assert.deepEqual(ordinary.backlog, []);
  const nobody = hub.subscribe({ channels: ALL, since: 0, group: "unknown" });
  all("new");
  assert.deepEqual(take(team), ["new team", "new notice"]);
  assert.deepEqual(take(ordinary), ["new team"]);
  assert.deepEqual([nobody.backlog, take(nobody)], [[], []]);
});

Deno.test("what is kept for the filters that clients make up goes with their readers", () => {
  const clock = new ManualClock();
  const stream = new StructuredStream({ clock, archive: undefined, ring: STRUCTURED_RING });
  const used = stream.subscribe({ channels: ALL, since: 0, group: TEAM });
  for (let index = 0; index < 1_000; index++) {
    stream.subscribe({ channels: ALL, since: 0, group: `g${index}` }).close();
  }
  assert.ok(stream.filters <= 2, `${stream.filters}`);
  stream.publish(said("hello"), {
    seq: stream.number(undefined),
    parties: { conversation: undefined, group: TEAM },
    at: 0,
    characters: 5,
  });
  assert.deepEqual(take(used), ["hello"]);
});
