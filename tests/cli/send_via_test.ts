import assert from "node:assert/strict";
import { classify, encodeAck, encodeMessage, encodeRead } from "#chat";
import { SecretKey } from "#crypto";
import { silentLog, systemRandom, toHex, utf8 } from "#kit";
import { Acceptor, type Link, MemoryNetwork, parseWhitelist } from "#net";
import { encodeFrame, FrameDecoder } from "#session";
import { ManualClock } from "#support/manual_clock.ts";
import { type CliResult, type CliSetting, runTest } from "#support/cli_run.ts";

const us = SecretKey.parse("0a".repeat(32));
const peer = SecretKey.parse("0b".repeat(32));
const PK = peer.publicKey.hex;
const SK = toHex(us.reveal());
const VIA = ["send", "--via", `tcp://${PK}@127.0.0.1:8801`, "-m", "ping"];
const KEYED = [...VIA, "--sk", SK];

/** What the peer does with a message: its id is what an ack must name. */
type PeerAction = (link: Link, id: string) => unknown;

interface ViaResult extends CliResult {
  /** Payloads that the peer received. */
  readonly received: readonly string[];
}

/** Runs `send --via` against a peer with this behaviour. */
async function sendVia(
  action: PeerAction,
  { args = KEYED, whitelist = "", ...setting }: CliSetting & {
    readonly args?: readonly string[];
    readonly whitelist?: string;
    readonly stepMs?: number;
  } = {},
): Promise<ViaResult> {
  const network = new MemoryNetwork();
  const received: string[] = [];
  const allowed = parseWhitelist(whitelist, silentLog);
  assert.ok(allowed !== "all-invalid");
  const acceptor = new Acceptor({
    network,
    clock: new ManualClock(),
    random: systemRandom,
    log: silentLog,
    local: peer,
    requirePostQuantum: false,
  }, {
    address: { host: "127.0.0.1", port: 8801 },
    label: "127.0.0.1:8801",
    whitelist: allowed,
    onLink(link) {
      const frames = new FrameDecoder();
      return link.serve((bytes) => {
        for (const event of frames.push(bytes)) {
          assert.ok(event.kind === "frame");
          received.push(new TextDecoder().decode(event.payload));
          const message = classify(event.payload);
          assert.ok(message.kind === "message");
          action(link, message.id);
        }
      });
    },
  });
  acceptor.listen();
  const running = acceptor.run();
  const result = await runTest(args, { network, ...setting });
  acceptor.close();
  await running;
  return { ...result, received };
}

const ack: PeerAction = (link, id) => link.write(encodeFrame(encodeAck(id)));

Deno.test("send --via prints the peer's receipt with its id", async () => {
  const { code, stdout, stderr, received } = await sendVia(ack);
  assert.equal(stderr, "");
  assert.match(stdout, new RegExp(`^Acked by ${PK} in 0ms \\(id=[0-9a-f]{16}, via tcp\\)\n$`));
  assert.equal(code, 0);
  const id = /id=([0-9a-f]+)/.exec(stdout)?.[1];
  assert.deepEqual(received, [`{"type":"chat-msg","id":"${id}","body":"ping","ack":true}`]);
});

Deno.test("send --via --json prints one object, acked or not", async () => {
  const { code, stdout } = await sendVia(ack, { args: [...KEYED, "--json"] });
  assert.equal(code, 0);
  assert.match(stdout, /^\{"acked":true,"id":"[0-9a-f]{16}","ms":0,"via":"tcp"\}\n$/);

  const late = await sendVia(() => {}, { args: [...KEYED, "--json", "-w2s"], stepMs: 500 });
  assert.equal(late.code, 1);
  assert.match(late.stdout, /^\{"acked":false,"id":"[0-9a-f]{16}","ms":2000,"via":"tcp"\}\n$/);
  assert.equal(
    late.stderr,
    `${JSON.stringify({ error: `send to ${PK} via tcp not acked: timeout` }, null, 2)}\n`,
  );
});

Deno.test("send --via --stdin sends what is read", async () => {
  const args = ["send", ...KEYED.slice(1, 3), "--sk", SK, "--stdin", "-w0"];
  const { code, received } = await sendVia(() => {}, { args, stdin: "from a pipe\n" });
  assert.equal(code, 0);
  assert.match(received[0] ?? "", /"body":"from a pipe"/);
});

