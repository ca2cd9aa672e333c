/** What commands say where the app runs no group, and `send` where it runs one. */
import assert from "node:assert/strict";
import { runTest } from "#support/cli_run.ts";
import { FakeApp } from "#support/fake_app.ts";

const A = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const ID = "4f6c1d2e-8b3a-4c59-9e70-1a2b3c4d5e6f";
const DISABLED = "groups disabled (visor RPC unavailable)";
const HINT = "make one with skychat group create, take part in one with skychat group join LINK, " +
  "or start the app with --cxo-group or --join";
const FAILURE = 'group: not running: open "ops": listen on 127.0.0.1:8802: address in use';

interface Setting {
  /** What `/status` answers. */
  readonly state?: unknown;
  readonly stateStatus?: number;
  /** The list of groups; undefined: groups are disabled. */
  readonly list?: unknown;
}

async function ask(
  args: readonly string[],
  { state = {}, stateStatus = 200, list }: Setting = {},
  setting: Parameters<typeof runTest>[1] = {},
) {
  const app = new FakeApp(({ path }, reply) => {
    if (path === "/status") return reply.answer(stateStatus, JSON.stringify(state));
    return list === undefined
      ? reply.answer(503, `${DISABLED}\n`)
      : reply.answer(200, JSON.stringify(list));
  });
  const result = await runTest(args, { network: app.network, ...setting });
  return { ...result, paths: app.requests.map(({ path }) => path) };
}

/** States of an app that was not to run a group, or does not say. */
const UNCONFIGURED: readonly Setting[] = [
  { state: { groups: [], groups_error: "pair-rpc-disabled" } },
  { state: { groups: [] } },
  { state: { groups_error: 7 } },
  { state: "x" },
  { state: { groups_error: FAILURE }, stateStatus: 500 },
];

Deno.test("group commands show why the group that was to run does not", async () => {
  const commands = [["info", ID], ["send", ID, "x"], ["add", ID, A], ["history", ID], [
    "create",
    "-n",
    "x",
  ]];
  for (const args of commands) {
    const failed = await ask(["group", ...args], { state: { groups_error: FAILURE } });
    assert.equal(failed.stderr, `skychat: ${DISABLED}: ${FAILURE}\n  ${HINT}\n`);
    assert.deepEqual([failed.code, failed.stdout], [1, ""]);
    assert.deepEqual(failed.paths.slice(1), ["/status"]);
    for (const setting of UNCONFIGURED) {
      const { stderr } = await ask(["group", ...args], setting);
      assert.equal(stderr, `skychat: ${DISABLED}\n  ${HINT}\n`);
    }
  }
  const json = await ask(["group", "leave", ID, "--json"], { state: { groups_error: FAILURE } });
  assert.deepEqual(JSON.parse(json.stderr), { error: `${DISABLED}: ${FAILURE}` });
});

Deno.test("the reason is one line, and moves no cursor", async () => {
  const state = { groups_error: "a\nb\x1b[2J" };
  const { stderr } = await ask(["group", "info", ID], { state }, { stderrTerminal: true });
  assert.equal(stderr, `skychat: ${DISABLED}: a\\nb\\x1b[2J\n  ${HINT}\n`);
});

Deno.test("group list without a group prints a note and nothing else", async () => {
  const empty = [[], null].flatMap((list) => UNCONFIGURED.map((setting) => ({ ...setting, list })));
  for (const setting of [...UNCONFIGURED, ...empty]) {
    const { code, stdout, stderr } = await ask(["group", "list"], setting);
    const note = `no group runs here: ${HINT}\n`;
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "", stderr: note });
    const json = await ask(["group", "list", "--json"], setting);
    assert.deepEqual([json.code, json.stdout, json.stderr], [0, "[]\n", ""]);
  }
});

Deno.test("group list fails where the group that was to run does not", async () => {
  const state = { groups: [], groups_error: FAILURE };
  const disabled = await ask(["group", "list"], { state });
  const empty = await ask(["group", "list"], { state, list: [] });
  assert.equal(disabled.stderr, `skychat: ${DISABLED}: ${FAILURE}\n  ${HINT}\n`);
  assert.equal(empty.stderr, `skychat: no group runs here: ${FAILURE}\n  ${HINT}\n`);
  const json = await ask(["group", "list", "--json"], { state });
  assert.deepEqual(JSON.parse(json.stderr), { error: `${DISABLED}: ${FAILURE}` });
  for (const { code, stdout } of [disabled, empty, json]) assert.deepEqual([code, stdout], [1, ""]);
});

Deno.test("group list says which group put this node out", async () => {
  const state = { groups: [{ id: "a\nb", status: "revoked" }] };
  const { code, stdout, stderr } = await ask(["group", "list"], { state, list: [] });
  assert.equal(stderr, "no group to list: this node is out of a\\nb (revoked)\n");
  assert.deepEqual([code, stdout], [0, ""]);
  assert.equal((await ask(["group", "list", "--json"], { state, list: [] })).stdout, "[]\n");
});

Deno.test("send without a recipient names group send where the app runs a group", async () => {
  const text = "either --to <pk> or --via tcp://<pk>@host:port is required";
  const hinted = (word: string) =>
    `skychat: ${text}\n  to write to the group of this app: skychat group send ${word} WORD...\n`;
  const send = (state: unknown, stateStatus = 200) =>
    ask(["send", "-m", "x"], { state, stateStatus });
  const one = await send({ groups: [{ id: ID }] });
  assert.deepEqual(one, { code: 1, stdout: "", stderr: hinted(ID), paths: ["/status"] });
  const odd = await send({ groups: [{ id: "x; it's\n$(y)" }] });
  assert.equal(odd.stderr, hinted("'x; it'\\''s\\n$(y)'"));
  const without = `skychat: ${text}\n`;
  for (const state of [{ groups: [] }, { groups: 7 }, {}, "x"]) {
    assert.equal((await send(state)).stderr, without);
  }
  assert.equal((await send({ groups: [{ id: ID }] }, 401)).stderr, without);
  assert.equal((await runTest(["send", "-m", "x"])).stderr, without);
  const json = await ask(["send", "-m", "x", "--json"], { state: { groups: [{ id: ID }] } });
  assert.deepEqual(JSON.parse(json.stderr), { error: text });
  assert.deepEqual(json.paths, []);
});
