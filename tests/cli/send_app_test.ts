import assert from "node:assert/strict";
import { type CliSetting, runTest, startCli } from "#support/cli_run.ts";
import { FakeApp, type FakeHandler, withStatus } from "#support/fake_app.ts";

const PEER = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";
const SEND = ["send", "-t", PEER, "-m", "hello"];

/** Runs `send` against an app that answers like this. */
async function sendTo(
  handler: FakeHandler,
  args: readonly string[] = SEND,
  setting: CliSetting = {},
): Promise<{ code: number; stdout: string; stderr: string; app: FakeApp }> {
  const app = new FakeApp(handler);
  const result = await runTest(args, { network: app.network, stepMs: 100, ...setting });
  return { ...result, app };
}

interface Row {
  readonly name: string;
  readonly args?: readonly string[];
  readonly status: number;
  readonly body: string;
  readonly code: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

const acked = '{"acked":true,"id":"8077ca12ee05c806","ms":2}\n';
const late = '{"acked":false,"id":"8077ca12ee05c806","ms":5000,"reason":"timeout"}\n';

const rows: readonly Row[] = [
  {
    name: "acked",
    status: 200,
    body: acked,
    code: 0,
    stdout: `Acked by ${PEER} in 2ms (id=8077ca12ee05c806)\n`,
  },
  {
    name: "acked, --json",
    args: [...SEND, "--json"],
    status: 200,
    body: acked,
    code: 0,
    stdout: '{"acked":true,"id":"8077ca12ee05c806","ms":2,"via":"http"}\n',
  },
  {
    name: "sent without waiting",
    args: [...SEND, "-w0", "-n", "tcp-direct"],
    status: 200,
    body: "",
    code: 0,
    stdout: `Message sent to ${PEER} via tcp-direct\n`,
  },
  {
    name: "sent over another network than was asked for",
    args: [...SEND, "-w0", "-n", "skynet"],
    status: 200,
    body: '{"id":"8077ca12ee05c806","ok":true,"network":"dmsg"}',
    code: 0,
    stdout: `Message sent to ${PEER} via dmsg\n`,
  },
  {
    name: "sent without waiting, --json",
    args: [...SEND, "-w", "0", "--json"],
    status: 200,
    body: '{"id":"8077ca12ee05c806","ok":true,"network":"tcp-direct"}',
    code: 0,
    stdout: '{"acked":false,"id":"8077ca12ee05c806","ms":0,"via":"http"}\n',
  },
  {
    name: "published to a CXO feed",
    status: 200,
    body: '{"ok":true,"network":"cxo"}\n',
    code: 0,
    stdout: `Message sent to ${PEER} via cxo\n`,
    stderr: "published in this node's feed: everybody who follows it can read it, and nobody " +
      "confirms it\n",
  },
  {
    name: "published to a CXO feed, and not on disk",
    status: 200,
    body: '{"ok":true,"network":"cxo","stored":false}\n',
    code: 0,
    stdout: `Message sent to ${PEER} via cxo\n`,
    stderr: "published in this node's feed: everybody who follows it can read it, and nobody " +
      "confirms it\nthe app could not write it to its disk: a restart of the app loses it\n",
  },
  {
    name: "published to a CXO feed, and not on disk, --json",
    args: [...SEND, "--json"],
    status: 200,
    body: '{"ok":true,"network":"cxo","stored":false}\n',
    code: 0,
    stdout: '{"acked":false,"id":"","ms":0,"via":"http","network":"cxo","published":true,' +
      '"stored":false}\n',
    stderr: "the app could not write it to its disk: a restart of the app loses it\n",
  },
  {
    name: "no receipt in time",
    status: 504,
    body: late,
    code: 1,
    stderr: `skychat: send to ${PEER} via skynet not acked: timeout\n`,
  },
  {
    name: "no receipt in time, --json",
    args: [...SEND, "--json"],
    status: 504,
    body: late,
    code: 1,
    stdout: '{"acked":false,"id":"8077ca12ee05c806","ms":5000,"via":"http"}\n',
    stderr: `{\n  "error": "send to ${PEER} via skynet not acked: timeout"\n}\n`,
  },
  {
    name: "an answer that speaks of no receipt",
    args: [...SEND, "--net", "dmsg"],
    status: 200,
    body: "",
    code: 1,
    stderr: `skychat: send to ${PEER} via dmsg not acked: no ack\n`,
  },
  {
    name: "a refusal",
    args: [...SEND, "-r0"],
    status: 400,
    body: "skychat/dm: empty message\n",
    code: 1,
    stderr: "skychat: server error 400: skychat/dm: empty message\n",
  },
  {
    name: "a password is wanted",
    args: [...SEND, "-r0"],
    status: 401,
    body: "skychat: authentication required\n",
    code: 1,
    stderr: "skychat: server error 401: skychat: authentication required\n" +
      "  give it in front of the address: --addr user:password@host:port\n",
  },
  {
    name: "a 504 that the app did not write",
    args: [...SEND, "-r0"],
    status: 504,
    body: "<html>Gateway Timeout</html>",
    code: 1,
    stderr: "skychat: server error 504: <html>Gateway Timeout</html>\n",
  },
];

for (const { name, args, status, body, code, stdout = "", stderr = "" } of rows) {
  Deno.test(`send through the app: ${name}`, async () => {
    const result = await sendTo((_request, reply) => reply.answer(status, body), args);
    assert.equal(result.stdout, stdout);
    assert.equal(result.stderr, stderr);
    assert.equal(result.code, code);
    assert.equal(result.app.requests.length, 1);
  });
}

Deno.test("send posts what cli.md 4.1 says, wait_ms only when it waits", async () => {
  const { app } = await sendTo((_request, reply) => reply.answer(200, acked));
  const [request] = app.requests;
  assert.equal(request?.method, "POST");
  assert.equal(request?.path, "/message");
  assert.equal(request?.headers.get("host"), "127.0.0.1:8001");
  assert.equal(request?.headers.get("content-type"), "application/json");
  assert.equal(request?.headers.get("authorization"), undefined);
  assert.equal(
    request?.body,
    `{"recipient":"${PEER}","message":"hello","network":"skynet","wait_ms":5000}`,
  );
  const once = await sendTo((_request, reply) => reply.answer(200, ""), [...SEND, "-w0"]);
  assert.equal(
    once.app.requests[0]?.body,
    `{"recipient":"${PEER}","message":"hello","network":"skynet"}`,
  );
});

Deno.test("send finds the app through SKYCHAT_ADDR and logs in with --addr's password", async () => {
  const answer: FakeHandler = (_request, reply) => reply.answer(200, acked);
  const elsewhere = new FakeApp(answer, { host: "10.0.0.9", port: 8002 });
  const env = { SKYCHAT_ADDR: "me:p@ss:word@10.0.0.9:8002" };
  const found = await runTest(SEND, { network: elsewhere.network, env });
  assert.equal(found.code, 0);
  assert.equal(elsewhere.requests[0]?.headers.get("host"), "10.0.0.9:8002");
  assert.equal(
    elsewhere.requests[0]?.headers.get("authorization"),
    `Basic ${btoa("me:p@ss:word")}`,
  );

  const wins = await sendTo(answer, ["--addr", ":8001", ...SEND], { env });
  assert.equal(wins.code, 0);
});

Deno.test("send retries what failed, with growing pauses, and then succeeds", async () => {
  const { code, stdout, app } = await sendTo((_request, reply, index) => {
    if (index === 0) return reply.answer(400, "no connection\n");
    if (index === 1) return reply.cut();
    return reply.answer(200, acked);
  }, [...SEND, "-r", "2"]);
  assert.equal(code, 0);
  assert.match(stdout, /^Acked by/);
  assert.equal(app.requests.length, 3);
});

Deno.test("send pauses 200 ms, then 400 ms, and gives up after the last attempt", async () => {
  const app = new FakeApp((_request, reply) => reply.answer(503, "not yet\n"));
  const { code, clock, stderr } = startCli([...SEND, "-r2"], { network: app.network });
  for (const [attempts, pause] of [[1, 200], [2, 400]] as const) {
    await clock.advance(pause - 1);
    assert.equal(app.requests.length, attempts);
    await clock.advance(1);
  }
  assert.equal(await code, 1);
  assert.equal(app.requests.length, 3);
  assert.equal(stderr.text, "skychat: server error 503: not yet\n");
});

Deno.test("send names the unreachable app and what to try", async () => {
  const { code, stdout, stderr } = await runTest(["--addr", "127.0.0.1:9", ...SEND], {
    stepMs: 100,
  });
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.equal(
    stderr,
    "skychat: post: connect: connection refused\n" +
      '  is "skychat app" running? --addr (or SKYCHAT_ADDR) says where; this was 127.0.0.1:9\n',
  );
});

Deno.test("send to a peer without a link says that an app with a store can keep the message", async () => {
  const text = "dial 02c6047f over skynet: skychat/dm: no transport configured (dial unavailable)";
  for (const persistence_enabled of [true, false]) {
    const { code, stderr } = await sendTo(
      withStatus({ persistence_enabled }, (_request, reply) => reply.answer(400, `${text}\n`)),
    );
    const hint = "  not connected now: --queue keeps the message until it is\n";
    assert.equal(stderr, `skychat: server error 400: ${text}\n${persistence_enabled ? hint : ""}`);
    assert.equal(code, 1);
  }
});

Deno.test("send --stdin sends standard input without its last line end", async () => {
  const messages: readonly [stdin: string, message: string][] = [
    ["two\nlines\n\n", "two\nlines\n"],
    ["grüße\r\n", "grüße"],
    ["-", "-"],
    ["x".repeat(65_536) + "\n", "x".repeat(65_536)],
  ];
  for (const [stdin, message] of messages) {
    const args = ["send", "-t", PEER, "--stdin"];
    const { code, app } = await sendTo((_request, reply) => reply.answer(200, acked), args, {
      stdin,
    });
    assert.equal(JSON.parse(app.requests[0]?.body ?? "").message, message);
    assert.equal(code, 0);
  }
  const literal = await sendTo((_request, reply) => reply.answer(200, acked), [
    ...["send", "-t", PEER, "-m", "-"],
  ], { stdin: "no" });
  assert.equal(JSON.parse(literal.app.requests[0]?.body ?? "").message, "-");
  const long = await runTest(["send", "-t", PEER, "--stdin"], { stdin: "x".repeat(65_539) });
  assert.equal(
    long.stderr,
    "skychat: send: the message on stdin is longer than 65536 bytes\n",
  );
  assert.equal(long.code, 1);
});

Deno.test("send without a message says where its flags are", async () => {
  const { stderr } = await runTest(["send", "-t", PEER]);
  assert.equal(
    stderr,
    'skychat: required flag(s) "msg" not set\n  see skychat send --help\n',
  );
});

Deno.test("send waits for the answer 5 s longer than --wait and does not send again", async () => {
  const { code, stderr, app } = await sendTo(() => {}, [...SEND, "-w", "2s", "-r3"]);
  assert.equal(code, 1);
  assert.match(stderr, /^skychat: post: no answer within 7s\n/);
  assert.equal(app.requests.length, 1);
  const once = await sendTo(() => {}, [...SEND, "-w", "0"]);
  assert.match(once.stderr, /^skychat: post: no answer within 30s\n/);
});

const mistakes: readonly [name: string, args: readonly string[], text: string][] = [
  [
    "a bad --net",
    [...SEND, "-n", "tor"],
    "invalid network type \"tor\" (use 'skynet' or 'dmsg')",
  ],
  ["no message", ["send", "-t", PEER], 'required flag(s) "msg" not set'],
  ["two messages", [...SEND, "--stdin"], "--msg and --stdin are mutually exclusive"],
  [
    "an unknown name",
    ["send", "-t", "bob", "-m", "x"],
    '"bob" is neither a valid PK nor a known alias (try: skychat alias ls)',
  ],
  [
    "a key that is no point",
    ["send", "-t", "ff".repeat(33), "-m", "x"],
    `"${"ff".repeat(33)}" is neither a valid PK nor a known alias (try: skychat alias ls)`,
  ],
  ["a bad address", ["--addr", "u:p@nowhere", ...SEND], '--addr: "nowhere" is no host:port'],
];

for (const [name, args, text] of mistakes) {
  Deno.test(`send refuses ${name} and asks nobody`, async () => {
    const app = FakeApp.answering(200, acked);
    const { code, stderr } = await runTest(args, { network: app.network });
    assert.equal(code, 1);
    assert.equal(stderr.split("\n")[0], `skychat: ${text}`);
    const json = await runTest([...args, "--json"], { network: app.network });
    assert.equal(json.stderr, `${JSON.stringify({ error: text }, null, 2)}\n`);
    assert.equal(app.requests.length, 0);
  });
}

Deno.test("send looks names up in the alias file", async () => {
  const files = {
    "/home/u/.config/skywire/skychat-aliases.json": JSON.stringify({ bob: PEER.toUpperCase() }),
  };
  const app = FakeApp.answering(200, acked);
  const { code, stdout } = await runTest(["send", "-t", "bob", "-m", "x"], {
    network: app.network,
    env: { HOME: "/home/u" },
    files,
  });
  assert.equal(code, 0);
  assert.match(stdout, new RegExp(`^Acked by ${PEER} `));
});

Deno.test("send --verbose tells everything on stderr and nothing of it on stdout", async () => {
  const status = (out: number) =>
    JSON.stringify({
      outbound_msg_count: out,
      inbound_msg_count: 1,
      sse_drop_count: 2,
      peers: [PEER],
    });
  const { stdout, stderr } = await sendTo(
    (request, reply, index) =>
      request.path === "/status" ? reply.answer(200, status(index)) : reply.answer(200, acked),
    [...SEND, "--verbose"],
  );
  assert.equal(stdout, `Acked by ${PEER} in 2ms (id=8077ca12ee05c806)\n`);
  assert.deepEqual(stderr.split("\n"), [
    `[verbose] target: ${PEER}`,
    "[verbose] network: skynet",
    "[verbose] msg bytes: 5",
    "[verbose] wait timeout: 5s",
    "[verbose] retries on transport fail: 1",
    "[verbose] chat-app addr: http://127.0.0.1:8001/message",
    "[verbose] pre-send counters: outbound={msg=0 fail=0 retry=0 fallback=0} " +
    "inbound={msg=1 drop=0} sse={subs=0 drop=2} peers=1",
    "[verbose] attempt 1: HTTP 200 in 0ms",
    "[verbose] post-send counters: outbound={msg=2 fail=0 retry=0 fallback=0} " +
    "inbound={msg=1 drop=0} sse={subs=0 drop=2} peers=1",
    "[verbose] delta: outbound_msg_count=+2",
    "",
  ]);
});
