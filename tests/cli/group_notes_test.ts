/** What commands of groups say besides their result. */
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

const UNSTORED =
  "the app could not write it to its disk: a restart of the app may forget this decision\n";
const SECRET =
  "the owner's line reads a variable: put the secret key that this node was started with into " +
  "SECRET_KEY first, or use -c\n";

const info = {
  ...{ id: ID, name: "ops", owner_pk: A, port: 8802, mode: "public" },
  ...{ members: [A, B], admins: [A], status: "active" },
};

async function group(args: readonly string[], answer: unknown) {
  const app = FakeApp.answering(200, `${JSON.stringify(answer)}\n`);
  return await runTest(["group", ...args], { network: app.network });
}

const decisions: readonly (readonly string[])[] = [
  ...["add", "kick", "ban", "unban", "mute", "unmute", "promote", "demote"].map(
    (verb) => [verb, ID, B],
  ),
  ["readonly", ID, "on"],
  ["peer-backfill", ID, "off"],
  ["rotate-key", ID],
  ["join", LINK],
  ["create", "-n", "ops"],
];

for (const args of decisions) {
  Deno.test(`group ${args[0]} says that a restart may forget what is on no disk`, async () => {
    const answer = (stored: unknown) => {
      const view = { ...info, stored };
      return args[0] === "create" ? { info: view, invite: LINK } : view;
    };
    const kept = await group(args, answer(undefined));
    const unkept = await group(args, answer(false));
    assert.deepEqual(unkept, { ...kept, stderr: UNSTORED });
    for (const stored of [undefined, true, null, "false", 0]) {
      assert.deepEqual(await group(args, answer(stored)), { ...kept, stderr: "" });
    }
    // The value itself says it there.
    assert.equal((await group([...args, "--json"], answer(false))).stderr, "");
  });
}

Deno.test("group rotate-key tells it of a nested group too", async () => {
  const { stderr } = await group(["rotate-key", ID], { info: { ...info, stored: false } });
  assert.equal(stderr, UNSTORED);
});

Deno.test("group create tells what to do about a secret key that its answer leaves out", async () => {
  const made = (owner: unknown) => ({ info, invite: LINK, start: { owner, member: "x" } });
  const args = ["create", "-n", "ops"];
  const needed = await group(args, made('skychat app --sk "$SECRET_KEY"'));
  assert.equal(needed.stderr, SECRET);
  assert.equal((await group([...args, "--json"], made('--sk "$SECRET_KEY"'))).stderr, SECRET);
  for (const line of ["skychat app -c key.json", "", 7, undefined]) {
    assert.equal((await group(args, made(line))).stderr, "");
  }
});

Deno.test("group join tells what an admin has to run while nobody let the node in", async () => {
  const lines = `  id:    ${ID}\n  owner: ${A}\n  mode:  public\n`;
  const waiting = `requested to join group (waiting for an admin to approve) "ops"\n${lines}`;
  const admits = `ask an admin to run: skychat group add ${ID} ${B}\n`;
  for (const status of ["pending", "awaiting_approval"]) {
    const told = await group(["join", LINK], { ...info, status, self_pk: B });
    assert.equal(told.stdout, `${waiting}${admits}`);
    const silent = await group(["join", LINK], { ...info, status });
    assert.equal(silent.stdout, waiting);
    const json = await group(["join", LINK, "--json"], { ...info, status, self_pk: B });
    assert.equal(json.stdout, `${JSON.stringify({ ...info, status, self_pk: B }, null, 2)}\n`);
  }
  const joined = await group(["join", LINK], { ...info, self_pk: B });
  assert.equal(joined.stdout, `joined group "ops"\n${lines}`);
});

Deno.test("group join puts nothing into a command that a shell would run", async () => {
  const hostile = { ...info, id: "x'; rm -rf ~ #\n\\", self_pk: "$(y)", status: "pending" };
  const { stdout } = await group(["join", LINK], hostile);
  assert.equal(
    stdout.trimEnd().split("\n").at(-1),
    "ask an admin to run: skychat group add 'x'\\''; rm -rf ~ #\\n\\\\' '$(y)'",
  );
});

Deno.test("group join says when a link names no address", async () => {
  for (const args of [["join", NOWHERE], ["join", ` ${NOWHERE} `], ["join", NOWHERE, "--json"]]) {
    const { code, stderr } = await group(args, info);
    assert.equal(code, 0);
    assert.match(stderr, /^the link names no address, .*--address host:port, .*--cxo-advertise\n$/);
  }
  for (const link of [LINK, "skychat:invite:x", `skychat://${A}/${ID}`, "eyJpZCI6IngifQ"]) {
    assert.equal((await group(["join", link], info)).stderr, "");
  }
});
