import assert from "node:assert/strict";
import { FakeApp, type FakeHandler, type FakeReply, withStatus } from "#support/fake_app.ts";
import { type CliRun, type CliSetting, runTest, startCli } from "#support/cli_run.ts";

const A = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const B = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";

const received = {
  dir: "in",
  id: "8077ca12ee05c806",
  len: 5,
  message: "hello",
  network: "tcp-direct",
  sender: A,
};
const sent = {
  dir: "out",
  id: "490cd10ae04ff9c7",
  len: 3,
  message: "yes",
  network: "tcp-direct",
  sender: B,
  to: A,
};
const receipt = { channel: "dm-status", id: "490cd10ae04ff9c7", peer: A, status: "received" };
const seed = {
  history: "true",
  message: "old",
  peer: A,
  sender: "self",
  ts: "2026-09-07T09:00:00Z",
};
const theirSeed = { ...seed, sender: A };

/** An app whose events have numbers that end with it, as the deployed system's have. */
function forgetful(handler: FakeHandler): FakeApp {
  return new FakeApp(withStatus({}, handler));
}

/** Text-mode lines after the banner, once `count` of them are there. */
async function listenTo(
  events: readonly unknown[],
  { args = [], count, ...setting }: CliSetting & {
    readonly args?: readonly string[];
    readonly count: number;
  },
): Promise<{ lines: readonly string[]; stderr: string; paths: readonly string[] }> {
  const app = forgetful(async (_request, reply) => {
    await reply.events();
    for (const event of events) await reply.event(event);
  });
  const run = startCli(["listen", ...args], { network: app.network, ...setting });
  const lines = await run.stdout.untilLines(count);
  await run.clock.advance(0);
  assert.equal(run.stdout.lines.length, count, run.stdout.text);
  assert.equal(await stop(run), 0);
  return { lines, stderr: run.stderr.text, paths: app.requests.map(({ path }) => path) };
}

async function stop(run: CliRun): Promise<number> {
  run.interrupt.abort();
  const code = await run.code;
  assert.equal(run.clock.pending, 0);
  return code;
}

Deno.test("listen prints the banner, then one line a message, and no receipts", async () => {
  const { lines, stderr, paths } = await listenTo(
    [seed, theirSeed, received, sent, receipt, { ...received, id: "1", network: "" }],
    { count: 8 },
  );
  assert.deepEqual(lines, [
    "Listening for messages from 127.0.0.1:8001",
    "Press Ctrl+C to stop",
    "",
    "2026-09-07T09:00:00Z [>self] old",
    `2026-09-07T09:00:00Z [${A}] old`,
    `[${A}/tcp-direct] hello`,
    `[>${B}/tcp-direct] yes`,
    `[${A}] hello`,
  ]);
  assert.equal(stderr, "");
  assert.deepEqual(paths, ["/status", "/sse"]);
});

Deno.test("listen keeps a message on one line; --raw does not", async () => {
  const event = { ...received, message: "a\\b\nc\rd\te" };
  const escaped = await listenTo([event], { count: 4 });
  assert.equal(escaped.lines[3], `[${A}/tcp-direct] a\\\\b\\nc\\rd\te`);
  const raw = await listenTo([event], { args: ["--raw"], count: 5 });
  assert.deepEqual(raw.lines.slice(3), [`[${A}/tcp-direct] a\\b`, "c\rd\te"]);
});

Deno.test("listen lets nobody write to a terminal's controls, and pipes them unchanged", async () => {
  const hostile = {
    ...received,
    message: "\x1b[2J\u009b31m\u202ex\x07",
    sender: "\x1b]0;me\x07",
    network: "\x1b",
  };
  for (const args of [[], ["--raw"]]) {
    const env = { NO_COLOR: "1" };
    const shown = await listenTo([hostile], { args, count: 4, stdoutTerminal: true, env });
    assert.equal(
      shown.lines[3],
      "[\\x1b]0;me\\x07/\\x1b] \\x1b[2J\\x9b31m\\u202ex\\x07",
    );
  }
  const piped = await listenTo([hostile], { args: ["--raw"], count: 4 });
  assert.equal(piped.lines[3], `[${hostile.sender}/\x1b] ${hostile.message}`);

  const json = await listenTo([hostile], { args: ["--json"], count: 2, stdoutTerminal: true });
  // deno-lint-ignore no-control-regex -- there must be none
  assert.doesNotMatch(json.lines[1] ?? "", /[\u0000-\u001f\u007f-\u009f\u202e]/);
  assert.equal(JSON.parse(json.lines[1] ?? "").body, hostile.message);
});

Deno.test("listen filters by sender and by network, and says so", async () => {
  const others = [received, sent, { ...received, id: "2", network: "cxo" }, seed];
  const from = await listenTo(others, { args: ["--from", A.toUpperCase()], count: 5 });
  assert.equal(from.lines[0], `Listening for messages from 127.0.0.1:8001 (from=${A})`);
  assert.deepEqual(from.lines.slice(3), [`[${A}/tcp-direct] hello`, `[${A}/cxo] hello`]);

  const net = await listenTo(others, { args: ["-n", "cxo", "--from", A], count: 4 });
  assert.equal(net.lines[0], `Listening for messages from 127.0.0.1:8001 (net=cxo) (from=${A})`);
  assert.deepEqual(net.lines.slice(3), [`[${A}/cxo] hello`]);
});

