import assert from "node:assert/strict";
import { fromHex, utf8, utf8Text } from "#kit";
import { denoNetwork } from "#net";
import { attachVisor, type MeshLink, type MeshNetwork, parseProcConfig, VisorError } from "#visor";
import { VisorCalls } from "../../lib/visor/visor_calls.ts";
import { VisorClient } from "../../lib/visor/visor_client.ts";
import { openVisorStream } from "../../lib/visor/visor_stream.ts";
import { BOB } from "#support/fake_chat_link.ts";
import { settle } from "#support/manual_clock.ts";
import { MiniVisor } from "#support/mini_visor.ts";
import { collect, recordingLog, VisorScene } from "#support/mini_visor_scene.ts";

/** A client without a session. */
async function rawClient({ clock, network }: VisorScene, value: string): Promise<VisorClient> {
  const config = parseProcConfig(value);
  const stream = await openVisorStream(config.address, { clock, network });
  return new VisorClient(stream, config.procKey);
}

const NETWORKS: readonly MeshNetwork[] = ["skynet", "dmsg"];

Deno.test("visor session: says its port, listens on both networks, shows its status", async () => {
  const scene = new VisorScene();
  const visor = scene.visor();
  const log = recordingLog();
  const session = await attachVisor(parseProcConfig(visor.procConfig({ routing_port: 7 })), {
    network: scene.network,
    clock: scene.clock,
    log,
    port: 9,
  });
  assert.equal(session.port, 9);
  assert.equal(session.visorKey?.hex, visor.visorKey.hex);
  const outcomes = await session.listen(NETWORKS, session.port, (link) => link.closed);
  assert.deepEqual(outcomes.map(({ error }) => error), [undefined, undefined]);
  assert.deepEqual(session.networks, NETWORKS);
  await session.status("Running");
  await session.fail("listen failed");
  await settle();
  assert.deepEqual(
    visor.calls.map(({ method }) => method).filter((method) => method !== "Accept"),
    ["SetAppPort", "Listen", "Listen", "SetDetailedStatus", "SetError"],
  );
  assert.deepEqual(visor.argumentsOf("SetAppPort"), [9]);
  const PubKey = fromHex(visor.visorKey.hex);
  assert.deepEqual(
    visor.argumentsOf("Listen"),
    NETWORKS.map((Net) => ({ Net, PubKey, Port: 9 })),
  );
  assert.deepEqual(visor.argumentsOf("Accept").length, 2);
  assert.deepEqual(log.lines, [
    "INFO Successfully started skychat.",
    "INFO skychat: visor listening on skynet:9",
    "INFO skychat: visor listening on dmsg:9",
  ]);
  await session.shutdown();
  await scene.end();
});

for (const [routing_port, expected] of [[7, 7], [0, 1]]) {
  Deno.test(`visor session: routing port ${routing_port} means port ${expected}`, async () => {
    const scene = new VisorScene();
    const visor = scene.visor();
    const config = visor.procConfig({ routing_port });
    const { clock, network } = scene;
    const options = { clock, network, log: recordingLog() };
    const session = await attachVisor(parseProcConfig(config), options);
    assert.equal(session.port, expected);
    await session.shutdown();
    // The visor knows the port that it assigned.
    assert.deepEqual(visor.argumentsOf("SetAppPort"), []);
    await scene.end();
  });
}

for (const network of NETWORKS) {
  Deno.test(`visor session: two apps of two visors talk over ${network}`, async () => {
    const scene = new VisorScene();
    const echo = (link: MeshLink) => link.serve((bytes) => link.write(bytes.slice()));
    const [alice, bob] = [await scene.app(), await scene.app({ onLink: echo })];
    const link = await alice.session.dial(bob.key, network);
    assert.deepEqual([link.network, link.direction], [network, "out"]);
    assert.ok(link.peer.equals(bob.key));
    const { bytes, ended } = collect(link);
    await link.write(utf8("ping"));
    await settle();
    assert.equal(utf8Text(Uint8Array.from(bytes)), "ping");
    const accepted = bob.accepted[0] ?? assert.fail("nobody came");
    assert.ok(accepted.peer.equals(alice.key));
    assert.deepEqual([accepted.network, accepted.direction], [network, "in"]);
    link.close("enough");
    assert.deepEqual(await ended, { code: "closed", message: "enough" });
    assert.deepEqual(await accepted.closed, { code: "eof", message: "EOF" });
    await settle();
    assert.deepEqual([alice.session.links, bob.session.links], [0, 0]);
    assert.equal(
      bob.visor.argumentsOf("CloseConn").length,
      1,
      "the end of the peer was not closed",
    );
    await scene.end();
  });
}

