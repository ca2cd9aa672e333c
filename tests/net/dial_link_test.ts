import assert from "node:assert/strict";
import { utf8, utf8Text } from "#kit";
import {
  CONNECT_LIMIT_MS,
  DialError,
  dialLink,
  HANDSHAKE_LIMIT_MS,
  MemoryStream,
  type Network,
  NetworkError,
} from "#net";
import { SecureSession } from "#session";
import { settle } from "#support/manual_clock.ts";
import { NetFixture, PORT, RawPeer, until } from "./net_fixture.ts";

/** A network that never answers until told to; counts how often it was told to give up. */
class SilentNetwork implements Network {
  aborted = 0;
  readonly late = Promise.withResolvers<MemoryStream>();

  connect(_host: string, _port: number, signal: AbortSignal): Promise<MemoryStream> {
    signal.addEventListener("abort", () => this.aborted++);
    return this.late.promise;
  }

  listen(): never {
    throw new NetworkError("other", "not here");
  }
}

async function dialError(dialing: Promise<unknown>): Promise<DialError> {
  try {
    await dialing;
  } catch (error) {
    assert.ok(error instanceof DialError, String(error));
    return error;
  }
  assert.fail("the dial succeeded");
}

Deno.test("dialLink names the address and the cause when nobody listens", async () => {
  const fixture = new NetFixture();
  const error = await dialError(dialLink(fixture.clientContext(), fixture.endpoint()));
  assert.equal(error.code, "connect-failed");
  assert.equal(
    error.message,
    `tcpnoise: dial 192.0.2.1:${PORT}: connect: connection refused`,
  );
  assert.equal((error.cause as NetworkError).code, "refused");
  assert.equal(fixture.clock.pending, 0);
});

Deno.test("dialLink gives up a connection after 10 s and closes one that comes later", async () => {
  const fixture = new NetFixture();
  const network = new SilentNetwork();
  const dialing = dialError(dialLink(fixture.clientContext(network), fixture.endpoint()));
  await fixture.clock.advance(CONNECT_LIMIT_MS);
  const error = await dialing;
  assert.equal(error.message, `tcpnoise: dial 192.0.2.1:${PORT}: i/o timeout`);
  assert.equal(network.aborted, 1);
  const [ours, theirs] = MemoryStream.pair(["a:1", "b:2"]);
  network.late.resolve(ours);
  assert.equal(await theirs.read(new Uint8Array(1)), null);
  assert.equal(fixture.clock.pending, 0);
});

Deno.test("dialLink ends at once when aborted before and while connecting", async () => {
  for (const when of ["before", "while"]) {
    const fixture = new NetFixture();
    const stop = new AbortController();
    if (when === "before") stop.abort();
    const { signal } = stop;
    const context = fixture.clientContext(new SilentNetwork());
    const dialing = dialError(dialLink(context, fixture.endpoint(), { signal }));
    await settle();
    stop.abort();
    assert.equal((await dialing).code, "aborted", when);
    assert.equal(fixture.clock.pending, 0, when);
  }
});

Deno.test("dialLink gives up a handshake after 10 s and sends nothing about it", async () => {
  const fixture = new NetFixture();
  const listener = fixture.network.listen("", PORT);
  const dialing = dialError(dialLink(fixture.clientContext(), fixture.endpoint()));
  const stream = await listener.accept();
  const buffer = new Uint8Array(4_096);
  const messageOne = await stream.read(buffer);
  await fixture.clock.advance(HANDSHAKE_LIMIT_MS - 1);
  assert.equal(fixture.clock.pending, 1);
  await fixture.clock.advance(1);
  const error = await dialing;
  assert.equal(
    error.message,
    `tcpnoise: handshake (server pinned to ${fixture.server.publicKey}): deadline exceeded`,
  );
  assert.equal(error.code, "handshake-failed");
  assert.equal(messageOne, 1_235);
  assert.equal(await stream.read(buffer), null);
  assert.equal(fixture.clock.pending, 0);
  listener.close();
});

Deno.test("dialLink is aborted in the handshake", async () => {
  const fixture = new NetFixture();
  const listener = fixture.network.listen("", PORT);
  const stop = new AbortController();
  const { signal } = stop;
  const dialing = dialError(dialLink(fixture.clientContext(), fixture.endpoint(), { signal }));
  await listener.accept();
  await settle();
  stop.abort();
  assert.equal((await dialing).code, "aborted");
  assert.equal(fixture.clock.pending, 0);
  listener.close();
});

