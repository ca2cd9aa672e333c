import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { silentLog } from "#kit";
import {
  BODY_DEADLINE_MS,
  HEAD_DEADLINE_MS,
  IDLE_LIMIT_MS,
  IMPORT_DEADLINE_MS,
  LINGER_MS,
  MAX_BODY_BYTES,
  REPLY_STALL_MS,
  STREAM_STALL_MS,
} from "#http";
import { ManualClock, settle } from "#support/manual_clock.ts";
import type { BodyRule } from "../../lib/http/admission.ts";
import type { ControlApp } from "../../lib/http/app.ts";
import { ArchiveReader } from "../../lib/http/archive_reader.ts";
import { ByteBudget } from "../../lib/http/byte_budget.ts";
import { Connection } from "../../lib/http/connection.ts";
import { textReply, whole } from "../../lib/http/replies.ts";
import { type ByteSource, StreamReply } from "../../lib/http/stream_reply.ts";
import { MemorySocket } from "./control_harness.ts";

type Handler = (request: Request) => Response | Promise<Response>;

/** One connection over a socket in memory, on a clock that the test moves. */
class Rig {
  readonly clock = new ManualClock();
  readonly socket = new MemorySocket();
  readonly bodies = new ByteBudget(1_000_000);
  readonly connection: Connection;
  readonly done: Promise<void>;

  constructor(handle: Handler = echo, admit: ControlApp["admit"] = ordinary) {
    const { clock, bodies } = this;
    const app = { admit, handle };
    this.connection = new Connection(this.socket, { app, clock, bodies, log: silentLog });
    this.done = this.connection.run();
  }

  /** The client sends a text and everything that follows from it happens. */
  async send(text: string): Promise<void> {
    this.socket.send(text);
    await settle();
  }

  /** Time passes; the server's sweep looks at the deadline. */
  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
    if (this.connection.due <= this.clock.now()) this.connection.expire();
    await settle();
  }

  /** Status codes answered so far. */
  get statuses(): string[] {
    return [...this.socket.text.matchAll(/HTTP\/1\.1 ([0-9]{3})/g)].map(([, code]) => code ?? "");
  }

  /** Ends the client's side and waits for the server's. */
  async finish(): Promise<void> {
    this.socket.end();
    await this.done;
    strictEqual(this.socket.closed, true);
  }
}

function ordinary(): Promise<BodyRule> {
  return Promise.resolve({ limit: MAX_BODY_BYTES });
}

async function echo(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  return whole(200, `${request.method} ${pathname} ${await request.text()}.`, {});
}

const GET = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

function post(body: string, extra = ""): string {
  return `POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n${extra}\r\n${body}`;
}

Deno.test("Connection closes a client that sends nothing when the header deadline has passed", async () => {
  const rig = new Rig();
  await rig.pass(HEAD_DEADLINE_MS - 1);
  strictEqual(rig.socket.closed, false);
  await rig.pass(1);
  await rig.done;
  strictEqual(rig.socket.text, "");
});

Deno.test("Connection answers 408 to half a request line and to headers that never end", async () => {
  const halfLine = new Rig();
  await halfLine.send("GET /sta");
  await halfLine.pass(HEAD_DEADLINE_MS);
  await halfLine.done;
  deepStrictEqual(halfLine.statuses, ["408"]);

  const endless = new Rig();
  await endless.send("GET / HTTP/1.1\r\nHost: x\r\n");
  for (let second = 0; second < 5; second++) {
    await endless.send(`X-${second}: 1\r\n`);
    await endless.pass(HEAD_DEADLINE_MS / 5);
  }
  await endless.done;
  deepStrictEqual(endless.statuses, ["408"]);
  match(endless.socket.text, /Connection: close\r\n/);
});

Deno.test("Connection answers 408 to a body that comes too slowly", async () => {
  const rig = new Rig();
  await rig.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n");
  for (let second = 0; second < 10; second++) {
    strictEqual(rig.socket.closed, false);
    await rig.send("x");
    await rig.pass(BODY_DEADLINE_MS / 10);
  }
  await rig.done;
  deepStrictEqual(rig.statuses, ["408"]);
  strictEqual(rig.bodies.take(1_000_000), true);
});

