import assert from "node:assert/strict";
import { VERSION } from "#app";
import { SecretKey } from "#crypto";
import { systemClock } from "#kit";
import { MemoryNetwork, type Network } from "#net";
import { classicalHandshake, readToEnd } from "#support/classical_peer.ts";
import { ManualClock, settle } from "#support/manual_clock.ts";
import { TestNode, type TestNodeOptions } from "#support/test_node.ts";

const SK = "0a".repeat(32);
const PK = SecretKey.parse(SK).publicKey.hex;
const peer = SecretKey.parse("0b".repeat(32));
const BUILD = `INFO Build info: ${VERSION}`;
const STARTED = "INFO Successfully started skychat in --standalone mode " +
  "(no visor handshake; TCP-direct + HTTP control surface only).";
const NO_NETWORK = "WARN Warning: no network types enabled, skychat will not accept connections";

/** The log of a node that starts and is stopped again; its port is shown as `PORT`. */
async function logOf(options: TestNodeOptions): Promise<string[]> {
  const node = await TestNode.start(options);
  assert.equal(await node.stop(), 0);
  const port = new URL(node.url).port;
  return node.log.lines.map((line) => line.replace(`127.0.0.1:${port}`, "127.0.0.1:PORT"));
}

/** Runs an action with a key file of this content. */
async function withFile<T>(text: string, action: (path: string) => Promise<T>): Promise<T> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, text);
    return await action(path);
  } finally {
    await Deno.remove(path);
  }
}

/** A network that must not be used. */
const untouched: Network = {
  connect: () => assert.fail("the node dialled"),
  listen: () => assert.fail("the node listened"),
};

Deno.test("a node that listens logs the lines of cli.md 2.2 in order, Serving HTTP last", async () => {
  assert.deepEqual(await logOf({ config: { sk: SK, tcpListen: ":8801" } }), [
    BUILD,
    STARTED,
    `INFO skychat: tcp-direct identity pk=${PK} (source: flag)`,
    "INFO skychat: tcp-direct listening on [::]:8801",
    "INFO Serving HTTP on 127.0.0.1:PORT",
  ]);
});

Deno.test("a node without links warns that nobody can reach it, and needs no identity", async () => {
  assert.deepEqual(await logOf({}), [
    BUILD,
    STARTED,
    NO_NETWORK,
    "INFO Serving HTTP on 127.0.0.1:PORT",
  ]);
});

Deno.test("a bad key is a warning while no network needs one", async () => {
  assert.deepEqual(await logOf({ config: { sk: "zz" } }), [
    BUILD,
    "WARN --sk: Invalid secret key; no network needs the key, so a random one is used",
    STARTED,
    NO_NETWORK,
    "INFO Serving HTTP on 127.0.0.1:PORT",
  ]);
});

Deno.test("the identity is named with its source, and a random one with a warning", async () => {
  const tcpListen = ":8801";
  const identity = (lines: string[]) =>
    lines.filter((line) => line.includes("identity")).join("\n");
  const env = { DMSGCURL_SK: SK };
  const given = `INFO skychat: tcp-direct identity pk=${PK} (source: `;
  assert.equal(identity(await logOf({ config: { tcpListen }, env })), `${given}env)`);
  await withFile(JSON.stringify({ sk: SK }), async (configPath) => {
    const lines = await logOf({ config: { tcpListen, configPath } });
    assert.equal(identity(lines), `${given}config)`);
  });
  assert.match(
    identity(await logOf({ config: { tcpListen } })),
    /^WARN skychat: no identity given: .* at every start .*\nINFO .* pk=\w{66} \(source: ephemeral\)$/,
  );
});

const whitelisted = { sk: SK, tcpListen: ":8801" };
const noFile = "tcp-direct: -c /no: read /no: no such file or directory";

