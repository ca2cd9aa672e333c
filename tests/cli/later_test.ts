import assert from "node:assert/strict";
import { runTest } from "#support/cli_run.ts";

const laterFlags: readonly [flag: readonly string[], name: string][] = [
  [["--cxo"], "--cxo"],
  [["--cxo-listen", ":8802"], "--cxo-listen"],
  [["--cxo-peer", "tcp://x@y:1"], "--cxo-peer"],
  [["--cxo-group", "g"], "--cxo-group"],
  [["--cxo-group-owner", "x"], "--cxo-group-owner"],
  [["--persist"], "--persist"],
  [["--persist-db", "x"], "--persist-db"],
  [["--persist-per-peer-cap", "0"], "--persist-per-peer-cap"],
  [["--persist-ttl", "1"], "--persist-ttl"],
  [["--persist-seed", "1"], "--persist-seed"],
  [["--persist-whitelist", "x"], "--persist-whitelist"],
  [["--persist-per-peer-rate", "1"], "--persist-per-peer-rate"],
  [["--persist-total-cap", "1"], "--persist-total-cap"],
  [["--persist-max-size", "1"], "--persist-max-size"],
  [["--password-file", "x"], "--password-file"],
  [["--internal-token", "x"], "--internal-token"],
  [["--os-notify"], "--os-notify"],
  [["--ack", "stored"], "--ack stored"],
  [["--persist", "--cxo"], "--cxo: not in this build yet; --persist"],
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
  ["history", "--peer", "x"],
  ["alias", "ls"],
  ["group", "list"],
  ["pair", "add", "-t", "x"],
  ["passwd"],
  ["voice", "call"],
  ["send-file", "-t", "x", "file"],
  ["cli", "skychat", "pair", "list"],
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
  assert.deepEqual(await runTest(["pair", "list", "--json"]), {
    code: 1,
    stdout: "",
    stderr: '{\n  "error": "pair: not in this build yet"\n}\n',
  });
  assert.match((await runTest(["pair", "--help"])).stdout, /Not in this build yet\./);
});
