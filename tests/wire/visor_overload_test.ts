import assert from "node:assert/strict";
import type { ByteStream, Network } from "#net";
import { attachVisor, type MeshLink, parseProcConfig } from "#visor";
import { MAX_VISOR_CALLS, MAX_VISOR_DIALS } from "../../lib/visor/call_room.ts";
import { MAX_VISOR_BACKLOG_BYTES } from "../../lib/visor/outgoing_bytes.ts";
import { VISOR_CALL_LIMIT_MS } from "../../lib/visor/visor_calls.ts";
import { ACCEPT_RESP } from "../../lib/visor/visor_types.ts";
import { settle } from "#support/manual_clock.ts";
import type { MiniReaction } from "#support/mini_visor_replies.ts";
import { failure, recordingLog, troubleLines, VisorScene } from "#support/mini_visor_scene.ts";

const WRITE_BYTES = 62_000;

/** A network to a visor that can be frozen: what is written to it then waits. */
class FreezableNetwork implements Network {
  readonly #inner: Network;
  #thawed: Promise<void> = Promise.resolve();
  #thaw = () => {};

  constructor(inner: Network) {
    this.#inner = inner;
  }

  /** The visor takes nothing from now on. */
  freeze(): void {
    ({ promise: this.#thawed, resolve: this.#thaw } = Promise.withResolvers<void>());
  }

  /** It takes everything again. */
  thaw(): void {
    this.#thaw();
  }

  async connect(host: string, port: number, signal: AbortSignal): Promise<ByteStream> {
    const stream = await this.#inner.connect(host, port, signal);
    return {
      localAddress: stream.localAddress,
      remoteAddress: stream.remoteAddress,
      released: stream.released,
      read: (into) => stream.read(into),
      close: () => stream.close(),
      write: async (bytes) => {
        await this.#thawed;
        await stream.write(bytes);
      },
    };
  }

  listen(host: string, port: number): ReturnType<Network["listen"]> {
    return this.#inner.listen(host, port);
  }
}

Deno.test("a visor that takes nothing for 4 s, with more to be written than may wait, costs nothing", async () => {
  const scene = new VisorScene();
  const visor = scene.visor();
  const network = new FreezableNetwork(scene.network);
  const log = recordingLog();
  const { clock } = scene;
  const session = await attachVisor(parseProcConfig(visor.procConfig()), { network, clock, log });
  const accepted: MeshLink[] = [];
  await session.listen(["skynet", "dmsg"], 1, (link) => {
    accepted.push(link);
    return link.closed;
  });
  let received = 0;
  const bob = await scene.app({
    onLink: (link) => link.serve((bytes) => void (received += bytes.length)),
  });
  const count = Math.ceil(1.2 * MAX_VISOR_BACKLOG_BYTES / WRITE_BYTES);
  const links: MeshLink[] = [];
  for (let index = 0; index < count; index++) {
    links.push(await session.dial(bob.key, "skynet"));
  }
  network.freeze();
  const writes = links.map((link) => link.write(new Uint8Array(WRITE_BYTES)));
  await settle();
  // Nothing that is refused, or closed, or comes in meanwhile may be lost.
  const refused = await failure(session.dial(bob.key, "skynet"));
  assert.deepEqual([refused.code, refused.message], [
    "too-many-calls",
    "Dial: too many calls wait for the visor",
  ]);
  links.pop()?.close("not wanted any more");
  writes.pop()?.catch(() => {});
  for (const net of ["skynet", "dmsg"] as const) await bob.session.dial(visor.visorKey, net);
  await clock.advance(4_000);
  network.thaw();
  await Promise.all(writes);
  await settle();
  assert.equal(received, writes.length * WRITE_BYTES);
  assert.deepEqual(session.networks, ["skynet", "dmsg"]);
  assert.deepEqual([session.links, accepted.length], [links.length + 2, 2]);
  assert.equal(visor.argumentsOf("CloseConn").length, 1);
  assert.deepEqual(log.lines.filter((line) => /WARN|ERROR/.test(line)), []);
  await session.shutdown();
  await scene.end();
});

Deno.test("a visor that answers no CloseConn: accepting pauses, every connection is closed once", async () => {
  const scene = new VisorScene();
  const visor = scene.visor();
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const peer = (await scene.app({ networks: [] })).key;
  const Remote = { Net: "dmsg", PubKey: peer.bytes, Port: 50_000 };
  let flooding = true;
  let accepts = 0;
  visor.script = ({ method }): MiniReaction | undefined => {
    if (method === "CloseConn") return { after: gate };
    if (!flooding || method !== "Accept") return undefined;
    return { result: { type: ACCEPT_RESP, value: { Remote, ConnID: 1_000 + accepts++ } } };
  };
  const app = await scene.app({ visor, networks: ["dmsg"], onLink: () => Promise.resolve() });
  await settle();
  // More than one round of the event loop may be needed for so many.
  for (let before = -1; before !== accepts;) {
    before = accepts;
    await settle();
  }
  assert.ok(accepts <= MAX_VISOR_CALLS + 1, `${accepts} were accepted`);
  assert.ok(accepts > MAX_VISOR_CALLS - 10, `${accepts} were accepted`);
  await scene.clock.advance(VISOR_CALL_LIMIT_MS);
  assert.deepEqual(app.session.networks, ["dmsg"]);
  flooding = false;
  open();
  for (let before = -1; before !== visor.calls.length;) {
    before = visor.calls.length;
    await settle();
  }
  const closed = visor.argumentsOf("CloseConn");
  assert.deepEqual([closed.length, new Set(closed).size], [accepts, accepts]);
  const bob = await scene.app({ networks: [] });
  await bob.session.dial(app.key, "dmsg");
  await settle();
  assert.ok(app.accepted.at(-1)?.peer.equals(bob.key));
  assert.deepEqual(troubleLines(app), []);
  await scene.clock.advance(VISOR_CALL_LIMIT_MS);
  await scene.end();
});

Deno.test("dials that are never answered keep nobody from writing and accepting", async () => {
  const scene = new VisorScene();
  const [alice, bob] = [await scene.app(), await scene.app()];
  const link = await alice.session.dial(bob.key, "skynet");
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  alice.visor.script = ({ method }) => method === "Dial" ? { after: gate } : undefined;
  const stop = new AbortController();
  const dials = Array.from(
    { length: MAX_VISOR_DIALS },
    () => failure(alice.session.dial(bob.key, "skynet", stop.signal)),
  );
  await settle();
  stop.abort();
  for (const { code } of await Promise.all(dials)) assert.equal(code, "aborted");
  // Nobody waits for them, the visor is busy with them all the same.
  assert.equal((await failure(alice.session.dial(bob.key, "dmsg"))).code, "too-many-calls");
  assert.equal(alice.visor.argumentsOf("Dial").length, 1 + MAX_VISOR_DIALS);
  await link.write(Uint8Array.of(1));
  await bob.session.dial(alice.key, "dmsg");
  await settle();
  assert.equal(alice.accepted.length, 1);
  open();
  await settle();
  assert.equal(alice.visor.argumentsOf("CloseConn").length, MAX_VISOR_DIALS);
  await alice.session.dial(bob.key, "dmsg");
  await scene.end();
});
