import assert from "node:assert/strict";
import { utf8 } from "#kit";
import {
  type AcceptLimits,
  dialLink,
  HANDSHAKE_GRACE_MS,
  HANDSHAKE_LIMIT_MS,
  type Link,
  ListenError,
  type Network,
  NetworkError,
} from "#net";
import { settle } from "#support/manual_clock.ts";
import { failingListener, NetFixture, PORT, type RawPeer, until } from "./net_fixture.ts";

type Options = NonNullable<Parameters<NetFixture["acceptor"]>[0]>;

/** Runs a listener around a test and checks that nothing is left afterwards. */
async function withAcceptor(
  options: Options,
  body: (fixture: NetFixture, acceptor: ReturnType<NetFixture["acceptor"]>) => Promise<void>,
): Promise<void> {
  const fixture = new NetFixture();
  const links = new Set<Link>();
  const onLink = options.onLink ?? ((link: Link) => link.serve(() => {}));
  const acceptor = fixture.acceptor({
    ...options,
    onLink: (link) => {
      links.add(link);
      return onLink(link);
    },
  });
  const running = acceptor.run();
  await body(fixture, acceptor);
  acceptor.close();
  await running;
  for (const link of links) link.close();
  await until(() => acceptor.stats.live === 0);
  assert.equal(acceptor.stats.in_progress, 0);
  assert.equal(fixture.clock.pending, 0, "timers were left behind");
}

/** Whether the server has hung up on this peer; to be asked once it had the chance to. */
async function isClosed({ stream }: RawPeer): Promise<boolean> {
  let closed = false;
  void stream.read(new Uint8Array(1)).then((count) => closed = count === null, () => {});
  await settle();
  return closed;
}

async function dialers(fixture: NetFixture, count: number, from?: string): Promise<RawPeer[]> {
  const peers: RawPeer[] = [];
  for (let n = 0; n < count; n++) peers.push(await fixture.rawDialer(from));
  await settle();
  return peers;
}

Deno.test("Acceptor serves who passes the handshake and logs it", async () => {
  await withAcceptor({}, async (fixture, acceptor) => {
    const link = await dialLink(fixture.clientContext(), fixture.endpoint());
    await until(() => acceptor.stats.live === 1);
    assert.deepEqual(fixture.serverLog.lines, [
      `INFO skychat: tcp-direct conn accepted from ${fixture.client.publicKey}`,
    ]);
    assert.deepEqual(acceptor.stats, {
      ok: 1,
      failed: 0,
      timeout: 0,
      refused_rate: 0,
      refused_slots: 0,
      refused_full: 0,
      rejected_whitelist: 0,
      in_progress: 0,
      live: 1,
    });
    link.close();
    await until(() => acceptor.stats.live === 0);
  });
});

Deno.test("Acceptor rejects who is not on the whitelist after the handshake, sending nothing", async () => {
  const whitelist = { size: 1, allows: () => false };
  const onLink = () => Promise.reject(new Error("rejected peers never get here"));
  await withAcceptor({ whitelist, onLink }, async (fixture, acceptor) => {
    const peer = await fixture.rawDialer();
    await peer.stream.write(peer.firstMessage());
    await peer.handshake();
    assert.equal(await peer.readOnce(), false);
    assert.equal(peer.wireBytes, 0);
    assert.deepEqual(fixture.serverLog.lines, [
      `WARN skychat: tcp-direct rejecting ${fixture.client.publicKey}: not on whitelist`,
    ]);
    assert.deepEqual([acceptor.stats.rejected_whitelist, acceptor.stats.ok], [1, 0]);
  });
});

Deno.test("Acceptor closes handshakes that take 10 s, wherever they stall, sending nothing", async () => {
  await withAcceptor({}, async (fixture, acceptor) => {
    const silent = await fixture.rawDialer();
    const halfway = await fixture.rawDialer();
    const firstMessage = halfway.firstMessage();
    await halfway.stream.write(firstMessage.subarray(0, 700));
    const afterOne = await fixture.rawDialer();
    await afterOne.stream.write(afterOne.firstMessage());
    await settle();
    assert.equal(acceptor.stats.in_progress, 3);
    for (let second = 0; second < 9; second++) {
      await fixture.clock.advance(1_000);
      await halfway.stream.write(firstMessage.subarray(700 + second, 701 + second));
    }
    assert.equal(acceptor.stats.in_progress, 3, "byte by byte is no reason by itself");
    await fixture.clock.advance(HANDSHAKE_LIMIT_MS - 9_000);
    assert.deepEqual([acceptor.stats.in_progress, acceptor.stats.timeout], [0, 3]);
    assert.deepEqual([await isClosed(silent), await isClosed(halfway)], [true, true]);
    assert.equal(fixture.serverLog.lines.length, 3);
    for (const line of fixture.serverLog.lines) {
      assert.match(
        line,
        /^WARN skychat: tcp-direct handshake failed from 127\.0\.0\.1:\d+: tcpnoise: handshake: deadline exceeded$/,
      );
    }
  });
});

