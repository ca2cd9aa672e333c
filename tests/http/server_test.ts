import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { AddressError, ControlServer, ListenError, MAX_BODY_BYTES } from "#http";
import { silentLog, systemClock } from "#kit";
import { ManualClock, settle } from "#support/manual_clock.ts";
import { SseParser } from "#support/sse_parser.ts";
import type { ControlSocket, SocketListener } from "../../lib/http/listener.ts";
import { eventually, FakePorts, inbound, PEER, RawClient, withServer } from "./control_harness.ts";

const GET = "GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n";
const SSE = "GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n";
/** The answer about a message that nobody waits for (http-api.md 4.1). */
const SENT = '{"id":"8077ca12ee05c806","network":"tcp-direct","ok":true}\n';

async function post(address: string, body: BodyInit): Promise<[number, string]> {
  const reply = await fetch(`http://${address}/message`, { method: "POST", body });
  return [reply.status, await reply.text()];
}

function message(extra: Record<string, unknown> = {}): string {
  return JSON.stringify({ recipient: PEER, message: "hi", ...extra });
}

/** Reads `/sse` through the runtime's own client until it has seen so many events. */
async function readEvents(address: string) {
  const reply = await fetch(`http://${address}/sse`);
  const reader = reply.body?.getReader();
  const parser = new SseParser();
  return {
    async until(count: number): Promise<unknown[]> {
      while (parser.events.length < count) {
        const { done, value } = await reader?.read() ?? { done: true };
        if (done || value === undefined) break;
        parser.push(value);
      }
      return parser.json();
    },
    async leave(): Promise<void> {
      await reader?.cancel();
    },
    /** Whether the stream ended as it should. */
    async ended(): Promise<boolean> {
      for (;;) {
        const { done } = await reader?.read() ?? { done: true };
        if (done) return true;
      }
    },
  };
}

Deno.test("ControlServer serves several requests on one connection", async () => {
  await withServer(async ({ address, ports }) => {
    using client = await RawClient.connect(address);
    await client.send(GET + GET);
    await client.until(`{"peers":["${PEER}"],"sse_subscribers":0}\n`);
    await client.until(`{"peers":["${PEER}"],"sse_subscribers":0}\n`);
    deepStrictEqual(await post(address, message()), [200, SENT]);
    strictEqual(ports.requests.length, 1);
  });
});

Deno.test("ControlServer answers 413 to a body over 1 MiB, with and without its length", async () => {
  await withServer(async ({ address, ports }) => {
    const fits = new Uint8Array(MAX_BODY_BYTES).fill(0x20);
    const large = new Uint8Array(MAX_BODY_BYTES + 1).fill(0x20);
    deepStrictEqual(await post(address, fits), [400, "EOF\n"]);
    deepStrictEqual(await post(address, large), [413, "request body too large\n"]);
    const chunked = new Blob([large]).stream();
    deepStrictEqual(await post(address, chunked), [413, "request body too large\n"]);
    deepStrictEqual(await post(address, new Blob([message()]).stream()), [200, SENT]);
    strictEqual(ports.requests.length, 1);
  });
});

Deno.test("ControlServer refuses smuggled requests over a real socket", async () => {
  await withServer(async ({ address, ports }) => {
    const hidden =
      `POST /message HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${message().length}\r\n\r\n${message()}`;
    const heads = [
      "Content-Length: 4\r\nTransfer-Encoding: chunked",
      "Transfer-Encoding: chunked\r\nContent-Length: 4",
      "Transfer-Encoding: xchunked",
      "Transfer-Encoding : chunked",
      "Content-Length: 0\r\nContent-Length: 4",
      "X: y\r\n Content-Length: 0",
    ];
    for (const head of heads) {
      using client = await RawClient.connect(address);
      await client.send(
        `POST /status HTTP/1.1\r\nHost: localhost\r\n${head}\r\n\r\n0\r\n\r\n${hidden}`,
      );
      const answer = await client.rest();
      match(answer, /^HTTP\/1\.1 (400|501) /, head);
      strictEqual(answer.match(/HTTP\/1\.1/g)?.length, 1, head);
    }
    deepStrictEqual(ports.requests, []);
  });
});

Deno.test("two readers of /sse get each event once, and one that leaves disturbs nobody (http-api.md 8 check 2)", async () => {
  await withServer(async ({ address, ports }) => {
    const first = await readEvents(address);
    const second = await readEvents(address);
    for (let index = 0; index < 10; index++) ports.events.publishMessage(inbound(`${index}`, "x"));
    const seen = await first.until(10);
    deepStrictEqual(seen, await second.until(10));
    await first.leave();
    await eventually(() => ports.events.legacySubscribers === 1);
    ports.events.publishMessage(inbound("last", "x"));
    strictEqual((await second.until(11)).length, 11);
    await second.leave();
    await eventually(() => ports.events.legacySubscribers === 0);
  });
});

