import assert from "node:assert/strict";
import { utf8, utf8Text } from "#kit";
import {
  type Acceptor,
  type AcceptorOptions,
  CONNECT_LIMIT_MS,
  DialError,
  dialFeed,
  dialLink,
  FEED_HANDSHAKE_LIMIT_MS,
  HANDSHAKE_LIMIT_MS,
  type Link,
  ListenError,
  MemoryStream,
  type Network,
} from "#net";
import { SecureSession } from "#session";
import { NetFixture, PORT, RawPeer, until } from "./net_fixture.ts";

const TARGET = { host: "192.0.2.1", port: PORT, address: `feeds.example:${PORT}` };

/** A network that never answers. */
const SILENT: Network = {
  connect: () => new Promise(() => {}),
  listen: () => assert.fail("nobody listens here"),
};

/** What a CXO listener differs in. */
const CXO = {
  pattern: "XX",
  name: "cxo",
  handshakeLimitMs: FEED_HANDSHAKE_LIMIT_MS,
  listenError: (cause: string) => `publisher on :${PORT}: ${cause}`,
} as const satisfies Partial<AcceptorOptions>;

/** Runs a CXO listener around a test and checks that nothing is left afterwards. */
async function withListener(
  fixture: NetFixture,
  body: (listener: { acceptor: Acceptor; links: Link[] }) => Promise<void>,
): Promise<void> {
  const links: Link[] = [];
  const onLink = (link: Link) => {
    links.push(link);
    return link.serve((bytes) => link.write(bytes));
  };
  const acceptor = fixture.acceptor({ ...CXO, onLink });
  const running = acceptor.run();
  await body({ acceptor, links });
  acceptor.close();
  for (const link of links) link.close();
  await running;
  await until(() => acceptor.stats.live === 0 && fixture.clock.pending === 0);
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

/** The other end of one connection, by hand. */
function rawServer(
  fixture: NetFixture,
  offerPostQuantum: boolean,
): { peer: Promise<RawPeer>; close: () => void } {
  const listener = fixture.network.listen("", PORT);
  const peer = listener.accept().then((stream) => {
    assert.ok(stream instanceof MemoryStream);
    const { random, server: local } = fixture;
    const session = new SecureSession({
      role: "responder",
      pattern: "XX",
      local,
      random,
      offerPostQuantum,
    });
    return new RawPeer(stream, session);
  });
  return { peer, close: () => listener.close() };
}

for (const cut of [undefined, () => 1]) {
  const title = cut === undefined ? "" : ", byte by byte";
  Deno.test(`dialFeed and an XX listener learn each other's keys, post-quantum${title}`, async () => {
    const fixture = new NetFixture(cut === undefined ? {} : { cut });
    await withListener(fixture, async ({ acceptor, links }) => {
      const link = await dialFeed(fixture.clientContext(), TARGET);
      await until(() => acceptor.stats.live === 1);
      assert.equal(link.peer.hex, fixture.server.publicKey.hex);
      assert.equal(links[0]?.peer.hex, fixture.client.publicKey.hex);
      assert.deepEqual([link.postQuantum, links[0]?.postQuantum], [true, true]);
      assert.deepEqual([link.direction, links[0]?.direction], ["out", "in"]);
      let got = "";
      const serving = link.serve((bytes) => void (got += utf8Text(bytes)));
      await link.write(utf8("both ways"));
      await until(() => got === "both ways");
      link.close();
      await serving;
      assert.deepEqual(fixture.clientLog.lines, []);
      assert.deepEqual(fixture.serverLog.lines, [
        `INFO skychat: cxo conn accepted from ${fixture.client.publicKey} (${
          links[0]?.remoteAddress
        })`,
      ]);
    });
  });
}

Deno.test("an XX listener takes a classical initiator, whose message 1 has 33 bytes", async () => {
  const fixture = new NetFixture();
  await withListener(fixture, async ({ acceptor, links }) => {
    const { stream } = await fixture.rawDialer();
    const { client: local, random } = fixture;
    const session = new SecureSession({
      role: "initiator",
      pattern: "XX",
      local,
      random,
      offerPostQuantum: false,
    });
    const peer = new RawPeer(stream, session);
    const first = peer.firstMessage();
    assert.equal(first.length, 2 + 33);
    await stream.write(first);
    await peer.handshake();
    await until(() => acceptor.stats.live === 1);
    assert.equal(links[0]?.peer.hex, local.publicKey.hex);
    assert.equal(links[0]?.postQuantum, false);
    stream.close();
  });
});

Deno.test("a CXO listener names its failures and gives a handshake 30 s", async () => {
  const fixture = new NetFixture();
  await withListener(fixture, async ({ acceptor }) => {
    const garbage = await fixture.rawDialer();
    await garbage.stream.write(utf8("GET / HTTP/1.1\r\n\r\n"));
    await until(() => acceptor.stats.failed === 1);
    await fixture.rawDialer();
    await until(() => acceptor.stats.in_progress === 1);
    await fixture.clock.advance(FEED_HANDSHAKE_LIMIT_MS - 1);
    assert.equal(acceptor.stats.in_progress, 1);
    await fixture.clock.advance(1);
    assert.deepEqual([acceptor.stats.in_progress, acceptor.stats.timeout], [0, 1]);
    const start = String.raw`^WARN skychat: cxo handshake failed from 127\.0\.0\.1:\d+: `;
    const causes = ["noise prefix value 18245B exceeds maximum 4094B", "deadline exceeded"];
    assert.equal(fixture.serverLog.lines.length, 2);
    for (const [index, line] of fixture.serverLog.lines.entries()) {
      assert.match(line, new RegExp(`${start}cxo-tcp noise handshake: ${causes[index]}$`));
    }
  });
});

Deno.test("a CXO listener that cannot bind says so in the words of its owner", () => {
  const fixture = new NetFixture();
  const listener = fixture.network.listen("", PORT);
  assert.throws(() => fixture.acceptor(CXO), (error: Error) => {
    assert.ok(error instanceof ListenError);
    assert.equal(error.code, "address-in-use");
    assert.equal(error.message, `publisher on :${PORT}: bind: address already in use`);
    return true;
  });
  listener.close();
});

Deno.test("dialFeed names the address and the cause when nobody listens", async () => {
  const fixture = new NetFixture();
  const error = await dialError(dialFeed(fixture.clientContext(), TARGET));
  assert.equal(error.code, "connect-failed");
  assert.equal(error.message, `dial feeds.example:${PORT}: connect: connection refused`);
  assert.equal(fixture.clock.pending, 0);
});

Deno.test("dialFeed gives up a connection after 10 s", async () => {
  const fixture = new NetFixture();
  const dialing = dialError(dialFeed(fixture.clientContext(SILENT), TARGET));
  await fixture.clock.advance(CONNECT_LIMIT_MS - 1);
  assert.equal(fixture.clock.pending, 1);
  await fixture.clock.advance(1);
  assert.equal((await dialing).message, `dial feeds.example:${PORT}: i/o timeout`);
});

Deno.test("dialFeed gives up a handshake after 30 s, dialLink still after 10 s", async () => {
  const fixture = new NetFixture();
  const listener = fixture.network.listen("", PORT);
  const failed: string[] = [];
  const context = fixture.clientContext();
  const feed = dialError(dialFeed(context, TARGET)).finally(() => failed.push("feed"));
  const link = dialError(dialLink(context, fixture.endpoint())).finally(() => failed.push("link"));
  await listener.accept();
  await listener.accept();
  await fixture.clock.advance(HANDSHAKE_LIMIT_MS);
  assert.deepEqual(failed, ["link"]);
  await fixture.clock.advance(FEED_HANDSHAKE_LIMIT_MS - HANDSHAKE_LIMIT_MS - 1);
  assert.deepEqual(failed, ["link"]);
  await fixture.clock.advance(1);
  const error = await feed;
  assert.equal(error.message, "cxo-tcp noise handshake: deadline exceeded");
  assert.equal(error.code, "handshake-failed");
  assert.equal((await link).code, "handshake-failed");
  assert.equal(fixture.clock.pending, 0);
  listener.close();
});

Deno.test("dialFeed is aborted while connecting and in the handshake", async () => {
  for (const listens of [false, true]) {
    const fixture = new NetFixture();
    const stop = new AbortController();
    const listener = fixture.network.listen("", PORT);
    const context = fixture.clientContext(listens ? fixture.network : SILENT);
    const dialing = dialError(dialFeed(context, TARGET, { signal: stop.signal }));
    if (listens) await listener.accept();
    await until(() => fixture.clock.pending === 1);
    stop.abort();
    assert.equal((await dialing).code, "aborted");
    assert.equal(fixture.clock.pending, 0);
    listener.close();
  }
});

Deno.test("dialFeed warns of a peer without ML-KEM", async () => {
  const fixture = new NetFixture();
  const { peer, close } = rawServer(fixture, false);
  const dialing = dialFeed(fixture.clientContext(), TARGET);
  await (await peer).handshake();
  const link = await dialing;
  assert.deepEqual([link.postQuantum, link.downgraded], [false, true]);
  assert.match(fixture.clientLog.lines.join(), /^WARN post-quantum DOWNGRADE: [^,]+, or [^,]+$/);
  link.close();
  close();
});

Deno.test("dialFeed refuses a classical peer when post-quantum is required", async () => {
  const fixture = new NetFixture();
  const { peer, close } = rawServer(fixture, false);
  const context = { ...fixture.clientContext(), requirePostQuantum: true };
  const dialing = dialError(dialFeed(context, TARGET));
  await (await peer).readOnce();
  assert.match(
    (await dialing).message,
    /^cxo-tcp noise handshake: post-quantum required \(SKYWIRE_REQUIRE_PQ\)/,
  );
  assert.equal(fixture.clock.pending, 0);
  close();
});