Deno.test("dialLink to a peer with another key than the pinned one sees end of stream", async () => {
  const fixture = new NetFixture();
  const acceptor = fixture.acceptor();
  const running = acceptor.run();
  const pinned = fixture.client.publicKey;
  const error = await dialError(dialLink(fixture.clientContext(), fixture.endpoint(pinned)));
  assert.equal(error.message, `tcpnoise: handshake (server pinned to ${pinned}): EOF`);
  acceptor.close();
  await running;
  assert.equal(acceptor.stats.failed, 1);
  assert.match(
    fixture.serverLog.lines.join("\n"),
    /^WARN skychat: tcp-direct handshake failed from 127\.0\.0\.1:\d+: tcpnoise: handshake: chacha20poly1305: message authentication failed$/,
  );
  assert.equal(fixture.clock.pending, 0);
});

Deno.test("dialLink shows garbage of a server as the failure it is", async () => {
  const fixture = new NetFixture();
  const listener = fixture.network.listen("", PORT);
  const dialing = dialError(dialLink(fixture.clientContext(), fixture.endpoint()));
  const stream = await listener.accept();
  await stream.write(utf8("HTTP/1.1 400 Bad Request\r\n"));
  const error = await dialing;
  assert.match(error.message, /: noise prefix value 18516B exceeds maximum 4094B$/);
  assert.equal(fixture.clock.pending, 0);
  listener.close();
});

Deno.test("dialLink warns when the peer does not take part in ML-KEM", async () => {
  const fixture = new NetFixture();
  const listener = fixture.network.listen("", PORT);
  const dialing = dialLink(fixture.clientContext(), fixture.endpoint());
  const stream = await listener.accept();
  assert.ok(stream instanceof MemoryStream);
  const peer = new RawPeer(
    stream,
    new SecureSession({
      role: "responder",
      pattern: "XK",
      local: fixture.server,
      random: fixture.random,
      offerPostQuantum: false,
    }),
  );
  const [link] = await Promise.all([dialing, peer.handshake()]);
  assert.deepEqual([link.postQuantum, link.downgraded], [false, true]);
  assert.deepEqual(fixture.clientLog.lines, [
    "WARN post-quantum DOWNGRADE: offered ML-KEM but peer returned no ciphertext; " +
    "session is CLASSICAL-only (older peer, or a payload-stripping MITM)",
  ]);
  link.close();
  listener.close();
});

Deno.test("dialLink refuses a classical peer when post-quantum is required", async () => {
  const fixture = new NetFixture();
  const listener = fixture.network.listen("", PORT);
  const context = { ...fixture.clientContext(), requirePostQuantum: true };
  const dialing = dialError(dialLink(context, fixture.endpoint()));
  const stream = await listener.accept();
  assert.ok(stream instanceof MemoryStream);
  const session = new SecureSession({
    role: "responder",
    pattern: "XK",
    local: fixture.server,
    random: fixture.random,
    offerPostQuantum: false,
  });
  await new RawPeer(stream, session).readOnce();
  assert.match((await dialing).message, /: post-quantum required \(SKYWIRE_REQUIRE_PQ\)/);
  assert.equal(fixture.clock.pending, 0);
  listener.close();
});

Deno.test("dialLink works byte by byte, and hands over what came with the handshake", async () => {
  const fixture = new NetFixture({ cut: () => 1 });
  const acceptor = fixture.acceptor({
    onLink: async (link) => {
      await link.write(utf8("welcome"));
      await link.serve((bytes) => link.write(bytes));
    },
  });
  const running = acceptor.run();
  const link = await dialLink(fixture.clientContext(), fixture.endpoint());
  let got = "";
  const serving = link.serve((bytes) => void (got += utf8Text(bytes)));
  await link.write(utf8(" echo"));
  await until(() => got === "welcome echo");
  link.close();
  await serving;
  acceptor.close();
  await running;
  await until(() => fixture.clock.pending === 0);
});

Deno.test("Acceptor gives the bytes that follow message 3 in one piece to the stream", async () => {
  const fixture = new NetFixture();
  let got = "";
  const onData = (bytes: Uint8Array) => void (got += utf8Text(bytes));
  const acceptor = fixture.acceptor({ onLink: (link) => link.serve(onData) });
  const running = acceptor.run();
  const peer = await fixture.rawDialer();
  await peer.stream.write(peer.firstMessage());
  peer.stream.hold();
  await peer.handshake();
  await peer.send("with the handshake");
  peer.stream.release();
  await until(() => got === "with the handshake");
  peer.stream.close();
  acceptor.close();
  await running;
});