Deno.test("a reader that stops reading loses events, the other gets all, the counter says so (http-api.md 8 check 3)", async () => {
  await withServer(async ({ address, ports }) => {
    using slow = await RawClient.connect(address);
    await slow.send(SSE);
    await slow.until(": connected\n\n");
    const good = await readEvents(address);
    await eventually(() => ports.events.legacySubscribers === 2);
    const before = ports.events.dropCount;
    const text = "x".repeat(60_000);
    // More than all socket buffers hold, so that the slow reader's queue fills.
    for (let index = 1; index <= 400; index++) {
      ports.events.publishMessage(inbound(`${index}`, text));
      strictEqual((await good.until(index)).length, index);
    }
    ok(ports.events.dropCount > before + 100, `${ports.events.dropCount - before} lost`);
    await good.leave();
  });
});

Deno.test("a client that leaves during the wait changes nothing", async () => {
  await withServer(async ({ address, ports }) => {
    const receipt = Promise.withResolvers<void>();
    ports.outcome = async () => {
      await receipt.promise;
      return { kind: "acked", id: "8077ca12ee05c806", ms: 5 };
    };
    const leave = new AbortController();
    const body = message({ wait_ms: 60_000 });
    const reply = fetch(`http://${address}/message`, {
      method: "POST",
      body,
      signal: leave.signal,
    });
    await eventually(() => ports.requests.length === 1);
    leave.abort();
    await reply.catch(() => {});
    receipt.resolve();
    deepStrictEqual(await post(address, message()), [
      200,
      '{"acked":true,"id":"8077ca12ee05c806","ms":5}\n',
    ]);
  });
});

Deno.test("wait_ms of 30 s to a silent peer answers 504 and no broken connection (http-api.md 8 check 8)", async () => {
  const clock = new ManualClock();
  await withServer(async ({ address, ports }) => {
    ports.outcome = async () => {
      await clock.sleep(30_000);
      return { kind: "timeout", id: "8077ca12ee05c806", ms: 30_000 };
    };
    const reply = post(address, message({ wait_ms: 30_000 }));
    await eventually(() => ports.requests.length === 1);
    await clock.advance(30_000);
    deepStrictEqual(await reply, [
      504,
      '{"acked":false,"id":"8077ca12ee05c806","ms":30000,"reason":"timeout"}\n',
    ]);
  }, { clock });
});

Deno.test("300 stalled clients keep nobody waiting, and are gone after the header deadline", async () => {
  const clock = new ManualClock();
  await withServer(async ({ address }) => {
    const stalled: RawClient[] = [];
    for (let index = 0; index < 300; index++) {
      const client = await RawClient.connect(address);
      stalled.push(client);
      if (index % 3 > 0) {
        await client.send(index % 3 === 1 ? "GET /sta" : "GET / HTTP/1.1\r\nHost: x\r\n");
      }
    }
    using good = await RawClient.connect(address);
    for (let round = 0; round < 20; round++) {
      await good.send(GET);
      await good.until("sse_subscribers");
    }
    await clock.advance(5_250);
    for (const client of stalled) {
      match(await client.rest(), /^$|^HTTP\/1\.1 408 /);
      client[Symbol.dispose]();
    }
    await good.send(GET);
    await good.until("sse_subscribers");
  }, { clock });
});

Deno.test("at the cap the client that waits longest makes room; those being served stay", async () => {
  const clock = new ManualClock();
  await withServer(async ({ address, ports }) => {
    using reader = await RawClient.connect(address);
    await reader.send(SSE);
    await reader.until(": connected");
    using idle = await RawClient.connect(address);
    await idle.send(GET);
    await idle.until("sse_subscribers");
    using silent = await RawClient.connect(address);
    await clock.advance(1);
    using fourth = await RawClient.connect(address);
    await fourth.send(SSE);
    await fourth.until(": connected");
    strictEqual(await idle.rest(), '":1}\n', "idle went first");
    using fifth = await RawClient.connect(address);
    await fifth.send(SSE);
    await fifth.until(": connected");
    strictEqual(await silent.rest(), "", "then the one without a request");
    using refused = await RawClient.connect(address);
    strictEqual(await refused.rest(), "", "nobody else may be closed");
    ports.events.publishMessage(inbound("a", "x"));
    await clock.advance(0);
    for (const client of [reader, fourth, fifth]) await client.until('"id":"a"');
  }, { clock, maxConnections: 3 });
});

Deno.test("shutdown ends open streams cleanly, finishes requests and is quick (http-api.md 7)", async () => {
  await withServer(async ({ address, ports, control }) => {
    const stream = await readEvents(address);
    const gate = Promise.withResolvers<void>();
    ports.outcome = async () => {
      await gate.promise;
      return { kind: "sent", id: "8077ca12ee05c806", network: "tcp-direct" };
    };
    using idle = await RawClient.connect(address);
    await idle.send(GET);
    await idle.until("sse_subscribers");
    const reply = post(address, message());
    await eventually(() => ports.requests.length === 1);
    const ending = control.shutdown();
    strictEqual(await stream.ended(), true);
    await idle.rest();
    gate.resolve();
    deepStrictEqual(await reply, [200, SENT]);
    await ending;
    strictEqual(ports.events.legacySubscribers, 0);
    await control.shutdown();
  });
});

