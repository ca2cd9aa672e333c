import assert from "node:assert/strict";
import { runTest } from "#support/cli_run.ts";
import { FakeApp } from "#support/fake_app.ts";

const PEER = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";
const SEND = ["send", "-t", PEER, "-m", "hello"];
const queued = '{"expires":"2026-09-17T00:26:40Z","id":"8077ca12ee05c806","queued":true}\n';

const entry = {
  id: "8077ca12ee05c806",
  to: PEER,
  text: "two\nlines",
  queued_at: "2026-09-10T00:26:40.5Z",
  expires_at: "2026-09-17T00:26:40.5Z",
  state: "waiting",
};

Deno.test("send --queue asks for it and says until when the message is kept", async () => {
  const app = FakeApp.answering(202, queued);
  assert.deepEqual(await runTest([...SEND, "--queue"], { network: app.network }), {
    code: 0,
    stdout: `Queued for ${PEER} (id=8077ca12ee05c806), expires 2026-09-17T00:26:40Z\n`,
    stderr: "",
  });
  assert.deepEqual(JSON.parse(app.requests[0]?.body ?? ""), {
    recipient: PEER,
    message: "hello",
    network: "skynet",
    wait_ms: 5_000,
    queue: true,
    expires_in_ms: 604_800_000,
  });
  const short = FakeApp.answering(202, queued);
  const json = await runTest([...SEND, "--queue", "--expire", "1h30m", "--json"], {
    network: short.network,
  });
  assert.equal(
    json.stdout,
    '{"queued":true,"id":"8077ca12ee05c806","expires":"2026-09-17T00:26:40Z","via":"http"}\n',
  );
  assert.equal(JSON.parse(short.requests[0]?.body ?? "").expires_in_ms, 5_400_000);
});

Deno.test("send --queue to a connected peer is acknowledged as ever", async () => {
  const app = FakeApp.answering(200, '{"acked":true,"id":"8077ca12ee05c806","ms":2}\n');
  const { stdout } = await runTest([...SEND, "--queue"], { network: app.network });
  assert.equal(stdout, `Acked by ${PEER} in 2ms (id=8077ca12ee05c806)\n`);
});

Deno.test("send --queue is for the app only, and --expire for --queue only", async () => {
  const via = await runTest(["send", "-m", "x", "--via", `tcp://${PEER}@h:1`, "--queue"]);
  assert.match(via.stderr, /^skychat: --queue and --via are mutually exclusive/);
  assert.equal(via.code, 1);
  const expire = await runTest([...SEND, "--expire", "1h"]);
  assert.equal(expire.stderr, "skychat: --expire needs --queue\n");
});

Deno.test("outbox lists what waits on one line each, or as objects", async () => {
  const app = FakeApp.answering(200, JSON.stringify([entry]));
  const { code, stdout } = await runTest(["outbox"], { network: app.network });
  assert.equal(
    stdout,
    "2026-09-10T00:26:40Z 8077ca12ee05c806 " +
      `[waiting → ${PEER}, expires 2026-09-17T00:26:40Z] two\\nlines\n`,
  );
  assert.equal(code, 0);
  const json = await runTest(["outbox", "list", "--json"], {
    network: FakeApp.answering(200, JSON.stringify([entry])).network,
  });
  assert.equal(json.stdout, `${JSON.stringify(entry)}\n`);
  const empty = await runTest(["outbox"], { network: FakeApp.answering(200, "[]").network });
  assert.deepEqual(empty, { code: 0, stdout: "", stderr: "" });
});

Deno.test("outbox cancel takes one message out", async () => {
  const app = new FakeApp((_request, reply) => reply.write("HTTP/1.1 204 X\r\n\r\n"));
  const { code, stdout } = await runTest(["outbox", "cancel", "a/b"], { network: app.network });
  assert.equal(stdout, "message a/b taken out of the outbox\n");
  assert.equal(code, 0);
  assert.equal(`${app.requests[0]?.method} ${app.requests[0]?.path}`, "DELETE /outbox/a%2Fb");
});

const failures: readonly [args: readonly string[], status: number, stderr: string][] = [
  [["cancel", "x"], 404, 'skychat: no queued message "x"\n'],
  [["cancel", "x"], 503, "skychat: server error 503: body\n"],
  [[], 503, "skychat: server error 503: body\n"],
  [["cancel"], 200, "skychat: outbox cancel: wants an id\n"],
  [["clear"], 200, 'skychat: outbox: cannot "clear"\n  outbox, outbox cancel ID\n'],
];

for (const [args, status, stderr] of failures) {
  Deno.test(`outbox ${args.join(" ")} fails on ${status}: ${stderr.trim()}`, async () => {
    const app = FakeApp.answering(status, "body\n");
    const result = await runTest(["outbox", ...args], { network: app.network });
    assert.deepEqual(result, { code: 1, stdout: "", stderr });
  });
}