Deno.test("visor session: bytes cut into single ones both ways change nothing", async () => {
  const scene = new VisorScene({ cut: () => 1 });
  const echo = (link: MeshLink) => link.serve((bytes) => link.write(bytes.slice()));
  const [alice, bob] = [await scene.app(), await scene.app({ onLink: echo })];
  const link = await alice.session.dial(bob.key, "dmsg");
  const { bytes, ended } = collect(link);
  await link.write(utf8("piece by piece"));
  // Every byte takes a few turns each way.
  while (bytes.length < 14) await settle();
  assert.equal(utf8Text(Uint8Array.from(bytes)), "piece by piece");
  await bob.session.shutdown();
  assert.deepEqual(await ended, { code: "eof", message: "EOF" });
  await scene.end();
});

Deno.test("visor session: 20 messages at once arrive in order although the visor runs writes in any", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const scene = new VisorScene();
    const visor = scene.visor({ seed });
    const [alice, bob] = [await scene.app({ visor }), await scene.app()];
    const link = await alice.session.dial(bob.key, "skynet");
    await settle();
    const received = collect(bob.accepted[0] ?? assert.fail("nobody came"));
    const writes: Promise<void>[] = [];
    for (let number = 0; number < 20; number++) {
      writes.push(link.write(Uint8Array.of(number)));
      // So that the first ones do not all go into one call.
      if (number % 3 === 0) await settle();
    }
    await Promise.all(writes);
    await settle();
    assert.deepEqual(received.bytes, Array.from({ length: 20 }, (_, number) => number));
    await scene.end();
  }
});

Deno.test("visor session: the order of the test above is not that of the mini visor", async () => {
  const scene = new VisorScene();
  const visor = scene.visor({ seed: 1 });
  const client = await rawClient(scene, visor.procConfig());
  const calls = new VisorCalls(client, scene.clock);
  const bob = await scene.app();
  const { connId } = await calls.dial({ net: "skynet", key: bob.key, port: 1 });
  await settle();
  const received = collect(bob.accepted[0] ?? assert.fail("nobody came"));
  // Twenty writes in flight, which no client may have.
  const order = Array.from({ length: 20 }, (_, number) => number);
  await Promise.all(order.map((number) => calls.write(connId, Uint8Array.of(number))));
  await settle();
  assert.notDeepEqual(received.bytes, order);
  assert.deepEqual(received.bytes.toSorted((a, b) => a - b), order);
  client.close();
  await scene.end();
});

Deno.test("visor session: 3 MB go through one connection", async () => {
  const scene = new VisorScene();
  const [alice, bob] = [await scene.app(), await scene.app()];
  const link = await alice.session.dial(bob.key, "skynet");
  await settle();
  let [count, sum] = [0, 0];
  void bob.accepted[0]?.serve((bytes) => {
    count += bytes.length;
    for (const byte of bytes) sum += byte;
  });
  const piece = new Uint8Array(100_000).fill(3);
  for (let sent = 0; sent < 30; sent++) await link.write(piece);
  await settle();
  assert.deepEqual([count, sum], [3_000_000, 9_000_000]);
  await scene.end();
});

Deno.test("visor session: a reader that pauses holds back the writer, and nothing is lost", async () => {
  const scene = new VisorScene();
  const [alice, bob] = [await scene.app(), await scene.app()];
  const link = await alice.session.dial(bob.key, "skynet");
  await settle();
  const { promise: pause, resolve: goOn } = Promise.withResolvers<void>();
  let count = 0;
  void bob.accepted[0]?.serve((bytes) => {
    count += bytes.length;
    return pause;
  });
  const writes = Array.from({ length: 16 }, () => link.write(new Uint8Array(60_000)));
  await settle();
  assert.ok(count < 100_000, `${count} bytes were read`);
  assert.ok(link.backlog > 500_000, `${link.backlog} bytes wait`);
  goOn();
  await Promise.all(writes);
  await settle();
  assert.equal(count, 960_000);
  await scene.end();
});

Deno.test("visor session: a port that is bound on one network leaves the other working", async () => {
  const scene = new VisorScene();
  const visor = scene.visor();
  await scene.app({ visor, networks: ["skynet"] });
  const second = await scene.app({ visor });
  assert.deepEqual(second.session.networks, ["dmsg"]);
  assert.ok(
    second.lines.includes("WARN skychat: visor cannot listen on skynet:1: port already bound"),
    second.lines.join("\n"),
  );
  const other = await scene.app();
  const link = await other.session.dial(second.key, "dmsg");
  await settle();
  assert.equal(second.accepted.length, 1);
  link.close();
  await scene.end();
});

Deno.test("visor session: when no network can be listened on, each says why", async () => {
  const scene = new VisorScene();
  const visor = scene.visor();
  await scene.app({ visor });
  const { session } = await scene.app({ visor, networks: [] });
  const outcomes = await session.listen(NETWORKS, 1, (link) => link.closed);
  assert.deepEqual(outcomes.map(({ network, error }) => [network, error?.message]), [
    ["skynet", "port already bound"],
    ["dmsg", "dmsg error 400 - port already occupied"],
  ]);
  assert.deepEqual([session.networks, session.connected], [[], true]);
  await scene.end();
});