Deno.test("send --via --wait 0 wraps the message, asks for no receipt and leaves", async () => {
  const { code, stdout, received } = await sendVia(() => {}, { args: [...KEYED, "-w0"] });
  assert.equal(code, 0);
  assert.equal(stdout, `Message sent to ${PK} via tcp\n`);
  assert.match(received[0] ?? "", /^\{"type":"chat-msg","id":"[0-9a-f]{16}","body":"ping"\}$/);
});

Deno.test("send --via waits for its own receipt and ignores everything else", async () => {
  const { code, stdout } = await sendVia(async (link, id) => {
    await link.write(Uint8Array.of(0, 0, 0, 0));
    await link.write(encodeFrame(utf8("a message that arrives meanwhile")));
    await link.write(encodeFrame(encodeMessage({ id, body: "same id", ack: true })));
    await link.write(encodeFrame(encodeRead(id)));
    await ack(link, id);
  });
  assert.equal(code, 0);
  assert.match(stdout, /^Acked by /);
});

Deno.test("send --via stops at the deadline, whatever arrives", async () => {
  const { code, stdout, stderr } = await sendVia(async (link, id) => {
    await link.write(encodeFrame(encodeRead(id)));
    await link.write(encodeFrame(encodeAck("0000000000000000")));
  }, { stepMs: 500 });
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.equal(stderr, `skychat: send to ${PK} via tcp not acked: timeout\n`);
});

Deno.test("send --via reports a peer that hangs up, as a whitelist does", async () => {
  const whitelist = SecretKey.generate(systemRandom).publicKey.hex;
  const { code, stderr, received } = await sendVia(ack, { whitelist });
  assert.equal(code, 1);
  assert.match(stderr, /^skychat: send to \S+ via tcp failed: EOF\n.*whitelist/);
  assert.deepEqual(received, []);
});

