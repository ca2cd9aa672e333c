import assert from "node:assert/strict";
import { runTest } from "#support/cli_run.ts";
import { FakeApp, withStatus } from "#support/fake_app.ts";

const A = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const B = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";
const ALIASES = {
  env: { XDG_CONFIG_HOME: "/x" },
  files: { "/x/skywire/skychat-aliases.json": JSON.stringify({ ann: A }) },
};

const received = {
  peer: A,
  from: A,
  outgoing: false,
  text: "two\nlines",
  timestamp: "2026-09-09T22:00:00.123456789Z",
  id: "8077ca12ee05c806",
};
const sent = { peer: B, outgoing: true, text: "yes", timestamp: "2026-09-10T00:20:00Z" };

async function historyOf(
  records: readonly unknown[] | null,
  args: readonly string[] = [],
  setting: Parameters<typeof runTest>[1] = {},
) {
  const app = FakeApp.answering(200, `${JSON.stringify(records)}\n`);
  const result = await runTest(["history", ...args], { network: app.network, ...setting });
  return { ...result, paths: app.requests.map(({ path }) => path) };
}

Deno.test("history prints the lines of cli.md 7, escaped unless --raw", async () => {
  const { code, stdout, stderr, paths } = await historyOf([received, sent], [], ALIASES);
  assert.equal(
    stdout,
    "2026-09-09T22:00:00Z [in @ ann] two\\nlines\n" +
      `2026-09-10T00:20:00Z [out @ ${B}] yes\n`,
  );
  assert.equal(stderr, "");
  assert.equal(code, 0);
  assert.deepEqual(paths, ["/history?limit=100"]);
  const raw = await historyOf([received], ["--raw"]);
  assert.equal(raw.stdout, `2026-09-09T22:00:00Z [in @ ${A}] two\nlines\n`);
});

Deno.test("history --json prints one object a line with the keys of cli.md 7", async () => {
  const { stdout } = await historyOf([received, sent], ["--json"]);
  assert.deepEqual(stdout.split("\n").slice(0, -1), [
    `{"ts":"2026-09-09T22:00:00.123456789Z","peer":"${A}","from":"${A}","outgoing":false,` +
    '"text":"two\\nlines"}',
    `{"ts":"2026-09-10T00:20:00Z","peer":"${B}","outgoing":true,"text":"yes"}`,
  ]);
});

Deno.test("history asks for one conversation by key or alias, and for a number of messages", async () => {
  const { paths } = await historyOf([], ["--peer", "ann", "--limit", "1000"], ALIASES);
  assert.deepEqual(paths, [`/history?limit=1000&peer=${A}`]);
  const unknown = await historyOf([], ["--peer", "bob"]);
  assert.match(unknown.stderr, /^skychat: "bob" is neither a valid PK nor a known alias/);
  assert.deepEqual(unknown.paths, []);
});

Deno.test("history --since drops what is older, here, and keeps what has no readable time", async () => {
  // The clock of these tests stands at 2026-09-10T00:26:40Z.
  const undated = { ...sent, text: "undated", timestamp: "?" };
  const { stdout } = await historyOf([received, sent, undated], ["--since", "1h"]);
  assert.deepEqual(stdout.split("\n").slice(0, -1), [
    `2026-09-10T00:20:00Z [out @ ${B}] yes`,
    `? [out @ ${B}] undated`,
  ]);
  assert.equal((await historyOf([received, sent], ["--since", "3h"])).stdout.split("\n").length, 3);
});

for (const limit of ["0", "1001", "-3"]) {
  Deno.test(`history refuses --limit ${limit} without asking`, async () => {
    const { code, stderr, paths } = await historyOf([], [`--limit=${limit}`]);
    assert.equal(stderr, `skychat: --limit must be 1-1000, got ${limit}\n`);
    assert.equal(code, 1);
    assert.deepEqual(paths, []);
  });
}

const failures: readonly [status: number, body: string, stderr: string][] = [
  [
    503,
    "persistence not enabled\n",
    "skychat: persistence not enabled (start the app with --persist)\n",
  ],
  [500, "disk\n", "skychat: server error 500: disk\n"],
  [200, "{}\n", "skychat: history: the answer is no JSON list\n"],
];

for (const [status, body, stderr] of failures) {
  Deno.test(`history reports ${status} ${body.trim()}`, async () => {
    const app = FakeApp.answering(status, body);
    const result = await runTest(["history"], { network: app.network });
    assert.deepEqual(result, { code: 1, stdout: "", stderr });
  });
}

