import assert from "node:assert/strict";
import { runTest } from "#support/cli_run.ts";
import { FakeApp } from "#support/fake_app.ts";

const A = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

const uses: readonly [args: readonly string[], form: string, status: number, refusal: string][] = [
  [["-t", A, "./a b.png"], `pk=${A}&path=.%2Fa+b.png`, 502, "skychat: file transfer not enabled"],
  [["-g", "x.txt"], "group=true&path=x.txt", 503, "skychat: no active group"],
];

for (const [args, form, status, refusal] of uses) {
  Deno.test(`send-file ${args[0]} asks the app and says what it answers`, async () => {
    const app = FakeApp.answering(status, `${refusal}\n`);
    assert.deepEqual(await runTest(["cli", "skychat", "send-file", ...args], app), {
      code: 1,
      stdout: "",
      stderr: `skychat: server error ${status}: ${refusal}\n`,
    });
    const [request] = app.requests;
    assert.equal(`${request?.method} ${request?.path} ${request?.body}`, `POST /send-file ${form}`);
    assert.equal(request?.headers.get("content-type"), "application/x-www-form-urlencoded");
    assert.equal(request?.headers.get("content-length"), String(form.length));
  });
}

Deno.test("send-file prints what an app that sends files answers, and names one that is away", async () => {
  const app = FakeApp.answering(200, '{"ok":true}\n');
  const sent = await runTest(["send-file", "-t", A, "f"], app);
  assert.deepEqual(sent, { code: 0, stdout: '{"ok":true}\n', stderr: "" });
  const { code, stderr } = await runTest(["send-file", "-t", A, "f"]);
  assert.match(stderr, /^skychat: chat app unreachable at 127\.0\.0\.1:8001: /);
  assert.equal(code, 1);
});

const mistakes: readonly [args: readonly string[], text: string][] = [
  [["-t", A], "send-file: which file?"],
  [["-t", A, "a", "b"], 'send-file: unexpected argument "b"'],
  [["a"], "send-file: --to <pk> or --group, one of the two"],
  [["-g", "-t", A, "a"], "send-file: --to <pk> or --group, one of the two"],
];

for (const [args, text] of mistakes) {
  Deno.test(`send-file ${args.join(" ").slice(0, 20)} (${args.length}) is refused before anybody is asked`, async () => {
    const { code, stderr } = await runTest(["send-file", ...args]);
    assert.equal(stderr.split("\n")[0], `skychat: ${text}`);
    assert.equal(code, 1);
  });
}
