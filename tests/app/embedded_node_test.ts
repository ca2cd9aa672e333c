/** Whole nodes under a mini visor in memory: their start, their health and their end (visor.md 7.2, 7.3). */
import assert from "node:assert/strict";
import type { AppConfig } from "#app";
import { SecretKey } from "#crypto";
import { MemoryNetwork, type Network } from "#net";
import { MAX_VISOR_CALLS, RESERVED_VISOR_CALLS } from "../../lib/visor/call_room.ts";
import { ACCEPT_RESP } from "../../lib/visor/visor_types.ts";
import { ManualClock, settle } from "#support/manual_clock.ts";
import { MiniVisor } from "#support/mini_visor.ts";
import type { MiniCall, MiniReaction } from "#support/mini_visor_replies.ts";
import { TestNode } from "#support/test_node.ts";

type VisorFlags = Partial<Omit<NonNullable<AppConfig["visor"]>, "procConfig">>;

/** What a test decides. */
interface EmbeddedOptions {
  readonly flags?: VisorFlags;
  readonly config?: Partial<AppConfig>;
  /** What the visor does from the beginning. */
  readonly script?: (call: MiniCall) => MiniReaction | undefined;
  readonly network?: (memory: MemoryNetwork) => Network;
}

/** A node under a visor, and time that stands still. */
interface Embedded {
  readonly visor: MiniVisor;
  readonly clock: ManualClock;
  readonly node: TestNode & { url: string };
  /** Status and body of `/healthz`. */
  health(): Promise<[number, string]>;
  /** What `/status` says of the visor. */
  view(): Promise<Record<string, unknown>>;
}

async function withNode(
  options: EmbeddedOptions,
  play: (scene: Embedded) => Promise<void>,
): Promise<void> {
  const [clock, memory] = [new ManualClock(), new MemoryNetwork()];
  const visor = MiniVisor.start({ network: memory, clock });
  visor.script = options.script;
  const freePaths = { history: true, groups: true };
  const flags = { networks: ["skynet", "dmsg"] as const, port: 0, portless: false, freePaths };
  const node = await TestNode.start({
    config: {
      ...options.config,
      visor: { procConfig: visor.procConfig(), ...flags, ...options.flags },
    },
    network: options.network?.(memory) ?? memory,
    clock,
  });
  const health = async (): Promise<[number, string]> => {
    const reply = await fetch(`${node.url}/healthz`);
    return [reply.status, await reply.text()];
  };
  const view = async () => {
    const status = await (await fetch(`${node.url}/status`)).json();
    const { visor_connected: connected, visor_error: error, visor_networks: networks } = status;
    return { connected, error, networks };
  };
  try {
    await play({ visor, clock, node, health, view });
  } finally {
    const ended = node.stop();
    // Whatever hangs is given up after three seconds.
    for (let turn = 0; turn < 5; turn++) await clock.advance(1_000);
    await ended;
    await visor.stop();
  }
}

/** Arguments of a method, once the visor was called with it. */
async function called(visor: MiniVisor, method: string): Promise<unknown[]> {
  for (let turn = 0; turn < 100 && visor.argumentsOf(method).length === 0; turn++) await settle();
  return visor.argumentsOf(method);
}

/** Has the node begin to connect to somebody. */
async function connect({ node }: Embedded): Promise<void> {
  const body = JSON.stringify({ pk: SecretKey.parse("0c".repeat(32)).publicKey.hex });
  const reply = await fetch(`${node.url}/link`, { method: "POST", body });
  assert.equal(reply.status, 200, await reply.text());
}

Deno.test("a node serves without waiting for a visor that hangs, and does not say that it runs", async () => {
  const options = { flags: { port: 7 }, script: () => "hang" as const };
  await withNode(options, async ({ clock, health, node, view, visor }) => {
    await called(visor, "Listen");
    const methods = visor.calls.map(({ method }) => method);
    assert.deepEqual(methods, ["SetAppPort", "Listen", "Listen"]);
    assert.deepEqual(await health(), [200, "ok\n"]);
    assert.deepEqual(await view(), { connected: true, error: undefined, networks: [] });
    let code: number | undefined;
    void node.stop().then((value) => code = value);
    // Steps, because sockets of the control surface close in real time.
    const begun = clock.now();
    while (code === undefined && clock.now() - begun < 2_990) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      await clock.advance(10);
    }
    assert.equal(code, 0, "it is gone within the 3 s, though nothing was answered");
    assert.deepEqual(visor.argumentsOf("SetDetailedStatus"), ["Stopped"]);
  });
});

Deno.test("a node under a visor that cannot stop is left to the process's end after 3 s", async () => {
  const network = (memory: MemoryNetwork): Network => ({
    connect: (host, port, signal) => memory.connect(host, port, signal),
    listen: () => ({ address: "x", accept: () => new Promise(() => {}), close() {} }),
  });
  const config = { sk: "0a".repeat(32), tcpListen: ":8801" };
  await withNode({ config, network }, async ({ clock, node }) => {
    let code: number | undefined;
    void node.stop().then((value) => code = value);
    for (let turn = 0; turn < 5; turn++) await settle();
    await clock.advance(2_999);
    assert.equal(code, undefined);
    await clock.advance(1);
    assert.equal(code, 0);
  });
});