Deno.test("Acceptor is not disturbed by garbage and by peers that leave", async () => {
  await withAcceptor({}, async (fixture, acceptor) => {
    const [garbage, leaver, empty] = await dialers(fixture, 3);
    await garbage?.stream.write(utf8("GET / HTTP/1.1\r\n\r\n"));
    await leaver?.stream.write(utf8("\x00\x31half"));
    leaver?.stream.close();
    await empty?.stream.write(new Uint8Array(2));
    await until(() => acceptor.stats.failed === 3);
    const causes = fixture.serverLog.lines.map((line) => line.split("tcpnoise: handshake: ")[1]);
    assert.deepEqual(causes.toSorted(), [
      "EOF",
      "noise prefix value 18245B exceeds maximum 4094B",
      "noise: message is too short",
    ]);
    const link = await dialLink(fixture.clientContext(), fixture.endpoint());
    await until(() => acceptor.stats.live === 1);
    link.close();
  });
});

Deno.test("Acceptor holds at most 64 handshakes in all and 8 from one address", async () => {
  await withAcceptor({}, async (fixture, acceptor) => {
    for (let host = 1; host <= 8; host++) {
      const peers = await dialers(fixture, 9, `203.0.113.${host}`);
      assert.equal(acceptor.stats.in_progress, 8 * host);
      const last = peers.at(-1);
      assert.ok(last && await isClosed(last));
    }
    const [late] = await dialers(fixture, 1, "203.0.113.99");
    assert.ok(late && await isClosed(late));
    assert.deepEqual([acceptor.stats.in_progress, acceptor.stats.refused_slots], [64, 9]);
    assert.deepEqual(fixture.serverLog.lines.length, 1, "one line, the rest is summed up");
    assert.match(
      fixture.serverLog.lines[0] ?? "",
      /^WARN skychat: tcp-direct refused 203\.0\.113\.1:\d+: too many handshakes in progress$/,
    );
    acceptor.close();
    await until(() => fixture.serverLog.lines.length === 2);
    assert.equal(
      fixture.serverLog.lines[1],
      "WARN skychat: tcp-direct 8 more connections refused over a limit",
    );
  });
});

Deno.test("Acceptor lets an honest peer in although stalled ones hold every place", async () => {
  await withAcceptor({}, async (fixture, acceptor) => {
    const stalled = await dialers(fixture, 8, "203.0.113.1");
    await fixture.clock.advance(HANDSHAKE_GRACE_MS);
    const context = fixture.clientContext(fixture.network.from("203.0.113.1"));
    const link = await dialLink(context, fixture.endpoint());
    await until(() => acceptor.stats.live === 1);
    assert.deepEqual([acceptor.stats.in_progress, acceptor.stats.refused_slots], [7, 1]);
    const closed = await Promise.all(stalled.map(isClosed));
    assert.deepEqual(closed, [true, false, false, false, false, false, false, false]);
    link.close();
  });
});

Deno.test("Acceptor limits new connections by address, IPv6 by /64, loopback generously", async () => {
  const limits: Partial<AcceptLimits> = {
    rate: { perSecond: 1, burst: 2 },
    loopbackRate: { perSecond: 1, burst: 5 },
  };
  const refused = async (addresses: readonly string[]) => {
    let count = 0;
    await withAcceptor({ limits }, async (fixture, acceptor) => {
      for (const address of addresses) (await dialers(fixture, 1, address))[0]?.stream.close();
      count = acceptor.stats.refused_rate;
      await fixture.clock.advance(1_000);
      await dialers(fixture, 1, addresses[0]);
      assert.equal(acceptor.stats.refused_rate, count, "a second later there is room for one");
    });
    return count;
  };
  assert.equal(await refused(["203.0.113.1", "203.0.113.1", "203.0.113.1", "203.0.113.2"]), 1);
  assert.equal(await refused(["2001:db8::1", "2001:db8:0:0:9::", "2001:db8::a:b"]), 1);
  assert.equal(await refused(["2001:db8::1", "2001:db8:0:1::1", "2001:db8:0:2::1"]), 0);
  assert.equal(await refused(new Array(7).fill("127.0.0.1")), 2);
  assert.equal(await refused(new Array(6).fill("::1")), 1);
});

