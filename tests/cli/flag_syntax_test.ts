import assert from "node:assert/strict";
import { readArguments } from "../../cli/arguments.ts";
import { findCommand } from "../../cli/command_table.ts";
import { readFlags } from "../../cli/program.ts";
import { runTest } from "#support/cli_run.ts";

/** The values of a command line's flags. */
function valuesOf(args: readonly string[]): Record<string, unknown> {
  const { command, flags, operands } = readArguments(args);
  assert.ok(command !== undefined);
  assert.deepEqual(operands, []);
  return readFlags(command, flags).values;
}

const forms: readonly [args: readonly string[], name: string, value: unknown][] = [
  [["send", "--msg", "hello"], "msg", "hello"],
  [["send", "--msg=hello"], "msg", "hello"],
  [["send", "--msg="], "msg", ""],
  [["send", "--msg=a=b"], "msg", "a=b"],
  [["send", "--msg", "--json"], "msg", "--json"],
  [["send", "--msg=line\nline"], "msg", "line\nline"],
  [["send", "-m", "hello"], "msg", "hello"],
  [["send", "-mhello"], "msg", "hello"],
  [["send", "-m=hello"], "msg", "hello"],
  [["send", "-m="], "msg", ""],
  [["send", "-m", "-x"], "msg", "-x"],
  [["send", "-mm"], "msg", "m"],
  [["send", "-m", "one", "-m", "two"], "msg", "two"],
  [["send", "--json"], "json", true],
  [["send", "--json=true"], "json", true],
  [["send", "--json=false"], "json", false],
  [["send", "--json=0"], "json", false],
  [["send", "--json", "--json=false"], "json", false],
  [["send", "--json", "false"], "json", true],
  [["send", "-r", "3"], "retries", 3],
  [["send", "-r3"], "retries", 3],
  [["send"], "retries", 1],
  [["send", "-w8s"], "wait", 8_000],
  [["send", "-w=300ms"], "wait", 300],
  [["send", "-w", "1m30s"], "wait", 90_000],
  [["send", "-w", "24h"], "wait", 86_400_000],
  [["send", "-w", "0"], "wait", 0],
  [["send"], "wait", 5_000],
  [["app", "--tcp-peer", "a,b"], "tcp-peer", ["a", "b"]],
  [["app", "--tcp-peer", "a", "--tcp-peer=b"], "tcp-peer", ["a", "b"]],
  [["app", "--tcp-peer", "a,b", "--tcp-peer", "c"], "tcp-peer", ["a", "b", "c"]],
  [["app"], "tcp-peer", []],
  [["app", "--no-password"], "no-password", true],
  [["app", "--no-password=false"], "no-password", false],
  [["app"], "no-password", false],
  [["app"], "skynet", true],
  [["app", "--skynet=false"], "skynet", false],
  [["app", "-c", "/k"], "config", "/k"],
  [["app", "-c/k"], "config", "/k"],
  [["app", "-c=/k"], "config", "/k"],
  [["app", "--config", "/k"], "config", "/k"],
  [["app"], "addr", ":8001"],
  [["--addr", ":9", "send"], "addr", ":9"],
  [["--addr=:9", "--json", "send"], "json", true],
  [["send", "--addr", ":9"], "addr", ":9"],
  [["app", "--port", "65535"], "port", 65_535],
];

for (const [args, name, value] of forms) {
  Deno.test(`readArguments and readFlags take ${JSON.stringify(args)}`, () => {
    assert.deepEqual(valuesOf(args)[name], value);
  });
}

Deno.test("readFlags knows which flags were given", () => {
  const send = findCommand("send");
  assert.ok(send !== undefined);
  const { given } = readFlags(send, readArguments(["send", "-m", "", "--net", "auto"]).flags);
  assert.deepEqual([...given].sort(), ["msg", "net"]);
});

Deno.test("readArguments ends flags at --", () => {
  const { operands, flags } = readArguments(["send", "--json", "--", "--msg", "-x"]);
  assert.deepEqual(operands, ["--msg", "-x"]);
  assert.deepEqual(flags, ["--json=true"]);
});

const spellings: readonly [args: readonly string[], command: string][] = [
  [["app"], "app"],
  [["app", "skychat"], "app"],
  [["app", "skychat", "--standalone"], "app"],
  [["app", "--standalone", "skychat"], "app"],
  [["send"], "send"],
  [["cli", "send"], "send"],
  [["cli", "skychat", "send"], "send"],
  [["cli", "--addr", ":1", "skychat", "--json", "send"], "send"],
  [["--addr", "send", "status"], "status"],
  [["listen"], "listen"],
  [["cli", "skychat", "listen"], "listen"],
  [["keygen"], "keygen"],
  [["cli", "config", "gen-keys"], "keygen"],
  [["help", "send"], "send"],
];

