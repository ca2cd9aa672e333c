/** Nodes that a visor starts, as processes (visor.md 1, 7 to 9; 12.2). */
import assert from "node:assert/strict";
import { denoNetwork } from "#net";
import { openEventStream } from "#support/event_stream.ts";
import { MiniVisor } from "#support/mini_visor.ts";
import { MiniMesh } from "#support/mini_visor_mesh.ts";
import { type App, run, startApp, startEmbedded } from "#support/spawn.ts";

const KEYS = { local: "0b".repeat(32), third: "0c".repeat(32) };

/** Plays a test with two visors on one mesh, in a folder of its own; nothing is left of it. */
async function withVisors(
  play: (scene: { one: MiniVisor; two: MiniVisor; folder: string; apps: App[] }) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const mesh = new MiniMesh();
  const [one, two] = [1, 2].map((seed) => MiniVisor.start({ network: denoNetwork, mesh, seed }));
  assert.ok(one !== undefined && two !== undefined);
  const apps: App[] = [];
  try {
    await play({ one, two, folder, apps });
  } finally {
    for (const app of apps) await app.kill();
    await Promise.all([one.stop(), two.stop()]);
    await Deno.remove(folder, { recursive: true });
  }
}

async function statusOf(app: App): Promise<Record<string, unknown>> {
  return await (await fetch(`http://${app.addr}/status`)).json();
}

/** Sends with `skychat send` and waits for the receipt. */
async function send(app: App, to: string, text: string, ...flags: string[]): Promise<string> {
  const args = ["send", "--addr", app.addr, "--to", to, "-m", text, "--wait", "8s", ...flags];
  const { code, stderr } = await run(args);
  return code === 0 ? "sent" : `${code}: ${stderr}`;
}

/** Texts and networks of the first messages that a node got or sent. */
async function seen(app: App, count: number): Promise<[unknown, unknown][]> {
  const stream = await openEventStream(`http://${app.addr}/events?since=0`);
  try {
    const events = await stream.take(count);
    return events.map(({ text, transport }) => [text, transport]);
  } finally {
    await stream.close();
  }
}

/** The network of the argument of a call. */
function netOf(argument: unknown): unknown {
  return (argument as { Net?: unknown }).Net;
}

Deno.test("two nodes under visors talk over both networks, and one with a node on its own as well", async () => {
  await withVisors(async ({ apps, folder, one, two }) => {
    const a = await startEmbedded(one.procConfig({ proc_work_dir: `${folder}` }), [
      ...["--persist", "--sk", KEYS.local, "--tcp-listen", "127.0.0.1:0"],
    ], { cwd: folder });
    apps.push(a);
    const b = await startEmbedded(two.procConfig(), [], { cwd: folder });
    apps.push(b);
    const c = await startApp(["--sk", KEYS.third, "--tcp-peer", `tcp://${a.pk}@${a.tcpAddr}`]);
    apps.push(c);
    await c.waitForLog("tcp-peer connected to");
    const [pkA, pkB] = [one.visorKey.hex, two.visorKey.hex];
    assert.equal(await send(a, pkB, "over skynet"), "sent");
    assert.equal(await send(b, pkA, "back"), "sent");
    assert.equal(await send(a, c.pk, "over tcp"), "sent");
    assert.equal(await send(c, a.pk, "from c"), "sent");
    const status = await statusOf(a);
    assert.deepEqual(
      [status.standalone, status.visor_pk, status.tcp_pk, status.visor_connected],
      [false, pkA, a.pk, true],
    );
    assert.deepEqual(status.visor_networks, ["skynet", "dmsg"]);
    assert.deepEqual(status.peers, [pkB, c.pk].sort());
    assert.deepEqual(await seen(a, 4), [
      ["over skynet", "skynet"],
      ["back", "skynet"],
      ["over tcp", "tcp-direct"],
      ["from c", "tcp-direct"],
    ]);
    // Whoever begins anew has no connection, so the network that is asked for is dialled.
    assert.equal(await b.stop("SIGINT"), 0);
    const again = await startEmbedded(two.procConfig(), [], { cwd: folder });
    apps.push(again);
    assert.equal(await send(again, pkA, "over dmsg", "-n", "dmsg"), "sent");
    assert.equal(await send(again, pkA, "over whatever", "-n", "auto"), "sent");
    assert.deepEqual((await seen(again, 1))[0], ["over dmsg", "dmsg"]);
    assert.deepEqual(two.argumentsOf("Dial").map(netOf), ["dmsg"]);
    assert.ok((await Deno.stat(`${folder}/skychat-history.db`)).isFile);
  });
});

