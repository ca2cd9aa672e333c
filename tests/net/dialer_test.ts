import assert from "node:assert/strict";
import { silentLog } from "#kit";
import {
  DIAL_BACKOFF_MOST_MS,
  Dialer,
  type Link,
  type LinkEnd,
  type Network,
  NetworkError,
} from "#net";
import { settle } from "#support/manual_clock.ts";
import { NetFixture, PORT, until } from "./net_fixture.ts";

interface Running {
  readonly dialer: Dialer;
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

function start(
  fixture: NetFixture,
  { network = fixture.network as Network, onLink = (link: Link) => link.serve(() => {}) } = {},
): Running {
  const endpoint = fixture.endpoint();
  const dialer = new Dialer(fixture.clientContext(network), { endpoint, onLink });
  const stop = new AbortController();
  return { dialer, stop, done: dialer.run(stop.signal) };
}

async function finish(fixture: NetFixture, { stop, done }: Running): Promise<void> {
  stop.abort();
  await done;
  await until(() => fixture.clock.pending === 0);
}

/** The waits that the log lines tell. */
function waits(fixture: NetFixture): string[] {
  return fixture.clientLog.lines.flatMap((line) => /\(backoff (\w+)\)$/.exec(line)?.[1] ?? []);
}

Deno.test("Dialer logs a failed dial and waits 1 s, then twice as long, up to 60 s", async () => {
  const fixture = new NetFixture();
  const running = start(fixture);
  await until(() => fixture.clientLog.lines.length === 1);
  assert.equal(
    fixture.clientLog.lines[0],
    `WARN skychat: tcp-peer dial ${fixture.server.publicKey}@192.0.2.1:${PORT} failed: ` +
      `tcpnoise: dial 192.0.2.1:${PORT}: connect: connection refused (backoff 1s)`,
  );
  await fixture.clock.advance(999);
  assert.equal(fixture.clientLog.lines.length, 1);
  await fixture.clock.advance(1);
  assert.equal(fixture.clientLog.lines.length, 2);
  await fixture.clock.advance(2_000 + 4_000 + 8_000 + 16_000 + 32_000 + 3 * DIAL_BACKOFF_MOST_MS);
  assert.deepEqual(
    waits(fixture),
    ["1s", "2s", "4s", "8s", "16s", "32s", "1m0s", "1m0s", "1m0s", "1m0s"],
  );
  assert.equal(running.dialer.connected, false);
  await finish(fixture, running);
});

Deno.test("Dialer logs connect and disconnect, dials again at once and starts over", async () => {
  const fixture = new NetFixture();
  const running = start(fixture);
  await fixture.clock.advance(3_500);
  assert.deepEqual(waits(fixture), ["1s", "2s", "4s"]);
  const links: Link[] = [];
  const acceptor = fixture.acceptor({
    onLink: (link) => {
      links.push(link);
      return link.serve(() => {});
    },
  });
  const accepting = acceptor.run();
  await fixture.clock.advance(4_000);
  await until(() => running.dialer.connected && links.length === 1);
  const name = `${fixture.server.publicKey}@192.0.2.1:${PORT}`;
  assert.equal(fixture.clientLog.lines.at(-1), `INFO skychat: tcp-peer connected to ${name}`);
  await fixture.clock.advance(1_000);
  links[0]?.close();
  await until(() => links.length === 2 && running.dialer.connected);
  assert.deepEqual(fixture.clientLog.lines.slice(-2), [
    `INFO skychat: tcp-peer disconnected from ${name}`,
    `INFO skychat: tcp-peer connected to ${name}`,
  ]);
  await fixture.clock.advance(1_000);
  acceptor.close();
  await accepting;
  links[1]?.close();
  await until(() => waits(fixture).length === 4);
  assert.equal(waits(fixture)[3], "1s", "the long link reset the waits");
  await finish(fixture, running);
});

Deno.test("Dialer waits and doubles after links that live less than a second", async () => {
  const fixture = new NetFixture();
  const acceptor = fixture.acceptor({ whitelist: { size: 1, allows: () => false } });
  const accepting = acceptor.run();
  const running = start(fixture);
  await until(() => waits(fixture).length === 1);
  const name = `${fixture.server.publicKey}@192.0.2.1:${PORT}`;
  assert.deepEqual(fixture.clientLog.lines, [
    `INFO skychat: tcp-peer connected to ${name}`,
    `INFO skychat: tcp-peer disconnected from ${name}`,
    `WARN skychat: tcp-peer ${name} hung up at once, perhaps our key is not on its whitelist (backoff 1s)`,
  ]);
  for (const wait of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000]) {
    const dials = acceptor.stats.rejected_whitelist;
    await fixture.clock.advance(wait - 1);
    assert.equal(acceptor.stats.rejected_whitelist, dials);
    await fixture.clock.advance(1);
    await until(() => acceptor.stats.rejected_whitelist === dials + 1);
    await settle();
  }
  assert.deepEqual(waits(fixture), ["1s", "2s", "4s", "8s", "16s", "32s", "1m0s", "1m0s"]);
  await finish(fixture, running);
  acceptor.close();
  await accepting;
});

