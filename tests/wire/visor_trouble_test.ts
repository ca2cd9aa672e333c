import assert from "node:assert/strict";
import { utf8, utf8Text } from "#kit";
import { WRITE_LIMIT_MS } from "#net";
import { type GobGiven, type GobType, VisorError } from "#visor";
import { MESH_DIAL_LIMIT_MS } from "../../lib/visor/mesh_dial.ts";
import { VISOR_CALL_LIMIT_MS } from "../../lib/visor/visor_calls.ts";
import {
  ACCEPT_RESP,
  DIAL_RESP,
  READ_RESP,
  STRING,
  WRITE_RESP,
} from "../../lib/visor/visor_types.ts";
import { settle } from "#support/manual_clock.ts";
import type { MiniReaction } from "#support/mini_visor_replies.ts";
import { type AttachedApp, collect, VisorScene } from "#support/mini_visor_scene.ts";

const PROC_KEY = /[0-9a-f]{32}(?![0-9a-f])/;

/** A rejection as a value, so that it is handled from the start. */
function failure(promise: Promise<unknown>): Promise<VisorError> {
  return promise.then(
    () => assert.fail("it should have failed"),
    (error) => error instanceof VisorError ? error : assert.fail(String(error)),
  );
}

/** Tells a visor what to do with every call of a method. */
function react(app: AttachedApp, method: string, reaction: MiniReaction): void {
  app.visor.script = (call) => call.method === method ? reaction : undefined;
}

/** Two apps with a link between them; the second reads. */
async function linked(scene: VisorScene) {
  const [alice, bob] = [await scene.app(), await scene.app()];
  const link = await alice.session.dial(bob.key, "skynet");
  await settle();
  const accepted = bob.accepted[0] ?? assert.fail("nobody came");
  return { alice, bob, link, accepted };
}