Deno.test("a node is told to stop as visors do, says goodbye and ends in order, with the visor there or gone", async () => {
  await withVisors(async ({ apps, folder, one, two }) => {
    const a = await startEmbedded(one.procConfig(), [], { cwd: folder });
    const b = await startEmbedded(two.procConfig(), ["--tcp-listen", "127.0.0.1:0"], {
      cwd: folder,
    });
    apps.push(a, b);
    assert.equal(await send(a, two.visorKey.hex, "hello"), "sent");
    assert.deepEqual(one.argumentsOf("SetDetailedStatus"), ["Running"]);
    const begun = performance.now();
    assert.equal(await a.stop("SIGINT"), 0);
    assert.ok(performance.now() - begun < 5_000);
    assert.deepEqual(one.argumentsOf("SetDetailedStatus"), ["Running", "Stopped"]);
    const methods = one.calls.map(({ method }) => method);
    const order = ["SetDetailedStatus", "CloseConn", "CloseListener"]
      .map((method) => methods.lastIndexOf(method));
    assert.deepEqual(order, order.toSorted((x, y) => x - y));
    assert.equal(one.argumentsOf("CloseListener").length, 2);
    assert.deepEqual(one.argumentsOf("SetError"), []);
    await two.stop();
    await b.waitForLog("skychat: visor lost: ");
    assert.equal((await statusOf(b)).visor_connected, false, "tcp-direct goes on");
    assert.equal((await fetch(`http://${b.addr}/healthz`)).status, 503);
    assert.match(await send(b, one.visorKey.hex, "hello"), /no network of the visor is in use/);
    assert.equal(await b.stop("SIGINT"), 0);
  });
});

Deno.test("a node that has nothing but its visor ends when that is gone", async () => {
  await withVisors(async ({ apps, folder, one }) => {
    const a = await startEmbedded(one.procConfig(), [], { cwd: folder });
    apps.push(a);
    await one.stop();
    await a.waitForLog("skychat: visor lost: ");
    assert.equal(await a.ended, 1);
  });
});

Deno.test("a launch that cannot be used ends the node with the reason, and no proc key is told", async () => {
  await withVisors(async ({ folder, one }) => {
    const key = "f00d".repeat(8);
    const cases: [string, RegExp][] = [
      ["", /invalid PROC_CONFIG env value: not JSON/],
      ["null", /invalid PROC_CONFIG env value: app_server_addr is missing/],
      [one.procConfig({ proc_key: "00".repeat(16) }), /proc_key is missing or all zeros/],
      [one.procConfig({ proc_key: key }), /skychat: visor lost: /],
      [one.procConfig({ app_server_addr: "127.0.0.1:1" }), /failed to dial to app server: /],
    ];
    for (const [value, reason] of cases) {
      const { code, stderr, stdout } = await run(["app", "--addr", "127.0.0.1:0"], {
        env: { PROC_CONFIG: value },
        cwd: folder,
      });
      assert.equal(code, 1, value);
      assert.match(stderr, reason);
      assert.ok(!`${stderr}${stdout}`.includes(key));
      assert.doesNotMatch(stderr, /Serving HTTP/);
    }
  });
});

