import assert from "node:assert/strict";
import { runTest } from "#support/cli_run.ts";
import { FakeApp } from "#support/fake_app.ts";

const A = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const first = {
  group_id: "team",
  sender_pk: A,
  text: "two\nlines\\",
  ts: "2026-09-10T00:20:00.123456789Z",
  ts_nano: 1,
};
const second = { ...first, text: "yes", ts: "2026-09-10T02:21:00+02:00" };

async function history(
  records: unknown,
  args: readonly string[] = ["team"],
  setting: Parameters<typeof runTest>[1] = {},
) {
  const app = FakeApp.answering(200, JSON.stringify(records));
  const result = await runTest(["group", "history", ...args], { network: app.network, ...setting });
  return { ...result, paths: app.requests.map(({ path }) => path) };
}

Deno.test("group history prints the lines of groups.md 6.6, escaped unless --raw", async () => {
  const { code, stdout, stderr, paths } = await history([first, second]);
  assert.equal(
    stdout,
    `[2026-09-10T00:20:00Z] [team] ${A}: two\\nlines\\\\\n` +
      `[2026-09-10T00:21:00Z] [team] ${A}: yes\n`,
  );
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  assert.deepEqual(paths, ["/group/team/history?limit=100"]);
  const raw = await history([first], ["team", "--raw"]);
  assert.equal(raw.stdout, `[2026-09-10T00:20:00Z] [team] ${A}: two\nlines\\\n`);
});

Deno.test("group history --json prints one object a line with the keys of groups.md 6.6", async () => {
  const { stdout } = await history([first, second], ["team", "--json"]);
  assert.equal(
    stdout,
    `{"ts":"${first.ts}","group_id":"team","sender_pk":"${A}","body":"two\\nlines\\\\"}\n` +
      `{"ts":"${second.ts}","group_id":"team","sender_pk":"${A}","body":"yes"}\n`,
  );
});

/** An app with these messages, oldest first, that answers as groups.md 6.4 says. */
function appWith(times: readonly bigint[], senders: (index: number) => string = () => A): FakeApp {
  const whole = (nanos: bigint) => `2026-09-10T00:20:00.${nanos.toString().padStart(9, "0")}Z`;
  const base = BigInt(Date.parse("2026-09-10T00:20:00Z")) * 1_000_000n;
  return new FakeApp((request, reply) => {
    const query = new URL(request.path, "http://x").searchParams;
    const before = query.get("before");
    const found = times.map((nanos, index) => ({ nanos, index }))
      .filter(({ nanos }) => before === null || base + nanos < BigInt(before))
      .map(({ nanos, index }) => ({
        ...first,
        sender_pk: senders(index),
        text: `${index}`,
        ts: whole(nanos),
      }));
    return reply.answer(200, JSON.stringify(found.slice(-Number(query.get("limit")))));
  });
}

for (
  const [limit, count, requests] of [
    ["0", 2_500, 3],
    ["5000", 2_500, 3],
    ["1500", 1_500, 2],
    ["1000", 1_000, 1],
    ["7", 7, 1],
  ] as const
) {
  Deno.test(`group history --limit ${limit} takes ${requests} answers for ${count} messages`, async () => {
    const app = appWith(Array.from({ length: 2_500 }, (_, index) => BigInt(index)));
    const { code, stdout } = await runTest(["group", "history", "team", "-n", limit, "--json"], {
      network: app.network,
    });
    const bodies = stdout.split("\n").slice(0, -1).map((line) => JSON.parse(line).body);
    const all = Array.from({ length: 2_500 }, (_, index) => `${index}`);
    assert.deepEqual(bodies, all.slice(-count));
    assert.equal(code, 0);
    assert.equal(app.requests.length, requests);
  });
}