for (const [args, name] of spellings) {
  Deno.test(`readArguments finds ${name} in ${JSON.stringify(args)}`, () => {
    const { command, operands, unknownCommand } = readArguments(args);
    assert.equal(command?.name, name);
    assert.deepEqual(operands, []);
    assert.equal(unknownCommand, undefined);
  });
}

for (const args of [["skychat"], ["cli", "app"], ["cli", "config", "x"], ["config", "gen-keys"]]) {
  Deno.test(`readArguments finds no command in ${JSON.stringify(args)}`, () => {
    assert.equal(readArguments(args).command, undefined);
    assert.equal(readArguments(args).unknownCommand, args.at(args[0] === "config" ? 0 : -1));
  });
}

const mistakes: readonly [args: readonly string[], text: string, hint?: string][] = [
  [["send", "--msgg", "x"], "unknown option '--msgg' (did you mean --msg?)", "skychat send"],
  [["send", "--xyzzy=0123secret"], "unknown option '--xyzzy'", "skychat send"],
  [["send", "-x"], "unknown option '-x'", "skychat send"],
  [["send", "-xsecret"], "unknown option '-x'", "skychat send"],
  [["send", "--=x"], "unknown option '--='", "skychat send"],
  [["send", "--msg"], "option '-m, --msg <text>' argument missing", "skychat send"],
  [["send", "-m"], "option '-m, --msg <text>' argument missing", "skychat send"],
  [
    ["send", "--wait", "5"],
    "option '-w, --wait <duration>' argument '5' is invalid. " +
    "use a duration such as 300ms, 8s, 1m30s or 24h (0 needs no unit)",
    "skychat send",
  ],
  [
    ["send", "-r", "x"],
    "option '-r, --retries <n>' argument 'x' is invalid. use a whole number",
    "skychat send",
  ],
  [
    ["send", "-r", "-1"],
    "option '-r, --retries <n>' argument '-1' is invalid. the least is 0",
    "skychat send",
  ],
  [
    ["app", "--port", "65536"],
    "option '--port <n>' argument '65536' is invalid. the most is 65535",
    "skychat app",
  ],
  [
    ["app", "--standalone=maybe"],
    "option '--standalone <switch>' argument 'maybe' is invalid. use true or false",
    "skychat app",
  ],
  [
    ["app", "--ack", "never"],
    "option '--ack <when>' argument 'never' is invalid. use one of: received, stored",
    "skychat app",
  ],
  [
    ["app", "--join", ""],
    "option '--join <link>' argument '' is invalid. " +
    "the link is empty: leave --join away to take part in no group",
    "skychat app",
  ],
  [["--json", "app"], "unknown option '--json'"],
  [["-t", "x", "send"], "unknown option '-t'", "skychat"],
  [["sned", "-t", "x"], "unknown command 'sned' (did you mean send?)", "skychat"],
  [["--addr"], "option '--addr <[user:password@]host:port>' argument missing", "skychat"],
];

for (const [args, text, usage] of mistakes) {
  Deno.test(`runCli refuses ${JSON.stringify(args)} on stderr with exit code 1`, async () => {
    const { code, stdout, stderr } = await runTest(args);
    assert.equal(code, 1);
    assert.equal(stdout, "");
    if (args[0] === "--json") {
      assert.equal(stderr, `${JSON.stringify({ error: text }, null, 2)}\n`);
    } else {
      assert.equal(stderr, `skychat: ${text}\n  see ${usage} --help\n`);
    }
  });
}

Deno.test("runCli refuses words that belong to no flag, and does not repeat keys", async () => {
  const words = await runTest(["send", "-t", "x", "-m", "hello", "world"]);
  assert.equal(words.code, 1);
  assert.equal(
    words.stderr,
    'skychat: send: unexpected argument "world"\n  quote texts that have spaces in them\n',
  );
  const key = await runTest(["app", "ab".repeat(32)]);
  assert.equal(key.code, 1);
  assert.match(key.stderr, /^skychat: app: unexpected argument <64 hex digits>\n/);
});

Deno.test("runCli says that a bare false does not switch a flag off", async () => {
  const { code, stderr } = await runTest(["app", "--standalone", "false"], {
    startNode: (config) => Promise.resolve(config.visor === undefined ? 0 : 1),
  });
  assert.equal(code, 0);
  assert.equal(
    stderr,
    "skychat: --standalone false switches it on: use --standalone=false\n",
  );
});

Deno.test("runCli answers mistakes in JSON after --json, without hints", async () => {
  const { code, stdout, stderr } = await runTest(["send", "--json", "--nope"]);
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.equal(stderr, '{\n  "error": "unknown option \'--nope\'"\n}\n');
});