Deno.test("listen shows the user's names for keys", async () => {
  const aliases = {
    env: { XDG_CONFIG_HOME: "/x" },
    files: { "/x/skywire/skychat-aliases.json": JSON.stringify({ ann: A }) },
  };
  const text = await listenTo([received], { count: 4, ...aliases });
  assert.equal(text.lines[3], "[ann/tcp-direct] hello");
  const json = await listenTo([sent], { count: 2, args: ["--json", "--from", B], ...aliases });
  assert.equal(JSON.parse(json.lines[1] ?? "").to_alias, "ann");
});

Deno.test("listen --json prints one object a line and nothing on stderr", async () => {
  const { lines, stderr } = await listenTo([seed, received, sent, receipt, theirSeed], {
    args: ["--json"],
    count: 6,
  });
  const ts = "2026-09-10T00:26:40Z";
  assert.deepEqual(lines, [
    `{"type":"banner","ts":"${ts}","addr":"127.0.0.1:8001","schema":"v1"}`,
    `{"type":"msg","ts":"2026-09-07T09:00:00Z","to":"${A}","body":"old","dir":"out"}`,
    `{"type":"msg","ts":"${ts}","id":"8077ca12ee05c806","from":"${A}","net":"tcp-direct",` +
    '"body":"hello","dir":"in","len":5}',
    `{"type":"msg","ts":"${ts}","id":"490cd10ae04ff9c7","from":"${B}","to":"${A}",` +
    '"net":"tcp-direct","body":"yes","dir":"out","len":3}',
    `{"type":"status","ts":"${ts}","channel":"dm-status","id":"490cd10ae04ff9c7",` +
    `"peer":"${A}","status":"received"}`,
    `{"type":"msg","ts":"2026-09-07T09:00:00Z","from":"${A}","body":"old","dir":"in"}`,
  ]);
  assert.equal(stderr, "");
  const filtered = await listenTo([], {
    args: ["--json", "--from", A, "--net", "cxo"],
    count: 1,
  });
  assert.match(filtered.lines[0] ?? "", new RegExp(`"schema":"v1","net":"cxo","from":"${A}"}$`));
});

Deno.test("listen shows data that is no JSON as it is", async () => {
  const garbage = async (_request: unknown, reply: FakeReply) => {
    await reply.events();
    await reply.chunk("data: not json\\\n\n");
  };
  const text = startCli(["listen"], { network: forgetful(garbage).network });
  assert.equal((await text.stdout.untilLines(4))[3], "Raw: not json\\\\");
  assert.equal(await stop(text), 0);
  const json = startCli(["listen", "--json"], { network: forgetful(garbage).network });
  const [, line = ""] = await json.stdout.untilLines(2);
  assert.match(line, /^\{"type":"error","ts":"[^"]+","err":"not JSON: not json\\\\"\}$/);
  assert.equal(await stop(json), 0);
});

Deno.test("listen reconnects for ever, waiting 1 s, then twice as long, up to 30 s", async () => {
  const { code, stdout, stderr, clock, interrupt } = startCli(["listen"]);
  await stdout.untilLines(3);
  const waits = ["1s", "2s", "4s", "8s", "16s", "30s", "30s"];
  for (const [index, wait] of waits.entries()) {
    const lines = await stderr.untilLines(index + 1);
    assert.equal(
      lines[index],
      `skychat listen: connect: connection refused (reconnecting in ${wait})`,
    );
    await clock.advance(Number.parseInt(wait) * 1_000 - 1);
    assert.equal(stderr.lines.length, index + 1);
    await clock.advance(1);
  }
  interrupt.abort();
  assert.equal(await code, 0);
  assert.equal(clock.pending, 0);
});

Deno.test("listen starts over at 1 s after a stream, and prints nothing twice", async () => {
  const app = forgetful(async (_request, reply, index) => {
    if (index === 1) return reply.cut();
    await reply.events();
    for (const event of [seed, received, receipt]) await reply.event(event);
    if (index === 2) await reply.event({ ...received, id: "3", message: "new" });
    if (index === 0) await reply.end();
  });
  const run = startCli(["listen", "--json"], { network: app.network });
  const first = await run.stdout.untilLines(5);
  assert.match(
    first[4] ?? "",
    /"type":"reconnect","ts":"[^"]+","err":"stream ended","delay_ms":1000/,
  );
  await run.clock.advance(1_000);
  const second = await run.stdout.untilLines(6);
  assert.match(second[5] ?? "", /"err":"unexpected EOF","delay_ms":2000/);
  await run.clock.advance(2_000);
  const third = await run.stdout.untilLines(7);
  assert.equal(JSON.parse(third[6] ?? "").body, "new");
  assert.equal(await stop(run), 0);
  assert.equal(run.stderr.text, "");
});

