import assert from "node:assert/strict";
import { runTest } from "#support/cli_run.ts";
import { FakeApp } from "#support/fake_app.ts";

const A = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const B = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";
const ID = "4f6c1d2e-8b3a-4c59-9e70-1a2b3c4d5e6f";
const ALIASES = {
  env: { XDG_CONFIG_HOME: "/x" },
  files: { "/x/skywire/skychat-aliases.json": JSON.stringify({ ann: A, odd: "zz" }) },
};
const info = { id: ID, name: "ops", members: [A, B], admins: [A], key_epoch: 4, mode: "private" };

async function group(
  args: readonly string[],
  { status = 200, body = `${JSON.stringify(info)}\n` }: { status?: number; body?: string } = {},
) {
  const app = new FakeApp((_request, reply) =>
    status === 204 ? reply.write("HTTP/1.1 204 No Content\r\n\r\n") : reply.answer(status, body)
  );
  const result = await runTest(args, { network: app.network, ...ALIASES });
  const asked = app.requests.map(({ method, path, body }) => `${method} ${path} ${body}`.trim());
  return { ...result, asked };
}

const uses: readonly [args: readonly string[], asked: string, stdout: string][] = [
  [["add", ID, B], `members/add {"pk":"${B}"}`, `group ${ID} now has 2 members`],
  [["add", ID, "ann"], `members/add {"pk":"${A}"}`, `group ${ID} now has 2 members`],
  [
    ["add", ID, `tcp://${B}@h:1`],
    `members/add {"pk":"${B}","addr":"h:1"}`,
    `group ${ID} now has 2 members`,
  ],
  [
    ["add", ID, "tcp://ann@[::1]:1"],
    `members/add {"pk":"${A}","addr":"[::1]:1"}`,
    `group ${ID} now has 2 members`,
  ],
  [["kick", ID, "ann"], `members/remove {"pk":"${A}"}`, `group ${ID}: kick ${A}`],
  [["ban", ID, B.toUpperCase()], `members/ban {"pk":"${B}"}`, `group ${ID}: ban ${B}`],
  [["unban", ID, B], `members/unban {"pk":"${B}"}`, `group ${ID}: unban ${B}`],
  [["mute", ID, B], `members/mute {"pk":"${B}"}`, `group ${ID}: mute ${B}`],
  [["unmute", ID, B], `members/unmute {"pk":"${B}"}`, `group ${ID}: unmute ${B}`],
  [["promote", ID, B], `members/promote {"pk":"${B}"}`, `group ${ID} now has 1 admin(s)`],
  [["demote", ID, B], `members/demote {"pk":"${B}"}`, `group ${ID} now has 1 admin(s)`],
  [["readonly", ID, "on"], 'readonly {"read_only":true}', `group ${ID} is read-only`],
  [["readonly", ID, "Off"], 'readonly {"read_only":false}', `group ${ID} is open`],
  ...["on", "true", "yes", "enable", "enabled"].map((word): typeof uses[number] => [
    ["peer-backfill", ID, word],
    'peer-backfill {"enabled":true}',
    `group ${ID} history served by: any online member`,
  ]),
  ...["off", "false", "no", "disable", "disabled"].map((word): typeof uses[number] => [
    ["peer-backfill", ID, word],
    'peer-backfill {"enabled":false}',
    `group ${ID} history served by: admins only`,
  ]),
];

for (const [args, asked, stdout] of uses) {
  Deno.test(`group ${args.join(" ").replace(ID, "ID").slice(0, 40)} asks for it and says so`, async () => {
    for (const words of [["group"], ["cli", "skychat", "group"], ["cli", "group"]]) {
      assert.deepEqual(await group([...words, ...args]), {
        code: 0,
        stdout: `${stdout}\n`,
        stderr: "",
        asked: [`POST /group/${ID}/${asked}`],
      });
    }
    const json = await group(["--json", "group", ...args]);
    assert.equal(json.stdout, `${JSON.stringify(info, null, 2)}\n`);
  });
}

