import assert from "node:assert/strict";
import { FakeApp, withStatus } from "#support/fake_app.ts";
import { type CliRun, runTest, startCli } from "#support/cli_run.ts";

const A = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const B = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";
const BANNER = "Listening for group messages. Ctrl+C to exit.";

const one = {
  seq: 7,
  id: "8077ca12ee05c806",
  ts: "2026-09-08T10:00:05.5Z",
  msg_ts: "2026-09-08T12:00:01.123456789+02:00",
  ts_nano: 1,
  channel: "group",
  transport: "cxo",
  dir: "in",
  from: A,
  group_id: "team",
  text: "two\nlines",
  len: 9,
};
const own = { ...one, seq: 8, id: "2", dir: "out", from: B, text: "mine" };
const other = { ...one, seq: 9, id: "3", group_id: "ops", msg_ts: undefined, text: "there" };

interface Setting {
  readonly args?: readonly string[];
  /** Lines of stdout to wait for. */
  readonly count: number;
  readonly status?: object;
}

/** Runs `group listen` against an app that sends these on each connection, until so many lines. */
async function listen(
  connections: readonly (readonly unknown[])[],
  { args = [], count, status = {} }: Setting,
): Promise<{ lines: readonly string[]; stderr: string; paths: readonly string[] }> {
  const app = new FakeApp(withStatus(status, async (_request, reply, index) => {
    await reply.events();
    for (const event of connections[index] ?? []) await reply.event(event);
    if (index + 1 < connections.length) await reply.end();
  }));
  const run = startCli(["group", "listen", ...args], { network: app.network });
  for (let connection = 1; connection < connections.length; connection++) {
    await untilNotes(run, /\(reconnecting in 1s\)/g, connection);
    await run.clock.advance(1_000);
  }
  await run.stdout.untilLines(count);
  if (connections.length > 1) await untilNotes(run, /: reconnected/g, connections.length - 1);
  await run.clock.advance(0);
  run.interrupt.abort();
  assert.equal(await run.code, 0);
  assert.equal(run.clock.pending, 0);
  assert.equal(run.stdout.lines.length, count, run.stdout.text);
  const paths = app.requests.map(({ path }) => path).filter((path) => path !== "/status");
  return { lines: run.stdout.lines, stderr: run.stderr.text, paths };
}

/** Waits until stderr has so many notes like that. */
async function untilNotes({ stderr }: CliRun, note: RegExp, count: number): Promise<void> {
  while ((stderr.text.match(note)?.length ?? 0) < count) {
    await stderr.untilLines(stderr.lines.length + 1);
  }
}

Deno.test("group listen prints the lines of groups.md 6.6 with the authors' times", async () => {
  const { lines, stderr, paths } = await listen([[one, own, other]], { count: 4 });
  assert.deepEqual(lines, [
    BANNER,
    `[2026-09-08T10:00:01Z] [team] ${A}: two\\nlines`,
    `[2026-09-08T10:00:01Z] [team] ${B}: mine`,
    `[2026-09-08T10:00:05Z] [ops] ${A}: there`,
  ]);
  assert.equal(stderr, "");
  assert.deepEqual(paths, ["/events?channel=group&since=0"]);
});

Deno.test("group listen --json prints objects only, and --raw leaves line breaks", async () => {
  const { lines } = await listen([[one, other]], { args: ["--json"], count: 2 });
  assert.deepEqual(lines, [
    `{"ts":"${one.msg_ts}","group_id":"team","sender_pk":"${A}","body":"two\\nlines"}`,
    `{"ts":"${other.ts}","group_id":"ops","sender_pk":"${A}","body":"there"}`,
  ]);
  const raw = await listen([[one]], { args: ["--raw", "--interval", "5s"], count: 3 });
  assert.deepEqual(raw.lines.slice(1), [`[2026-09-08T10:00:01Z] [team] ${A}: two`, "lines"]);
});

Deno.test("group listen shows one group where an id is given, also of an app that sends all", async () => {
  const { lines, paths } = await listen([[one, other, { ...one, id: "4", channel: "dm" }]], {
    args: ["ops"],
    count: 2,
  });
  assert.match(lines[1] ?? "", /\[ops\]/);
  assert.deepEqual(paths, ["/events?channel=group&since=0&group=ops"]);
  const odd = await listen([[{ ...one, group_id: "a&b" }]], { args: ["a&b"], count: 2 });
  assert.deepEqual(odd.paths, ["/events?channel=group&since=0&group=a%26b"]);
});

Deno.test("group listen shows what quotations, forwards and files say", async () => {
  const text = JSON.stringify({ skychat_reply: { text: "yes", to_sender: A } });
  const { lines } = await listen([[{ ...one, text }]], { count: 2 });
  assert.equal(lines[1], `[2026-09-08T10:00:01Z] [team] ${A}: yes`);
  const file = JSON.stringify({ skychat_file: { id: "1", name: "a.png", size: 3 } });
  const named = await listen([[{ ...one, text: file }]], { count: 2 });
  assert.equal(named.lines[1], `[2026-09-08T10:00:01Z] [team] ${A}: 📎 a.png`);
});