/** Rows of cli.md 2.3, exit code 1: what is wrong, and the whole log after the build line. */
const refusals: readonly [name: string, options: TestNodeOptions, lines: readonly string[]][] = [
  ["--addr is no address", { config: { addr: "8002" } }, [
    'ERROR invalid --addr "8002": use :PORT (this machine only), ' +
    "*:PORT (every interface) or HOST:PORT",
  ]],
  ["--addr is open to others, whatever else is wrong", {
    config: { addr: "0.0.0.0:0", sk: "zz", tcpListen: ":8801" },
  }, [
    "ERROR refusing to serve 0.0.0.0:0 without a password, because other machines could reach " +
    "it: use --password-file FILE, or --no-password if you guard the port yourself " +
    "(container, reverse proxy)",
  ]],
  ["--sk is bad and the node listens", { config: { sk: "zz", tcpListen: ":8801" } }, [
    "ERROR tcp-direct: --sk: Invalid secret key",
  ]],
  ["--sk is bad and the node dials", { config: { sk: "00", tcpPeers: ["tcp://x"] } }, [
    "ERROR tcp-direct: --sk: Invalid secret key length",
  ]],
  ["the -c file is missing", { config: { configPath: "/no", tcpListen: ":8801" } }, [
    `ERROR ${noFile}`,
  ]],
  [
    "DMSGCURL_SK is bad and the -c file is missing",
    { config: { configPath: "/no", tcpListen: ":8801" }, env: { DMSGCURL_SK: "x" } },
    ["WARN skychat: ignoring DMSGCURL_SK: Invalid secret key", `ERROR ${noFile}`],
  ],
  ["no key of the whitelist is valid", { config: { ...whitelisted, tcpWhitelist: "x,02" } }, [
    'WARN skychat: tcp-whitelist skipping invalid pk "x": Invalid public key',
    'WARN skychat: tcp-whitelist skipping invalid pk "02": Invalid public key length',
    "ERROR tcp-direct: --tcp-whitelist holds no valid key: refusing to listen, " +
    "since an empty list would let everybody in",
  ]],
  ["--tcp-listen is no address", { config: { sk: SK, tcpListen: "8801" } }, [
    "ERROR tcp-listen 8801: address 8801: missing port in address",
  ]],
];

for (const [name, options, lines] of refusals) {
  Deno.test(`a node does not start and exits 1 when ${name}`, async () => {
    const ended = await TestNode.fail({ ...options, network: untouched });
    assert.deepEqual(ended, { code: 1, lines: [BUILD, ...lines] });
  });
}

/** The log line about a control port that somebody else has. */
function taken(addr: string): string {
  return `ERROR HTTP server error on ${addr}: listen tcp ${addr}: bind: address already in use — ` +
    "is another skychat running? stop it, or choose another --addr";
}

/** Takes a loopback port while the action runs. */
async function withTakenPort(action: (port: number) => Promise<void>): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await action(listener.addr.port);
}

Deno.test("a node whose control port is taken exits 1, having dialled and accepted nothing", async () => {
  await withTakenPort(async (port) => {
    const clock = new ManualClock();
    const addr = `127.0.0.1:${port}`;
    const tcpPeers = [`tcp://${peer.publicKey}@127.0.0.1:8802`];
    const config = { ...whitelisted, addr, tcpPeers };
    const { code, lines } = await TestNode.fail({ config, clock, network: untouched });
    assert.equal(code, 1);
    assert.equal(lines.length, 2);
    assert.equal(lines[1], taken(addr));
    assert.equal(clock.pending, 0);
  });
});

Deno.test("--no-password lets the control surface be open to others, with a warning", async () => {
  const lines = await logOf({ config: { noPassword: true } });
  assert.deepEqual(lines.slice(-2), [
    "WARN the control surface has no password (--no-password): guard its port yourself",
    "INFO Serving HTTP on 127.0.0.1:PORT",
  ]);
  // A port that is taken on loopback is taken on every interface: nothing is opened to the world.
  await withTakenPort(async (port) => {
    const ended = await TestNode.fail({ config: { noPassword: true, addr: `*:${port}` } });
    assert.equal(ended.lines.at(-1), taken(`0.0.0.0:${port}`));
  });
});

Deno.test("a link port that is taken is logged, and the node goes on", async () => {
  const network = new MemoryNetwork();
  const listener = network.listen("", 8801);
  const lines = await logOf({ config: whitelisted, network });
  assert.deepEqual(lines.slice(3), [
    "ERROR skychat: tcp-direct listener exited: tcp-listen :8801: bind: address already in use",
    "INFO Serving HTTP on 127.0.0.1:PORT",
  ]);
  listener.close();
});