Deno.test("shutdown does not wait for a request that never ends", async () => {
  const clock = new ManualClock();
  await withServer(async ({ address, ports, control }) => {
    const never = Promise.withResolvers<never>();
    ports.outcome = () => never.promise;
    using client = await RawClient.connect(address);
    const body = message();
    await client.send(
      `POST /message HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await eventually(() => ports.requests.length === 1);
    let ended = false;
    const ending = control.shutdown().then(() => ended = true);
    await clock.advance(1_400);
    strictEqual(ended, false);
    await clock.advance(200);
    await ending;
    strictEqual(await client.rest(), "");
    strictEqual(clock.pending, 0);
  }, { clock });
});

Deno.test("ControlServer refuses an address that others can reach, and says when a port is taken", async () => {
  const options = { allowNonLoopback: false, log: silentLog, clock: systemClock };
  const ports = new FakePorts();
  throws(() => new ControlServer(ports, { ...options, address: "x" }), AddressError);
  const open = new ControlServer(ports, { ...options, address: "0.0.0.0:0" });
  throws(() => open.listen(), /--no-password/);
  await open.shutdown();
  await withServer(async ({ address }) => {
    match(address, /^0\.0\.0\.0:[1-9]/);
    using client = await RawClient.connect(address.replace("0.0.0.0", "127.0.0.1"));
    await client.send("GET /status HTTP/1.1\r\nHost: any.example\r\n\r\n");
    await client.until("HTTP/1.1 200 OK");
    const taken = new ControlServer(ports, { ...options, address: `:${address.split(":")[1]}` });
    throws(() => taken.listen(), (error) => {
      strictEqual(error instanceof ListenError && error.code, "address-in-use");
      return true;
    });
    await taken.shutdown();
  }, { address: "*:0", allowNonLoopback: true });
});

Deno.test("ControlServer names the port really bound to a request with a foreign Host", async () => {
  await withServer(async ({ address }) => {
    using client = await RawClient.connect(address);
    await client.send("GET /status HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    const text = `host not allowed: use ${address}, localhost, 127.0.0.1 or [::1]\n`;
    match(await client.rest(), /^HTTP\/1\.1 403 /);
    strictEqual((await client.rest()).split("\r\n\r\n")[1], text);
  }, { address: "127.0.0.1:0" });
});

Deno.test("ControlServer serves IPv6 loopback", async () => {
  await withServer(async ({ address }) => {
    match(address, /^\[::1\]:[1-9]/);
    using client = await RawClient.connect(address);
    await client.send(`GET /status HTTP/1.1\r\nHost: ${address}\r\n\r\n`);
    await client.until("HTTP/1.1 200 OK");
  }, { address: "[::1]:0" });
});

/** A listener of clients that never say anything; `fail` makes it refuse so many accepts. */
function silentClients() {
  const closed: string[] = [];
  let failures = 0;
  let waiting = Promise.withResolvers<ControlSocket>();
  const never = () => new Promise<never>(() => {});
  const exhausted = () =>
    Object.assign(new Error("Too many open files (os error 24)"), { code: "EMFILE" });
  const listener: SocketListener = {
    address: "127.0.0.1:1",
    port: 1,
    accept() {
      if (failures > 0 && failures--) return Promise.reject(exhausted());
      waiting = Promise.withResolvers();
      return waiting.promise;
    },
    close: () => waiting.reject(new Error("closed")),
  };
  return {
    closed,
    listener,
    async arrive(name: string) {
      waiting.resolve({
        remote: "127.0.0.1",
        read: never,
        write: never,
        closeWrite: never,
        close: () => void closed.push(name),
      });
      await settle();
    },
    async fail(times: number) {
      failures = times;
      waiting.reject(exhausted());
      await settle();
    },
  };
}

Deno.test("ControlServer out of descriptors closes who waits longest and says so once a minute", async () => {
  const lines: string[] = [];
  const log = { ...silentLog, warn: (line: string) => void lines.push(line) };
  const clock = new ManualClock();
  const { closed, listener, arrive, fail } = silentClients();
  const ports = new FakePorts(clock);
  const options = { address: ":0", allowNonLoopback: false, log, clock, bind: () => listener };
  const control = new ControlServer(ports, options);
  control.listen();
  for (const name of ["first", "second", "third"]) {
    await arrive(name);
    await clock.advance(10);
  }
  await fail(0);
  deepStrictEqual(closed, ["first"]);
  await fail(1);
  deepStrictEqual(closed, ["first"], "what was given back may have gone to somebody else");
  await clock.advance(100);
  deepStrictEqual(closed, ["first", "second"]);
  strictEqual(lines.length, 1);
  await clock.advance(60_000);
  await fail(0);
  deepStrictEqual(
    lines,
    new Array(2).fill(
      "cannot accept a control connection: Too many open files (os error 24)",
    ),
  );
  ports.events.close();
  const ended = control.shutdown();
  await clock.advance(2_000);
  await ended;
});