Deno.test("Connection serves nothing that comes after the deadline", async () => {
  let served = 0;
  const rig = new Rig((request) => {
    served++;
    return echo(request);
  });
  rig.socket.stalled = true;
  await rig.send(GET.slice(0, 10));
  await rig.pass(HEAD_DEADLINE_MS);
  await rig.send(GET.slice(10));
  strictEqual(served, 0);
  await rig.pass(LINGER_MS);
  await rig.done;
});

Deno.test("Connection keeps alive until the idle limit, and gives each request its own deadline", async () => {
  const rig = new Rig();
  await rig.send(GET);
  await rig.pass(IDLE_LIMIT_MS - 1);
  await rig.send("GET");
  await rig.pass(HEAD_DEADLINE_MS - 1);
  await rig.send(GET.slice(3));
  deepStrictEqual(rig.statuses, ["200", "200"]);
  await rig.pass(IDLE_LIMIT_MS);
  await rig.done;
  deepStrictEqual(rig.statuses, ["200", "200"]);
});

Deno.test("Connection answers pipelined requests in order, one at a time", async () => {
  const gates: PromiseWithResolvers<void>[] = [];
  const rig = new Rig(async (request) => {
    const gate = Promise.withResolvers<void>();
    gates.push(gate);
    await gate.promise;
    return echo(request);
  });
  await rig.send(GET + post("two") + GET);
  strictEqual(gates.length, 1);
  gates[0]?.resolve();
  await settle();
  strictEqual(gates.length, 2);
  await rig.send("x".repeat(100_000));
  strictEqual(rig.socket.unread, 100_000, "nothing is read while a request is answered");
  gates[1]?.resolve();
  await settle();
  gates[2]?.resolve();
  await settle();
  deepStrictEqual(rig.socket.text.match(/(GET|POST) \/[ap] [a-z]*\./g), [
    "GET /a .",
    "POST /p two.",
    "GET /a .",
  ]);
  deepStrictEqual(rig.statuses, ["200", "200", "200", "400"]);
  await rig.finish();
});

Deno.test("Connection never limits the time that an answer takes", async () => {
  const gate = Promise.withResolvers<void>();
  const rig = new Rig(async (request) => {
    await gate.promise;
    return echo(request);
  });
  await rig.send(GET);
  await rig.pass(65_000);
  gate.resolve();
  await settle();
  deepStrictEqual(rig.statuses, ["200"]);
  await rig.finish();
});

Deno.test("Connection still answers a client that has finished sending", async () => {
  const rig = new Rig();
  rig.socket.send(post("x"));
  await rig.finish();
  match(rig.socket.text, /POST \/p x\./);
});

Deno.test("Connection closes after HTTP/1.0, Connection: close and faults, and lingers a moment", async () => {
  const texts = ["GET / HTTP/1.0\r\n\r\n", post("x", "Connection: Keep, CLOSE\r\n"), "bad\r\n\r\n"];
  for (const text of texts) {
    const rig = new Rig();
    await rig.send(text + GET);
    strictEqual(rig.statuses.length, 1);
    match(rig.socket.text, /\r\nConnection: close\r\n/);
    strictEqual(rig.connection.phase, "linger");
    await rig.send("x".repeat(50_000));
    strictEqual(rig.socket.unread, 0);
    await rig.pass(LINGER_MS);
    await rig.done;
  }
});

Deno.test("Connection sends 100 Continue only to a client that waits for it", async () => {
  const rig = new Rig();
  await rig.send(
    "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
  );
  strictEqual(rig.socket.text, "HTTP/1.1 100 Continue\r\n\r\n");
  await rig.send("hi");
  deepStrictEqual(rig.statuses, ["100", "200"]);
  await rig.send(post("hi", "Expect: 100-continue\r\n"));
  deepStrictEqual(rig.statuses, ["100", "200", "200"]);
  await rig.send(
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\nExpect: 100-continue\r\n\r\n",
  );
  deepStrictEqual(rig.statuses, ["100", "200", "200", "413"]);
  await rig.finish();
});

