import assert from "node:assert/strict";
import { utf8, utf8Text } from "#kit";
import { WRITE_LIMIT_MS } from "#net";
import { type GobType, VISOR_GOODBYE_LIMIT_MS } from "#visor";
import { MESH_DIAL_LIMIT_MS } from "../../lib/visor/mesh_dial.ts";
import { VISOR_CALL_LIMIT_MS } from "../../lib/visor/visor_calls.ts";
import { settle } from "#support/manual_clock.ts";
import {
  collect,
  failure,
  linked,
  react,
  troubleLines,
  VisorScene,
} from "#support/mini_visor_scene.ts";

const PROC_KEY = /[0-9a-f]{32}(?![0-9a-f])/;

for (const kind of ["wrong", "used"]) {
  Deno.test(`a ${kind} proc key ends in a clean error, of which there is one line`, async () => {
    const scene = new VisorScene();
    const visor = scene.visor();
    const config = visor.procConfig(kind === "wrong" ? { proc_key: "ab".repeat(16) } : {});
    if (kind === "used") await scene.app({ visor, config, networks: [] });
    const app = await scene.app({ visor, config, networks: ["skynet", "dmsg"] });
    const lost = await app.session.lost;
    assert.equal(lost.code, "refused");
    assert.match(lost.message, /proc key unknown or used already/);
    assert.deepEqual([app.session.connected, app.session.networks], [false, []]);
    assert.equal(troubleLines(app).length, 1);
    assert.ok(!app.lines.some((line) => PROC_KEY.test(line)), app.lines.join("\n"));
    await app.session.status("Running");
    await app.session.shutdown();
    await scene.end();
  });
}

Deno.test("a visor that dies while Accepts wait ends listening, with one line", async () => {
  const scene = new VisorScene();
  const app = await scene.app();
  app.visor.dropApps();
  assert.equal((await app.session.lost).code, "lost");
  await settle();
  assert.deepEqual(app.session.networks, []);
  assert.deepEqual(troubleLines(app), [
    "ERROR skychat: visor lost: visor connection lost: unexpected EOF",
  ]);
  await scene.end();
});

Deno.test("a visor that dies mid-read ends the link and everything that waits", async () => {
  const scene = new VisorScene();
  const { alice, bob, link } = await linked(scene);
  const { bytes, ended } = collect(link);
  await bob.accepted[0]?.write(utf8("before"));
  await settle();
  assert.equal(utf8Text(Uint8Array.from(bytes)), "before");
  react(alice, "Write", "hang");
  const writing = link.write(utf8("under way"));
  writing.catch(() => {});
  await settle();
  alice.visor.dropApps();
  const end = await ended;
  assert.deepEqual(end, {
    code: "visor-lost",
    message: "visor connection lost: unexpected EOF",
  });
  await assert.rejects(writing, { code: "visor-lost" });
  assert.equal(alice.session.links, 0);
  assert.equal((await failure(alice.session.dial(bob.key, "skynet"))).code, "lost");
  await alice.session.shutdown();
  await scene.end();
});

Deno.test("a visor that dies mid-dial fails the dial", async () => {
  const scene = new VisorScene();
  const [alice, bob] = [await scene.app(), await scene.app()];
  react(alice, "Dial", "die");
  assert.equal((await failure(alice.session.dial(bob.key, "skynet"))).code, "lost");
  await scene.end();
});

Deno.test("a visor that dies mid-listen fails all networks that were still to come", async () => {
  const scene = new VisorScene();
  const visor = scene.visor();
  visor.script = ({ method }) => method === "Listen" ? "die" : undefined;
  const app = await scene.app({ visor });
  assert.deepEqual(app.session.networks, []);
  assert.equal(troubleLines(app).length, 1);
  await scene.end();
});

Deno.test("calls answered out of order get their own answers", async () => {
  const scene = new VisorScene();
  const { alice, link } = await linked(scene);
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  let dials = 0;
  alice.visor.script = ({ method }) =>
    method === "Dial" && dials++ === 0 ? { after: gate } : undefined;
  const first = alice.session.dial(alice.key, "skynet");
  const second = alice.session.dial(link.peer, "dmsg");
  assert.ok((await second).peer.equals(link.peer));
  await alice.session.status("Running");
  open();
  assert.ok((await first).peer.equals(alice.key));
  assert.equal((await first).network, "skynet");
  await scene.end();
});

