import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { silentLog } from "#kit";
import {
  BODY_DEADLINE_MS,
  HEAD_DEADLINE_MS,
  IDLE_LIMIT_MS,
  LINGER_MS,
  MAX_BODY_BYTES,
  REPLY_STALL_MS,
  STREAM_STALL_MS,
} from "#http";
import { ManualClock, settle } from "#support/manual_clock.ts";
import { ByteBudget } from "../../lib/http/byte_budget.ts";
import { Connection } from "../../lib/http/connection.ts";
import { whole } from "../../lib/http/replies.ts";
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

  constructor(handle: Handler = echo) {
    const { clock, bodies } = this;
    const app = { admit: () => Promise.resolve({ limit: MAX_BODY_BYTES }), handle };
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