Deno.test("group rotate-key tells epoch and recipients, from the answer or from the group", async () => {
  const text = (epoch: number, count: number) =>
    `group ${ID} re-keyed\n  key epoch: ${epoch}\n  sealed for: ${count} member(s)\n`;
  const plain = await group(["group", "rotate-key", ID]);
  assert.equal(plain.stdout, text(4, 2));
  assert.deepEqual(plain.asked, [`POST /group/${ID}/rotate-key`]);
  const flat = JSON.stringify({ ...info, epoch: 5, recipients: 1 });
  assert.equal((await group(["group", "rotate-key", ID], { body: flat })).stdout, text(5, 1));
  const nested = JSON.stringify({ info, epoch: 6, recipients: 3 });
  assert.equal((await group(["group", "rotate-key", ID], { body: nested })).stdout, text(6, 3));
});

Deno.test("group leave and delete say what they did, and nothing with --json", async () => {
  for (
    const [word, asked, stdout] of [
      ["leave", `POST /group/${ID}/leave`, `left ${ID}\n`],
      ["delete", `DELETE /group/${ID}`, `deleted ${ID}\n`],
    ] as const
  ) {
    const said = { code: 0, stdout, stderr: "", asked: [asked] };
    assert.deepEqual(await group(["group", word, ID], { status: 204 }), said);
    const json = await group(["group", word, ID, "--json"], { status: 204 });
    assert.deepEqual(json, { ...said, stdout: "" });
  }
});

const mistakes: readonly [args: readonly string[], text: string][] = [
  [["add", ID], "group add: wants ID and PK"],
  [["add"], "group add: wants ID and PK"],
  [["add", ID, B, "x"], 'group add: unexpected argument "x"'],
  [["add", ID, `tcp://${B}@`], `group add: missing host:port in "tcp://${B}@"`],
  [["add", ID, "tcp://@h:1"], 'invalid pk "": Invalid public key length'],
  [["kick", ID, `tcp://${B}@h:1`], `invalid pk "tcp://${B}@h:1": Invalid public key`],
  [["ban", ID, "bob"], 'invalid pk "bob": Invalid public key'],
  [["ban", ID, "odd"], 'invalid pk "odd": Invalid public key'],
  [["mute", "..", B], '".." is no group id'],
  [["readonly", ID], "group readonly: wants ID and on|off"],
  [["readonly", ID, "maybe"], 'invalid state "maybe" (use on or off)'],
  [["peer-backfill", ID, ""], 'invalid state "" (use on or off)'],
  [["rotate-key"], "group rotate-key: wants ID"],
  [["leave"], "group leave: wants ID"],
  [["delete", "a", "b"], 'group delete: unexpected argument "b"'],
];

for (const [args, text] of mistakes) {
  Deno.test(`group ${args.join(" ").slice(0, 60)} is refused before anybody is asked`, async () => {
    const { code, stdout, stderr, asked } = await group(["group", ...args]);
    assert.equal(stderr.split("\n")[0], `skychat: ${text}`);
    assert.deepEqual({ code, stdout, asked }, { code: 1, stdout: "", asked: [] });
  });
}

/** Every command about one group, with the operands it needs. */
const COMMANDS: readonly (readonly string[])[] = [
  ["info", ID],
  ["invite", ID],
  ["send", ID, "hi"],
  ["unsend", ID, "1789000000000000000"],
  ["history", ID],
  ["add", ID, B],
  ["kick", ID, B],
  ["promote", ID, B],
  ["readonly", ID, "on"],
  ["peer-backfill", ID, "off"],
  ["rotate-key", ID],
  ["leave", ID],
  ["delete", ID],
];

const DISABLED = "groups disabled (visor RPC unavailable)";
const START =
  "make one with skychat group create, take part in one with skychat group join LINK, " +
  "or start the app with --cxo-group or --join";

const refusals: readonly [status: number, body: string, text: string, hint?: string][] = [
  [503, `${DISABLED}\n`, DISABLED, START],
  [503, "cxo publish: cxo publisher not ready\n", "cxo publish: cxo publisher not ready"],
  [404, "no such group\n", `no such group "${ID}"`, "skychat group list shows those there are"],
  [404, "404 page not found\n", "server error 404: 404 page not found"],
  [
    404,
    "no message of yours with that time\n",
    "no message of yours with that time",
    "skychat group history --json shows the times, as ts",
  ],
  [
    403,
    "group: AddMember: only admins can edit roster\n",
    "group: AddMember: only admins can edit roster",
  ],
  [409, "group: not a UUID\n", "group: not a UUID"],
  [501, "not supported in standalone mode\n", "not supported in standalone mode"],
  [400, "text required\n", "text required"],
  [500, "disk\nfull\n", "disk\\nfull"],
  [500, "", "server error 500: "],
  [302, "elsewhere", "server error 302: elsewhere"],
  [
    401,
    "password required\n",
    "server error 401: password required",
    "give it in front of the address: --addr user:password@host:port",
  ],
];