Deno.test("a bad --tcp-peer is skipped, and the others are dialled", async () => {
  const network = new MemoryNetwork();
  const listener = await TestNode.start({ config: whitelisted, network });
  const spec = `tcp://${PK}@127.0.0.1:8801`;
  const tcpPeers = ["tcp://02@h:1", spec];
  const node = await TestNode.start({ config: { sk: "0c".repeat(32), tcpPeers }, network });
  assert.equal(
    node.log.lines[1],
    'WARN skychat: tcp-peer skipping bad spec "tcp://02@h:1": ' +
      'tcp-peer: invalid pk "02": Invalid public key length',
  );
  await node.log.until(`INFO skychat: tcp-peer connected to ${PK}@127.0.0.1:8801`);
  assert.equal(await node.stop(), 0);
  assert.equal(await listener.stop(), 0);
});

Deno.test("a node stops within 2 s although an event stream and a link are open", async () => {
  const network = new MemoryNetwork();
  const listener = await TestNode.start({ config: whitelisted, network });
  const tcpPeers = [`tcp://${PK}@127.0.0.1:8801`];
  const node = await TestNode.start({ config: { sk: "0c".repeat(32), tcpPeers }, network });
  await node.log.until("connected to");
  const stream = await fetch(`${listener.url}/sse`);
  const before = systemClock.now();
  assert.equal(await listener.stop(), 0);
  assert.ok(systemClock.now() - before < 2_000);
  assert.equal(await stream.text(), ": connected\n\n");
  await node.log.until("disconnected from");
  assert.equal(await node.stop(), 0);
});

Deno.test("a node that cannot stop is left to the process's end after 2 s", async () => {
  const clock = new ManualClock();
  const network: Network = {
    connect: untouched.connect,
    listen: () => ({ address: "x", accept: () => new Promise(() => {}), close() {} }),
  };
  const node = await TestNode.start({ config: whitelisted, network, clock });
  let code: number | undefined;
  node.stop().then((value) => code = value);
  // The control surface's sockets close in real time.
  for (let turn = 0; turn < 5; turn++) await settle();
  await clock.advance(1_999);
  assert.equal(code, undefined);
  await clock.advance(1);
  assert.equal(code, 0);
});

const REQUIRED = "post-quantum required (SKYWIRE_REQUIRE_PQ) but the session negotiated " +
  "classical-only — refusing the handshake";
const modes: readonly [requirePostQuantum: boolean, accepted: string, dialled: string][] = [
  [
    true,
    `skychat: tcp-direct handshake failed from 127.0.0.1:40000: tcpnoise: handshake: ${REQUIRED}`,
    `tcpnoise: handshake (server pinned to ${peer.publicKey}): ${REQUIRED}`,
  ],
  [
    false,
    `skychat: tcp-direct conn accepted from ${peer.publicKey}`,
    `skychat: tcp-peer connected to ${peer.publicKey}@127.0.0.1:8802`,
  ],
];

for (const [requirePostQuantum, accepted, dialled] of modes) {
  const verdict = requirePostQuantum
    ? "refuses classical peers when"
    : "takes classical peers unless";

  Deno.test(`a node that listens ${verdict} ML-KEM is required`, async () => {
    const network = new MemoryNetwork();
    const config = { ...whitelisted, requirePostQuantum };
    const node = await TestNode.start({ config, network });
    const stream = await network.connect("127.0.0.1", 8801, new AbortController().signal);
    await classicalHandshake(stream, { local: peer, remote: SecretKey.parse(SK).publicKey });
    // The initiator is done before the node has judged it.
    await node.log.until(" from ");
    assert.ok(node.log.lines.some((line) => line.endsWith(accepted)), node.log.lines.join("\n"));
    assert.equal(await node.stop(), 0);
    stream.close();
  });

  Deno.test(`a node that dials ${verdict} ML-KEM is required`, async () => {
    const network = new MemoryNetwork();
    const listener = network.listen("", 8802);
    const tcpPeers = [`tcp://${peer.publicKey}@127.0.0.1:8802`];
    const node = await TestNode.start({
      config: { sk: SK, tcpPeers, requirePostQuantum },
      network,
    });
    const stream = await listener.accept();
    await classicalHandshake(stream, { local: peer });
    const line = await node.log.until("@127.0.0.1:8802");
    assert.ok(line.includes(dialled), line);
    assert.equal(await node.stop(), 0);
    await readToEnd(stream);
    listener.close();
  });
}