Deno.test("Dialer resolves the name on every attempt", async () => {
  const fixture = new NetFixture();
  const hosts: string[] = [];
  const network: Network = {
    connect(host) {
      hosts.push(host);
      return Promise.reject(new NetworkError("no-such-host", `lookup ${host}: no such host`));
    },
    listen: () => fixture.network.listen("", 0),
  };
  const running = start(fixture, { network });
  await fixture.clock.advance(3_000);
  assert.deepEqual(hosts, ["192.0.2.1", "192.0.2.1", "192.0.2.1"]);
  await finish(fixture, running);
});

Deno.test("Dialer stops at once wherever it is: connecting, handshaking, waiting, serving", async () => {
  const silent: Network = {
    connect: () => new Promise(() => {}),
    listen: () => {
      throw new NetworkError("other", "not here");
    },
  };
  const stages: Record<string, (fixture: NetFixture) => Promise<Running>> = {
    connecting: async (fixture) => {
      const running = start(fixture, { network: silent });
      await settle();
      return running;
    },
    handshaking: async (fixture) => {
      const listener = fixture.network.listen("", PORT);
      const running = start(fixture);
      await listener.accept();
      await settle();
      return running;
    },
    waiting: async (fixture) => {
      const running = start(fixture);
      await until(() => waits(fixture).length === 1);
      return running;
    },
    serving: async (fixture) => {
      const acceptor = fixture.acceptor();
      const accepting = acceptor.run();
      const running = start(fixture);
      await until(() => running.dialer.connected && acceptor.stats.live === 1);
      acceptor.close();
      await accepting;
      return running;
    },
  };
  for (const [stage, reach] of Object.entries(stages)) {
    const fixture = new NetFixture();
    const running = await reach(fixture);
    assert.ok(fixture.clock.pending > 0, stage);
    await finish(fixture, running);
    assert.equal(running.dialer.connected, false, stage);
    assert.ok(!fixture.clientLog.lines.some((line) => line.includes("aborted")), stage);
  }
});

Deno.test("Dialer closes a link that comes up in the moment of the abort", async () => {
  const fixture = new NetFixture();
  const acceptor = fixture.acceptor();
  const accepting = acceptor.run();
  const stop = new AbortController();
  const context = fixture.clientContext();
  const log = { ...silentLog, info: () => stop.abort() };
  const ends: Promise<LinkEnd>[] = [];
  const dialer = new Dialer({ ...context, log }, {
    endpoint: fixture.endpoint(),
    onLink: (link) => Promise.resolve(ends.push(link.serve(() => {}))),
  });
  await dialer.run(stop.signal);
  assert.deepEqual(await Promise.all(ends), [{ code: "closed", message: "shutting down" }]);
  acceptor.close();
  await accepting;
  await until(() => fixture.clock.pending === 0);
});

Deno.test("Dialer with an aborted signal does nothing", async () => {
  const fixture = new NetFixture();
  const dialer = new Dialer(fixture.clientContext(), {
    endpoint: fixture.endpoint(),
    onLink: () => Promise.reject(new Error("no link expected")),
  });
  await dialer.run(AbortSignal.abort());
  assert.deepEqual(fixture.clientLog.lines, []);
});

Deno.test("Dialer logs what its user throws and goes on", async () => {
  const fixture = new NetFixture();
  const acceptor = fixture.acceptor();
  const accepting = acceptor.run();
  const running = start(fixture, { onLink: () => Promise.reject(new Error("of the user")) });
  await until(() => waits(fixture).length === 1);
  assert.equal(
    fixture.clientLog.lines[1],
    `ERROR skychat: tcp-peer link to ${fixture.server.publicKey}@192.0.2.1:${PORT} failed: of the user`,
  );
  await finish(fixture, running);
  acceptor.close();
  await accepting;
});
