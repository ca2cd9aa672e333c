import assert from "node:assert/strict";
import { attachVisor, parseProcConfig, VISOR_GOODBYE_LIMIT_MS } from "#visor";
import { VISOR_CONNECT_LIMIT_MS } from "../../lib/visor/visor_stream.ts";
import { BOB } from "#support/fake_chat_link.ts";
import { settle } from "#support/manual_clock.ts";
import type { MiniReaction } from "#support/mini_visor_replies.ts";
import {
  failure,
  linked,
  react,
  recordingLog,
  troubleLines,
  VisorScene,
} from "#support/mini_visor_scene.ts";

/** Reactions to methods by name. */
function byMethod(reactions: Readonly<Record<string, MiniReaction>>) {
  return ({ method }: { readonly method: string }) => reactions[method];
}

/** A promise that is still open, and what opens it. */
function gate(): { readonly reaction: MiniReaction; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { reaction: { after: promise }, open: resolve };
}

Deno.test("attaching does not wait for what the visor says of our port, and the signal ends that", async () => {
  const scene = new VisorScene();
  const visor = scene.visor();
  visor.script = byMethod({ SetAppPort: "hang" });
  const stop = new AbortController();
  const log = recordingLog();
  const session = await attachVisor(parseProcConfig(visor.procConfig()), {
    network: scene.network,
    clock: scene.clock,
    log,
    port: 9,
    signal: stop.signal,
  });
  await session.listen(["dmsg"], session.port, (link) => link.closed);
  await settle();
  assert.deepEqual(visor.calls.map(({ method }) => method), ["SetAppPort", "Listen", "Accept"]);
  assert.equal(scene.clock.pending, 1);
  stop.abort();
  await settle();
  assert.equal(scene.clock.pending, 0);
  assert.ok(!log.lines.some((line) => line.startsWith("WARN")), log.lines.join());
  await scene.end();
});

Deno.test("a visor that cannot be reached at a name with the proc key in it is named without it", async () => {
  const scene = new VisorScene();
  const key = "ab".repeat(16);
  const config = parseProcConfig(
    scene.visor().procConfig({ proc_key: key, app_server_addr: `${key}.example:1` }),
  );
  const { clock } = scene;
  const network = {
    connect: (host: string) => Promise.reject(new Error(`connect: no host ${host}`)),
    listen: () => assert.fail("nobody listens"),
  };
  const attaching = failure(attachVisor(config, { network, clock, log: recordingLog() }));
  await clock.advance(VISOR_CONNECT_LIMIT_MS);
  const { code, message } = await attaching;
  assert.equal(code, "connect-failed");
  assert.match(message, /no host <proc key>\.example$/);
  await scene.end();
});

Deno.test("a network on which Listen hangs does not hold up the other", async () => {
  const scene = new VisorScene();
  const app = await scene.app({ networks: [] });
  let listens = 0;
  app.visor.script = ({ method }) => method === "Listen" && listens++ === 0 ? "hang" : undefined;
  const stop = new AbortController();
  const { session } = app;
  const listening = session.listen(["skynet", "dmsg"], 1, (link) => link.closed, stop.signal);
  await settle();
  assert.deepEqual(session.networks, ["dmsg"]);
  stop.abort();
  const outcomes = (await listening).map(({ network, error }) => [network, error?.code]);
  assert.deepEqual(outcomes, [["skynet", "aborted"], ["dmsg", undefined]]);
  assert.equal(scene.clock.pending, 0);
  assert.deepEqual([troubleLines(app), session.endedListeners], [[], []]);
  await scene.end();
});

Deno.test("a Listen that succeeds after the signal is closed; none is asked for after it", async () => {
  const scene = new VisorScene();
  const app = await scene.app({ networks: [] });
  const { reaction, open } = gate();
  react(app, "Listen", reaction);
  const stop = new AbortController();
  const listen = () => app.session.listen(["dmsg"], 1, (link) => link.closed, stop.signal);
  const listening = listen();
  await settle();
  stop.abort();
  assert.equal((await listening)[0]?.error?.code, "aborted");
  open();
  await settle();
  assert.equal(app.visor.argumentsOf("CloseListener").length, 1);
  assert.deepEqual(app.session.networks, []);
  assert.equal((await listen())[0]?.error?.code, "aborted");
  assert.equal(app.visor.argumentsOf("Listen").length, 1);
  await scene.end();
});

