import assert from "node:assert/strict";
import { parsePasswordLine } from "#crypto";
import { utf8 } from "#kit";
import { runTest, startCli } from "#support/cli_run.ts";
import { FakeTerminal } from "#support/fake_terminal.ts";

/** Whether this line lets this password in. */
async function accepts(line: string, password: string): Promise<boolean> {
  const verifier = parsePasswordLine(line);
  return verifier !== "blank" && await verifier.verify(utf8(password));
}

Deno.test("passwd reads one line when stdin is no terminal, and prints a line that it opens", async () => {
  for (
    const [form, shape] of [["scrypt", /^\$scrypt\$/], ["sha256", /^[0-9a-f]+:[0-9a-f]{64}\n$/]]
  ) {
    const args = ["passwd", "--form", String(form)];
    const { code, stdout, stderr } = await runTest(args, { stdin: "s3cret ü\r\nnot this\n" });
    assert.equal(stderr, "");
    assert.equal(code, 0);
    assert.match(stdout, shape as RegExp);
    assert.ok(await accepts(stdout, "s3cret ü"));
    assert.ok(!await accepts(stdout, "s3cret"));
  }
});

Deno.test("passwd writes a file and says how to use it; scrypt unless told otherwise", async () => {
  const files: Record<string, string> = {};
  const { stdout, stderr } = await runTest(["passwd", "/pw"], { stdin: "s3cret", files });
  assert.equal(stderr, "");
  assert.equal(stdout, "password written to /pw: use --password-file /pw\n");
  assert.match(files["/pw"] ?? "", /^\$scrypt\$[^\n]+\n$/);
  assert.ok(await accepts(files["/pw"] ?? "", "s3cret"));
});

Deno.test("passwd says when it replaced a file", async () => {
  const files = { "/pw": "old\n" };
  const { code, stderr } = await runTest(["passwd", "/pw"], { stdin: "s3cret", files });
  assert.equal(stderr, "skychat: passwd: replaced /pw\n");
  assert.equal(code, 0);
  assert.ok(await accepts(files["/pw"], "s3cret"));
  const alone = await runTest(["passwd", "-"], { stdin: "s3cret", files });
  assert.equal(alone.stderr, "");
});

Deno.test("passwd asks twice on a terminal, shows nothing, and knows backspace and Ctrl-U", async () => {
  const terminal = new FakeTerminal();
  const run = startCli(["passwd", "--form=sha256"], { terminal });
  terminal.type("wrong\x15s3crüx");
  terminal.type("\x7f\x7fet\r");
  terminal.type("s3cret\n");
  assert.equal(await run.code, 0);
  assert.equal(run.stderr.text, "Password: \nAgain: \n");
  assert.ok(await accepts(run.stdout.text, "s3cret"));
  assert.equal(terminal.raw, false);
});

const refusals: readonly [name: string, typed: readonly (string | undefined)[], text: string][] = [
  ["two that differ", ["a\r", "b\r"], "passwd: the two passwords differ"],
  ["an empty one", ["\r"], "passwd: the password is empty"],
  ["Ctrl-C", ["abc\x03"], "interrupted"],
  ["Ctrl-D at the start", ["\x04"], "interrupted"],
  ["a hang-up", ["abc", undefined], "interrupted"],
];

for (const [name, typed, text] of refusals) {
  Deno.test(`passwd refuses ${name} and leaves the terminal as it was`, async () => {
    const terminal = new FakeTerminal();
    const files: Record<string, string> = {};
    const run = startCli(["passwd", "/pw"], { terminal, files });
    for (const keys of typed) terminal.type(keys);
    assert.equal(await run.code, 1);
    assert.equal(run.stderr.lines.at(-1), `skychat: ${text}`);
    assert.equal(terminal.raw, false);
    assert.deepEqual(files, {});
  });
}

Deno.test("passwd takes no password as an argument, and does not repeat one", async () => {
  const { code, stderr } = await runTest(["passwd", "/pw", "hunter2"], { stdin: "x" });
  assert.equal(code, 1);
  assert.match(stderr, /^skychat: passwd: too many arguments\n/);
  assert.ok(!stderr.includes("hunter2"));
});

Deno.test("passwd refuses an empty and an endless password", async () => {
  const empty = await runTest(["passwd"], { stdin: "\n" });
  assert.equal(empty.stderr, "skychat: passwd: the password is empty\n");
  for (const stdin of ["x".repeat(1_025), "x".repeat(1_000_000)]) {
    const { stderr } = await runTest(["passwd"], { stdin });
    assert.equal(stderr, "skychat: passwd: the password is longer than 1024 bytes\n");
  }
});

Deno.test("passwd refuses bytes that are no UTF-8, and NUL", async () => {
  const terminal = new FakeTerminal();
  const typed = startCli(["passwd"], { terminal });
  terminal.type(Uint8Array.of(0x73, 0xff, 0x0d));
  assert.equal(await typed.code, 1);
  assert.equal(typed.stderr.lines.at(-1), "skychat: the password is not valid UTF-8");
  const files = { "/pw": "old\n" };
  const nul = await runTest(["passwd", "/pw"], { stdin: "secret\0\n", files });
  assert.equal(nul.code, 1);
  assert.match(nul.stderr, /the password holds a NUL character/);
  assert.deepEqual(files, { "/pw": "old\n" });
});
