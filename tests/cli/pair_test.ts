import assert from "node:assert/strict";
import { runTest } from "#support/cli_run.ts";
import { FakeApp } from "#support/fake_app.ts";

const A = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

const uses: readonly [args: readonly string[], request: string][] = [
  [["add", "-t", A], `POST /pair {"pk":"${A}"}`],
  [["accept", "-f", A], `POST /pair/invites/${A}/accept {}`],
  [["decline", "--from", A], `POST /pair/invites/${A}/decline {}`],
  [["list"], "GET /pair "],
  [["send", "-t", A, "-m", "hi"], `POST /pair/${A}/message {"message":"hi"}`],
  [["poll"], "GET /pair/inbox?limit=100 "],
  [
    ["poll", "--since", "2026-09-08T10:00:00Z", "--limit", "5"],
    "GET /pair/inbox?limit=5&since=2026-09-08T10%3A00%3A00Z ",
  ],
  [["remove", "-t", A], `DELETE /pair/${A} `],
];

for (const [args, asked] of uses) {
  Deno.test(`pair ${args.join(" ").slice(0, 40)} fails cleanly without a visor`, async () => {
    const app = FakeApp.answering(503, "pairing disabled (visor RPC unavailable)\n");
    assert.deepEqual(await runTest(["pair", ...args], { network: app.network }), {
      code: 1,
      stdout: "",
      stderr: "skychat: pair-rpc-disabled (start chat-app with --pair-enable): " +
        "pairing disabled (visor RPC unavailable)\n",
    });
    const [request] = app.requests;
    assert.equal(`${request?.method} ${request?.path} ${request?.body}`, asked);
  });
}

Deno.test("pair prints what an app with a visor answers", async () => {
  const app = FakeApp.answering(200, "[]\n");
  const { code, stdout } = await runTest(["cli", "skychat", "pair", "list"], {
    network: app.network,
  });
  assert.equal(stdout, "[]\n");
  assert.equal(code, 0);
  const refused = FakeApp.answering(400, "no\n");
  const { stderr } = await runTest(["pair", "list"], { network: refused.network });
  assert.equal(stderr, "skychat: server error 400: no\n");
});

const mistakes: readonly [args: readonly string[], text: string][] = [
  [[], "pair: what?"],
  [["join"], 'pair: unknown action "join"'],
  [["add"], 'required flag(s) "to" not set'],
  [["accept", "-t", A], 'required flag(s) "from" not set'],
  [["send", "-t", A], 'required flag(s) "msg" not set'],
  [["poll", "--limit", "1001"], "--limit must be 1-1000, got 1001"],
  [["poll", "--since", "x"], '--since: "x" is no time such as 2026-09-08T10:00:00Z'],
  [["list", "x"], 'pair list: unexpected argument "x"'],
];

for (const [args, text] of mistakes) {
  Deno.test(`pair ${args.join(" ").slice(0, 30)} is refused before anybody is asked`, async () => {
    const { code, stderr } = await runTest(["pair", ...args]);
    assert.equal(stderr.split("\n")[0], `skychat: ${text}`);
    assert.equal(code, 1);
  });
}
