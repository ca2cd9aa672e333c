import assert from "node:assert/strict";
import { runTest } from "#support/cli_run.ts";
import { FakeApp } from "#support/fake_app.ts";

const A = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const B = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";
const ID = "4f6c1d2e-8b3a-4c59-9e70-1a2b3c4d5e6f";
/** Of {"id":"x","cxo":["tcp://k@h:1"]}. */
const LINK = "skychat:invite:eyJpZCI6IngiLCJjeG8iOlsidGNwOi8va0BoOjEiXX0";
/** Of {"id":"x"}. */
const NOWHERE = "skychat:invite:eyJpZCI6IngifQ";
const ALIASES = {
  env: { XDG_CONFIG_HOME: "/x" },
  files: { "/x/skywire/skychat-aliases.json": JSON.stringify({ ann: A }) },
};

const info = {
  id: ID,
  name: "ops",
  owner_pk: A,
  port: 8802,
  mode: "public",
  members: [A, B],
  status: "active",
};
const created = { info, invite: LINK, start: { owner: "skychat app --x", member: "skychat app" } };

/** Runs a command below `group` against an app with one answer. */
async function group(
  args: readonly string[],
  { status = 200, answer }: { status?: number; answer: unknown },
  setting: Parameters<typeof runTest>[1] = {},
) {
  const app = FakeApp.answering(status, `${JSON.stringify(answer)}\n`);
  const result = await runTest(["group", ...args], { network: app.network, ...setting });
  const asked = app.requests.map(({ method, path, body }) => `${method} ${path} ${body}`.trim());
  return { ...result, asked };
}

Deno.test("group create prints the group, its invite link, and how to start the nodes", async () => {
  const { code, stdout, stderr, asked } = await group(["create", "-n", "ops"], { answer: created });
  assert.equal(
    stdout,
    `group created
  id:     ${ID}
  name:   ops
  mode:   public
  port:   8802
  members: 2

invite link (share with members):
  ${LINK}

start the owner's node with:
  skychat app --x

start a member's node with:
  skychat app
`,
  );
  assert.equal(stderr, "");
  assert.equal(code, 0);
  assert.deepEqual(asked, ['POST /group {"name":"ops","mode":"public"}']);
});

Deno.test("group create leaves out what the app does not tell", async () => {
  const { stdout } = await group(["create", "--name=ops"], { answer: { info, invite: LINK } });
  assert.ok(stdout.endsWith(`invite link (share with members):\n  ${LINK}\n`), stdout);
});

Deno.test("group create hands on its flags, members as keys, each once", async () => {
  const flags = ["-n", "ops", "-m", "private", "--member", `ann,${B}`, "--member", A];
  const more = ["--no-peer-backfill", "--address", "chat.example:8802"];
  const { asked } = await group(["create", ...flags, ...more], { answer: created }, ALIASES);
  assert.deepEqual(asked, [
    `POST /group {"name":"ops","mode":"private","members":["${A}","${B}"],` +
    '"peer_backfill":false,"address":"chat.example:8802"}',
  ]);
  const kind = await group(["create", "-n", "x", "--kind", "channel"], { answer: created });
  assert.deepEqual(kind.asked, ['POST /group {"name":"x","kind":"channel"}']);
  const both = await group(["create", "-n", "x", "--kind", "private", "-m", "public"], {
    answer: created,
  });
  assert.deepEqual(both.asked, ['POST /group {"name":"x","kind":"private","mode":"public"}']);
});

Deno.test("group create --json prints the app's value, indented by two spaces", async () => {
  const { stdout } = await group(["create", "-n", "ops", "--json"], { answer: created });
  assert.equal(stdout, `${JSON.stringify(created, null, 2)}\n`);
});

const mistakes: readonly [args: readonly string[], stderr: string][] = [
  [["create"], 'required flag(s) "name" not set'],
  [["create", "-n", " "], 'required flag(s) "name" not set'],
  [["create", "-n", "x", "-m", "open"], 'invalid --mode "open" (use public or private)'],
  [
    ["create", "-n", "x", "--kind", "club"],
    'invalid --kind "club" (use public, private or channel)',
  ],
  [
    ["create", "-n", "x", "--member", "bob"],
    'invalid pk "bob": Invalid public key\n' +
    "  it is no alias with a key either (try: skychat alias ls)",
  ],
  [
    ["create", "-n", "x", "ops"],
    'group create: unexpected argument "ops"\n  quote texts that have spaces in them',
  ],
  [["join"], "group join: wants LINK\n  see skychat group join --help"],
  [["join", " "], "group join: the link is empty"],
  [["invite"], "group invite: wants ID\n  see skychat group invite --help"],
  [["invite", ".."], '".." is no group id'],
  [["invite", ""], '"" is no group id'],
];

