import assert from "node:assert/strict";
import { type ByteStream, type Network, NetworkError, type StreamListener } from "#net";

/** What the suite needs to know about an implementation of `Network`. */
export interface NetworkUnderTest {
  readonly name: string;
  /** A network to use for one test. */
  readonly make: () => Network;
}

/** Promises about two ends that are connected. */
const PAIR_PROMISES: Readonly<Record<string, (pair: Pair) => Promise<void> | void>> = {
  "carries bytes both ways in order": carriesBothWays,
  "waits in write while the reader is slow, then delivers all of it": waitsForTheReader,
  "write of no bytes resolves": writesNothing,
  "read gives what was written before the peer closed, then null": readsToTheEnd,
  "read that waits rejects with closed when its own end closes": endsAWaitingRead,
  "write that waits rejects with closed when its own end closes": endsAWaitingWrite,
  "write to a peer that is gone fails sooner or later": failsToWriteToTheGone,
  "close twice is close once": closesOnce,
  "shows the same two addresses on both ends, without IPv6 mapping": showsAddresses,
};

/** Promises about connecting and listening. */
const NETWORK_PROMISES: Readonly<Record<string, (network: Network) => Promise<void> | void>> = {
  "connect to a port where nobody listens is refused": refusesWhereNobodyListens,
  "connect with an aborted signal rejects with aborted": refusesAnAbortedSignal,
  "accept rejects with closed when the listener closes, and after": endsAWaitingAccept,
  "listen on a taken port says so": refusesATakenPort,
  "listen on every interface is reached over both families": listensOnEveryInterface,
};

/** Registers the tests that every network passes, and its streams and listeners with it. */
export function byteStreamSuite({ name, make }: NetworkUnderTest): void {
  for (const [claim, holds] of Object.entries(PAIR_PROMISES)) {
    Deno.test(`${name} ${claim}`, async () => {
      const pair = await connectedPair(make());
      try {
        await holds(pair);
      } finally {
        pair.closeAll();
      }
    });
  }
  for (const [claim, holds] of Object.entries(NETWORK_PROMISES)) {
    Deno.test(`${name} ${claim}`, async () => await holds(make()));
  }
}

async function carriesBothWays({ client, server }: Pair): Promise<void> {
  await client.write(Uint8Array.of(1, 2));
  await client.write(Uint8Array.of(3));
  assert.deepEqual([...await readExactly(server, 3)], [1, 2, 3]);
  await server.write(Uint8Array.of(4));
  assert.deepEqual([...await readExactly(client, 1)], [4]);
}

async function waitsForTheReader(pair: Pair): Promise<void> {
  const sent = patternBytes(8 << 20);
  let done = false;
  const writing = pair.client.write(sent).then(() => done = true);
  await readExactly(pair.server, 1000);
  assert.equal(done, false, "8 MiB cannot fit into buffers");
  const rest = await readExactly(pair.server, sent.length - 1000);
  await writing;
  assert.equal(rest.length, sent.length - 1000);
  assert.ok(rest.every((byte, index) => byte === sent[index + 1000]));
}

async function writesNothing({ client }: Pair): Promise<void> {
  await client.write(new Uint8Array(0));
}

async function readsToTheEnd(pair: Pair): Promise<void> {
  await pair.client.write(Uint8Array.of(7));
  pair.client.close();
  assert.deepEqual([...await readExactly(pair.server, 1)], [7]);
  assert.equal(await pair.server.read(new Uint8Array(1)), null);
  assert.equal(await pair.server.read(new Uint8Array(1)), null);
}

async function endsAWaitingRead({ client }: Pair): Promise<void> {
  const reading = client.read(new Uint8Array(1));
  client.close();
  await rejectsWith(reading, "closed");
  await rejectsWith(client.read(new Uint8Array(1)), "closed");
}

async function endsAWaitingWrite(pair: Pair): Promise<void> {
  const writing = pair.client.write(new Uint8Array(32 << 20));
  await readExactly(pair.server, 1000);
  pair.client.close();
  await rejectsWith(writing, "closed");
  await rejectsWith(pair.client.write(Uint8Array.of(1)), "closed");
}