for (const [status, body, text, hint] of refusals) {
  Deno.test(`group commands report ${status} ${body.trim().slice(0, 30)}`, async () => {
    const stderr = `skychat: ${text}\n${hint === undefined ? "" : `  ${hint}\n`}`;
    for (const args of COMMANDS) {
      const { asked: _asked, ...result } = await group(["group", ...args], { status, body });
      assert.deepEqual(result, { code: 1, stdout: "", stderr }, args[0]);
    }
    const json = await group(["group", "leave", ID, "--json"], { status, body });
    assert.equal(json.stderr, `${JSON.stringify({ error: text }, null, 2)}\n`);
    assert.equal(json.code, 1);
  });
}

Deno.test("group commands say that no app is running, with exit code 6 when asked for details", async () => {
  for (const args of [...COMMANDS, ["create", "-n", "x"], ["join", "skychat:invite:x"], ["list"]]) {
    const { code, stdout, stderr } = await runTest(["group", ...args]);
    assert.match(
      stderr,
      /^skychat: chat app unreachable at 127\.0\.0\.1:8001: .*\n {2}is "skychat/,
    );
    assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
  }
  assert.equal((await runTest(["group", "list", "--exit-codes", "detailed"])).code, 6);
});

Deno.test("group commands read no answer that is none", async () => {
  const commands = COMMANDS.filter(([word = ""]) =>
    !["send", "unsend", "leave", "delete", "invite", "history"].includes(word)
  );
  for (const body of ["", "x", "[]", "null", '{"members":[]}', '{"id":{}}']) {
    for (const args of commands) {
      const { code, stdout, stderr } = await group(["group", ...args], { body });
      const text = `skychat: group ${args[0]}: the answer is no group\n`;
      assert.deepEqual({ code, stdout, stderr }, { code: 1, stdout: "", stderr: text });
    }
  }
  // Lists that are none, or hold other things than keys, count as empty.
  const odd = JSON.stringify({ id: ID, members: { length: 9 }, admins: [1, null, A] });
  assert.equal(
    (await group(["group", "add", ID, B], { body: odd })).stdout,
    `group ${ID} now has 0 members\n`,
  );
  assert.equal(
    (await group(["group", "demote", ID, B], { body: odd })).stdout,
    `group ${ID} now has 1 admin(s)\n`,
  );
});

Deno.test("group alone is its help, and complains about what it does not know", async () => {
  const help = await runTest(["group", "--help"]);
  assert.match(help.stdout, /^Usage: skychat group <command> \[flags\]\n/);
  assert.match(help.stdout, /\n {2}peer-backfill {2,}let every member/);
  assert.match(help.stdout, /\nskychat group <command> --help has the flags of a command\.\n$/);
  for (
    const args of [["group"], ["help", "group"], ["group", "help"], ["cli", "skychat", "group"]]
  ) {
    assert.deepEqual(await runTest(args), { ...help, code: 0, stderr: "" });
  }
  const failures: readonly [args: readonly string[], text: string, hint: string][] = [
    [["group", "lst"], "unknown command 'lst' (did you mean list?)", "see skychat group --help"],
    [
      ["group", "list", "x"],
      'group list: unexpected argument "x"',
      "quote texts that have spaces in them",
    ],
    [["group", "--nope"], "unknown option '--nope'", "see skychat group --help"],
    [["group", "list", "--nope"], "unknown option '--nope'", "see skychat group list --help"],
    [["group", "-n", "x", "create"], "unknown option '-n'", "see skychat group --help"],
    [
      ["group", "--", "list"],
      'group: unexpected argument "list"',
      "quote texts that have spaces in them",
    ],
  ];
  for (const [args, text, hint] of failures) {
    const stderr = `skychat: ${text}\n  ${hint}\n`;
    assert.deepEqual(await runTest(args), { code: 1, stdout: "", stderr });
  }
});
