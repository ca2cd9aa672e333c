import assert from "node:assert/strict";
import { EventHub, type MessageEvent, parseChannels, structuredMessageLine } from "#events";
import { ManualClock, settle } from "#support/manual_clock.ts";
import { MemoryArchive } from "#support/memory_archive.ts";
import { ALICE, BOB, drain, DurableWorld, type Item } from "./durable_harness.ts";

const ALL = parseChannels("all");
const [TEAM, OTHER] = ["team", "other"];

/** A world in which every third event is of a group, and every third of another. */
class GroupWorld extends DurableWorld {
  readonly groups: Map<number, string>;

  constructor(count: number) {
    super({ ringSize: 8 });
    this.groups = new Map();
    this.more(count);
  }

  more(count: number): void {
    for (let index = 0; index < count; index++) this.publishOne();
  }

  publishOne(): void {
    const seq = ++this.newest;
    const groupId = [undefined, TEAM, OTHER][seq % 3];
    const event: MessageEvent = {
      direction: "in",
      id: `${seq}`,
      network: "cxo",
      sender: ALICE,
      text: `,"group_id":"${TEAM}",`,
      length: 1,
      channel: "group",
      wall: 0n,
      ...(groupId !== undefined && { groupId, sentAt: 1_790_000_000_123_456_789n + BigInt(seq) }),
    };
    if (groupId !== undefined) this.groups.set(seq, groupId);
    this.archive.add({ seq, channel: "group", line: structuredMessageLine(event, seq) });
    this.hub.publishMessage(event, seq);
  }

  of(group: string): number[] {
    return [...this.groups].filter(([, name]) => name === group).map(([seq]) => seq);
  }
}

Deno.test("a reader of one group gets all of it: from disk, from memory and live", async () => {
  const world = new GroupWorld(40);
  const reader = world.hub.subscribe({ channels: ALL, since: 0, group: TEAM });
  const got: Item[] = await drain(world, reader);
  world.more(7);
  got.push(...await drain(world, reader));
  assert.deepEqual(got, world.of(TEAM));
  const late = world.hub.subscribe({ channels: ALL, since: 20, group: TEAM });
  assert.deepEqual(await drain(world, late), world.of(TEAM).filter((seq) => seq > 20));
});

Deno.test("a reader of one group is told of what is missing, whatever it belonged to", async () => {
  const world = new GroupWorld(40);
  world.archive.retain(({ seq }) => seq < 10 || seq > 14);
  const reader = world.hub.subscribe({ channels: ALL, since: 0, group: OTHER });
  const got = await drain(world, reader);
  assert.ok(got.some((item) => typeof item === "object" && item.after === 9 && item.next === 15));
  const seen = got.filter((item) => typeof item === "number");
  assert.deepEqual(seen, world.of(OTHER).filter((seq) => seq < 10 || seq > 14));
});

Deno.test("a reader that still reads from disk keeps its filter while others come and go", async () => {
  const world = new GroupWorld(40);
  world.archive.slow = true;
  const reader = world.hub.subscribe({ channels: ALL, since: 0, group: TEAM });
  reader.whenNews(() => {});
  await settle();
  for (const group of ["a", "b", "c"]) {
    world.hub.subscribe({ channels: ALL, since: world.newest, group }).close();
  }
  world.archive.slow = false;
  world.archive.release();
  const got = await drain(world, reader);
  world.more(6);
  got.push(...await drain(world, reader));
  assert.deepEqual(got, world.of(TEAM));
});

Deno.test("EventHub.forgetGroup reaches pages that wait to be taken", async () => {
  const clock = new ManualClock();
  const archive = new MemoryArchive();
  const ring = { events: 1, bytes: 8_388_608, age: Infinity };
  const hub = new EventHub({ clock, archive, ring });
  for (const seq of [1, 2, 3, 4]) {
    const event: MessageEvent = {
      direction: seq === 2 ? "out" : "in",
      id: `${seq}`,
      network: "cxo",
      sender: seq === 3 ? BOB : ALICE,
      text: "x",
      length: 1,
      channel: "group",
      groupId: TEAM,
      sentAt: 1_790_000_000_000_000_000n + BigInt(seq >> 1),
      wall: 0n,
    };
    archive.add({ seq, channel: "group", line: structuredMessageLine(event, seq) });
    hub.publishMessage(event, seq);
  }
  const reader = hub.subscribe({ channels: ALL, since: 0 });
  reader.whenNews(() => {});
  await settle();
  hub.forgetGroup(OTHER, { sender: ALICE, timestamp: 1_790_000_000_000_000_001n });
  hub.forgetGroup(TEAM, { sender: ALICE, timestamp: 1_790_000_000_000_000_001n });
  const ids = () => reader.take().map((line) => JSON.parse(line).id);
  assert.deepEqual(ids(), ["1", "3"]);
  hub.close();
});