Deno.test("send --via ends at a frame that is too long", async () => {
  const { code, stderr } = await sendVia((link) => link.write(Uint8Array.of(0, 1, 0, 1)));
  assert.equal(code, 1);
  assert.match(stderr, /failed: skychat: frame 65537 > max 65536 \(peer running old/);
});

Deno.test("send --via cannot dial", async () => {
  const refused = await runTest(KEYED);
  assert.equal(
    refused.stderr,
    "skychat: tcpnoise: dial 127.0.0.1:8801: connect: connection refused\n",
  );
  assert.equal(refused.code, 1);

  const wrongKey = SecretKey.generate(systemRandom).publicKey.hex;
  const args = ["send", "--via", `tcp://${wrongKey}@127.0.0.1:8801`, "-m", "x", "--sk", SK];
  const wrong = await sendVia(ack, { args });
  assert.match(
    wrong.stderr,
    new RegExp(
      `^skychat: tcpnoise: handshake \\(server pinned to ${wrongKey}\\): .*\n` +
        "  a peer that hangs up this early usually has another key than the one in --via",
    ),
  );
  assert.equal(wrong.code, 1);
});

Deno.test("send --via finds its identity: --sk, then DMSGCURL_SK, then -c", async () => {
  const env = { DMSGCURL_SK: SK };
  const files = { "/keys.json": JSON.stringify({ sk: SK }) };
  const config = [...VIA, "-c", "/keys.json"];
  assert.equal((await sendVia(ack, { args: VIA, env })).code, 0);
  assert.equal((await sendVia(ack, { args: config, files })).code, 0);

  const ignored = await sendVia(ack, { args: config, files, env: { DMSGCURL_SK: "x" } });
  assert.equal(ignored.code, 0);
  assert.equal(ignored.stderr, "skychat: ignoring DMSGCURL_SK: Invalid secret key\n");

  const alone = await runTest(VIA, { env: { DMSGCURL_SK: "x" } });
  assert.equal(alone.code, 1);
  assert.deepEqual(alone.stderr.split("\n").slice(0, 2), [
    "skychat: ignoring DMSGCURL_SK: Invalid secret key",
    "skychat: --via tcp requires identity: set --sk, DMSGCURL_SK env, or -c skywire.json",
  ]);
  const noFile = await runTest([...VIA, "-c", "/no"], { env: { DMSGCURL_SK: "x" } });
  assert.deepEqual(noFile.stderr.split("\n").slice(0, 2), [
    "skychat: ignoring DMSGCURL_SK: Invalid secret key",
    "skychat: -c /no: read /no: no such file or directory",
  ]);

  const open = await sendVia(ack, { args: [...config, "--json"], files, mode: 0o644 });
  assert.equal(open.stderr, "");
});

Deno.test("send --via --verbose says what it does", async () => {
  const { stderr } = await sendVia(ack, { args: [...KEYED, "--verbose"] });
  assert.deepEqual(stderr.split("\n").slice(0, 4), [
    `[verbose] via: tcp://${PK}@127.0.0.1:8801`,
    "[verbose] msg bytes: 4",
    "[verbose] wait timeout: 5s",
    "[verbose] mode: noise-TCP direct (no local chat-app)",
  ]);
  assert.ok(!stderr.includes(SK));
});

const other = SecretKey.parse("0c".repeat(32)).publicKey.hex;
const mesh = "needs a visor, which this program does not have: " +
  "use --via tcp://<pk>@host:port to dial a peer directly";

const mistakes: readonly [args: readonly string[], text: string][] = [
  [["--via", "tcpx"], '--via tcp: must start with "tcp://"'],
  [["--via", "dmsg://x"], `--via dmsg:// ${mesh}`],
  [["--via", "skynet://x"], `--via skynet:// ${mesh}`],
  [["--via", "tp://x"], `--via tp:// ${mesh}`],
  [["--via", "tcp://x"], '--via tcp: missing @ separator in "tcp://x"'],
  [["--via", "tcp://@h:1"], '--via tcp: missing @ separator in "tcp://@h:1"'],
  [["--via", `tcp://${PK}@`], `--via tcp: missing @ separator in "tcp://${PK}@"`],
  [["--via", "tcp://zz@h:1"], "--via tcp: invalid pk: Invalid public key"],
  [["--via", "tcp://02@h:1"], "--via tcp: invalid pk: Invalid public key length"],
  [["--via", `tcp://${PK}@h`], '--via tcp: invalid host:port "h": '],
  [
    [...VIA.slice(1, 3), "--to", other, "--sk", SK],
    `--to ${other} != --via tcp:// pk ${PK} (the pinned PK in --via wins; use one or the other)`,
  ],
  [VIA.slice(1, 3), "--via tcp requires identity: set --sk, DMSGCURL_SK env, or -c skywire.json"],
  [[...VIA.slice(1, 3), "--sk", "zz"], "--sk: Invalid secret key"],
  [[...VIA.slice(1, 3), "--sk", "00"], "--sk: Invalid secret key length"],
  [[...VIA.slice(1, 3), "-c", "/no"], "-c /no: read /no: no such file or directory"],
  [[...KEYED.slice(1), "-m", ""], "skychat/dm: empty message"],
  [[...KEYED.slice(1), "-m", "x".repeat(65_500)], "skychat: payload 65564 > max 65536"],
];

for (const [args, text] of mistakes) {
  const shown = args.map((arg) => arg.length > 40 ? `${arg.slice(0, 20)}…` : arg).join(" ");
  Deno.test(`send ${shown} is refused before anything is dialled`, async () => {
    const { code, stdout, stderr } = await runTest(["send", "-m", "x", ...args]);
    assert.equal(stdout, "");
    const [line = ""] = stderr.split("\n");
    assert.equal(line.slice(0, `skychat: ${text}`.length), `skychat: ${text}`);
    if (!text.endsWith(": ")) assert.equal(line, `skychat: ${text}`);
    assert.equal(code, 1);
  });
}

Deno.test("send --via takes --to that names the same peer", async () => {
  const { code } = await sendVia(ack, { args: [...KEYED, "--to", PK.toUpperCase()] });
  assert.equal(code, 0);
});

const DETAILED = [...KEYED, "--exit-codes", "detailed"];
const strangerPk = SecretKey.parse("0d".repeat(32)).publicKey.hex;

const detailedExits: readonly [
  name: string,
  code: number,
  action: PeerAction,
  setting?: Parameters<typeof sendVia>[1],
][] = [
  ["an acknowledgement", 0, ack],
  ["no acknowledgement in time", 5, () => {}, { stepMs: 500 }],
  ["a whitelist without us", 4, ack, { whitelist: other }],
  [
    "another key than the pinned one",
    4,
    ack,
    {
      args: ["send", "--via", `tcp://${strangerPk}@127.0.0.1:8801`, "-m", "x", "--sk", SK]
        .concat(DETAILED.slice(-2)),
    },
  ],
  ["a peer that hangs up instead", 4, (link) => link.close()],
];

for (const [name, code, action, setting] of detailedExits) {
  Deno.test(`send --via --exit-codes detailed: ${code} for ${name}`, async () => {
    assert.equal((await sendVia(action, { args: DETAILED, ...setting })).code, code);
  });
}