Deno.test("group listen --since leaves out what came before, and asks for all there is", async () => {
  const status = { events_durable: true, events_seq: 900 };
  const late = { ...other, ts: "2026-09-08T10:00:05.500000001Z", id: "5" };
  const { lines, paths } = await listen([[one, late]], {
    args: ["--since", "2026-09-08T12:00:05.5+02:00"],
    count: 2,
    status,
  });
  assert.match(lines[1] ?? "", /there$/);
  assert.deepEqual(paths, ["/events?channel=group&since=0"]);
});

Deno.test("group listen begins 256 events back where the app keeps them, and says nothing of older ones", async () => {
  const status = { events_durable: true, events_seq: 900 };
  const gap = (after: number, next: number) => ({
    ...{ seq: next - 1, id: `gap-${after}`, channel: "system", gap: { after, next } },
  });
  const { paths, stderr } = await listen([[gap(644, 700), one, gap(900, 903)]], {
    count: 2,
    status,
  });
  assert.deepEqual(paths, ["/events?channel=group&since=644"]);
  assert.equal(stderr, "group listen: 2 events are no longer kept: #901 to #902\n");
  const young = await listen([[one]], { count: 2, status: { ...status, events_seq: 3 } });
  assert.deepEqual(young.paths, ["/events?channel=group&since=0"]);
});

Deno.test("group listen goes on after the last number and prints no message twice", async () => {
  const unkept = { ...other, seq: 12, id: "12", kept: false };
  const { lines, stderr, paths } = await listen([[one, own], [own, unkept], [other]], { count: 5 });
  assert.deepEqual(lines.map((line) => line.slice(-5)), [
    "exit.",
    "lines",
    " mine",
    "there",
    "there",
  ]);
  assert.deepEqual(paths.map((path) => path.replace(/.*since=/, "")), ["0", "8", "8"]);
  assert.equal(
    stderr,
    "group listen: stream ended (reconnecting in 1s)\ngroup listen: reconnected\n".repeat(2),
  );
});

Deno.test("group listen tells once of an outage, however long it is, and when it is over", async () => {
  let answers = 0;
  const app = new FakeApp(async (request, reply) => {
    if (request.path === "/status") return await reply.answer(200, "{}");
    if (++answers < 4) return await reply.answer(503, "later\n");
    await reply.events();
    await reply.event(one);
  });
  const run = startCli(["group", "listen", "--json"], { network: app.network });
  await run.stderr.untilLines(1);
  for (const delay of [1_000, 2_000, 4_000]) await run.clock.advance(delay);
  await run.stdout.untilLines(1);
  run.interrupt.abort();
  assert.equal(await run.code, 0);
  assert.equal(
    run.stderr.text,
    "group listen: server error 503: later (reconnecting in 1s)\ngroup listen: reconnected\n",
  );
});

Deno.test("group listen says when there is nothing to listen to yet, and waits", async () => {
  const listening = async (status: object, args: readonly string[] = []) =>
    (await listen([[one]], { status, args, count: 2 })).stderr;
  const groups = [{ id: "ops" }];
  assert.equal(await listening({ groups: [] }), "group listen: the app runs no group yet\n");
  assert.equal(await listening({ groups }), "");
  assert.equal(
    await listening({ groups }, ["team"]),
    'group listen: the app has no group "team" yet\n',
  );
  assert.equal(await listening({ groups: [{ id: "team" }] }, ["team"]), "");
});

Deno.test("group listen gives up when the app wants another password", async () => {
  const app = FakeApp.answering(401, "password required\n");
  const { code, stderr } = await runTest(["group", "listen", "--json"], { network: app.network });
  assert.match(stderr, /"error": "server error 401: password required"/);
  assert.equal(code, 1);
});

Deno.test("group listen bears with events that are none, and keeps every text on its line", async () => {
  const app = new FakeApp(withStatus({ groups: [7, {}] }, async (_request, reply) => {
    await reply.events();
    await reply.chunk("data: {\n\ndata: []\n\ndata: {}\n\n");
    await reply.event({ channel: "group", group_id: "g" });
    await reply.event({ ...one, from: "a\nb", group_id: "g\r\x1b[0m", msg_ts: "x\ny", seq: "9" });
  }));
  const run = startCli(["group", "listen", "--raw"], {
    network: app.network,
    stdoutTerminal: true,
    env: { NO_COLOR: "1" },
  });
  const lines = await run.stdout.untilLines(4);
  assert.deepEqual(lines.slice(1), [
    "[] [g] : ",
    "[x\\ny] [g\\r\\x1b[0m] a\\nb: two",
    "lines",
  ]);
  assert.equal(run.stderr.text, "group listen: not JSON: {\ngroup listen: not JSON: []\n");
  run.interrupt.abort();
  assert.equal(await run.code, 0);
});

const mistakes: readonly [args: readonly string[], text: string][] = [
  [["--raw", "--json"], "--raw and --json are mutually exclusive"],
  [["--since", "1h"], 'invalid --since: "1h" is no time such as 2026-09-08T10:00:00Z'],
  [["a", "b"], 'group listen: unexpected argument "b"'],
];

for (const [args, text] of mistakes) {
  Deno.test(`group listen ${args.join(" ")} is refused before anybody is asked`, async () => {
    const { code, stderr } = await runTest(["group", "listen", ...args, "--exit-codes", "default"]);
    const plain = args.includes("--json")
      ? `${JSON.stringify({ error: text }, null, 2)}\n`
      : `skychat: ${text}\n`;
    assert.equal(stderr, plain);
    assert.equal(code, 1);
  });
}