async function failsToWriteToTheGone({ client, server }: Pair): Promise<void> {
  server.close();
  const error = await writeUntilFailure(client);
  assert.ok(["broken-pipe", "reset"].includes(error.code), error.code);
}

function closesOnce({ client }: Pair): void {
  client.close();
  client.close();
}

function showsAddresses(pair: Pair): void {
  const { client, server, listener } = pair;
  assert.equal(client.localAddress, server.remoteAddress);
  assert.equal(client.remoteAddress, server.localAddress);
  assert.equal(portOf(client.remoteAddress), portOf(listener.address));
  assert.match(server.remoteAddress, /^127\.0\.0\.1:\d+$/);
}

async function refusesWhereNobodyListens(network: Network): Promise<void> {
  const listener = network.listen("127.0.0.1", 0);
  const port = portOf(listener.address);
  listener.close();
  const error = await rejectsWith(connect(network, port), "refused");
  assert.equal(error.message, "connect: connection refused");
}

async function refusesAnAbortedSignal(network: Network): Promise<void> {
  const connecting = network.connect("127.0.0.1", 9, AbortSignal.abort());
  const error = await rejectsWith(connecting, "aborted");
  assert.equal(error.message, "operation was canceled");
}

async function endsAWaitingAccept(network: Network): Promise<void> {
  const listener = network.listen("127.0.0.1", 0);
  const accepting = listener.accept();
  listener.close();
  listener.close();
  await rejectsWith(accepting, "closed");
  await rejectsWith(listener.accept(), "closed");
}

function refusesATakenPort(network: Network): void {
  const listener = network.listen("127.0.0.1", 0);
  try {
    assert.throws(
      () => network.listen("127.0.0.1", portOf(listener.address)),
      { name: "NetworkError", code: "address-in-use", message: "bind: address already in use" },
    );
  } finally {
    listener.close();
  }
}

async function listensOnEveryInterface(network: Network): Promise<void> {
  const listener = network.listen("", 0);
  try {
    for (const host of ["127.0.0.1", "::1"]) {
      const accepting = listener.accept();
      const client = await network.connect(
        host,
        portOf(listener.address),
        new AbortController().signal,
      );
      const server = await accepting;
      const shown = host.includes(":") ? `[${host}]` : host;
      assert.ok(client.remoteAddress.startsWith(`${shown}:`), client.remoteAddress);
      client.close();
      server.close();
    }
  } finally {
    listener.close();
  }
}

interface Pair {
  readonly listener: StreamListener;
  readonly client: ByteStream;
  readonly server: ByteStream;
  readonly closeAll: () => void;
}

async function connectedPair(network: Network): Promise<Pair> {
  const listener = network.listen("127.0.0.1", 0);
  const accepting = listener.accept();
  const client = await connect(network, portOf(listener.address));
  const server = await accepting;
  const closeAll = () => [listener, client, server].forEach((one) => one.close());
  return { listener, client, server, closeAll };
}

function connect(network: Network, port: number): Promise<ByteStream> {
  return network.connect("127.0.0.1", port, new AbortController().signal);
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}

function patternBytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 0xff);
}

async function readExactly(stream: ByteStream, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await stream.read(bytes.subarray(at));
    assert.notEqual(count, null, `the stream ended after ${at} of ${length} bytes`);
    at += count ?? 0;
  }
  return bytes;
}

async function writeUntilFailure(stream: ByteStream): Promise<NetworkError> {
  for (;;) {
    try {
      await stream.write(new Uint8Array(1024));
    } catch (error) {
      assert.ok(error instanceof NetworkError);
      return error;
    }
  }
}

async function rejectsWith(promise: Promise<unknown>, code: string): Promise<NetworkError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof NetworkError, String(error));
    assert.equal(error.code, code);
    return error;
  }
  assert.fail(`nothing was thrown, expected ${code}`);
}
