/** Feeds among several processes, over lines that break, at starts that fail and at stops. */
import assert from "node:assert/strict";
import {
  ask,
  eventsUntil,
  keyOf,
  post,
  publish,
  secretOf,
  specOf,
  startCxo,
  textsFrom,
} from "#support/cxo_app.ts";
import { type App, run } from "#support/spawn.ts";
import { TcpProxy } from "#support/tcp_proxy.ts";

/** Runs an action with nodes that are stopped whatever happens. */
async function withNodes(
  action: (keep: (app: Promise<App>) => Promise<App>) => Promise<void>,
): Promise<void> {
  const apps: App[] = [];
  try {
    await action(async (starting) => {
      const app = await starting;
      apps.push(app);
      return app;
    });
  } finally {
    for (const app of apps) await app.kill();
  }
}

function numbered(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `message ${from + index}`);
}

Deno.test("five processes in a chain of followers: each shows what it follows and nothing else", () =>
  withNodes(async (keep) => {
    const apps: App[] = [];
    for (let who = 1; who <= 5; who++) {
      // Everybody follows everybody who was there before.
      apps.push(await keep(startCxo({ who, peers: apps.map((app) => specOf(app)) })));
    }
    for (const [index, app] of apps.entries()) {
      for (const other of apps.slice(0, index)) {
        await app.waitForLog(`cxo subscribed to feed ${other.pk}`);
      }
    }
    await Promise.all(apps.map((app, index) => publish(app, [`a ${index}`, `b ${index}`])));
    for (const [index, app] of apps.entries()) {
      const events = await eventsUntil(app, ({ length }) => length >= 2 + 2 * index);
      const received = events.filter(({ dir }) => dir === "in");
      assert.equal(received.length, 2 * index);
      for (const [from, other] of apps.slice(0, index).entries()) {
        assert.deepEqual(
          received.filter((event) => event.from === other.pk).map(({ text }) => text),
          [`a ${from}`, `b ${from}`],
        );
      }
    }
  }));

Deno.test("a line that is cut again and again loses and doubles nothing", () =>
  withNodes(async (keep) => {
    const alice = await keep(startCxo({ who: 1 }));
    const proxy = new TcpProxy(Number(alice.cxoAddr.split(":")[1]));
    try {
      const bob = await keep(startCxo({ who: 2, peers: [specOf(alice, proxy.address)] }));
      await bob.waitForLog("cxo subscribed to feed");
      const said: string[] = [];
      for (const cut of [0, 300, 1_500, 100]) {
        const texts = numbered(said.length, said.length + 200);
        const publishing = publish(alice, texts);
        await new Promise((resolve) => setTimeout(resolve, 50));
        proxy.cut();
        await new Promise((resolve) => setTimeout(resolve, cut));
        await publishing;
        proxy.heal();
        said.push(...texts);
      }
      assert.deepEqual(await textsFrom(bob, alice.pk, said.length), said);
      assert.ok(bob.logs.some((line) => line.includes("cxo disconnected from feed")));
      await publish(alice, ["the last"]);
      assert.deepEqual(await textsFrom(bob, alice.pk, said.length + 1), [...said, "the last"]);
    } finally {
      await proxy.close();
    }
  }));

Deno.test("a port that is taken leaves a node without feeds that says so and links as before", () =>
  withNodes(async (keep) => {
    const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    try {
      const listen = `127.0.0.1:${taken.addr.port}`;
      const alice = await keep(
        startCxo({ who: 1, listen, flags: ["--tcp-listen", "127.0.0.1:0"] }),
      );
      const line = await alice.waitForLog("skychat: cxo startup failed");
      const cause = "bind: address already in use";
      const reason = `cxo: publisher on ${listen}: ${cause}`;
      assert.ok(
        line.endsWith(`skychat: cxo startup failed: ${reason} — continuing without CXO mode`),
        line,
      );
      assert.deepEqual(await post(alice, { recipient: keyOf(2), message: "hello" }), {
        status: 503,
        body: `cxo publish: cxo publisher not ready: publisher on ${listen}: ${cause}\n`,
      });
      const health = await fetch(`http://${alice.addr}/healthz`);
      assert.equal(health.status, 503);
      assert.match(await health.text(), /cxo: publisher on /);
      const { cxo } = await ask(alice, "/status");
      assert.deepEqual(Object.keys(cxo), ["error"]);
      const sent = await run([
        ...["send", "--via", `tcp://${alice.pk}@${alice.tcpAddr}`, "-w", "8s", "-m", "direct"],
        ...["--sk", secretOf(2)],
      ]);
      assert.match(sent.stdout, /^Acked by /, sent.stderr);
    } finally {
      taken.close();
    }
  }));

Deno.test("feeds that cannot be followed are named and left out; the others are followed", () =>
  withNodes(async (keep) => {
    const bob = await keep(startCxo({ who: 2 }));
    const own = `tcp://${keyOf(1)}@127.0.0.1:1`;
    const [odd, noHost] = ["tcp://02abc@127.0.0.1:1", `${keyOf(3)}@`];
    const alice = await keep(startCxo({
      who: 1,
      peers: ["nonsense", odd, noHost, own, `${odd},${specOf(bob).replace("tcp://", "")}`],
    }));
    await alice.waitForLog(`cxo subscribed to feed ${bob.pk}`);
    const skipped = alice.logs.filter((line) => line.includes("cxo skipping invalid --cxo-peer"))
      .map((line) => line.slice(line.indexOf("skychat: ")));
    const start = (spec: string) => `skychat: cxo skipping invalid --cxo-peer "${spec}": `;
    assert.equal(skipped.length, 5, skipped.join("\n"));
    assert.equal(skipped[0], `${start("nonsense")}expected tcp://<feedpk>@<host:port>`);
    assert.ok(skipped[1]?.startsWith(`${start(odd)}invalid feed pk: `), skipped[1]);
    assert.equal(skipped[2], `${start(noHost)}missing host:port`);
    assert.ok(skipped[3]?.startsWith(start(own)), skipped[3]);
    const { cxo } = await ask(alice, "/status");
    assert.deepEqual(cxo.peers.map(({ pk }: { pk: string }) => pk), [bob.pk]);
  }));

Deno.test("SIGTERM ends a node with followers in two seconds, and they get what was said last", () =>
  withNodes(async (keep) => {
    const alice = await keep(startCxo({ who: 1 }));
    const followers: App[] = [];
    for (let who = 2; who <= 3; who++) {
      followers.push(await keep(startCxo({ who, peers: [specOf(alice)] })));
    }
    for (const follower of followers) await follower.waitForLog("cxo subscribed to feed");
    const said = numbered(0, 60);
    await publish(alice, said);
    const begun = Date.now();
    assert.equal(await alice.stop("SIGTERM"), 0);
    assert.ok(Date.now() - begun < 2_500, `${Date.now() - begun} ms`);
    for (const follower of followers) {
      assert.deepEqual(await textsFrom(follower, alice.pk, said.length), said);
    }
    for (const follower of followers) {
      await follower.waitForLog("failed, retry in ");
      const stopping = Date.now();
      assert.equal(await follower.stop("SIGTERM"), 0);
      assert.ok(Date.now() - stopping < 2_500);
    }
  }));
