import assert from "node:assert/strict";
import { runTest } from "#support/cli_run.ts";
import { FakeApp } from "#support/fake_app.ts";

const A = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const B = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";
const C = "02f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9";
const ID = "4f6c1d2e-8b3a-4c59-9e70-1a2b3c4d5e6f";

const ops = {
  id: ID,
  name: "ops",
  owner_pk: A,
  port: 8802,
  mode: "public",
  kind: "public",
  join_pow_bits: 0,
  peer_backfill: true,
  admins: [A],
  members: [A, B, C],
  role: "owner",
  status: "active",
  created_at: "2026-09-01T10:00:00.5Z",
  joined_at: "2026-09-01T12:00:00+02:00",
  last_message_at: "2026-09-21T14:13:20.123456789Z",
  subscriber_alive: true,
  peer_last_inbound: {
    [C]: "0001-01-01T00:00:00Z",
    [B]: "2026-09-10T00:25:39.9Z",
  },
  sub_drop_count: 2,
  deliver_count: 17,
  stream_send_count: 18,
  peer_update_count: { [B]: 5 },
};
const team = {
  id: "team",
  name: "",
  mode: "public",
  role: "member",
  status: "active",
  members: [A, B],
  last_message_at: "0001-01-01T00:00:00Z",
};

async function ask(
  args: readonly string[],
  body: unknown,
  setting: Parameters<typeof runTest>[1] = {},
) {
  const app = FakeApp.answering(200, typeof body === "string" ? body : JSON.stringify(body));
  const result = await runTest(["group", ...args], { network: app.network, ...setting });
  return { ...result, paths: app.requests.map(({ path }) => path) };
}

Deno.test("group list prints the table of groups.md 6.6", async () => {
  const { code, stdout, stderr, paths } = await ask(["list"], [ops, team]);
  assert.equal(
    stdout,
    `ID                                    NAME  MODE    ROLE    STATUS  MEMBERS  LAST_MESSAGE
${ID}  ops   public  owner   active  3        2026-09-21T14:13:20Z
team                                        public  member  active  2        -
`,
  );
  assert.deepEqual({ code, stderr, paths }, { code: 0, stderr: "", paths: ["/group"] });
});

Deno.test("group list --json is the app's list, indented, with every digit of its numbers", async () => {
  const body = '[{"id":"a","n":1789000000123456789,"t":"a,b: {\\"x\\"}","e":{},"l":[1,[]]}]\n';
  const { stdout } = await ask(["list", "--json"], body);
  assert.equal(
    stdout,
    `[
  {
    "id": "a",
    "n": 1789000000123456789,
    "t": "a,b: {\\"x\\"}",
    "e": {},
    "l": [
      1,
      []
    ]
  }
]
`,
  );
});

Deno.test("group list keeps its columns whatever a group is called", async () => {
  const odd = { ...team, id: "a\tb", name: "東京\n\x1b[0m", members: 7 };
  const { stdout } = await ask(["list"], [odd, { id: "x" }], { stdoutTerminal: true });
  assert.deepEqual(stdout.split("\n"), [
    "ID    NAME           MODE    ROLE    STATUS  MEMBERS  LAST_MESSAGE",
    "a\\tb  東京\\n\\x1b[0m  public  member  active  0        -",
    "x                                            0        -",
    "",
  ]);
});

Deno.test("group info prints the lines of groups.md 6.6", async () => {
  const { code, stdout, stderr, paths } = await ask(["info", ID], ops);
  // The clock of these tests stands at 2026-09-10T00:26:40Z.
  const wide = A.length + 2;
  assert.equal(
    stdout,
    `id:                ${ID}
name:              ops
owner:             ${A}
port:              8802
mode:              public
history_served_by: any online member
join_cost_bits:    0
role:              owner
status:            active
created_at:        2026-09-01T10:00:00Z
joined_at:         2026-09-01T10:00:00Z
last_message_at:   2026-09-21T14:13:20Z
subscriber_alive:  true
sub_drop_count:    2 (visor-wide gRPC fan-out)
deliver_count:     17 (visor-wide inbox enqueues)
stream_send_count: 18 (visor-wide stream.Send)
members (3):
  ${A}
  ${B}
  ${C}
admins (1):
  ${A}
peer_last_inbound (2):
  ${"PEER".padEnd(wide)}LAST_INBOUND          AGE   UPDATES
  ${B}  2026-09-10T00:25:39Z  1m0s  5
  ${C}  never                 -     0
`,
  );
  assert.deepEqual({ code, stderr, paths }, { code: 0, stderr: "", paths: [`/group/${ID}`] });
});

