import assert from "node:assert/strict";
import fc from "fast-check";
import { ManualClock, settle } from "#support/manual_clock.ts";
import {
  type Channel,
  EventHub,
  LEGACY_QUEUE,
  LEGACY_RING,
  MAX_QUEUED_CHARACTERS,
  type MessageEvent,
  parseChannels,
  STRUCTURED_QUEUE,
  STRUCTURED_RING,
  type Subscription,
} from "#events";

const ALICE = "02aa";
const BOB = "02bb";
const ALL = parseChannels("all");

function message(text: string, changes: Partial<MessageEvent> = {}): MessageEvent {
  return {
    direction: "in",
    id: text,
    network: "tcp-direct",
    sender: ALICE,
    text,
    length: text.length,
    channel: "dm",
    wall: 0n,
    ...changes,
  };
}

function newHub(): { hub: EventHub; clock: ManualClock } {
  const clock = new ManualClock();
  return { hub: new EventHub({ clock }), clock };
}

function publish(hub: EventHub, count: number, from = 0): void {
  for (let index = from; index < from + count; index++) hub.publishMessage(message(`m${index}`));
}

/** Texts of the messages in JSON lines of either stream. */
function texts(lines: readonly string[]): string[] {
  return lines.map((line) => JSON.parse(line)).map(({ message, text }) => message ?? text);
}

function names(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, index) => `m${from + index}`);
}

async function drain(reader: Subscription): Promise<string[]> {
  return texts(await reader.next());
}

Deno.test("EventHub replays the newest 256 to a reader of /sse, newest last", () => {
  const { hub } = newHub();
  publish(hub, LEGACY_RING.events + 10);
  assert.deepEqual(texts(hub.subscribeLegacy().backlog), names(LEGACY_RING.events, 10));
});

Deno.test("EventHub replays the newest 10 000 to a reader of /events and numbers them from 1", () => {
  const { hub } = newHub();
  publish(hub, STRUCTURED_RING.events + 5);
  const { backlog } = hub.subscribe({ channels: ALL, since: 0 });
  assert.equal(backlog.length, STRUCTURED_RING.events);
  assert.equal(JSON.parse(backlog[0] ?? "").seq, 6);
  assert.equal(JSON.parse(backlog.at(-1) ?? "").seq, STRUCTURED_RING.events + 5);
});

Deno.test("EventHub replays only what is newer than since, and all of it after a restart", () => {
  const { hub } = newHub();
  publish(hub, 5);
  const after = (since: number) => texts(hub.subscribe({ channels: ALL, since }).backlog);
  assert.deepEqual(after(0), names(5));
  assert.deepEqual(after(3), names(2, 3));
  assert.deepEqual(after(5), []);
  assert.deepEqual(after(6), names(5));
});

Deno.test("EventHub forgets events of /events after 24 hours and keeps those of /sse", async () => {
  const { hub, clock } = newHub();
  publish(hub, 1);
  await clock.advance(STRUCTURED_RING.age);
  publish(hub, 1, 1);
  assert.deepEqual(texts(hub.subscribe({ channels: ALL, since: 0 }).backlog), names(2));
  await clock.advance(1);
  assert.deepEqual(texts(hub.subscribe({ channels: ALL, since: 0 }).backlog), names(1, 1));
  assert.deepEqual(texts(hub.subscribeLegacy().backlog), names(2));
});

Deno.test("EventHub filters /events by channel, live and replayed", async () => {
  const { hub } = newHub();
  const channels: Channel[] = ["dm", "group", "pair", "system"];
  const all = () =>
    channels.forEach((channel) => hub.publishMessage(message(channel, { channel })));
  all();
  const some = hub.subscribe({ channels: parseChannels("group,system"), since: 0 });
  assert.deepEqual(texts(some.backlog), ["group", "system"]);
  all();
  assert.deepEqual(await drain(some), ["group", "system"]);
});

Deno.test("EventHub puts delivery statuses on /sse only", async () => {
  const { hub } = newHub();
  const [legacy, structured] = [hub.subscribeLegacy(), hub.subscribe({ channels: ALL, since: 0 })];
  hub.publishStatus({ id: "1", peer: ALICE, status: "received" });
  publish(hub, 1);
  assert.equal((await legacy.next()).length, 2);
  assert.deepEqual(await drain(structured), ["m0"]);
});

Deno.test("EventHub builds the JSON of an event once for all readers", async () => {
  const { hub } = newHub();
  let reads = 0;
  const counted = { ...message("x") };
  Object.defineProperty(counted, "wall", { get: () => (reads++, 0n), enumerable: true });
  const readers = Array.from({ length: 5 }, () => hub.subscribe({ channels: ALL, since: 0 }));
  hub.publishMessage(counted);
  for (const reader of readers) assert.deepEqual(await drain(reader), ["x"]);
  hub.subscribe({ channels: ALL, since: 0 });
  assert.equal(reads, 1);
});

