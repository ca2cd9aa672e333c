/** What the control surface says of messages that go to a feed, and what a hostile giver gets. */
import assert from "node:assert/strict";
import { DirectChat } from "#chat";
import { REGISTRY, rootMessage, signRoot, TREE_NODE_SCHEMA } from "#cxo";
import { EventHub, type MessageEvent } from "#events";
import { NO_BYTES, silentLog, utf8 } from "#kit";
import { MemoryNetwork } from "#net";
import { type KvHistory, openHistory } from "#store";
import { failingKv } from "#support/failing_kv.ts";
import { secretOf } from "#support/feed_node.ts";
import { follow } from "#support/feed_raw.ts";
import { FIRST_PORT, inWorld } from "#support/feed_scene.ts";
import { ManualClock } from "#support/manual_clock.ts";
import { SeededRandom } from "#support/seeded_random.ts";
import type { AppConfig } from "../../lib/app/config.ts";
import { type ControlParts, controlPorts } from "../../lib/app/control_ports.ts";
import { FeedService } from "../../lib/app/feeds.ts";
import { GroupService } from "../../lib/app/group_service.ts";
import { postMessage } from "../../lib/http/message_route.ts";

const SELF = secretOf(8_802);
const PEER = secretOf(8_803).publicKey.hex;

interface Answer {
  readonly status: number;
  readonly text: string;
}

interface Scene {
  readonly service: FeedService;
  /** Posts a message. */
  post(fields: Record<string, unknown>): Promise<Answer>;
  /** Events of what was said. */
  readonly events: EventHub;
}

/** A node with a feed that is served nowhere, and its `POST /message`. */
async function withFeed(
  history: KvHistory | undefined,
  play: (scene: Scene) => Promise<void>,
): Promise<void> {
  const clock = new ManualClock();
  const random = new SeededRandom(1);
  const events = new EventHub({ clock, archive: history?.events });
  const chat = new DirectChat({
    ...{ clock, random, events, self: SELF.publicKey, log: silentLog },
    ...(history && { store: history }),
  });
  const people: Partial<ControlParts["people"]> = {};
  const config: Partial<AppConfig> = { cxo: { cap: 100, listen: "", peers: [] } };
  const made = {
    context: {
      ...{ clock, random, log: silentLog, local: SELF },
      network: new MemoryNetwork(),
      requirePostQuantum: false,
    },
    ...{ chat, history, people: people as ControlParts["people"], mostLinks: 4 },
  };
  const service = await FeedService.open(config as AppConfig, made);
  const groups = await GroupService.open(config as AppConfig, {
    ...made,
    identitySource: "flag",
  });
  assert.ok(service?.feeds !== undefined);
  const parts: Partial<ControlParts> = {
    ...{ chat, events, history, feeds: service, groups },
    people: people as ControlParts["people"],
    line: { embedded: false } as ControlParts["line"],
  };
  const ports = controlPorts(parts as ControlParts);
  await play({
    service,
    events,
    async post(fields) {
      const body = JSON.stringify({ recipient: PEER, message: "hello", ...fields });
      const reply = await postMessage(body, ports);
      return { status: reply.status, text: await reply.text() };
    },
  });
  await service.close();
  await chat.close();
  events.close();
  await clock.advance(0);
}

/** The same over a store on a disk that can fail. */
async function onDisk(
  play: (
    scene: Scene & { readonly failing: { now: "never" | "before" | "after" } },
  ) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const failing: { now: "never" | "before" | "after" } = { now: "never" };
  const history = await openHistory({
    path: `${folder}/history.db`,
    clock: new ManualClock(),
    log: silentLog,
    self: SELF.publicKey.hex,
    openKv: failingKv(failing),
  });
  await withFeed(history, (scene) => play({ ...scene, failing }));
  failing.now = "never";
  await history.close();
  await Deno.remove(folder, { recursive: true });
}

const OK = { status: 200, text: '{"network":"cxo","ok":true}\n' };
const UNSTORED = { status: 200, text: '{"network":"cxo","ok":true,"stored":false}\n' };