Deno.test("a Listen that succeeds while we say goodbye is closed", async () => {
  const scene = new VisorScene();
  const app = await scene.app({ networks: [] });
  const [late, status] = [gate(), gate()];
  app.visor.script = byMethod({ Listen: late.reaction, SetDetailedStatus: status.reaction });
  const listening = app.session.listen(["dmsg"], 1, (link) => link.closed);
  const shutdown = app.session.shutdown();
  await settle();
  late.open();
  assert.equal((await listening)[0]?.error?.code, "closed");
  assert.equal(app.visor.argumentsOf("CloseListener").length, 1);
  status.open();
  await shutdown;
  await scene.end();
});

Deno.test("a visor that answers nothing makes the goodbye 2 s long, and is told all of it at once", async () => {
  const scene = new VisorScene();
  const { alice } = await linked(scene);
  alice.visor.script = () => "hang";
  const before = alice.visor.calls.length;
  const shutdown = alice.session.shutdown();
  await settle();
  assert.deepEqual(
    alice.visor.calls.slice(before).map(({ method }) => method),
    ["SetDetailedStatus", "CloseConn", "CloseListener", "CloseListener"],
  );
  await scene.clock.advance(VISOR_GOODBYE_LIMIT_MS - 1);
  assert.ok(alice.session.connected);
  await scene.clock.advance(1);
  await shutdown;
  assert.ok(!alice.session.connected);
  assert.deepEqual(troubleLines(alice), []);
  assert.equal(VISOR_GOODBYE_LIMIT_MS, 2_000);
  await scene.end();
});

Deno.test("a listener that ended by itself is closed at once, and the goodbye waits for that", async () => {
  const scene = new VisorScene();
  const visor = scene.visor();
  const { reaction, open } = gate();
  visor.script = byMethod({ Accept: { error: "no way" }, CloseListener: reaction });
  const app = await scene.app({ visor });
  await settle();
  assert.equal(visor.argumentsOf("CloseListener").length, 2);
  assert.deepEqual(app.session.endedListeners, [
    { network: "skynet", reason: "no way" },
    { network: "dmsg", reason: "no way" },
  ]);
  const shutdown = app.session.shutdown();
  await settle();
  assert.ok(app.session.connected);
  open();
  await shutdown;
  assert.equal(visor.argumentsOf("CloseListener").length, 2);
  await scene.end();
});

Deno.test("the goodbye waits for connections that were closed before it", async () => {
  const scene = new VisorScene();
  const { alice, link } = await linked(scene);
  const { reaction, open } = gate();
  react(alice, "CloseConn", reaction);
  link.close();
  await settle();
  const shutdown = alice.session.shutdown();
  await settle();
  assert.ok(alice.session.connected, "left before the visor had closed it");
  open();
  await shutdown;
  assert.equal(alice.visor.argumentsOf("CloseConn").length, 1);
  await scene.end();
});

Deno.test("a peer that comes while we say goodbye is let go", async () => {
  const scene = new VisorScene();
  const visor = scene.visor();
  const [accept, close] = [gate(), gate()];
  visor.script = byMethod({ Accept: accept.reaction, CloseListener: close.reaction });
  const app = await scene.app({ visor, networks: ["dmsg"] });
  const bob = await scene.app({ networks: [] });
  await bob.session.dial(app.key, "dmsg");
  const shutdown = app.session.shutdown();
  await settle();
  accept.open();
  await settle();
  assert.equal(visor.argumentsOf("CloseConn").length, 1);
  assert.deepEqual([app.accepted, app.session.links], [[], 0]);
  close.open();
  await shutdown;
  await scene.end();
});

Deno.test("a dial that succeeds while we say goodbye is closed, and none is begun", async () => {
  const scene = new VisorScene();
  const [alice, bob] = [await scene.app(), await scene.app()];
  const [dial, close] = [gate(), gate()];
  alice.visor.script = byMethod({ Dial: dial.reaction, CloseListener: close.reaction });
  const dialling = alice.session.dial(bob.key, "dmsg");
  const shutdown = alice.session.shutdown();
  await settle();
  dial.open();
  assert.equal((await (await dialling).closed).code, "closed");
  await settle();
  assert.equal(alice.visor.argumentsOf("CloseConn").length, 1);
  assert.equal((await failure(alice.session.dial(BOB, "dmsg"))).code, "closed");
  close.open();
  await shutdown;
  await scene.end();
});

Deno.test("the goodbye waits until the visor has the status that was said before it", async () => {
  const scene = new VisorScene();
  const app = await scene.app({ networks: [] });
  const { reaction, open } = gate();
  react(app, "SetDetailedStatus", reaction);
  void app.session.status("Stopped");
  const shutdown = app.session.shutdown();
  await settle();
  assert.ok(app.session.connected, "left before the visor had it");
  open();
  await shutdown;
  assert.deepEqual(app.visor.argumentsOf("SetDetailedStatus"), ["Stopped"]);
  assert.equal(scene.clock.pending, 0);
  await scene.end();
});
