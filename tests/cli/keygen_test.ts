import assert from "node:assert/strict";
import { SecretKey } from "#crypto";
import { runTest } from "#support/cli_run.ts";

Deno.test("keygen prints the public key, then the secret key it belongs to, and nothing else", async () => {
  for (const args of [["keygen"], ["cli", "config", "gen-keys"]]) {
    const { code, stdout, stderr } = await runTest(args);
    assert.equal(code, 0);
    assert.equal(stderr, "");
    const [pk = "", sk = "", ...rest] = stdout.split("\n");
    assert.deepEqual(rest, [""]);
    assert.equal(SecretKey.parse(sk).publicKey.hex, pk);
  }
});

Deno.test("keygen --json prints one line when piped and two-space indents on a terminal", async () => {
  const piped = await runTest(["--json", "keygen"]);
  assert.match(piped.stdout, /^\{"public_key":"[0-9a-f]{66}","secret_key":"[0-9a-f]{64}"\}\n$/);
  const terminal = await runTest(["keygen", "--json"], { stdoutTerminal: true });
  assert.equal(terminal.stdout, `${JSON.stringify(JSON.parse(piped.stdout), null, 2)}\n`);
});
