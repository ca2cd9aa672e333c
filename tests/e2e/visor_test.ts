/** Nodes that a visor starts, as processes (visor.md 1, 7 to 9; 12.2). */
import assert from "node:assert/strict";
import {
  codeOf,
  endOf,
  netOf,
  postTo,
  seen,
  send,
  startUnder,
  statusOf,
  until,
  withVisors,
} from "#support/embedded_apps.ts";
import { run, startApp } from "#support/spawn.ts";

const KEYS = { local: "0b".repeat(32), third: "0c".repeat(32) };

Deno.test("two nodes under visors talk over both networks, and one with a node on its own as well", async () => {
  await withVisors(async ({ apps, folder, one, two }) => {
    const a = await startUnder(one, [
      ...["--persist", "--sk", KEYS.local, "--tcp-listen", "127.0.0.1:0"],
    ], { cwd: folder, fields: { proc_work_dir: folder } });
    apps.push(a);
    const b = await startUnder(two, [], { cwd: folder });
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
    const again = await startUnder(two, [], { cwd: folder });
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
    const a = await startUnder(one, [], { cwd: folder });
    const b = await startUnder(two, ["--tcp-listen", "127.0.0.1:0"], {
      cwd: folder,
    });
    apps.push(a, b);
    assert.equal(await send(a, two.visorKey.hex, "hello"), "sent");
    assert.deepEqual(one.argumentsOf("SetDetailedStatus"), ["Running"]);
    assert.equal(await endOf(a), 0);
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
    assert.equal(await codeOf(b, "healthz"), 503);
    assert.match(await send(b, one.visorKey.hex, "hello"), /no network of the visor is in use/);
    assert.equal(await endOf(b), 0);
  });
});

Deno.test("a node that has nothing but its visor ends when that is gone", async () => {
  await withVisors(async ({ apps, folder, one }) => {
    const a = await startUnder(one, [], { cwd: folder });
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
      [one.procConfig({ proc_key: key, app_server_addr: `${key}:http` }), /app_server_addr: /],
      [one.procConfig({ proc_key: key, proc_work_dir: `${folder}/${key}` }), /visor lost: /],
    ];
    for (const [value, reason] of cases) {
      const { code, stderr, stdout } = await run(["app", "--addr", "127.0.0.1:0", "--persist"], {
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
    const a = await startUnder(one, ["--dmsg=false"], {
      cwd: folder,
      fields: { routing_port: 44 },
    });
    const b = await startUnder(two, ["--port", "44"], { cwd: folder });
    apps.push(a, b);
    assert.deepEqual(one.argumentsOf("Listen").map(netOf), ["skynet"]);
    assert.deepEqual(one.argumentsOf("SetAppPort"), []);
    assert.deepEqual(two.argumentsOf("SetAppPort"), [44]);
    assert.equal(await send(a, two.visorKey.hex, "on port 44"), "sent");
    // The port is taken on both networks; then on one.
    const c = await startUnder(two, ["--port", "44", "--cxo"], { cwd: folder });
    apps.push(c);
    await c.waitForLog("skychat: visor cannot listen on skynet:44: port already bound");
    await c.waitForLog("nothing listens on the mesh: peers are dialled");
    const { visor_error: error, visor_networks: networks } = await statusOf(c);
    assert.deepEqual(networks, []);
    // What cannot be bound can be dialled: nothing but the answer is missing.
    assert.equal(await codeOf(c, "healthz"), 503);
    const dials = two.argumentsOf("Dial").length;
    await send(c, one.visorKey.hex, "dialled", "-n", "tcp-direct");
    await postTo(c, "link", { pk: one.visorKey.hex });
    assert.ok(await until(() => two.argumentsOf("Dial").length > dials));
    assert.match(String(error), /port already bound/);
    const d = await startUnder(one, ["--port", "44"], { cwd: folder });
    apps.push(d);
    assert.deepEqual((await statusOf(d)).visor_networks, ["dmsg"]);
    const health = await fetch(`http://${d.addr}/healthz`);
    assert.deepEqual([health.status, (await health.text()).split("\n")[0]], [200, "ok"]);
    const { stdout } = await run(["status", "--addr", d.addr]);
    assert.match(stdout, /visor listening: +dmsg, port 44\n +visor error: +skynet: port already/);
  });
});

Deno.test("a node without a port of its own dials, and is reached over what it dialled", async () => {
  await withVisors(async ({ apps, folder, one, two }) => {
    const a = await startUnder(one, ["--portless"], { cwd: folder });
    const b = await startUnder(two, [], { cwd: folder });
    apps.push(a, b);
    assert.match(
      await send(b, one.visorKey.hex, "nobody"),
      /skychat offline|no associated listener/,
    );
    assert.equal(await send(a, two.visorKey.hex, "hello"), "sent");
    assert.equal(await send(b, one.visorKey.hex, "back"), "sent");
    assert.deepEqual(one.argumentsOf("Listen"), []);
    assert.deepEqual((await statusOf(a)).visor_networks, []);
    assert.equal(await (await fetch(`http://${a.addr}/healthz`)).text(), "ok\n");
  });
});

Deno.test("a control port that is taken is told to the visor, and ends the node", async () => {
  await withVisors(async ({ apps, folder, one, two }) => {
    const a = await startUnder(one, [], { cwd: folder });
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
    const a = await startUnder(one, ["--tcp-peer", "nonsense"], { cwd: folder });
    const b = await startUnder(two, [], { cwd: folder });
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