Deno.test("a visor that leaves every connection open which it is to close is a reason not to count on the node", async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const peer = SecretKey.parse("0c".repeat(32)).publicKey;
  const Remote = { Net: "dmsg", PubKey: peer.bytes, Port: 50_000 };
  let accepts = 0;
  const script = ({ method }: MiniCall): MiniReaction | undefined => {
    if (method === "CloseConn") return { after: gate };
    if (method !== "Accept" || accepts >= MAX_VISOR_CALLS) return undefined;
    return { result: { type: ACCEPT_RESP, value: { Remote, ConnID: 1_000 + accepts++ } } };
  };
  await withNode({ script }, async ({ health, view, visor }) => {
    const enough = MAX_VISOR_CALLS - RESERVED_VISOR_CALLS;
    const unclosed = () => visor.argumentsOf("CloseConn").length;
    for (let turn = 0; turn < 10_000 && unclosed() < enough; turn++) await settle();
    const reason = "it leaves thousands of calls unanswered";
    assert.deepEqual(await health(), [503, `visor: ${reason}\n`]);
    assert.equal((await view()).error, reason);
    open();
    for (let turn = 0; turn < 1_000 && (await view()).error !== undefined; turn++) await settle();
    assert.deepEqual(await health(), [200, "ok\n"]);
  });
});

Deno.test("the visor is told its port only where --port gives one", async () => {
  await withNode({}, async ({ visor }) => {
    assert.deepEqual(await called(visor, "SetDetailedStatus"), ["Running"]);
    assert.deepEqual(visor.argumentsOf("SetAppPort"), []);
  });
  await withNode({ flags: { port: 44 } }, async ({ visor }) => {
    assert.deepEqual(await called(visor, "SetDetailedStatus"), ["Running"]);
    assert.deepEqual(visor.argumentsOf("SetAppPort"), [44]);
  });
});

Deno.test("one network that is taken is named by a node that is healthy, two are a reason not to count on it", async () => {
  const dmsgEnds = Promise.withResolvers<void>();
  let ids = 0;
  const script = ({ argument, method }: MiniCall): MiniReaction | undefined => {
    if (method === "Listen" && Reflect.get(Object(argument), "Net") === "skynet") {
      return { error: "port already bound\u202e" };
    }
    if (method === "Accept" && ids++ === 0) {
      return { after: dmsgEnds.promise.then(() => Promise.reject(new Error("dmsg is away"))) };
    }
    return undefined;
  };
  await withNode({ script }, async ({ health, node, view, visor }) => {
    assert.deepEqual(await called(visor, "SetDetailedStatus"), ["Running"]);
    const refused = "skynet: port already bound";
    assert.deepEqual(await health(), [200, `ok\nvisor: ${refused}\\u202e\n`]);
    assert.deepEqual(await view(), {
      connected: true,
      error: `${refused}\u202e`,
      networks: ["dmsg"],
    });
    dmsgEnds.resolve();
    await node.log.until("dmsg accepts no more connections");
    const [status, text] = await health();
    assert.deepEqual([status, text], [
      503,
      `visor: ${refused}\\u202e; dmsg: dmsg is away\n`,
    ]);
    assert.deepEqual((await view()).networks, []);
    visor.dropApps();
    assert.equal(await node.code, 1);
  });
});

Deno.test("a visor that is gone is the newest reason, whatever was wrong before", async () => {
  const script = ({ method }: MiniCall): MiniReaction | undefined =>
    method === "Listen" ? { error: "port already bound" } : undefined;
  const config = { sk: "0a".repeat(32), tcpListen: ":8801" };
  await withNode({ config, script }, async ({ health, node, view, visor }) => {
    await node.log.until("nothing listens on the mesh: peers are dialled, and cannot dial");
    assert.equal((await health())[0], 503);
    assert.match(String((await view()).error), /^skynet: .*already bound; dmsg: .*already bound$/);
    visor.dropApps();
    await node.log.until("visor lost: ");
    const { connected, error } = await view();
    assert.deepEqual([connected, String(error).includes("bound")], [false, false]);
    assert.deepEqual(await health(), [503, `visor: ${error}\n`]);
    const tcp = node.log.lines.some((line) => line.includes("tcp-direct listening"));
    assert.ok(tcp, "the rest goes on");
  });
});

Deno.test("a node that listens nowhere on purpose is healthy, and dials", async () => {
  await withNode({ flags: { portless: true } }, async (scene) => {
    const { health, view, visor } = scene;
    assert.deepEqual(await called(visor, "SetDetailedStatus"), ["Running"]);
    assert.deepEqual(await health(), [200, "ok\n"]);
    assert.deepEqual(await view(), { connected: true, error: undefined, networks: [] });
    await connect(scene);
    assert.equal((await called(visor, "Dial")).length > 0, true);
  });
});

Deno.test("a network is dialled whether or not its port could be had", async () => {
  const script = ({ method }: MiniCall): MiniReaction | undefined =>
    method === "Listen" ? { error: "port already bound" } : undefined;
  await withNode({ flags: { networks: ["dmsg"] }, script }, async (scene) => {
    const { visor } = scene;
    assert.deepEqual(await called(visor, "SetDetailedStatus"), ["Running"]);
    await connect(scene);
    assert.equal(Reflect.get(Object((await called(visor, "Dial"))[0]), "Net"), "dmsg");
  });
});
