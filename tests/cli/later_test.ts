import assert from "node:assert/strict";
import { runTest } from "#support/cli_run.ts";

const laterFlags: readonly [flag: readonly string[], name: string][] = [
  [["--os-notify"], "--os-notify"],
];

for (const [flags, name] of laterFlags) {
  Deno.test(`app refuses ${flags.join(" ")} until it works`, async () => {
    assert.deepEqual(await runTest(["app", "--standalone", ...flags]), {
      code: 1,
      stdout: "",
      stderr: `skychat: ${name}: not in this build yet\n`,
    });
  });
}

Deno.test("app takes what asks for nothing, and what works", async () => {
  const flags = [
    "--persist=false",
    "--cxo=false",
    "--os-notify=false",
    "--ack=received",
    "--pair-enable",
    "--pair-rpc=x:1",
    "--pair-poll-interval=2s",
    "--skynet",
    "--dmsg=false",
    "--port=7",
    "--portless=false",
  ];
  const result = await runTest(["app", "--standalone", ...flags], {
    startNode: (config) => Promise.resolve(config.pairEnable ? 0 : 9),
  });
  assert.deepEqual(result, { code: 0, stdout: "", stderr: "" });
});

const laterCommands = [
  ["voice", "call"],
  ["cli", "skychat", "voice", "call"],
];

for (const args of laterCommands) {
  Deno.test(`${args.join(" ")} says that it is not in this build yet`, async () => {
    const name = args[0] === "cli" ? args[2] : args[0];
    assert.deepEqual(await runTest(args), {
      code: 1,
      stdout: "",
      stderr: `skychat: ${name}: not in this build yet\n`,
    });
  });
}

Deno.test("later commands answer in JSON too, and have help", async () => {
  assert.deepEqual(await runTest(["voice", "call", "--json"]), {
    code: 1,
    stdout: "",
    stderr: '{\n  "error": "voice: not in this build yet"\n}\n',
  });
  assert.match((await runTest(["voice", "--help"])).stdout, /Not in this build yet\./);
});