Deno.test("Acceptor refuses connections before the handshake when all are taken", async () => {
  await withAcceptor({ limits: { connections: 3 } }, async (fixture, acceptor) => {
    const links = [];
    for (let n = 0; n < 2; n++) {
      links.push(await dialLink(fixture.clientContext(), fixture.endpoint()));
    }
    await until(() => acceptor.stats.live === 2);
    const [third, fourth] = await dialers(fixture, 2);
    assert.ok(fourth && await isClosed(fourth));
    assert.deepEqual([acceptor.stats.in_progress, acceptor.stats.refused_full], [1, 1]);
    third?.stream.close();
    links[0]?.close();
    await until(() => acceptor.stats.live === 1 && acceptor.stats.in_progress === 0);
    links.push(await dialLink(fixture.clientContext(), fixture.endpoint()));
    for (const link of links) link.close();
  });
});

Deno.test("Acceptor goes on after accept errors, with waits that grow and one log line", async () => {
  const fixture = new NetFixture();
  const failures = Array.from(
    { length: 12 },
    () => new NetworkError("exhausted", "accept: too many open files"),
  );
  const acceptor = fixture.acceptor({ network: failingListener(fixture.network, failures) });
  const running = acceptor.run();
  await settle();
  assert.equal(failures.length, 11, "it waits before it tries again");
  await fixture.clock.advance(10);
  assert.equal(failures.length, 10);
  await fixture.clock.advance(5_259);
  assert.equal(failures.length, 1, "10 + 20 + 40 + 80 + 160 + 320 + 640 ms, then 1 s each");
  assert.deepEqual(fixture.serverLog.lines, [
    "WARN skychat: tcp-direct Accept: accept: too many open files",
  ]);
  await fixture.clock.advance(2_000);
  const link = await dialLink(fixture.clientContext(), fixture.endpoint());
  await until(() => acceptor.stats.live === 1);
  link.close();
  acceptor.close();
  await running;
  await until(() => fixture.clock.pending === 0);
});

Deno.test("Acceptor writes no more than 20 lines about failures in 10 s, then their number", async () => {
  await withAcceptor({}, async (fixture, acceptor) => {
    for (let n = 0; n < 50; n++) {
      (await fixture.rawDialer()).stream.close();
      await until(() => acceptor.stats.failed === n + 1);
    }
    assert.equal(fixture.serverLog.lines.length, 20);
    await fixture.clock.advance(10_000);
    (await fixture.rawDialer()).stream.close();
    await until(() => acceptor.stats.failed === 51);
    assert.equal(fixture.serverLog.lines.length, 22);
    assert.equal(
      fixture.serverLog.lines[20],
      "WARN skychat: tcp-direct 30 more handshakes failed",
    );
  });
});

Deno.test("Acceptor close ends handshakes under way quietly and leaves links alone", async () => {
  const fixture = new NetFixture();
  const acceptor = fixture.acceptor();
  const running = acceptor.run();
  const link = await dialLink(fixture.clientContext(), fixture.endpoint());
  await until(() => acceptor.stats.live === 1);
  const [stalled] = await dialers(fixture, 1);
  fixture.serverLog.lines.length = 0;
  acceptor.close();
  acceptor.close();
  await running;
  assert.ok(stalled && await isClosed(stalled));
  assert.deepEqual(fixture.serverLog.lines, []);
  assert.equal(acceptor.stats.live, 1);
  await link.write(utf8("still here"));
  link.close();
  await until(() => acceptor.stats.live === 0);
  assert.equal(fixture.clock.pending, 0);
});