for (const [args, text] of mistakes) {
  Deno.test(`group ${args.join(" ")} is refused before anybody is asked`, async () => {
    const { code, stdout, stderr, asked } = await group(args, { answer: created });
    assert.deepEqual({ code, stdout, stderr }, {
      code: 1,
      stdout: "",
      stderr: `skychat: ${text}\n`,
    });
    assert.deepEqual(asked, []);
  });
}

Deno.test("group join tells whether somebody still has to let the node in", async () => {
  const lines = `  id:    ${ID}\n  owner: ${A}\n  mode:  public\n`;
  const joined = await group(["join", ` ${LINK} `], { answer: info });
  assert.equal(joined.stdout, `joined group "ops"\n${lines}`);
  assert.deepEqual(joined.asked, [`POST /group/join {"invite":"${LINK}"}`]);
  const waits = await group(["join", LINK], { answer: { ...info, status: "pending" } });
  assert.equal(
    waits.stdout,
    `requested to join group (waiting for an admin to approve) "ops"\n${lines}`,
  );
  const json = await group(["join", LINK, "--json"], { answer: info });
  assert.equal(json.stdout, `${JSON.stringify(info, null, 2)}\n`);
});

Deno.test("group join takes a short address for what it is", async () => {
  const { asked } = await group(["join", `skychat://${A}/${ID}`], { answer: info });
  assert.deepEqual(asked, [`POST /group/join {"address":"skychat://${A}/${ID}"}`]);
});

Deno.test("group invite prints the link alone, for another address too", async () => {
  const answer = { invite: LINK };
  const plain = await group(["invite", "a/b c"], { answer });
  assert.deepEqual(plain, {
    code: 0,
    stdout: `${LINK}\n`,
    stderr: "",
    asked: ["GET /group/a%2Fb%20c/invite"],
  });
  const json = await group(["invite", ID, "--address=[::1]:8802", "--json"], { answer });
  assert.equal(json.stdout, `"${LINK}"\n`);
  assert.deepEqual(json.asked, [`GET /group/${ID}/invite?address=%5B%3A%3A1%5D%3A8802`]);
});

Deno.test("a link that names no address comes with a note on what to do", async () => {
  const invited = await group(["invite", ID], { answer: { invite: NOWHERE } });
  const made = await group(["create", "-n", "ops"], { answer: { ...created, invite: NOWHERE } });
  assert.equal(invited.stdout, `${NOWHERE}\n`);
  for (const { code, stderr } of [invited, made]) {
    assert.equal(code, 0);
    assert.match(stderr, /^the link names no address, .*--address host:port, .*--cxo-advertise\n$/);
  }
});

Deno.test("no text of an app moves the cursor or makes a line of its own", async () => {
  const name = "\x1b[2J\nfake: 1\u202e";
  const hostile = {
    info: { ...info, name, id: "a\r\nb", mode: "\x07" },
    invite: "x\ny",
    start: { owner: "one\ntwo", member: 7 },
  };
  const { stdout } = await group(["create", "-n", "x"], { answer: hostile }, {
    stdoutTerminal: true,
  });
  assert.deepEqual(stdout.split("\n"), [
    "group created",
    "  id:     a\\r\\nb",
    "  name:   \\x1b[2J\\nfake: 1\\u202e",
    "  mode:   \\x07",
    "  port:   8802",
    "  members: 2",
    "",
    "invite link (share with members):",
    "  x\\ny",
    "",
    "start the owner's node with:",
    "  one\\ntwo",
    "",
  ]);
  const json = await group(["create", "-n", "x", "--json"], { answer: hostile }, {
    stdoutTerminal: true,
  });
  for (const code of ["\x1b", "\u202e"]) assert.ok(!json.stdout.includes(code));
  assert.deepEqual(JSON.parse(json.stdout), hostile);
});

for (
  const answer of [
    null,
    "x",
    [],
    {},
    { info: 7 },
    { info: {} },
    { info: { id: 7 } },
    { id: "" },
  ]
) {
  Deno.test(`group create, join and invite refuse the answer ${JSON.stringify(answer)}`, async () => {
    const failed = (text: string) => ({ code: 1, stdout: "", stderr: `skychat: ${text}\n` });
    const run = async (args: readonly string[]) => {
      const { asked: _asked, ...result } = await group(args, { answer });
      return result;
    };
    const noGroup = (name: string) => failed(`group ${name}: the answer is no group`);
    assert.deepEqual(await run(["create", "-n", "x"]), noGroup("create"));
    assert.deepEqual(await run(["join", LINK]), noGroup("join"));
    assert.deepEqual(await run(["invite", ID]), failed("group invite: the answer has no link"));
  });
}