/** The lines about the loss. */
function lossLines({ lines }: AttachedApp): string[] {
  return lines.filter((line) => line.startsWith("ERROR") || line.startsWith("WARN"));
}

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
    assert.equal(lossLines(app).length, 1);
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
  assert.deepEqual(lossLines(app), [
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
  assert.equal(lossLines(app).length, 1);
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
  assert.match(lossLines(alice)[0] ?? "", /visor did not take our status: .*no answer within 10s/);
  const late = new AbortController();
  const shutdown = alice.session.shutdown(late.signal);
  await settle();
  assert.ok(alice.session.connected);
  late.abort();
  await shutdown;
  assert.equal((await serving).code, "visor-lost");
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

const GARBAGE = {
  "text": utf8("HTTP/1.1 400 Bad Request\r\n".repeat(8)),
  "a message of a GiB": Uint8Array.of(0xfc, 0x40, 0, 0, 0),
  "a value of a type that was never described": Uint8Array.of(3, 0xff, 0x90, 0),
  "zeros": new Uint8Array(64),
};
for (const [name, raw] of Object.entries(GARBAGE)) {
  Deno.test(`a visor that answers garbage is left: ${name}`, async () => {
    const scene = new VisorScene();
    const { alice, link } = await linked(scene);
    const { ended } = collect(link);
    react(alice, "SetDetailedStatus", { raw });
    await alice.session.status("Running");
    assert.equal((await alice.session.lost).code, "garbage");
    assert.equal((await ended).code, "visor-lost");
    assert.equal(alice.visor.attached, 0);
    assert.equal(lossLines(alice).length, 1);
    await scene.end();
  });
}

/** Answers that are sound gob and cannot be what was asked for. */
const NONSENSE: readonly (readonly [string, string, GobType, GobGiven])[] = [
  ["a Read that gives more than was asked for", "Read", READ_RESP, {
    B: new Uint8Array(70_000),
    N: 70_000,
  }],
  ["a Read whose count is another", "Read", READ_RESP, { B: new Uint8Array(3), N: 2 }],
  ["a Read whose count is negative", "Read", READ_RESP, { N: -1 }],
  ["a Read that answers a text", "Read", STRING, "x"],
  ["a Write that took more than there was", "Write", WRITE_RESP, { N: 2 }],
  ["a Write that took less than nothing", "Write", WRITE_RESP, { N: -1 }],
  ["a Write that took nothing", "Write", WRITE_RESP, {}],
];
for (const [name, method, type, value] of NONSENSE) {
  Deno.test(`nonsense ends the link and nothing else: ${name}`, async () => {
    const scene = new VisorScene();
    const { alice, link } = await linked(scene);
    react(alice, method, { result: { type, value } });
    const { ended } = collect(link);
    if (method === "Write") await assert.rejects(link.write(utf8("x")), { code: "write-failed" });
    const code = method === "Read" ? "read-failed" : "write-failed";
    assert.equal((await ended).code, code);
    assert.ok(alice.session.connected);
    await settle();
    assert.equal(alice.visor.argumentsOf("CloseConn").length, 1);
    await scene.end();
  });
}

Deno.test("a dialled connection with the number of an open one is nonsense", async () => {
  const scene = new VisorScene();
  const { alice, bob, link } = await linked(scene);
  const open = await usedId(alice, link);
  react(alice, "Dial", { result: { type: DIAL_RESP, value: { ConnID: open, LocalPort: 1 } } });
  assert.equal((await failure(alice.session.dial(bob.key, "dmsg"))).code, "bad-answer");
  assert.equal(alice.session.links, 1);
  await scene.end();
});

/** The visor's number of a link, which it shows by writing. */
async function usedId(app: AttachedApp, link: { write(bytes: Uint8Array): Promise<void> }) {
  await link.write(utf8("x"));
  return Number(Object(app.visor.argumentsOf("Write").at(-1)).ConnID);
}

for (const [name, PubKey] of [["no key", undefined], ["a key that is no point", 0x55]] as const) {
  Deno.test(`an accepted connection with ${name} is closed, and the listener ends`, async () => {
    const scene = new VisorScene();
    const visor = scene.visor();
    const Remote = {
      Net: "dmsg",
      PubKey: PubKey === undefined ? undefined : new Uint8Array(33).fill(PubKey),
      Port: 50_000,
    };
    visor.script = ({ method }) =>
      method === "Accept"
        ? { result: { type: ACCEPT_RESP, value: { Remote, ConnID: 77 } } }
        : undefined;
    const app = await scene.app({ visor, networks: ["dmsg"] });
    await settle();
    assert.deepEqual(visor.argumentsOf("CloseConn"), [77]);
    assert.deepEqual([app.session.networks, app.accepted, app.session.connected], [[], [], true]);
    assert.equal(lossLines(app).length, 1);
    await scene.end();
  });
}

Deno.test("an Accept that fails ends its listener with a line, the other goes on", async () => {
  const scene = new VisorScene();
  const visor = scene.visor();
  let accepts = 0;
  visor.script = ({ method }) =>
    method === "Accept" && accepts++ === 0 ? { error: "no\nway" } : undefined;
  const app = await scene.app({ visor });
  await settle();
  assert.deepEqual(app.session.networks, ["dmsg"]);
  assert.deepEqual(lossLines(app), [
    "WARN skychat: visor skynet accepts no more connections: no\\u000away",
  ]);
  await scene.end();
});

Deno.test("a handler of links that fails costs a line and its link", async () => {
  const scene = new VisorScene();
  const bob = await scene.app({ onLink: () => Promise.reject(new Error("broken\nhandler")) });
  const alice = await scene.app();
  const link = await alice.session.dial(bob.key, "skynet");
  assert.equal((await collect(link).ended).code, "eof");
  assert.deepEqual(lossLines(bob), [
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
  assert.match(lossLines(app)[0] ?? "", /can't find method <proc key>\.SetDetailedStatus/);
  assert.ok(!app.lines.some((line) => PROC_KEY.test(line)));
  await scene.end();
});

Deno.test("a visor that is gone already makes shutting down no longer", async () => {
  const scene = new VisorScene();
  const { alice } = await linked(scene);
  alice.visor.dropApps();
  await alice.session.lost;
  await alice.session.shutdown();
  assert.deepEqual(lossLines(alice).length, 1);
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