Deno.test("EventHub builds no JSON while nobody reads", () => {
  const { hub } = newHub();
  const event = message("x");
  Object.defineProperty(event, "network", {
    get: () => assert.fail("serialised although nobody reads"),
  });
  hub.publishMessage(event);
});

Deno.test("Subscription.next gives everything that queued up, in order, at once", async () => {
  const { hub } = newHub();
  const reader = hub.subscribeLegacy();
  const waiting = reader.next();
  publish(hub, 3);
  assert.deepEqual(texts(await waiting), names(3));
  publish(hub, 2, 3);
  assert.deepEqual(await drain(reader), names(2, 3));
});

Deno.test("Subscription lets go of its backlog at the first next", async () => {
  const { hub } = newHub();
  publish(hub, 3);
  const reader = hub.subscribeLegacy();
  assert.equal(reader.backlog.length, 3);
  publish(hub, 1, 3);
  assert.deepEqual(await drain(reader), ["m3"]);
  assert.deepEqual(reader.backlog, []);
});

Deno.test("EventHub loses what a slow /sse reader has no room for, counts it, spares the others", async () => {
  const { hub } = newHub();
  const [slow, fast] = [hub.subscribeLegacy(), hub.subscribeLegacy()];
  const seen: string[] = [];
  for (let index = 0; index < 100; index++) {
    publish(hub, 1, index);
    seen.push(...await drain(fast));
  }
  assert.deepEqual(seen, names(100));
  assert.equal(hub.dropCount, 100 - LEGACY_QUEUE);
  assert.deepEqual(await drain(slow), names(LEGACY_QUEUE, 100 - LEGACY_QUEUE));
  publish(hub, 1, 100);
  assert.deepEqual(await drain(slow), names(1, 100));
  assert.equal(hub.dropCount, 100 - LEGACY_QUEUE);
});

Deno.test("EventHub counts one drop per event published without a /sse reader", () => {
  const { hub } = newHub();
  publish(hub, 3);
  hub.publishStatus({ id: "1", peer: ALICE, status: "read" });
  hub.subscribe({ channels: ALL, since: 0 });
  publish(hub, 1);
  assert.equal(hub.dropCount, 5);
  const reader = hub.subscribeLegacy();
  publish(hub, 1);
  reader.close();
  assert.equal(hub.dropCount, 5);
  publish(hub, 1);
  assert.equal(hub.dropCount, 6);
});

Deno.test("EventHub does not count what a slow /events reader loses", async () => {
  const { hub } = newHub();
  hub.subscribeLegacy();
  const slow = hub.subscribe({ channels: ALL, since: 0 });
  publish(hub, LEGACY_QUEUE);
  const before = hub.dropCount;
  for (let index = LEGACY_QUEUE; index < STRUCTURED_QUEUE + 9; index++) publish(hub, 1, index);
  assert.equal((await slow.next()).length, STRUCTURED_QUEUE);
  assert.equal(hub.dropCount - before, STRUCTURED_QUEUE + 9 - LEGACY_QUEUE);
});

Deno.test("EventHub takes no event from a slow /events reader for one of another channel", async () => {
  const { hub } = newHub();
  const dm = hub.subscribe({ channels: parseChannels("dm"), since: 0 });
  const both = hub.subscribe({ channels: parseChannels("dm,group"), since: 0 });
  publish(hub, 2);
  for (let index = 0; index < STRUCTURED_QUEUE; index++) {
    hub.publishMessage(message(`g${index}`, { channel: "group" }));
  }
  assert.deepEqual(await drain(dm), names(2));
  assert.equal((await both.next()).length, STRUCTURED_QUEUE);
  assert.equal(hub.subscribers, 2);
});

Deno.test("EventHub bounds what waits for one reader by characters too", async () => {
  const { hub } = newHub();
  const slow = hub.subscribeLegacy();
  const text = "x".repeat(65_536);
  for (let index = 0; index < 20; index++) hub.publishMessage(message(text, { id: "1" }));
  const batch = await slow.next();
  const waited = batch.reduce((sum, line) => sum + line.length, 0);
  assert.equal(batch.length, 15);
  assert.ok(waited <= MAX_QUEUED_CHARACTERS && waited > MAX_QUEUED_CHARACTERS - 70_000);
  assert.equal(hub.dropCount, 5);
});

Deno.test("EventHub bounds the replay of /events by memory, oldest dropped", () => {
  const { hub } = newHub();
  const text = "x".repeat(65_536);
  for (let index = 0; index < 1_000; index++) hub.publishMessage(message(text, { id: `${index}` }));
  const { backlog } = hub.subscribe({ channels: ALL, since: 0 });
  const bytes = backlog.reduce((sum, line) => sum + 2 * line.length, 0);
  assert.ok(bytes <= STRUCTURED_RING.bytes, `${bytes} bytes`);
  assert.ok(bytes > STRUCTURED_RING.bytes - 2 * 140_000, `only ${backlog.length} events`);
  assert.equal(JSON.parse(backlog.at(-1) ?? "").id, "999");
});

