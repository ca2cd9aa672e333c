import assert from "node:assert/strict";
import { SecretKey } from "#crypto";
import { toHex } from "#kit";
import { MemoryNetwork } from "#net";
import { runTest } from "#support/cli_run.ts";
import { FakeApp, type FakeHandler } from "#support/fake_app.ts";

const PEER = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";
const SK = toHex(SecretKey.parse("0a".repeat(32)).reveal());
const SEND = ["send", "-t", PEER, "-m", "x", "-r0"];
const DETAILED = "--exit-codes=detailed";

interface Outcome {
  readonly name: string;
  readonly args?: readonly string[];
  /** How the app answers; without it there is none. */
  readonly answer?: readonly [status: number, body: string];
  readonly code: number;
  /** The stable word for it in JSON. */
  readonly word?: string;
}

const outcomes: readonly Outcome[] = [
  { name: "acknowledged", answer: [200, '{"acked":true,"id":"1","ms":2}'], code: 0 },
  { name: "sent with --wait 0", args: [...SEND, "-w0"], answer: [200, ""], code: 0 },
  { name: "queued", args: [...SEND, "--queue"], answer: [202, '{"queued":true}'], code: 0 },
  {
    name: "no acknowledgement in time",
    answer: [504, '{"acked":false,"id":"1","ms":5000,"reason":"timeout"}'],
    code: 5,
    word: "no-ack",
  },
  { name: "an answer without acknowledgement", answer: [200, ""], code: 5, word: "no-ack" },
  {
    name: "no link to the peer",
    answer: [400, "dial 02c6047f over skynet: skychat/dm: no transport configured (dial …)\n"],
    code: 3,
    word: "unreachable",
  },
  { name: "any other refusal of the app", answer: [400, "no\n"], code: 1, word: "failed" },
  { name: "a password is wanted", answer: [401, "no\n"], code: 1, word: "failed" },
  { name: "no app", code: 6, word: "app-down" },
  { name: "wrong usage", args: ["send", "-m", "x"], code: 1, word: "usage" },
  { name: "an unknown flag", args: ["send", "--nope"], code: 1, word: "usage" },
  { name: "status without an app", args: ["status"], code: 6, word: "app-down" },
  { name: "history without an app", args: ["history"], code: 6, word: "app-down" },
  { name: "search without an app", args: ["search", "x"], code: 6, word: "app-down" },
  { name: "outbox without an app", args: ["outbox"], code: 6, word: "app-down" },
  { name: "pair without an app", args: ["pair", "list"], code: 6, word: "app-down" },
  { name: "export without an app", args: ["export"], code: 6, word: "app-down" },
  { name: "import without an app", args: ["import", "-"], code: 6, word: "app-down" },
  {
    name: "import of a file that is not there",
    args: ["import", "/no"],
    code: 1,
    word: "failed",
  },
  {
    name: "--via where nobody listens",
    args: ["send", "-m", "x", "--via", `tcp://${PEER}@127.0.0.1:9`, "--sk", SK],
    code: 3,
    word: "unreachable",
  },
];

for (const { name, args = SEND, answer, code, word } of outcomes) {
  Deno.test(`--exit-codes detailed: ${code} for ${name}; otherwise as ever`, async () => {
    const handler: FakeHandler = (_request, reply) => reply.answer(...answer ?? [500, ""]);
    // Each run has an app of its own: one that only listens must not carry over.
    const network = () => answer === undefined ? undefined : new FakeApp(handler).network;
    const run = (more: readonly string[]) => {
      const app = network();
      return runTest([...args, ...more], { ...app && { network: app }, stepMs: 500 });
    };
    assert.equal((await run([DETAILED])).code, code);
    assert.equal((await run([])).code, Math.min(code, 1));
    assert.equal((await run([DETAILED, "--exit-codes", "default"])).code, Math.min(code, 1));
    if (word === undefined) return;
    const json = await run([DETAILED, "--json"]);
    assert.equal(JSON.parse(json.stderr).code, word);
    assert.deepEqual(Object.keys(JSON.parse((await run(["--json"])).stderr)), ["error"]);
  });
}

Deno.test("--exit-codes detailed: 5 when the app falls silent about a message", async () => {
  const { network } = new FakeApp(() => {});
  const { code } = await runTest([...SEND, DETAILED], { network, stepMs: 500 });
  assert.equal(code, 5);
});

Deno.test("--exit-codes detailed: 3 for --via to a host that takes the connection and says nothing", async () => {
  const network = new MemoryNetwork();
  network.listen("127.0.0.1", 8801);
  const args = ["send", "-m", "x", "--via", `tcp://${PEER}@127.0.0.1:8801`, "--sk", SK, DETAILED];
  const { code, stderr } = await runTest(args, { network, stepMs: 500 });
  assert.match(stderr, /deadline exceeded/);
  assert.equal(code, 3);
});

Deno.test("--exit-codes takes two words only, and may stand before the command", async () => {
  const wrong = await runTest(["status", "--exit-codes", "many"]);
  assert.match(wrong.stderr, /--exit-codes.*use one of: default, detailed/);
  assert.equal((await runTest(["--exit-codes", "detailed", "status"])).code, 6);
});

Deno.test("send --help has the table of exit codes", async () => {
  const { stdout } = await runTest(["send", "--help"]);
  for (const code of [0, 1, 3, 4, 5, 6]) assert.match(stdout, new RegExp(`^ +${code}  `, "m"));
});

Deno.test("a password in --addr is in no error", async () => {
  for (const command of [["status"], ["history"], ["export"], ["outbox"], SEND]) {
    for (const more of [[], ["--json", DETAILED], ["--verbose"]]) {
      if (more[0] === "--verbose" && command !== SEND) continue;
      const { stderr } = await runTest([...command, "--addr", "me:hunter2@127.0.0.1:9", ...more]);
      assert.ok(stderr.length > 0 && !stderr.includes("hunter2"), stderr);
    }
  }
});
