import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { EVENT_PAUSE_MS, EventHub, type MessageEvent, structuredMessageLine } from "#events";
import { type ControlPorts, SEED_DEADLINE_MS } from "#http";
import { ManualClock, settle } from "#support/manual_clock.ts";
import { MemoryArchive } from "#support/memory_archive.ts";
import { SseParser } from "#support/sse_parser.ts";
import { Hono } from "hono";
import { eventRoutes } from "../../lib/http/event_routes.ts";
import { inbound, PEER } from "./control_harness.ts";

type Stored = Awaited<ReturnType<NonNullable<ControlPorts["history"]>["recent"]>>;

/** A node as far as its streams go: an archive that outlives hubs, and a history that may be slow. */
class StreamNode {
  readonly clock = new ManualClock();
  readonly archive: MemoryArchive | undefined;
  hub: EventHub;
  recent: (limit: number) => Promise<Stored> = () => Promise.resolve([]);
  seedCount = 3;
  #seq = 0;

  constructor(options: { durable: boolean }) {
    this.archive = options.durable ? new MemoryArchive() : undefined;
    this.hub = new EventHub({ clock: this.clock, archive: this.archive });
  }

  restart(): void {
    this.hub.close();
    this.hub = new EventHub({ clock: this.clock, archive: this.archive });
  }

  publish(event: MessageEvent): void {
    const seq = ++this.#seq;
    const { channel } = event;
    this.archive?.add({ seq, channel, line: structuredMessageLine(event, seq) });
    this.hub.publishMessage(event, seq);
  }

  async open(path: string, headers: Record<string, string> = {}): Promise<StreamClient> {
    const recent = (limit: number) => this.recent(limit);
    const history = { recent } as NonNullable<ControlPorts["history"]>;
    const ports: ControlPorts = {
      send: () => Promise.reject(new Error("not here")),
      status: () => ({}),
      events: this.hub,
      history,
      seedCount: this.seedCount,
    };
    const routes = eventRoutes(ports, { clock: this.clock, maxStreams: 2 });
    const app = new Hono().get("/sse", routes.sse).get("/events", routes.events);
    return new StreamClient(this.clock, await app.request(path, { headers }));
  }
}

/** Reads a stream as a browser does. */
class StreamClient {
  readonly parser = new SseParser();
  readonly reply: Response;
  readonly #clock: ManualClock;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #reading = false;

  constructor(clock: ManualClock, reply: Response) {
    this.#clock = clock;
    this.reply = reply;
    this.#reader = reply.body?.getReader();
  }

  get lastEventId(): string {
    return this.parser.events.at(-1)?.lastEventId ?? "";
  }

  /** Reads while something comes within a pause. */
  async read(): Promise<this> {
    for (;;) {
      const before = this.parser.events.length + this.parser.comments.length;
      if (!this.#reading) this.#start();
      await settle();
      await this.#clock.advance(EVENT_PAUSE_MS);
      const after = this.parser.events.length + this.parser.comments.length;
      if (this.#reading || after === before) return this;
    }
  }

  /** One key of each event. */
  all(key: string): unknown[] {
    return this.parser.json().map((event) => (event as Record<string, unknown>)[key]);
  }

  #start(): void {
    this.#reading = true;
    this.#reader?.read().then(({ value }) => {
      this.#reading = false;
      this.parser.push(value ?? new Uint8Array(0));
    });
  }

  async close(): Promise<void> {
    await this.#reader?.cancel();
  }
}

