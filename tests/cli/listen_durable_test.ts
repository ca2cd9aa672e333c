import assert from "node:assert/strict";
import { type CliRun, startCli } from "#support/cli_run.ts";
import { FakeApp, type FakeReply, type FakeRequest } from "#support/fake_app.ts";

const A = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const B = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";

/** An event of `/events`: what A said to us. */
function said(seq: number, text: string, more: object = {}) {
  const id = `${seq}`.padStart(16, "0");
  const ts = `2026-09-10T00:00:${`${seq % 60}`.padStart(2, "0")}.5Z`;
  const len = text.length;
  const from = A;
  return {
    seq,
    id,
    ts,
    channel: "dm",
    transport: "tcp-direct",
    dir: "in",
    from,
    text,
    len,
    ...more,
  };
}

function seedOf({ text, ts }: { text: string; ts: string }) {
  return { history: "true", message: text, peer: A, sender: A, ts: ts.replace(".5Z", "Z") };
}

/** An app with numbers that outlive it: everything after `since`, then whatever is published. */
class DurableApp {
  readonly app: FakeApp;
  readonly paths: string[] = [];
  events: { readonly seq: number }[] = [];
  seeds: unknown[] = [];
  statuses: unknown[] = [];
  durable = true;
  down = false;
  #streams: FakeReply[] = [];