Deno.test("Acceptor closes the link and logs when its user throws", async () => {
  const onLink = () => Promise.reject(new Error("a\nb"));
  await withAcceptor({ onLink }, async (fixture) => {
    const link = await dialLink(fixture.clientContext(), fixture.endpoint());
    assert.equal((await link.serve(() => {})).code, "eof");
    assert.equal(
      fixture.serverLog.lines[1],
      `ERROR skychat: tcp-direct link to ${fixture.client.publicKey} failed: a\\u000ab`,
    );
  });
});

Deno.test("Acceptor listen names the address that cannot be bound", async () => {
  const fixture = new NetFixture();
  const listener = fixture.network.listen("", PORT);
  assert.throws(() => fixture.acceptor(), (error: Error) => {
    assert.ok(error instanceof ListenError);
    assert.equal(error.code, "address-in-use");
    assert.equal(error.message, `tcp-listen :${PORT}: bind: address already in use`);
    return true;
  });
  listener.close();
  const acceptor = fixture.acceptor();
  acceptor.close();
  await acceptor.run();
});

/** A listener that has no descriptor for the connection after the first ones. */
function shortOfDescriptors(fixture: NetFixture, after: number): Network {
  return {
    connect: (host, port, signal) => fixture.network.connect(host, port, signal),
    listen(host, port) {
      const listener = fixture.network.listen(host, port);
      let accepted = 0;
      return {
        address: listener.address,
        async accept() {
          const stream = await listener.accept();
          if (accepted++ !== after) return stream;
          stream.close();
          throw new NetworkError("exhausted", "accept: too many open files");
        },
        close: () => listener.close(),
      };
    },
  };
}

Deno.test("Acceptor out of descriptors closes the quietest link of the source that has most", async () => {
  const fixture = new NetFixture();
  const closed: string[] = [];
  const acceptor = fixture.acceptor({
    network: shortOfDescriptors(fixture, 3),
    onLink: async (link) => {
      await link.serve(() => {});
      closed.push(link.remoteAddress.replace(/:.*/, ""));
    },
  });
  const running = acceptor.run();
  const peers: RawPeer[] = [];
  for (const from of ["198.51.100.1", "203.0.113.1", "203.0.113.1"]) {
    const [peer] = await dialers(fixture, 1, from);
    assert.ok(peer);
    if (peers.length === 2) {
      // The older of the crowd's two has just been heard from.
      await fixture.clock.advance(500);
      await peers[1]?.send("still there");
      await fixture.clock.advance(500);
    }
    await peer.stream.write(peer.firstMessage());
    await peer.handshake();
    peers.push(peer);
    await fixture.clock.advance(100);
  }
  await until(() => acceptor.stats.live === 3);
  await dialers(fixture, 1, "192.0.2.9");
  await until(() => acceptor.stats.live === 2);
  assert.deepEqual(closed, ["203.0.113.1"]);
  const shed = fixture.serverLog.lines.filter((line) => line.includes("too many open files"));
  assert.equal(shed.length, 2, "the cause and what was done");
  assert.match(shed[1] ?? "", /closed the link from 203\.0\.113\.1:/);
  await fixture.clock.advance(1_000);
  const [late] = await dialers(fixture, 1, "192.0.2.9");
  await late?.stream.write(late.firstMessage());
  await late?.handshake();
  await until(() => acceptor.stats.live === 3);
  acceptor.close();
  for (const peer of [...peers, late]) peer?.stream.close();
  await running;
  await until(() => acceptor.stats.live === 0);
});

Deno.test("Acceptor caps the links of one source and leaves the others room", async () => {
  const limits = { linksPerSource: 2, linksFromLoopback: 3 };
  await withAcceptor({ limits }, async (fixture, acceptor) => {
    const join = async (from: string) => {
      const [peer] = await dialers(fixture, 1, from);
      assert.ok(peer);
      if (acceptor.stats.in_progress === 0) return peer;
      await peer.stream.write(peer.firstMessage());
      await peer.handshake();
      await settle();
      return peer;
    };
    for (const from of ["203.0.113.1", "127.0.0.1"]) {
      for (let count = 0; count < 4; count++) await join(from);
    }
    assert.deepEqual([acceptor.stats.live, acceptor.stats.refused_full], [5, 3]);
    await join("203.0.113.2");
    assert.equal(acceptor.stats.live, 6);
    assert.match(fixture.serverLog.lines.join(), /refused 203.*: too many links from its address/);
  });
});