Deno.test("an error reply in the header fails the call with its text, and the link", async () => {
  const scene = new VisorScene();
  const { alice, link } = await linked(scene);
  react(alice, "Write", { error: "no conn with key 3" });
  await assert.rejects(link.write(utf8("x")), {
    code: "write-failed",
    message: "no conn with key 3",
  });
  assert.equal((await link.closed).code, "write-failed");
  assert.ok(alice.session.connected);
  await scene.end();
});

Deno.test("an error reply inside a successful answer ends the link with its text", async () => {
  const scene = new VisorScene();
  const { alice, link } = await linked(scene);
  const io = { text: "write: broken pipe", isNet: true };
  react(alice, "Write", { io, count: 1 });
  await assert.rejects(link.write(utf8("xyz")), {
    code: "write-failed",
    message: "write: broken pipe",
  });
  await settle();
  assert.equal(alice.visor.argumentsOf("CloseConn").length, 1);
  await scene.end();
});

Deno.test("bytes that come with an error are handed on before it", async () => {
  const scene = new VisorScene();
  const { alice, link } = await linked(scene);
  react(alice, "Read", { io: { text: "EOF" }, bytes: utf8("last words") });
  const { bytes, ended } = collect(link);
  assert.deepEqual(await ended, { code: "eof", message: "EOF" });
  assert.equal(utf8Text(Uint8Array.from(bytes)), "last words");
  await scene.end();
});

Deno.test("an error without a text, a flag or anything is still one", async () => {
  const scene = new VisorScene();
  const { alice, link } = await linked(scene);
  react(alice, "Read", { io: { text: "" } });
  assert.deepEqual(await collect(link).ended, { code: "read-failed", message: "unknown error" });
  await scene.end();
});

Deno.test("a visor that hangs on Write: the link fails after 5 s and is closed, others live on", async () => {
  const scene = new VisorScene();
  const { alice, bob, link } = await linked(scene);
  const other = await alice.session.dial(bob.key, "dmsg");
  let writes = 0;
  alice.visor.script = ({ method }) => method === "Write" && writes++ === 0 ? "hang" : undefined;
  const writing = link.write(utf8("x"));
  writing.catch(() => {});
  await scene.clock.advance(WRITE_LIMIT_MS);
  await assert.rejects(writing, { code: "write-timeout", message: "write: i/o timeout" });
  assert.equal(alice.visor.argumentsOf("CloseConn").length, 1);
  await other.write(utf8("y"));
  assert.ok(alice.session.connected);
  await scene.end();
});

Deno.test("a visor that hangs on everything: calls time out, and shutting down is cut short", async () => {
  const scene = new VisorScene();
  const { alice, link } = await linked(scene);
  const serving = collect(link).ended;
  await settle();
  alice.visor.script = () => "hang";
  const status = alice.session.status("Running");
  const outcomes = alice.session.listen(["skynet"], 2, (one) => one.closed);
  await scene.clock.advance(VISOR_CALL_LIMIT_MS);
  await status;
  assert.equal((await outcomes)[0]?.error?.code, "timeout");
  assert.match(
    troubleLines(alice)[0] ?? "",
    /visor did not take our status: .*no answer within 10s/,
  );
  const shutdown = alice.session.shutdown();
  await settle();
  assert.ok(alice.session.connected);
  await scene.clock.advance(VISOR_GOODBYE_LIMIT_MS);
  await shutdown;
  assert.equal((await serving).code, "closed");
  assert.ok(!alice.session.connected);
  await scene.clock.advance(VISOR_CALL_LIMIT_MS);
  await scene.end();
});

Deno.test("a visor that hangs on Dial: given up after 95 s; one that succeeds later is closed", async () => {
  const scene = new VisorScene();
  const [alice, bob] = [await scene.app(), await scene.app()];
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  react(alice, "Dial", { after: gate });
  const dialling = failure(alice.session.dial(bob.key, "skynet"));
  await scene.clock.advance(MESH_DIAL_LIMIT_MS);
  assert.equal((await dialling).code, "timeout");
  assert.deepEqual(alice.visor.argumentsOf("CloseConn"), []);
  open();
  await settle();
  assert.equal(alice.visor.argumentsOf("CloseConn").length, 1);
  assert.equal(alice.session.links, 0);
  await scene.end();
});