Deno.test("Connection sends no body to HEAD, and refuses methods that no handler may see", async () => {
  const rig = new Rig();
  await rig.send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n");
  match(rig.socket.text, /Content-Length: [1-9][0-9]*\r\n(.*\r\n)*\r\n$/);
  await rig.send("TRACE / HTTP/1.1\r\nHost: x\r\n\r\n");
  await rig.send("GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
  deepStrictEqual(rig.statuses, ["200", "501", "200"]);
  await rig.finish();
});

Deno.test("Connection writes the whole reply when the system takes it in small pieces", async () => {
  const rig = new Rig();
  rig.socket.maxWrite = 3;
  await rig.send(post("x".repeat(500)));
  match(rig.socket.text, /POST \/p x{500}\.$/);
  await rig.finish();
});

Deno.test("Connection gives up a reply that the client does not take", async () => {
  const rig = new Rig();
  rig.socket.stalled = true;
  await rig.send(GET);
  await rig.pass(REPLY_STALL_MS - 1);
  strictEqual(rig.socket.closed, false);
  await rig.pass(1);
  await rig.done;
  strictEqual(rig.socket.closed, true);
});

Deno.test("Connection gives the memory of a body back once it is answered", async () => {
  const rig = new Rig();
  await rig.send(post("x".repeat(1_000)) + post("y"));
  deepStrictEqual(rig.statuses, ["200", "200"]);
  strictEqual(rig.bodies.take(1_000_000), true);
  await rig.finish();
});

Deno.test("Connection refuses bodies beyond the memory that all connections share", async () => {
  const rig = new Rig();
  rig.bodies.take(999_990);
  await rig.send(post("x".repeat(11)));
  deepStrictEqual(rig.statuses, ["503"]);
  strictEqual(rig.bodies.take(10), true);
  await rig.finish();
});

/** A stream that the test feeds, and whether the connection closed it. */
function feed(): { handle: Handler; push: (text: string) => void; cancelled: () => boolean } {
  const pieces: Uint8Array[] = [];
  let ready = () => {};
  const source: ByteSource & { over: boolean } = {
    over: false,
    take: () => source.over ? undefined : pieces.shift(),
    whenReady: (action) => void (ready = action),
    close() {
      source.over = true;
      ready();
    },
  };
  return {
    handle: () => new StreamReply(source, { connection: "keep-alive" }),
    push(text) {
      pieces.push(new TextEncoder().encode(text));
      ready();
    },
    cancelled: () => source.over,
  };
}

Deno.test("Connection streams a body without length in chunks, each in one write", async () => {
  const { handle, push, cancelled } = feed();
  const rig = new Rig(handle);
  await rig.send(GET);
  match(rig.socket.text, /Connection: keep-alive\r\n(.*\r\n)*Transfer-Encoding: chunked\r\n\r\n$/);
  const before = rig.socket.writes;
  push("hello");
  await settle();
  match(rig.socket.text, /\r\n\r\n5\r\nhello\r\n$/);
  strictEqual(rig.socket.writes, before + 1);
  await rig.finish();
  strictEqual(cancelled(), true);
});

Deno.test("Connection writes pieces in order and whole, however little the system takes at a time", async () => {
  const { handle, push } = feed();
  const rig = new Rig(handle);
  await rig.send(GET);
  const before = rig.socket.text.length;
  rig.socket.maxWrite = 3;
  rig.socket.stalled = true;
  push("hello");
  push("wörld");
  await settle();
  strictEqual(rig.socket.text.length, before);
  rig.socket.stalled = false;
  rig.socket.wake();
  await settle();
  strictEqual(rig.socket.text.slice(before), "5\r\nhello\r\n6\r\nwörld\r\n");
  await rig.finish();
});

Deno.test("Connection ends without a word when a reply has no length and is no stream", async () => {
  const rig = new Rig(() => new Response("unmarked"));
  await rig.send(GET);
  await rig.done;
  strictEqual(rig.socket.text, "");
  strictEqual(rig.socket.closed, true);
});

Deno.test("Connection streams to HTTP/1.0 without chunks until it closes", async () => {
  const { handle, push } = feed();
  const rig = new Rig(handle);
  await rig.send("GET / HTTP/1.0\r\n\r\n");
  push("hello");
  await settle();
  match(rig.socket.text, /Connection: close\r\n\r\nhello$/);
  await rig.finish();
});

Deno.test("Connection ends a stream whose reader takes nothing for too long, and no earlier", async () => {
  const { handle, push, cancelled } = feed();
  const rig = new Rig(handle);
  await rig.send(GET);
  push("taken");
  await settle();
  await rig.pass(10 * STREAM_STALL_MS);
  strictEqual(rig.socket.closed, false, "a silent stream is no stalled one");
  rig.socket.stalled = true;
  push("hello");
  await settle();
  await rig.pass(STREAM_STALL_MS - 1);
  strictEqual(rig.socket.closed, false);
  await rig.pass(1);
  await rig.done;
  strictEqual(cancelled(), true);
});

Deno.test("Connection drain ends a stream cleanly, an idle client at once, a request after its answer", async () => {
  const { handle, cancelled } = feed();
  const stream = new Rig(handle);
  await stream.send(GET);
  stream.connection.drain();
  await stream.done;
  match(stream.socket.text, /\r\n\r\n0\r\n\r\n$/);
  strictEqual(cancelled(), true);

  const idle = new Rig();
  await idle.send(GET);
  idle.connection.drain();
  await idle.done;

  const gate = Promise.withResolvers<void>();
  const busy = new Rig((request) => gate.promise.then(() => echo(request)));
  await busy.send(GET);
  busy.connection.drain();
  gate.resolve();
  await settle();
  deepStrictEqual(busy.statuses, ["200"]);
  match(busy.socket.text, /Connection: close/);
  await busy.finish();
});

function ruled(rule: Partial<BodyRule>): { admit: ControlApp["admit"]; released: () => number } {
  let released = 0;
  const release = () => void released++;
  const admit = () => Promise.resolve({ limit: MAX_BODY_BYTES, release, ...rule });
  return { admit, released: () => released };
}

Deno.test("Connection answers a refusal before the body, and keeps alive only when there is none", async () => {
  const rig = new Rig(echo, () => Promise.resolve(textReply(401, "who?")));
  await rig.send(GET + GET);
  deepStrictEqual(rig.statuses, ["401", "401"]);
  await rig.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  deepStrictEqual(rig.statuses, ["401", "401", "401"]);
  strictEqual(rig.connection.phase, "linger");
  await rig.send(`hello${GET}`);
  deepStrictEqual(rig.statuses, ["401", "401", "401"]);
  await rig.finish();
});

Deno.test("Connection waits for a slow gate without a deadline, and takes nothing meanwhile", async () => {
  const gate = Promise.withResolvers<void>();
  const rig = new Rig(echo, () => gate.promise.then(ordinary));
  await rig.send(GET.slice(0, 5));
  await rig.send(GET.slice(5));
  strictEqual(rig.connection.phase, "gate");
  await rig.pass(HEAD_DEADLINE_MS * 2);
  await rig.send("x".repeat(50_000));
  strictEqual(rig.socket.unread, 50_000);
  gate.resolve();
  await settle();
  deepStrictEqual(rig.statuses, ["200", "400"]);
  await rig.finish();
});

Deno.test("Connection renews the deadline of a body that keeps coming by its rule's step", async () => {
  const { admit, released } = ruled({ step: 100 });
  const rig = new Rig(echo, admit);
  await rig.send("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
  for (let piece = 0; piece < 5; piece++) {
    await rig.pass(BODY_DEADLINE_MS - 1);
    await rig.send("x".repeat(100));
  }
  strictEqual(rig.socket.closed, false);
  await rig.send("x".repeat(99));
  await rig.pass(BODY_DEADLINE_MS);
  await rig.done;
  deepStrictEqual([rig.statuses, released()], [["408"], 1]);
});

Deno.test("Connection gives up a body that keeps coming for ten minutes", async () => {
  const { admit, released } = ruled({ step: 100, limit: Infinity });
  const rig = new Rig(echo, admit);
  await rig.send("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n");
  const step = BODY_DEADLINE_MS - 1;
  for (let passed = 0; passed + step < IMPORT_DEADLINE_MS; passed += step) {
    strictEqual(rig.connection.phase, "body");
    await rig.pass(step);
    await rig.send("x".repeat(100));
  }
  await rig.pass(step);
  await rig.done;
  deepStrictEqual([rig.statuses, released()], [["408"], 1]);
});

Deno.test("Connection answers 400 to an archive as soon as its first fault is there", async () => {
  const archive = new ArchiveReader();
  const { admit, released } = ruled({ archive });
  const rig = new Rig(() => textReply(200, "never"), admit);
  const body = '{"format":"skychat-archive","version":1,"messages":[{},,';
  await rig.send(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n${body}`);
  match(rig.socket.text, /^HTTP\/1\.1 400 [^]*messages\[1\] is not valid JSON\n$/);
  strictEqual(released(), 1);
  await rig.finish();
});

Deno.test("Connection feeds an archive as it comes and holds nothing of it", async () => {
  const archive = new ArchiveReader();
  const { admit, released } = ruled({ archive });
  const rig = new Rig(
    () => textReply(200, String(archive.finish().records.messages.length)),
    admit,
  );
  rig.bodies.take(1_000_000);
  const body = '{"format":"skychat-archive","version":1,"messages":[{},{}]}';
  await rig.send(post(body).slice(0, -20));
  strictEqual(released(), 0);
  await rig.send(body.slice(-20));
  match(rig.socket.text, /^HTTP\/1\.1 200 [^]*\r\n2\n$/);
  strictEqual(released(), 1);
  await rig.finish();
});

Deno.test("Connection answers after the beginning of a body that its rule cuts, then closes", async () => {
  const { admit, released } = ruled({ limit: 10, cut: true });
  const rig = new Rig(echo, admit);
  await rig.send(post("short"));
  match(rig.socket.text, /POST \/p short\.$/);
  await rig.send("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n0123456789abc");
  match(rig.socket.text, /Connection: close\r\n[^]*POST \/p 0123456789\.$/);
  await rig.send("x".repeat(50_000));
  strictEqual(rig.socket.unread, 0);
  await rig.finish();
  deepStrictEqual([rig.statuses, released()], [["200", "200"], 2]);
  strictEqual(rig.bodies.take(1_000_000), true);
});

Deno.test("Connection releases what a rule holds, however the request ends", async () => {
  const { admit, released } = ruled({});
  const left = new Rig(echo, admit);
  await left.send("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
  await left.finish();
  strictEqual(released(), 1);
  const large = new Rig(echo, admit);
  await large.send("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n");
  strictEqual(released(), 2);
  await large.finish();
  const failing = new Rig(() => Promise.reject(new TypeError("ours")), admit);
  await failing.send(post("x"));
  await failing.done;
  strictEqual(released(), 3);
});

Deno.test("Connection lets a finite stream go on for a client that has finished sending", async () => {
  const source = endingFeed();
  const rig = new Rig(() => new StreamReply(source, {}));
  await rig.send(GET);
  rig.socket.end();
  await settle();
  source.push("late");
  source.finish();
  await rig.done;
  match(rig.socket.text, /\r\n4\r\nlate\r\n0\r\n\r\n$/);
});

Deno.test("Connection ends a stream that was cut without its last chunk", async () => {
  const source = endingFeed();
  const rig = new Rig(() => new StreamReply(source, {}));
  await rig.send(GET);
  source.push("part");
  rig.connection.drain();
  await rig.done;
  match(rig.socket.text, /\r\n4\r\npart\r\n$/);
});

/** A stream with an end of its own. */
function endingFeed(): ByteSource & { push(text: string): void; finish(): void } {
  const pieces: Uint8Array[] = [];
  let ready = () => {};
  return {
    finite: true,
    over: false,
    cut: false,
    take: () => pieces.shift(),
    whenReady: (action) => void (ready = action),
    push(text) {
      pieces.push(new TextEncoder().encode(text));
      ready();
    },
    finish() {
      Object.assign(this, { over: true });
      ready();
    },
    close() {
      if (!this.over) Object.assign(this, { over: true, cut: true });
      ready();
    },
  };
}