const WRONG: readonly unknown[] = [
  {},
  "text",
  null,
  [],
  { ...received, text: 1 },
  { ...received, peer: {} },
  { ...received, peer: "" },
  { ...received, timestamp: 5, ts: 5 },
  { ...received, outgoing: "yes" },
  { ...received, from: ["x"] },
  { ...received, group_id: 7 },
];

for (const record of WRONG) {
  Deno.test(`history and search refuse a list with ${JSON.stringify(record)}`, async () => {
    for (const args of [["history"], ["search", "x"]]) {
      const [name = ""] = args;
      const good = { ...received, ts: received.timestamp };
      const bad = typeof record === "object" && record !== null && "timestamp" in record
        ? { ts: record.timestamp, ...record }
        : record;
      const app = FakeApp.answering(200, JSON.stringify([good, bad]));
      const result = await runTest(args, { network: app.network });
      const stderr = `skychat: ${name}: not a ${name} answer\n`;
      assert.deepEqual(result, { code: 1, stdout: "", stderr });
    }
  });
}

Deno.test("history takes null for no messages, and an answer above 4 MiB", async () => {
  assert.equal((await historyOf(null)).stdout, "");
  const text = "x".repeat(6_000_000);
  const { stdout } = await historyOf([{ ...sent, text }]);
  assert.ok(stdout.endsWith(`] ${text}\n`));
});

Deno.test("history is coloured on a terminal only, never with NO_COLOR, and hides others' codes", async () => {
  const hostile = { ...sent, text: "\x1b[31mred", peer: "\x1b[0m\nx" };
  const shown = await historyOf([hostile], [], { stdoutTerminal: true });
  assert.equal(
    shown.stdout,
    "\x1b[2m2026-09-10T00:20:00Z \x1b[0m\x1b[32m[out @ \\x1b[0m\\nx]\x1b[0m \\x1b[31mred\n",
  );
  const plain = await historyOf([sent], [], { stdoutTerminal: true, env: { NO_COLOR: "1" } });
  assert.equal(plain.stdout, `2026-09-10T00:20:00Z [out @ ${B}] yes\n`);
});

Deno.test("search joins its words, prints hits as history does, newest first as they come", async () => {
  const hits = [
    { peer: A, from: A, text: "Äpfel & more", ts: "2026-09-10T00:20:00Z" },
    { peer: B, outgoing: true, text: "äpfel", ts: "2026-09-09T00:20:00.5Z" },
    { group_id: "g1", from: A, text: "äpfel too", ts: "2026-09-08T00:20:00Z" },
  ];
  const app = FakeApp.answering(200, JSON.stringify(hits));
  const { code, stdout } = await runTest(["search", "äpfel", "&", "more"], {
    network: app.network,
  });
  assert.equal(code, 0);
  assert.deepEqual(stdout.split("\n").slice(0, -1), [
    `2026-09-10T00:20:00Z [in @ ${A}] Äpfel & more`,
    `2026-09-09T00:20:00Z [out @ ${B}] äpfel`,
    "2026-09-08T00:20:00Z [in @ group g1] äpfel too",
  ]);
  assert.equal(app.requests[0]?.path, "/search?q=%C3%A4pfel%20%26%20more");
  const json = await runTest(["search", "x", "--json"], {
    network: FakeApp.answering(200, JSON.stringify(hits)).network,
  });
  assert.equal(
    json.stdout.split("\n")[2],
    `{"ts":"2026-09-08T00:20:00Z","group_id":"g1","from":"${A}","outgoing":false,"text":"äpfel too"}`,
  );
});

Deno.test("search without hits says so when the app keeps no messages to search", async () => {
  for (const persistence_enabled of [false, true]) {
    const app = new FakeApp(
      withStatus({ persistence_enabled }, (_request, reply) => reply.answer(200, "[]\n")),
    );
    const { code, stderr } = await runTest(["search", "x"], { network: app.network });
    const text = "skychat: persistence not enabled (start the app with --persist)\n";
    assert.equal(stderr, persistence_enabled ? "" : text);
    assert.equal(code, persistence_enabled ? 0 : 1);
  }
});

Deno.test("search wants words", async () => {
  for (const args of [["search"], ["search", " "]]) {
    const { code, stderr } = await runTest(args);
    assert.match(stderr, /^skychat: search: what for\?/);
    assert.equal(code, 1);
  }
});