Deno.test("visor session: dials that fail have the text of the network", async () => {
  const scene = new VisorScene();
  const [alice, idle] = [await scene.app(), await scene.app({ networks: [] })];
  const reasons = [
    [BOB, "dmsg error 100 - entry is not found in discovery"],
    [idle.key, "dmsg error 306 - request has no associated listener"],
  ] as const;
  for (const [peer, message] of reasons) {
    await assert.rejects(alice.session.dial(peer, "dmsg"), (error) => {
      assert.ok(error instanceof VisorError);
      assert.deepEqual([error.code, error.message], ["call-failed", message]);
      return true;
    });
  }
  assert.equal(alice.session.links, 0);
  await scene.end();
});

Deno.test("visor session: a skynet dial to nobody succeeds, and the first read says so", async () => {
  const scene = new VisorScene();
  const [alice, idle] = [await scene.app(), await scene.app({ networks: [] })];
  const link = await alice.session.dial(idle.key, "skynet");
  assert.deepEqual(await collect(link).ended, {
    code: "read-failed",
    message: "no listener on port 1, skychat offline",
  });
  await scene.end();
});

Deno.test("visor session: a visor dials itself like any other", async () => {
  const scene = new VisorScene();
  const app = await scene.app();
  const link = await app.session.dial(app.key, "skynet");
  await settle();
  assert.ok(app.accepted[0]?.peer.equals(app.key));
  assert.equal(app.session.links, 2);
  link.close();
  await scene.end();
});

Deno.test("visor session: shuts down in order, and the ports are free afterwards", async () => {
  const scene = new VisorScene();
  const [alice, bob] = [await scene.app(), await scene.app()];
  const links = [
    await alice.session.dial(bob.key, "skynet"),
    await bob.session.dial(alice.key, "dmsg"),
  ];
  await settle();
  const before = alice.visor.calls.length;
  await alice.session.shutdown();
  await settle();
  assert.deepEqual(
    alice.visor.calls.slice(before).map(({ method, argument }) =>
      method === "SetDetailedStatus" ? argument : method
    ),
    ["Stopped", "CloseConn", "CloseConn", "CloseListener", "CloseListener"],
  );
  assert.equal(alice.visor.attached, 0);
  assert.deepEqual([alice.session.connected, alice.session.networks], [false, []]);
  assert.equal((await alice.session.lost).code, "closed");
  assert.equal((await links[0]?.closed)?.message, "shutting down");
  assert.ok(!alice.lines.some((line) => /lost|accepts no more/.test(line)), alice.lines.join("\n"));
  await assert.rejects(alice.session.dial(bob.key, "skynet"), { code: "closed" });
  await alice.session.shutdown();
  const again = await scene.app({ visor: alice.visor });
  assert.deepEqual(again.session.networks, NETWORKS);
  await scene.end();
});

Deno.test("visor session: does not say Stopped twice", async () => {
  const scene = new VisorScene();
  const { session, visor } = await scene.app();
  await session.status("Running");
  await session.status("Stopped");
  await session.shutdown();
  assert.deepEqual(visor.argumentsOf("SetDetailedStatus"), ["Running", "Stopped"]);
  await scene.end();
});

Deno.test("visor session: extra fields of a newer visor change nothing", async () => {
  const scene = new VisorScene();
  const visors = [scene.visor(), scene.visor()];
  for (const visor of visors) {
    visor.newer = true;
    visor.lacks.clear();
  }
  const [alice, bob] = [
    await scene.app({ visor: visors[0] }),
    await scene.app({ visor: visors[1] }),
  ];
  const link = await alice.session.dial(bob.key, "skynet");
  await link.write(utf8("hello"));
  await settle();
  const received = collect(bob.accepted[0] ?? assert.fail("nobody came"));
  await settle();
  assert.equal(utf8Text(Uint8Array.from(received.bytes)), "hello");
  link.close();
  assert.deepEqual(await received.ended, { code: "eof", message: "EOF" });
  await scene.end();
});

Deno.test("visor session: works over TCP of this machine", async () => {
  const visor = MiniVisor.start({ network: denoNetwork, seed: 3 });
  const attach = () => {
    const config = parseProcConfig(visor.procConfig());
    const { clock } = visor;
    return attachVisor(config, { network: denoNetwork, clock, log: recordingLog() });
  };
  const session = await attach();
  const { promise: echoed, resolve } = Promise.withResolvers<string>();
  await session.listen(["dmsg"], 1, (link) => link.serve((bytes) => link.write(bytes)));
  const link = await session.dial(visor.visorKey, "dmsg");
  const serving = link.serve((bytes) => resolve(utf8Text(bytes)));
  await link.write(utf8("over TCP"));
  assert.equal(await echoed, "over TCP");
  await session.shutdown();
  await serving;
  assert.deepEqual(visor.argumentsOf("SetDetailedStatus"), ["Stopped"]);
  await visor.stop();
});