function numbers(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

Deno.test("/events carries ids only where numbers outlive the process, /sse never", async () => {
  for (const durable of [true, false]) {
    const node = new StreamNode({ durable });
    const [events, legacy] = [await node.open("/events"), await node.open("/sse")];
    node.publish(inbound("replayed\nid: 7", "x\r\nid: 8\n\n"));
    await events.read();
    await legacy.read();
    node.publish(inbound("live", "x"));
    await events.read();
    await legacy.read();
    deepStrictEqual(
      events.parser.events.map(({ lastEventId }) => lastEventId),
      durable ? ["1", "2"] : ["", ""],
    );
    deepStrictEqual(events.all("id"), ["replayed\nid: 7", "live"]);
    strictEqual(legacy.lastEventId, "");
    strictEqual(legacy.parser.events.length, 2);
    await events.close();
    await legacy.close();
    strictEqual(node.clock.pending, 0);
  }
});

Deno.test("/events resumes after Last-Event-ID, which beats since; a bad one is ignored", async () => {
  const node = new StreamNode({ durable: true });
  for (let index = 1; index <= 6; index++) node.publish(inbound(`${index}`, "x"));
  const cases: [string, string | undefined, number[]][] = [
    ["/events?since=2", "4", [5, 6]],
    ["/events", "5", [6]],
    ["/events?since=5", "", [6]],
    ["/events?since=5", "x4", [6]],
    ["/events?since=5", "-1", [6]],
    ["/events?since=5", "1".repeat(20), [6]],
    ["/events?since=5", "7", numbers(1, 6)],
    ["/events", undefined, numbers(1, 6)],
  ];
  for (const [path, id, expected] of cases) {
    const client = await node.open(path, id === undefined ? {} : { "last-event-id": id });
    await client.read();
    deepStrictEqual(client.all("seq"), expected, `${path} ${id}`);
    await client.close();
  }
  const refused = await node.open("/events?since=x", { "last-event-id": "4" });
  strictEqual(refused.reply.status, 400);
});

Deno.test("/events without durable numbers ignores Last-Event-ID", async () => {
  const node = new StreamNode({ durable: false });
  for (let index = 1; index <= 3; index++) node.publish(inbound(`${index}`, "x"));
  const client = await node.open("/events?since=1", { "last-event-id": "3" });
  await client.read();
  deepStrictEqual(client.all("seq"), [2, 3]);
  await client.close();
});

Deno.test("/events answers a cursor older than what is kept with one gap, first after connected", async () => {
  const node = new StreamNode({ durable: true });
  for (let index = 1; index <= 9; index++) node.publish(inbound(`${index}`, "x"));
  node.archive?.retain(({ seq }) => seq > 6);
  node.restart();
  const client = await node.open("/events?channel=group", { "last-event-id": "2" });
  await client.read();
  deepStrictEqual(client.all("gap"), [{ after: 2, next: 7 }]);
  deepStrictEqual([client.lastEventId, client.parser.comments], ["6", ["connected"]]);
  await client.close();
  const all = await node.open("/events", { "last-event-id": "2" });
  await all.read();
  deepStrictEqual(all.all("seq"), [6, 7, 8, 9]);
  await all.close();
});

Deno.test("a listener killed for 10 000 messages and a restart gets each once (users-ask.md row 1)", async () => {
  const node = new StreamNode({ durable: true });
  const first = await node.open("/events");
  for (let index = 1; index <= 10; index++) node.publish(inbound(`${index}`, "before"));
  await first.read();
  await first.close();
  for (let index = 11; index <= 6_010; index++) node.publish(inbound(`${index}`, "away"));
  node.restart();
  for (let index = 6_011; index <= 10_010; index++) node.publish(inbound(`${index}`, "away"));
  const second = await node.open("/events", { "last-event-id": first.lastEventId });
  await second.read();
  node.publish(inbound("10011", "live"));
  await second.read();
  deepStrictEqual(second.all("seq"), numbers(11, 10_011));
  deepStrictEqual(second.all("id"), numbers(11, 10_011).map(String));
  strictEqual(second.lastEventId, "10011");
  await second.close();
  strictEqual(node.clock.pending, 0);
});

Deno.test("/events ends when the archive cannot be read, and the client comes back with its cursor", async () => {
  const node = new StreamNode({ durable: true });
  for (let index = 1; index <= 5; index++) node.publish(inbound(`${index}`, "x"));
  node.restart();
  const archive = node.archive;
  ok(archive);
  archive.broken = true;
  const broken = await node.open("/events?since=2");
  await broken.read();
  deepStrictEqual([broken.parser.comments, broken.parser.events], [["connected"], []]);
  strictEqual(node.hub.subscribers, 0);
  archive.broken = false;
  const back = await node.open("/events?since=2");
  await back.read();
  deepStrictEqual(back.all("seq"), [3, 4, 5]);
  await back.close();
  strictEqual(node.hub.subscribers, 0);
});

const STORED: Stored = [
  { peer: PEER, from: PEER, outgoing: false, text: "in\n", timestamp: "2026-09-07T09:00:00.25Z" },
  { peer: PEER, outgoing: true, text: '{"skychat_reply":{}}', timestamp: "2026-09-07T09:00:01Z" },
];

Deno.test("/sse sends the seed before connected, then the replay, then live events (http-api.md 5.2)", async () => {
  const node = new StreamNode({ durable: true });
  const limits: number[] = [];
  const seed = Promise.withResolvers<Stored>();
  node.recent = (limit) => (limits.push(limit), seed.promise);
  node.publish(inbound("replayed", "x"));
  const client = await node.open("/sse");
  await client.read();
  node.publish(inbound("while the seed is read", "x"));
  deepStrictEqual([client.parser.events, client.parser.comments], [[], []]);
  seed.resolve(STORED);
  await client.read();
  node.publish(inbound("live", "x"));
  await client.read();
  deepStrictEqual(client.parser.json().slice(0, 2), [
    { history: "true", message: "in\n", peer: PEER, sender: PEER, ts: "2026-09-07T09:00:00Z" },
    {
      history: "true",
      message: '{"skychat_reply":{}}',
      peer: PEER,
      sender: "self",
      ts: "2026-09-07T09:00:01Z",
    },
  ]);
  deepStrictEqual(client.all("id").slice(2), ["replayed", "while the seed is read", "live"]);
  deepStrictEqual([limits, client.parser.comments], [[3], ["connected"]]);
  await client.close();
  strictEqual(node.clock.pending, 0);
});

Deno.test("/sse goes on without a seed that fails, and without one that takes too long", async () => {
  const failing: [string, () => Promise<Stored>][] = [
    ["rejects", () => Promise.reject(new Error("The disk is broken"))],
    ["throws", () => {
      throw new Error("The disk is broken");
    }],
    ["never comes", () => new Promise(() => {})],
  ];
  for (const [name, recent] of failing) {
    const node = new StreamNode({ durable: true });
    node.recent = recent;
    const client = await node.open("/sse");
    await client.read();
    node.publish(inbound("1", "x"));
    await client.read();
    if (name === "never comes") deepStrictEqual(client.parser.comments, []);
    await node.clock.advance(SEED_DEADLINE_MS);
    await client.read();
    deepStrictEqual([client.all("id"), client.parser.comments], [["1"], ["connected"]], name);
    await client.close();
    strictEqual(node.clock.pending, 0);
  }
});

Deno.test("/sse reads no seed when none is wanted, and drops a late one of a client that left", async () => {
  const node = new StreamNode({ durable: true });
  let reads = 0;
  const seed = Promise.withResolvers<Stored>();
  node.recent = () => (reads++, seed.promise);
  node.seedCount = 0;
  const none = await node.open("/sse");
  await none.read();
  deepStrictEqual([none.parser.comments, reads], [["connected"], 0]);
  await none.close();
  node.seedCount = 3;
  const gone = await node.open("/sse");
  await gone.read();
  strictEqual(node.hub.legacySubscribers, 1);
  await gone.close();
  seed.resolve(STORED);
  await settle();
  deepStrictEqual([reads, node.hub.legacySubscribers, node.clock.pending], [1, 0, 0]);
  deepStrictEqual(gone.parser.events, []);
});

Deno.test("a seed is cut into pieces, and the hub may close while it is read", async () => {
  const node = new StreamNode({ durable: true });
  const [stored] = STORED;
  ok(stored);
  node.recent = () => Promise.resolve(new Array(40).fill({ ...stored, text: "x".repeat(4_000) }));
  const client = await node.open("/sse");
  await client.read();
  strictEqual(client.parser.events.length, 40);
  await client.close();
  const seed = Promise.withResolvers<Stored>();
  node.recent = () => seed.promise;
  const ending = await node.open("/sse");
  await ending.read();
  node.hub.close();
  seed.resolve(STORED);
  await ending.read();
  strictEqual(ending.parser.events.length, 2);
  strictEqual(node.clock.pending, 0);
});

Deno.test("both streams share one cap", async () => {
  const clock = new ManualClock();
  const hub = new EventHub({ clock });
  const ports = { events: hub } as unknown as ControlPorts;
  const routes = eventRoutes(ports, { clock, maxStreams: 2 });
  const app = new Hono().get("/sse", routes.sse).get("/events", routes.events);
  const [one, two] = [await app.request("/sse"), await app.request("/events")];
  strictEqual((await app.request("/sse")).status, 503);
  strictEqual((await app.request("/events")).status, 503);
  await one.body?.cancel();
  const again = await app.request("/events");
  strictEqual(again.status, 200);
  for (const reply of [two, again]) await reply.body?.cancel();
  deepStrictEqual([hub.subscribers, hub.legacySubscribers, clock.pending], [0, 0, 0]);
});
