import assert from "node:assert/strict";
import { MemoryNetwork, type Network, NetworkError } from "#net";
import { VisorError } from "#visor";
import {
  openVisorStream,
  VISOR_CONNECT_LIMIT_MS,
  VISOR_CONNECT_PAUSE_MS,
} from "../../lib/visor/visor_stream.ts";
import { ManualClock, settle } from "#support/manual_clock.ts";

const LOCALHOST = { host: "localhost", port: 5505, text: "localhost:5505" };

/** A network that notes whom it was asked to connect to. */
function noting(network: Network): { network: Network; hosts: string[] } {
  const hosts: string[] = [];
  return {
    hosts,
    network: {
      connect: (host, port, signal) => {
        hosts.push(host);
        return network.connect(host, port, signal);
      },
      listen: (host, port) => network.listen(host, port),
    },
  };
}

/** A network that knows exact addresses only, as a machine does. */
function exact(bound: string): Network {
  const inner = new MemoryNetwork();
  inner.listen(bound, 5505);
  return {
    connect: (host, port, signal) =>
      host === bound
        ? inner.connect(host, port, signal)
        : Promise.reject(new NetworkError("refused", `connect: connection refused by ${host}`)),
    listen: () => assert.fail("nobody listens"),
  };
}

for (const bound of ["127.0.0.1", "::1"]) {
  Deno.test(`openVisorStream finds a visor of the name localhost on ${bound} alone`, async () => {
    const clock = new ManualClock();
    const stream = await openVisorStream(LOCALHOST, { network: exact(bound), clock });
    assert.ok(stream.remoteAddress.includes(bound));
    stream.close();
    assert.equal(clock.pending, 0);
  });
}

Deno.test("openVisorStream leaves any other name to the network", async () => {
  const inner = new MemoryNetwork();
  inner.listen("", 5505);
  const { network, hosts } = noting(inner);
  const address = { host: "visor.example", port: 5505, text: "visor.example:5505" };
  (await openVisorStream(address, { network, clock: new ManualClock() })).close();
  assert.deepEqual(hosts, ["visor.example"]);
});

Deno.test("openVisorStream waits for a visor that is about to listen", async () => {
  const clock = new ManualClock();
  const network = new MemoryNetwork();
  const opening = openVisorStream(LOCALHOST, { network, clock });
  await clock.advance(VISOR_CONNECT_LIMIT_MS - 2 * VISOR_CONNECT_PAUSE_MS);
  network.listen("127.0.0.1", 5505);
  await clock.advance(VISOR_CONNECT_PAUSE_MS);
  (await opening).close();
  assert.equal(clock.pending, 0);
});

Deno.test("openVisorStream gives up after 5 s with the text of the specification", async () => {
  const clock = new ManualClock();
  const { network, hosts } = noting(exact("192.0.2.1"));
  const opening = openVisorStream(LOCALHOST, { network, clock }).catch((error) => error);
  await clock.advance(VISOR_CONNECT_LIMIT_MS - 1);
  assert.ok(hosts.length >= 90, `${hosts.length} attempts`);
  await clock.advance(1);
  const error = await opening;
  assert.ok(error instanceof VisorError);
  assert.equal(error.code, "connect-failed");
  assert.equal(
    error.message,
    "failed to dial to app server: connect: connection refused by 127.0.0.1",
  );
  assert.equal(clock.pending, 0);
});

Deno.test("openVisorStream gives up on a network that hangs, and closes what comes late", async () => {
  const clock = new ManualClock();
  const inner = new MemoryNetwork();
  const listener = inner.listen("", 5505);
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const network: Network = {
    connect: async (host, port) => {
      await gate;
      return inner.connect(host, port, new AbortController().signal);
    },
    listen: () => assert.fail("nobody listens"),
  };
  const opening = openVisorStream(LOCALHOST, { network, clock }).catch((error) => error);
  await clock.advance(VISOR_CONNECT_LIMIT_MS);
  const error = await opening;
  assert.equal(error.message, "failed to dial to app server: i/o timeout");
  open();
  const late = await listener.accept();
  assert.equal(await late.read(new Uint8Array(1)), null);
  late.close();
  assert.equal(clock.pending, 0);
});

Deno.test("openVisorStream ends at once when it is told to", async () => {
  const clock = new ManualClock();
  const stop = new AbortController();
  const opening = openVisorStream(LOCALHOST, {
    network: exact("192.0.2.1"),
    clock,
    signal: stop.signal,
  }).catch((error) => error);
  await settle();
  stop.abort();
  assert.equal((await opening).code, "aborted");
  assert.equal(clock.pending, 0);
});