Deno.test("listen takes two messages of one id from different peers for two messages", async () => {
  const { lines } = await listenTo(
    [received, received, { ...received, sender: B }, { ...received, message: "other" }],
    { count: 6 },
  );
  assert.deepEqual(lines.slice(3), [
    `[${A}/tcp-direct] hello`,
    `[${B}/tcp-direct] hello`,
    `[${A}/tcp-direct] other`,
  ]);
});

Deno.test("listen notices a stream that fell silent, but not one that still pings", async () => {
  let stream: FakeReply | undefined;
  const app = forgetful(async (_request, reply, index) => {
    await reply.events();
    if (index > 0) return;
    await reply.event(received);
    stream = reply;
  });
  const run = startCli(["listen"], { network: app.network });
  await run.stdout.untilLines(4);
  for (let count = 0; count < 5; count++) {
    await run.clock.advance(50_000);
    await stream?.chunk(": ping\n\n");
  }
  await run.clock.advance(59_000);
  assert.equal(run.stderr.text, "");
  await run.clock.advance(1_000);
  await run.stderr.untilLines(1);
  assert.equal(
    run.stderr.text,
    "skychat listen: no sign of life for 60s (reconnecting in 1s)\n",
  );
  await run.clock.advance(1_000);
  assert.equal(app.requests.filter(({ path }) => path === "/sse").length, 2);
  assert.equal(await stop(run), 0);
});

Deno.test("listen reports a refusal and tries again", async () => {
  const app = FakeApp.answering(503, "too many event streams\n");
  const run = startCli(["listen"], { network: app.network });
  await run.stderr.untilLines(1);
  assert.equal(
    run.stderr.lines[0],
    "skychat listen: server error 503: too many event streams (reconnecting in 1s)",
  );
  assert.equal(await stop(run), 0);
});

Deno.test("listen and events end when the app wants another password: asking again is guessing", async () => {
  const hint = "  give it in front of the address: --addr user:password@host:port\n";
  for (const command of ["listen", "events"]) {
    const none = FakeApp.answering(401, "skychat: authentication required\n");
    const asked = await runTest([command], { network: none.network });
    assert.equal(
      asked.stderr,
      `skychat: server error 401: skychat: authentication required\n${hint}`,
    );
    assert.equal(asked.code, 1);
    const wrong = FakeApp.answering(401, "skychat: invalid credentials\n");
    const given = ["--addr", "u:p@127.0.0.1:8001", "--json"];
    const refused = await runTest([command, ...given], { network: wrong.network });
    assert.deepEqual(JSON.parse(refused.stderr), {
      error: "server error 401: skychat: invalid credentials",
    });
    assert.equal(refused.code, 1);
    const text = await runTest([command, ...given.slice(0, 2)], { network: wrong.network });
    assert.equal(text.stderr, "skychat: server error 401: skychat: invalid credentials\n");
  }
});

Deno.test("listen takes a message of 1 MiB in one line", async () => {
  const message = "x".repeat(1_048_576);
  const { lines } = await listenTo([{ ...received, message }], { count: 4 });
  assert.equal(lines[3], `[${A}/tcp-direct] ${message}`);
});

Deno.test("listen ends quietly when nobody reads its output any more", async () => {
  const app = forgetful(async (_request, reply) => {
    await reply.events();
    for (;;) await reply.event({ ...received, id: String(Math.random()) });
  });
  const run = startCli(["listen"], { network: app.network });
  await run.stdout.untilLines(5);
  run.stdout.closed = true;
  assert.equal(await run.code, 0);
  assert.equal(run.stderr.text, "");
});

Deno.test("listen refuses what cannot work", async () => {
  const both = await runTest(["listen", "--raw", "--json"]);
  assert.equal(both.stderr, '{\n  "error": "--raw and --json are mutually exclusive"\n}\n');
  assert.equal(both.code, 1);
  const net = await runTest(["listen", "--net", "x"]);
  assert.match(net.stderr, /^skychat: invalid network type "x" \(use 'skynet' or 'dmsg'\)\n/);
  const from = await runTest(["listen", "--from", "bob"]);
  assert.match(from.stderr, /^skychat: "bob" is neither a valid PK nor a known alias/);
  assert.equal(from.stdout, "");
});

Deno.test("listen keeps what an app says about a sender on the message's line, --raw or not", async () => {
  const hostile = { ...received, sender: "a\n[b", network: "c\nd" };
  for (const args of [[], ["--raw"]]) {
    const { lines } = await listenTo([hostile, { ...seed, ts: "e\nf" }], { args, count: 5 });
    assert.deepEqual(lines.slice(3), ["[a\\n[b/c\\nd] hello", "e\\nf [>self] old"]);
  }
});

Deno.test("listen is coloured on a terminal, with nobody else's codes in it", async () => {
  const { lines } = await listenTo([{ ...received, message: "\x1b[31mred" }, seed], {
    count: 5,
    stdoutTerminal: true,
  });
  assert.deepEqual(lines.slice(3), [
    `\x1b[36m[${A}/tcp-direct]\x1b[0m \\x1b[31mred`,
    "\x1b[2m2026-09-07T09:00:00Z \x1b[0m\x1b[32m[>self]\x1b[0m old",
  ]);
});