Deno.test("POST /message to a feed says so where the commit failed, and says no more once it works", () =>
  onDisk(async ({ failing, post, service }) => {
    assert.deepEqual(await post({}), OK);
    for (const now of ["before", "after"] as const) {
      failing.now = now;
      assert.deepEqual(await post({}), UNSTORED, `the disk fails ${now} the commit`);
    }
    failing.now = "never";
    assert.deepEqual(await post({}), OK);
    assert.equal(service.feeds?.figures.messages, 4, "it is in the feed all the same");
  }));

Deno.test("POST /message to a feed gives an id to who asks for receipts only: that of the event", () =>
  onDisk(async ({ events, failing, post }) => {
    assert.deepEqual(await post({ receipts: false }), OK);
    const { status, text } = await post({ receipts: true });
    const reader = events.subscribe({ channels: new Set(["group"]), since: 0 });
    const lines = (await reader.next()).map((line) => JSON.parse(line));
    assert.equal(lines.length, 2);
    const { id } = lines[1];
    assert.match(id, /^[0-9a-f]{16}$/);
    assert.deepEqual([status, JSON.parse(text)], [200, { id, network: "cxo", ok: true }]);
    failing.now = "before";
    const { id: other, ...rest } = JSON.parse((await post({ receipts: true })).text);
    assert.match(other, /^[0-9a-f]{16}$/);
    assert.deepEqual(rest, { network: "cxo", ok: true, stored: false });
  }));

Deno.test("POST /message to a feed promises nothing of a disk where there is none, and is refused at the end", () =>
  withFeed(undefined, async ({ events, post, service }) => {
    const reader = events.subscribe({ channels: new Set(["group"]), since: 0 });
    assert.deepEqual(await post({}), OK);
    await service.feeds?.close();
    assert.deepEqual(await post({}), { status: 503, text: "cxo publish: shutting down\n" });
    assert.equal(service.feeds?.figures.messages, 1);
    assert.equal((await reader.next()).length, 1, "nobody is shown it either");
  }));

Deno.test("DirectChat counts what it surfaces, and when the last came and went", async () => {
  const clock = new ManualClock();
  const events = new EventHub({ clock });
  const random = new SeededRandom(1);
  const chat = new DirectChat({
    ...{ clock, random, events, self: SELF.publicKey, log: silentLog },
  });
  const event: Omit<MessageEvent, "direction"> = {
    ...{ id: "00", network: "cxo", sender: PEER, text: "hi", length: 2, channel: "group" },
    wall: 5n,
  };
  const figures = () => {
    const { inbound_msg_count, last_rx, last_send, outbound_msg_count } = chat.counters;
    return [inbound_msg_count, last_rx, outbound_msg_count, last_send];
  };
  assert.deepEqual(figures(), [0, undefined, 0, undefined]);
  await clock.advance(1_000);
  const came = clock.wall();
  chat.surface({ ...event, direction: "in" });
  assert.deepEqual(figures(), [1, came, 0, undefined]);
  await clock.advance(1_000);
  const went = clock.wall();
  chat.surface({ ...event, direction: "out" });
  assert.deepEqual(figures(), [1, came, 1, went]);
  await clock.advance(1_000);
  chat.surface({ ...event, direction: "in" });
  assert.deepEqual(figures(), [2, clock.wall(), 1, went]);
  await chat.close();
  events.close();
});

Deno.test("a follower that gives a lost Root back and then other objects is dropped, with one line", () =>
  inWorld(async (world) => {
    const node = await world.start(FIRST_PORT);
    const line = await follow(world, FIRST_PORT);
    let asked = 0;
    line.onMessage = ({ message, seq }) => {
      if (message.type !== "RqObject") return;
      asked++;
      line.send({ type: "Object", value: utf8("something else") }, seq);
    };
    line.send(rootMessage(signRoot({
      refs: [{ object: "cd".repeat(32), schema: TREE_NODE_SCHEMA.id }],
      descriptor: NO_BYTES,
      registry: REGISTRY.id,
      pub: node.key,
      nonce: 1n,
      seq: 1n,
      time: world.clock.wall() - 1n,
      prev: "ab".repeat(32),
    }, node.secret)));
    await world.clock.advance(100);
    assert.equal(asked, 1);
    assert.ok(line.isClosed);
    assert.equal(node.feeds.figures.followers, 0);
    const told = node.logs.filter((line) => line.includes("cxo dropped"));
    assert.equal(told.length, 1);
    assert.match(told[0] ?? "", /: not the object (cd){32}$/);
    await line.end();
  }));