Deno.test("group info leaves out what does not apply, and has the key's epoch of a private group", async () => {
  const { stdout } = await ask(["info", "team"], { ...team, mode: "private", key_epoch: 3 });
  assert.equal(
    stdout,
    `id:                team
name:              
owner:             
port:              0
mode:              private
key_epoch:         3
history_served_by: admins only
join_cost_bits:    0
role:              member
status:            active
created_at:        -
joined_at:         -
last_message_at:   -
subscriber_alive:  false
deliver_count:     0 (visor-wide inbox enqueues)
stream_send_count: 0 (visor-wide stream.Send)
members (2):
  ${A}
  ${B}
`,
  );
  const json = await ask(["info", "team", "--json"], team);
  assert.equal(json.stdout, `${JSON.stringify(team, null, 2)}\n`);
});

Deno.test("group info reaches a group that is called like a route", async () => {
  for (const [id, path] of [["join", "%6aoin"], ["history", "%68istory"], ["list", "list"]]) {
    assert.deepEqual((await ask(["info", id ?? ""], team)).paths, [`/group/${path}`]);
    const { paths } = await ask(["readonly", id ?? "", "on"], team);
    assert.deepEqual(paths, [`/group/${id}/readonly`]);
  }
});

Deno.test("group info tells the age in whole seconds, never below zero", async () => {
  for (
    const [time, age] of [
      ["2026-09-10T00:27:40.9Z", "0s"],
      ["2026-09-10T00:25:41Z", "59s"],
      ["2026-09-10T01:25:38.2+01:00", "1m1s"],
      ["2026-09-09T23:24:37Z", "1h2m3s"],
    ] as const
  ) {
    const { stdout } = await ask(["info", "x"], { ...team, peer_last_inbound: { [A]: time } });
    assert.equal(stdout.trimEnd().split("\n").at(-1)?.split(/ {2,}/)[3], age, time);
  }
});

Deno.test("group info puts nothing of an app on a line of its own", async () => {
  const line = "x\nrole: owner\x1b[2J";
  const hostile = {
    ...ops,
    ...{ id: line, name: line, owner_pk: line, mode: line, role: line, status: line },
    ...{ created_at: line, members: [line, 7], admins: [line] },
    peer_last_inbound: { [line]: line, y: 7 },
    peer_update_count: { [line]: "many" },
    port: "x",
  };
  const { stdout } = await ask(["info", "x"], hostile, { stdoutTerminal: true });
  assert.ok(!stdout.includes("\x1b"));
  assert.doesNotMatch(stdout, /^role: owner/m);
  const lines = stdout.split("\n");
  assert.ok(lines.includes("created_at:        x\\nrole: owner\\x1b[2J"));
  assert.ok(lines.includes("members (1):"));
  assert.ok(lines.includes("port:              0"));
  assert.equal(lines.at(-3), "  x\\nrole: owner\\x1b[2J  never         -    0");
});

Deno.test("group info adds who may not do what, and why members are not connected", async () => {
  const plain = (await ask(["info", ID], ops)).stdout;
  const odd = {
    ...ops,
    kind: "channel",
    read_only: true,
    can_post: false,
    cannot_post_reason: "this is a channel\nrole: owner",
    banned: [A],
    muted: [B, C],
    peer_connected: { [A]: true, [B]: false },
    peer_trouble: { [C]: "dial: no\troute", [B]: "subscribe rejected", [A]: "old" },
  };
  const { stdout } = await ask(["info", ID], odd);
  assert.equal(
    stdout,
    `${plain}kind:              channel
read_only:         true
cannot_post:       this is a channel\\nrole: owner
banned (1):
  ${A}
muted (2):
  ${B}
  ${C}
peer_trouble (2):
  ${"PEER".padEnd(A.length + 2)}TROUBLE
  ${B}  subscribe rejected
  ${C}  dial: no\\troute
`,
  );
  const none = {
    ...ops,
    ...{ kind: "private", read_only: false, can_post: true, cannot_post_reason: 7 },
    ...{ banned: [], muted: null, peer_trouble: { [A]: "old", [B]: "", [C]: 7 } },
    peer_connected: { [A]: true },
  };
  assert.equal((await ask(["info", ID], none)).stdout, plain);
});

Deno.test("group list refuses what is no list of groups", async () => {
  for (
    const [body, text] of [["{}", "the answer is no JSON list"], [
      "x",
      "the answer is no JSON list",
    ]]
  ) {
    const { code, stderr } = await ask(["list"], body);
    assert.deepEqual({ code, stderr }, { code: 1, stderr: `skychat: group list: ${text}\n` });
  }
  const { stderr } = await ask(["list"], [ops, { name: "x" }]);
  assert.equal(stderr, "skychat: group list: the answer is no group\n");
});