Deno.test("EventHub counts the memory of escapes, which only the JSON shows", () => {
  const { hub } = newHub();
  const text = "\u0001".repeat(60_000);
  for (let index = 0; index < 250; index++) hub.publishMessage(message(text, { id: `${index}` }));
  hub.subscribe({ channels: ALL, since: 0 });
  publish(hub, 1);
  const { backlog } = hub.subscribe({ channels: ALL, since: 0 });
  const bytes = backlog.reduce((sum, line) => sum + 2 * line.length, 0);
  assert.ok(bytes <= STRUCTURED_RING.bytes, `${bytes} bytes`);
});

Deno.test("EventHub.forgetPeer drops one conversation from both rings and nothing else", () => {
  const { hub } = newHub();
  hub.publishMessage(message("from alice"));
  hub.publishMessage(message("to alice", { direction: "out", sender: BOB, to: ALICE }));
  hub.publishMessage(message("from bob", { sender: BOB }));
  hub.publishMessage(message("alice in a group", { channel: "group", groupId: "team" }));
  hub.publishStatus({ id: "1", peer: ALICE, status: "read" });
  hub.publishStatus({ id: "2", peer: BOB, status: "read" });
  hub.forgetPeer(ALICE);
  const kept = ["from bob", "alice in a group"];
  assert.deepEqual(texts(hub.subscribe({ channels: ALL, since: 0 }).backlog), kept);
  const legacy = hub.subscribeLegacy().backlog;
  assert.deepEqual(texts(legacy).slice(0, 2), kept);
  assert.deepEqual(legacy.slice(2).map((line) => JSON.parse(line).id), ["2"]);
});

Deno.test("EventHub.close ends every reader after what it has queued", async () => {
  const { hub } = newHub();
  const [waiting, queued] = [hub.subscribeLegacy(), hub.subscribe({ channels: ALL, since: 0 })];
  const last = waiting.next();
  publish(hub, 1);
  assert.deepEqual(texts(await last), ["m0"]);
  const end = waiting.next();
  hub.close();
  assert.deepEqual(await end, []);
  assert.deepEqual(await drain(queued), ["m0"]);
  assert.deepEqual(await queued.next(), []);
  assert.equal(hub.legacySubscribers + hub.subscribers, 0);
  publish(hub, 1);
  assert.deepEqual(await hub.subscribeLegacy().next(), []);
});

Deno.test("Subscription.close takes the reader off and may be called twice", async () => {
  const { hub } = newHub();
  const [one, two] = [hub.subscribeLegacy(), hub.subscribe({ channels: ALL, since: 0 })];
  assert.deepEqual([hub.legacySubscribers, hub.subscribers], [1, 1]);
  const end = one.next();
  one.close();
  one.close();
  two.close();
  assert.deepEqual([hub.legacySubscribers, hub.subscribers], [0, 0]);
  assert.deepEqual(await end, []);
});

Deno.test("EventHub gives fast readers each event once and in order, and its drop counts add up", async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("publish" as const), count: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ kind: fc.constant("read" as const), reader: fc.nat(2) }),
    fc.record({ kind: fc.constant("turn" as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { hub } = newHub();
      const fast = hub.subscribeLegacy();
      const slow = [0, 1, 2].map(() => hub.subscribeLegacy());
      const seen: string[][] = [[], [], [], []];
      let published = 0;
      for (const action of steps) {
        if (action.kind === "publish") publish(hub, action.count, published);
        if (action.kind === "publish") published += action.count;
        if (action.kind === "turn") await settle();
        const reader = action.kind === "read" ? slow[action.reader] : undefined;
        if (reader && action.kind === "read" && published > 0) {
          // A read of an empty queue would wait for ever: one more event makes sure there is one.
          publish(hub, 1, published++);
          seen[action.reader]?.push(...await drain(reader));
        }
        publish(hub, 1, published++);
        seen[3]?.push(...await drain(fast));
      }
      hub.close();
      let received = 0;
      for (const [index, reader] of slow.entries()) seen[index]?.push(...await drain(reader));
      for (const list of seen) {
        received += list.length;
        const numbers = list.map((text) => Number(text.slice(1)));
        assert.ok(numbers.every((number, at) => at === 0 || number > (numbers[at - 1] ?? NaN)));
      }
      assert.deepEqual(seen[3], names(published));
      assert.equal(received + hub.dropCount, 4 * published);
    }),
    { numRuns: 60 },
  );
});