Deno.test("the port is that of the visor or of --port, and a network that fails leaves the other", async () => {
  await withVisors(async ({ apps, folder, one, two }) => {
    const a = await startEmbedded(one.procConfig({ routing_port: 44 }), ["--dmsg=false"], {
      cwd: folder,
    });
    const b = await startEmbedded(two.procConfig(), ["--port", "44"], { cwd: folder });
    apps.push(a, b);
    assert.deepEqual(one.argumentsOf("Listen").map(netOf), ["skynet"]);
    assert.deepEqual(two.argumentsOf("SetAppPort"), [44]);
    assert.equal(await send(a, two.visorKey.hex, "on port 44"), "sent");
    // The port is taken on both networks; then on one.
    const c = await startEmbedded(two.procConfig(), ["--port", "44", "--cxo"], { cwd: folder });
    apps.push(c);
    await c.waitForLog("skychat: visor cannot listen on skynet:44: port already bound");
    await c.waitForLog("no network of it can be used");
    const { visor_error: error, visor_networks: networks } = await statusOf(c);
    assert.deepEqual(networks, []);
    assert.match(String(error), /port already bound/);
    const d = await startEmbedded(one.procConfig(), ["--port", "44"], { cwd: folder });
    apps.push(d);
    assert.deepEqual((await statusOf(d)).visor_networks, ["dmsg"]);
  });
});

Deno.test("a node without a port of its own dials, and is reached over what it dialled", async () => {
  await withVisors(async ({ apps, folder, one, two }) => {
    const a = await startEmbedded(one.procConfig(), ["--portless"], { cwd: folder });
    const b = await startEmbedded(two.procConfig(), [], { cwd: folder });
    apps.push(a, b);
    assert.match(
      await send(b, one.visorKey.hex, "nobody"),
      /skychat offline|no associated listener/,
    );
    assert.equal(await send(a, two.visorKey.hex, "hello"), "sent");
    assert.equal(await send(b, one.visorKey.hex, "back"), "sent");
    assert.deepEqual(one.argumentsOf("Listen"), []);
  });
});

Deno.test("a control port that is taken is told to the visor, and ends the node", async () => {
  await withVisors(async ({ apps, folder, one, two }) => {
    const a = await startEmbedded(one.procConfig(), [], { cwd: folder });
    apps.push(a);
    const { code, stderr } = await run(["app", "--addr", a.addr], {
      env: { PROC_CONFIG: two.procConfig() },
      cwd: folder,
    });
    assert.equal(code, 1);
    const [text] = two.argumentsOf("SetError");
    assert.match(String(text), /address already in use/);
    assert.ok(stderr.includes(String(text)));
    assert.equal(two.argumentsOf("CloseListener").length, 2);
    assert.deepEqual(two.argumentsOf("SetDetailedStatus"), ["Stopped"]);
  });
});

Deno.test("/link connects, and the log goes where a visor takes it for what it is", async () => {
  await withVisors(async ({ apps, folder, one, two }) => {
    const a = await startEmbedded(one.procConfig(), ["--tcp-peer", "nonsense"], { cwd: folder });
    const b = await startEmbedded(two.procConfig(), [], { cwd: folder });
    apps.push(a, b);
    const peer = two.visorKey.hex;
    const link = async (init?: RequestInit) =>
      await (await fetch(`http://${a.addr}/link?pk=${peer}`, init)).json();
    assert.deepEqual(await link(), { ready: false, connecting: false });
    const body = JSON.stringify({ pk: peer, network: "dmsg" });
    const headers = { "content-type": "application/json" };
    assert.deepEqual(await link({ method: "POST", body, headers }), {
      ready: false,
      connecting: true,
    });
    let state = await link();
    for (let look = 0; look < 100 && !state.ready; look++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      state = await link();
    }
    assert.deepEqual(state, { ready: true, connecting: false, network: "dmsg" });
    assert.ok(a.output.every((line) => / INFO \[skychat\]: /.test(line)), a.output.join("\n"));
    assert.ok(
      a.logs.length > 0 && a.logs.every((line) => / (WARN|ERROR) \[skychat\]: /.test(line)),
    );
  });
});