Deno.test("group history loses none of the messages of one moment, and ends where all are of it", async () => {
  const pairs = appWith(
    Array.from({ length: 1_999 }, (_, index) => BigInt(index >> 1)),
    (index) => `${index}`,
  );
  const whole = await runTest(["group", "history", "team", "-n", "0"], { network: pairs.network });
  assert.deepEqual(
    whole.stdout.split("\n").slice(0, -1).map((line) => Number(line.split(": ")[1])),
    Array.from({ length: 1_999 }, (_, index) => index),
  );
  const same = appWith(Array.from({ length: 3_000 }, () => 5n), (index) => `${index}`);
  const { code, stdout } = await runTest(["group", "history", "team", "-n", "0"], {
    network: same.network,
  });
  assert.equal(code, 0);
  assert.equal(stdout.split("\n").length, 1_001);
});

Deno.test("group history takes an answer for the whole when its times cannot be read", async () => {
  const odd = { ...first, ts: "soon" };
  const { stdout, paths } = await history(Array.from({ length: 3 }, () => odd), [
    "team",
    "-n",
    "3",
  ]);
  assert.equal(stdout.split("\n")[0], `[soon] [team] ${A}: two\\nlines\\\\`);
  assert.equal(paths.length, 1);
  const many = await history(Array.from({ length: 1_000 }, () => odd), ["team", "-n", "0"]);
  assert.equal(many.paths.length, 1);
});

Deno.test("group history refuses --raw with --json", async () => {
  const { code, stderr, paths } = await history([], ["team", "--raw", "--json"]);
  assert.equal(stderr, '{\n  "error": "--raw and --json are mutually exclusive"\n}\n');
  assert.deepEqual({ code, paths }, { code: 1, paths: [] });
});

Deno.test("group history --list-groups shows what is stored", async () => {
  const stored = [
    { group_id: "team", count: 12, newest: "2026-09-10T00:20:00.5Z" },
    { group_id: "a\nb", count: "x" },
  ];
  const { code, stdout, paths } = await history(stored, ["--list-groups"]);
  assert.equal(
    stdout,
    "ID    MESSAGES  LAST_MESSAGE\nteam  12        2026-09-10T00:20:00Z\na\\nb  0         -\n",
  );
  assert.equal(code, 0);
  assert.deepEqual(paths, ["/group/history"]);
  const json = await history(stored, ["--list-groups", "--json"]);
  assert.equal(json.stdout, `${JSON.stringify(stored, null, 2)}\n`);
  const wrong = await history({}, ["--list-groups"]);
  assert.equal(wrong.stderr, "skychat: group history: the answer is no JSON list\n");
});

const mistakes: readonly [args: readonly string[], text: string][] = [
  [[], "history: <group-id> required (or use --list-groups)"],
  [["team", "x"], 'group history: unexpected argument "x"'],
  [["team", "--list-groups"], 'group history --list-groups: unexpected argument "team"'],
  [["team", "-n", "-1"], "option '-n, --limit <n>' argument '-1' is invalid. the least is 0"],
  [["."], '"." is no group id'],
];

for (const [args, text] of mistakes) {
  Deno.test(`group history ${args.join(" ")} is refused before anybody is asked`, async () => {
    const { code, stdout, stderr, paths } = await history([], args);
    assert.equal(stderr.split("\n")[0], `skychat: ${text}`);
    assert.deepEqual({ code, stdout, paths }, { code: 1, stdout: "", paths: [] });
  });
}

for (
  const record of [
    null,
    "x",
    [],
    {},
    { ...first, text: 1 },
    { ...first, ts: undefined },
    { ...first, sender_pk: null },
    { ...first, group_id: {} },
  ]
) {
  Deno.test(`group history refuses a list with ${JSON.stringify(record)}`, async () => {
    const { code, stdout, stderr } = await history([first, record]);
    const text = "skychat: group history: not a group history answer\n";
    assert.deepEqual({ code, stdout, stderr }, { code: 1, stdout: "", stderr: text });
  });
}

Deno.test("group history is coloured on a terminal only, and hides others' codes", async () => {
  const hostile = { ...first, text: "\x1b[31mred", sender_pk: "a\nb", group_id: "g\x1b[0m" };
  const { stdout } = await history([hostile], ["team", "--raw"], { stdoutTerminal: true });
  assert.equal(
    stdout,
    "\x1b[2m[2026-09-10T00:20:00Z] [g\\x1b[0m] \x1b[0m\x1b[36ma\\nb\x1b[0m: \\x1b[31mred\n",
  );
});