Deno.test("a dial that its caller gives up fails at once, and is closed when it succeeds", async () => {
  const scene = new VisorScene();
  const [alice, bob] = [await scene.app(), await scene.app()];
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  react(alice, "Dial", { after: gate });
  const stop = new AbortController();
  const dialling = failure(alice.session.dial(bob.key, "skynet", stop.signal));
  await settle();
  stop.abort();
  assert.equal((await dialling).code, "aborted");
  open();
  await settle();
  assert.equal(alice.visor.argumentsOf("CloseConn").length, 1);
  assert.equal(scene.clock.pending, 0);
  await scene.end();
});

Deno.test("a Listen that succeeds after it was given up is closed", async () => {
  const scene = new VisorScene();
  const app = await scene.app({ networks: [] });
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  react(app, "Listen", { after: gate });
  const listening = app.session.listen(["skynet"], 1, (link) => link.closed);
  await scene.clock.advance(VISOR_CALL_LIMIT_MS);
  assert.equal((await listening)[0]?.error?.code, "timeout");
  open();
  await settle();
  assert.equal(app.visor.argumentsOf("CloseListener").length, 1);
  await scene.end();
});

Deno.test("a handler of links that fails costs a line and its link", async () => {
  const scene = new VisorScene();
  const bob = await scene.app({ onLink: () => Promise.reject(new Error("broken\nhandler")) });
  const alice = await scene.app();
  const link = await alice.session.dial(bob.key, "skynet");
  assert.equal((await collect(link).ended).code, "eof");
  assert.deepEqual(troubleLines(bob), [
    `ERROR skychat: visor skynet link to ${alice.key} failed: broken\\u000ahandler`,
  ]);
  assert.equal(bob.session.links, 0);
  await scene.end();
});

Deno.test("texts of a visor never carry the proc key into a log line", async () => {
  const scene = new VisorScene();
  const visor = scene.visor();
  visor.lacks.add("SetDetailedStatus");
  const app = await scene.app({ visor });
  await app.session.status("Running");
  assert.match(troubleLines(app)[0] ?? "", /can't find method <proc key>\.SetDetailedStatus/);
  assert.ok(!app.lines.some((line) => PROC_KEY.test(line)));
  await scene.end();
});

Deno.test("texts of a visor never carry the proc key, wherever it puts it", async () => {
  const scene = new VisorScene();
  const { alice, bob, link } = await linked(scene);
  const named = (key: string): GobType => ({
    kind: "struct",
    name: key,
    fields: [{ name: "Other", type: { kind: "string" } }],
  });
  alice.visor.script = ({ app, method }) => {
    const key = app.toUpperCase();
    if (method === "Read") return { io: { text: `read ${key}: broken` } };
    if (method === "Dial") return { result: { type: named(key), value: { Other: "x" } } };
    return method === "SetDetailedStatus" ? { error: `who is ${app}?` } : undefined;
  };
  assert.equal((await collect(link).ended).message, "read <proc key>: broken");
  const { message } = await failure(alice.session.dial(bob.key, "dmsg"));
  assert.match(message, /^Dial: gob: .*received struct "?<proc key>/);
  await alice.session.status("Running");
  assert.match(troubleLines(alice)[0] ?? "", /who is <proc key>\?/);
  await scene.end();
});

Deno.test("a visor that is gone already makes shutting down no longer", async () => {
  const scene = new VisorScene();
  const { alice } = await linked(scene);
  alice.visor.dropApps();
  await alice.session.lost;
  await alice.session.shutdown();
  assert.deepEqual(troubleLines(alice).length, 1);
  await scene.end();
});

Deno.test("a visor that goes while we say goodbye makes it no longer", async () => {
  const scene = new VisorScene();
  const { alice } = await linked(scene);
  react(alice, "CloseConn", "die");
  await alice.session.shutdown();
  assert.ok(!alice.session.connected);
  await scene.end();
});
