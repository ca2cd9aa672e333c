import assert from "node:assert/strict";
import { runTest } from "#support/cli_run.ts";
import { FakeApp } from "#support/fake_app.ts";

const ID = "4f6c1d2e-8b3a-4c59-9e70-1a2b3c4d5e6f";

interface Setting {
  /** Header lines of the answer to what is sent. */
  readonly headers?: string;
  /** The answer to a look at the group, and its status. */
  readonly info?: unknown;
  readonly infoStatus?: number;
}

async function group(
  args: readonly string[],
  { headers = "", info = { id: ID, status: "active" }, infoStatus = 200 }: Setting = {},
) {
  const app = new FakeApp(({ method }, reply) =>
    method === "GET"
      ? reply.answer(infoStatus, typeof info === "string" ? info : JSON.stringify(info))
      : reply.write(`HTTP/1.1 204 X\r\n${headers}\r\n`)
  );
  const result = await runTest(["group", ...args], { network: app.network });
  const asked = app.requests.map(({ method, path, body }) => `${method} ${path} ${body}`.trim());
  return { ...result, asked };
}

const texts: readonly [args: readonly string[], text: string][] = [
  [["send", ID, "hello"], "hello"],
  [["send", ID, "hello", "", "big  world"], "hello  big  world"],
  [["send", ID, "-m", "hello world"], "hello world"],
  [["send", "--message=--raw", ID], "--raw"],
  [["send", ID, "--", "-m", "x"], "-m x"],
  [["send", ID, "list", "help"], "list help"],
  [["send", ID, '{"skychat_delete":{}}\n'], '{"skychat_delete":{}}\n'],
];

for (const [args, text] of texts) {
  Deno.test(`group ${JSON.stringify(args.slice(1))} sends ${JSON.stringify(text)}`, async () => {
    const asked = [`POST /group/${ID}/send ${JSON.stringify({ text })}`];
    assert.deepEqual(await group(args), {
      ...{ code: 0, stdout: `sent to ${ID}\n`, stderr: "" },
      asked: [...asked, `GET /group/${ID}`],
    });
    const json = await group(["--json", ...args]);
    assert.deepEqual(json, { code: 0, stdout: "", stderr: "", asked });
  });
}

Deno.test("group send asks for an id as it is in the path, and tells of a full disk", async () => {
  const { asked } = await group(["send", "the team/ä?#%", "x"]);
  assert.deepEqual(asked, [
    'POST /group/the%20team%2F%C3%A4%3F%23%25/send {"text":"x"}',
    "GET /group/the%20team%2F%C3%A4%3F%23%25",
  ]);
  const headers = "X-Skychat-Ts-Nano: 1789000000123456789\r\nX-Skychat-Stored: false\r\n";
  const unkept = await group(["send", ID, "x"], { headers });
  assert.equal(unkept.stdout, `sent to ${ID}\n`);
  assert.match(unkept.stderr, /^the app could not write it to its disk/);
});

for (
  const [headers, stdout] of [
    [
      "X-Skychat-Ts-Nano: 1789000000123456789\r\n",
      '{"ts_nano":1789000000123456789,"stored":true}\n',
    ],
    [
      "x-skychat-ts-nano: 9223372036854775807\r\nX-Skychat-Stored: false\r\n",
      '{"ts_nano":9223372036854775807,"stored":false}\n',
    ],
    // What is no time would be no JSON, or another value.
    ...["0", "007", "1e9", '1,"x":2', "12345678901234567890"].map(
      (ts) => [`X-Skychat-Ts-Nano: ${ts}\r\n`, ""] as const,
    ),
  ] as const
) {
  Deno.test(`group send --json prints ${stdout.trim() || "nothing"} for ${headers.trim()}`, async () => {
    const info = { id: ID, status: "banned" };
    assert.deepEqual(await group(["send", ID, "x", "--json"], { headers, info }), {
      ...{ code: 0, stdout, stderr: "" },
      asked: [`POST /group/${ID}/send {"text":"x"}`],
    });
  });
}

Deno.test("group send says when no member reads this node", async () => {
  const stdout = `sent to ${ID}\n`;
  for (const status of ["awaiting_approval", "revoked", "banned"]) {
    const said = await group(["send", ID, "x"], { info: { id: ID, status } });
    assert.equal(
      said.stderr,
      `no member reads this node now (status ${status}): see skychat group info ${ID}\n`,
    );
    assert.deepEqual([said.code, said.stdout], [0, stdout]);
  }
  const quiet: readonly Setting[] = [
    ...["active", "pending", "left", 7].map((status) => ({ info: { id: ID, status } })),
    ...["x", "[]", ""].map((info) => ({ info })),
    { info: { id: ID, status: "banned" }, infoStatus: 503 },
    { info: "groups disabled", infoStatus: 503 },
  ];
  for (const setting of quiet) {
    const { code, stderr, stdout: out } = await group(["send", ID, "x"], setting);
    assert.deepEqual({ code, stderr, out }, { code: 0, stderr: "", out: stdout });
  }
});

for (
  const [word, nanos] of [
    ["1789000000123456789", "1789000000123456789"],
    ["2026-09-10T00:26:40.123456789Z", "1789000000123456789"],
    ["2026-09-10T02:26:40+02:00", "1789000000000000000"],
  ] as const
) {
  Deno.test(`group unsend takes ${word} back`, async () => {
    assert.deepEqual(await group(["unsend", ID, word]), {
      code: 0,
      stdout: `unsent ${nanos} from ${ID}\n`,
      stderr: "",
      asked: [`DELETE /group/${ID}/message?ts=${nanos}`],
    });
  });
}

const mistakes: readonly [args: readonly string[], text: string][] = [
  [["send"], "group send: wants ID and a text"],
  [["send", ID], "group send: what? give a text behind the id"],
  [["send", ID, ""], "group send: what? give a text behind the id"],
  [["send", ID, "-m", ""], "group send: what? give a text behind the id"],
  [["send", ID, "-m", "a", "b"], "group send: give the text as words or with --message, not both"],
  [["unsend", ID], "group unsend: wants ID and TIME"],
  ...["0", "-5", "1.5", "x", "9223372036854775808", "2026-09-10", "1969-01-01T00:00:00Z"].map(
    (ts): typeof mistakes[number] => [
      ["unsend", ID, "--", ts],
      `invalid ts (want UnixNano int): "${ts}" is no time of a message`,
    ],
  ),
];

for (const [args, text] of mistakes) {
  Deno.test(`group ${JSON.stringify(args)} is refused before anybody is asked`, async () => {
    const { code, stdout, stderr, asked } = await group(args);
    assert.equal(stderr.split("\n")[0], `skychat: ${text}`);
    assert.deepEqual({ code, stdout, asked }, { code: 1, stdout: "", asked: [] });
  });
}