  constructor() {
    this.app = new FakeApp((request, reply) => this.#answer(request, reply));
  }

  async publish(...events: { readonly seq: number }[]): Promise<void> {
    this.events.push(...events);
    for (const event of events) {
      for (const stream of this.#streams) await stream.event(event);
    }
  }

  /** Ends every stream, as a restart does. */
  async restart(): Promise<void> {
    for (const stream of this.#streams.splice(0)) await stream.end();
  }

  async #answer({ path }: FakeRequest, reply: FakeReply): Promise<void> {
    this.paths.push(path);
    if (this.down) return reply.cut();
    if (path === "/status") {
      const seq = this.events.at(-1)?.seq ?? 0;
      const status = this.durable ? { events_durable: true, events_seq: seq } : {};
      return await reply.answer(200, JSON.stringify(status));
    }
    if (path === "/sse") {
      await reply.events(
        this.seeds.map((seed) => `data: ${JSON.stringify(seed)}\n\n`).join("") + ": connected\n\n",
      );
      for (const status of this.statuses) await reply.event(status);
      return;
    }
    await reply.events();
    const since = Number(/since=([0-9]+)/.exec(path)?.[1]);
    for (const event of this.events) if (event.seq > since) await reply.event(event);
    this.#streams.push(reply);
  }
}

function listen(durable: DurableApp, ...args: readonly string[]): CliRun {
  return startCli(["listen", ...args], { network: durable.app.network });
}

async function stop(run: CliRun): Promise<readonly string[]> {
  await run.clock.advance(0);
  run.interrupt.abort();
  assert.equal(await run.code, 0);
  assert.equal(run.clock.pending, 0);
  return run.stdout.lines;
}

/** The texts after the banner. */
function texts(lines: readonly string[]): readonly string[] {
  return lines.slice(3).map((line) => line.replace(/^.*\] /, ""));
}

Deno.test("listen shows stored messages, then the newest events, none of them twice", async () => {
  const node = new DurableApp();
  node.events = [said(1, "one"), said(2, "two"), said(3, "three")];
  node.seeds = [seedOf(said(2, "two")), seedOf(said(3, "three"))];
  const run = listen(node);
  await run.stdout.untilLines(6);
  await node.publish(said(4, "three"));
  await run.stdout.untilLines(7);
  assert.deepEqual((await stop(run)).slice(3), [
    `2026-09-10T00:00:02Z [${A}] two`,
    `2026-09-10T00:00:03Z [${A}] three`,
    `[${A}/tcp-direct] one`,
    `[${A}/tcp-direct] three`,
  ]);
  assert.deepEqual(node.paths, ["/status", "/sse", "/events?since=0"]);
});

Deno.test("listen shows two equal messages of one second twice, stored or not", async () => {
  const node = new DurableApp();
  const first = said(1, "hi");
  node.events = [first, { ...first, seq: 2, id: "2" }, { ...first, seq: 3, id: "3" }];
  node.seeds = [seedOf(first), seedOf(first)];
  const run = listen(node);
  await run.stdout.untilLines(6);
  assert.deepEqual(texts(await stop(run)), ["hi", "hi", "hi"]);
});

Deno.test("listen begins with as many events as /sse would have repeated", async () => {
  const node = new DurableApp();
  node.events = Array.from({ length: 1_000 }, (_, index) => said(index + 1, `m${index + 1}`));
  const run = listen(node);
  await run.stdout.untilLines(3 + 256);
  const lines = texts(await stop(run));
  assert.equal(lines.length, 256);
  assert.equal(lines[0], "m745");
  assert.equal(lines.at(-1), "m1000");
});

Deno.test("listen prints every message once, however often the app restarts and whatever it says meanwhile", async () => {
  const node = new DurableApp();
  const run = listen(node);
  await run.clock.advance(0);
  let seq = 0;
  for (let round = 0; round < 20; round++) {
    for (let count = 0; count < 25; count++) await node.publish(said(++seq, `m${seq}`));
    node.down = round % 3 === 2;
    await node.restart();
    // While it is away, others go on writing.
    node.events.push(said(++seq, `m${seq}`), said(++seq, `m${seq}`));
    await run.clock.advance(1_000);
    node.down = false;
    await run.clock.advance(2_000);
  }
  await run.stdout.untilLines(3 + seq);
  const expected = Array.from({ length: seq }, (_, index) => `m${index + 1}`);
  assert.deepEqual(texts(await stop(run)), expected);
});

Deno.test("listen asks again for what came while it was away, by number", async () => {
  const node = new DurableApp();
  node.events = [said(7, "seven")];
  const run = listen(node);
  await run.stdout.untilLines(4);
  await node.restart();
  await run.clock.advance(1_000);
  assert.equal(node.paths.at(-1), "/events?since=7");
  await stop(run);
});

Deno.test("listen --since starts after that number, without stored messages, on any app", async () => {
  for (const durable of [true, false]) {
    const node = new DurableApp();
    node.durable = durable;
    node.events = [said(1, "one"), said(2, "two")];
    node.seeds = [seedOf(said(1, "one"))];
    const run = listen(node, "--since", "1");
    await run.stdout.untilLines(4);
    assert.deepEqual(texts(await stop(run)), ["two"]);
    assert.deepEqual(node.paths, ["/status", "/events?since=1"]);
  }
});

Deno.test("listen --json has the number of each event, and delivery statuses beside them", async () => {
  const node = new DurableApp();
  const out = said(2, '{"skychat_reply":{"to":"a","text":"re"},"text":"re"}', {
    dir: "out",
    from: B,
    to: A,
  });
  node.events = [said(1, "one"), out];
  node.statuses = [{ channel: "dm-status", id: "1", peer: A, status: "received" }];
  const run = listen(node, "--json");
  await run.stdout.untilLines(4);
  const objects = (await stop(run)).map((line) => JSON.parse(line));
  const messages = objects.filter(({ type }) => type === "msg");
  assert.deepEqual(messages.map(({ seq, dir, from, to, net }) => ({ seq, dir, from, to, net })), [
    { seq: 1, dir: "in", from: A, to: undefined, net: "tcp-direct" },
    { seq: 2, dir: "out", from: B, to: A, net: "tcp-direct" },
  ]);
  assert.equal(messages[0]?.body, "one");
  const status = objects.find(({ type }) => type === "status");
  assert.equal(status?.id, "1");
  assert.equal(objects.length, 4);
  assert.equal(run.stderr.text, "");
});

Deno.test("listen tells of events that are no longer kept, but not of a backlog it never asked for", async () => {
  const gap = (after: number, next: number) => ({
    ...said(next - 1, `${next - after - 1} events are no longer kept`),
    channel: "system",
    gap: { after, next },
  });
  for (const args of [[], ["--json"]]) {
    const node = new DurableApp();
    node.events = [gap(744, 1_000), said(1_000, "new")];
    const run = listen(node, ...args);
    await run.stdout.untilLines(args.length === 0 ? 4 : 2);
    assert.equal(run.stderr.text, "");
    node.events = [gap(1_000, 1_011), said(1_011, "newer")];
    await node.restart();
    await run.clock.advance(1_000);
    await run.stdout.untilLines(args.length === 0 ? 5 : 5);
    const lines = await stop(run);
    if (args.length === 0) {
      assert.equal(
        run.stderr.lines[1],
        "skychat listen: 10 events are no longer kept: #1001 to #1010",
      );
      assert.deepEqual(texts(lines), ["new", "newer"]);
    } else {
      const object = lines.map((line) => JSON.parse(line)).find(({ type }) => type === "gap");
      assert.deepEqual({ ...object, ts: "" }, {
        type: "gap",
        ts: "",
        seq: 1_010,
        after: 1_000,
        next: 1_011,
      });
    }
  }
});

Deno.test("listen follows an app that comes back without history, and one that comes back with it", async () => {
  const node = new DurableApp();
  const memory = {
    dir: "in",
    id: "m",
    len: 1,
    message: "from memory",
    network: "tcp-direct",
    sender: A,
  };
  node.durable = false;
  node.seeds = [memory];
  const run = listen(node);
  await run.stdout.untilLines(4);
  const old = said(1, "from memory", { id: "m" });
  node.durable = true;
  node.events = [old, said(2, "from disk")];
  node.seeds = [seedOf(old)];
  // The fake keeps no /sse stream: cut it as a restart does.
  await run.clock.advance(60_000);
  await run.clock.advance(1_000);
  await run.stdout.untilLines(5);
  assert.deepEqual(texts(await stop(run)), ["from memory", "from disk"]);
  assert.deepEqual(node.paths, ["/status", "/sse", "/status", "/events?since=0"]);
});

Deno.test("listen filters numbered events by sender and network", async () => {
  const node = new DurableApp();
  node.events = [said(1, "a"), said(2, "b", { from: B }), said(3, "c", { transport: "cxo" })];
  const run = listen(node, "--from", A, "--net", "cxo");
  await run.stdout.untilLines(4);
  assert.deepEqual(texts(await stop(run)), ["c"]);
});

Deno.test("listen comes back after the last kept event, and prints what took the numbers of others", async () => {
  const node = new DurableApp();
  node.events = [said(300, "kept")];
  const run = listen(node);
  await run.stdout.untilLines(4);
  await node.publish(said(301, "only shown", { kept: false }));
  await run.stdout.untilLines(5);
  node.events = [said(300, "kept"), said(301, "new, and kept", { id: "another id" })];
  await node.restart();
  await run.stderr.untilLines(1);
  await run.clock.advance(1_000);
  await run.stdout.untilLines(6);
  assert.deepEqual(texts(await stop(run)), ["kept", "only shown", "new, and kept"]);
  const paths = node.paths.filter((path) => path.startsWith("/events"));
  assert.deepEqual(paths, ["/events?since=44", "/events?since=300"]);
});
