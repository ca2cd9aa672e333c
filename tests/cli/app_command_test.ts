import assert from "node:assert/strict";
import type { AppConfig, NodeRun } from "#app";
import { runTest } from "#support/cli_run.ts";

async function start(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  terminal = false,
): Promise<{ code: number; stderr: string; config?: AppConfig; run?: NodeRun }> {
  let started: { config: AppConfig; run: NodeRun } | undefined;
  const result = await runTest(["app", ...args], {
    env,
    stderrTerminal: terminal,
    startNode(config, run) {
      started = { config, run };
      run.log.info("hello");
      return Promise.resolve(3);
    },
  });
  return { ...result, ...started };
}

Deno.test("app hands its flags to the node and returns the node's exit code", async () => {
  const { code, config, stderr } = await start([
    "--standalone",
    "--addr",
    "127.0.0.1:0",
    "--tcp-listen=:1",
    "--tcp-peer=a,b",
    "--tcp-whitelist=c",
    "--sk=d",
    "-c",
    "e",
    "--no-password",
    "--cxo",
    "--cxo-listen=:2",
    "--cxo-peer=f",
    "--cxo-peer=g,h",
  ], { SKYWIRE_REQUIRE_PQ: "1" });
  assert.equal(code, 3);
  assert.deepEqual(config, {
    visor: undefined,
    addr: "127.0.0.1:0",
    tcpListen: ":1",
    tcpPeers: ["a", "b"],
    tcpWhitelist: "c",
    sk: "d",
    configPath: "e",
    cxo: { listen: ":2", peers: ["f", "g", "h"], cap: 150_000 },
    group: undefined,
    groupDefaults: { listen: ":2", advertise: "", folder: "./local/groups", governance: "owner" },
    dataFolder: "./local",
    history: undefined,
    internalToken: undefined,
    noPassword: true,
    passwordFile: undefined,
    pairEnable: false,
    ack: "received",
    requirePostQuantum: true,
  });
  assert.equal(stderr, "[2026-09-10T00:26:40.0000Z] INFO [skychat-standalone]: hello\n");
});

Deno.test("app takes part in a group by its id or by a link, and refuses other words", async () => {
  const { config, stderr } = await start([
    "--standalone",
    "--cxo-group=team",
    "--cxo-group-owner=x",
    "--cxo-peer=a,b",
    "--cxo-group-governance=all",
    "--cxo-group-mode=private",
    "--cxo-advertise=h:1",
    "--group-dir=/g",
  ]);
  assert.doesNotMatch(stderr, /WARN/);
  assert.deepEqual(config?.group, {
    id: "team",
    owner: "x",
    join: "",
    listen: ":8802",
    peers: ["a", "b"],
    governance: "all",
    mode: "private",
    advertise: "h:1",
    folder: "/g",
  });
  const joined = await start(["--standalone", "--join", "skychat:invite:e30"]);
  assert.equal(joined.config?.group?.join, "skychat:invite:e30");
  assert.equal(joined.config?.group?.folder, "./local/groups");
  for (const flag of ["--cxo-group-governance=me", "--cxo-group-mode=channel"]) {
    const { code, stderr } = await start(["--standalone", flag]);
    assert.match(stderr, /^skychat: option .* is invalid\. use one of: /);
    assert.equal(code, 1);
  }
});

Deno.test("app without --standalone warns, unless a visor starts it", async () => {
  const alone = await start([]);
  assert.equal(alone.code, 3);
  assert.match(alone.stderr, /WARN \[skychat-standalone\]: no visor found .*--standalone\n/);

  const embedded = await start([], { PROC_CONFIG: "{}" });
  assert.equal(embedded.code, 3);
  assert.equal(embedded.config?.visor?.procConfig, "{}");
  assert.doesNotMatch(embedded.stderr, /WARN/);

  const forced = await start(["--standalone"], { PROC_CONFIG: "{}" });
  assert.equal(forced.code, 3);
  assert.doesNotMatch(forced.stderr, /WARN/);
});

Deno.test("app refuses --portless, which needs a visor", async () => {
  const { code, stderr } = await start(["--standalone", "--portless"]);
  assert.equal(code, 1);
  assert.equal(stderr, "skychat: --portless needs a visor\n");
});

Deno.test("app colours its log on a terminal only, and NO_COLOR beats that", async () => {
  const coloured = async (env: Readonly<Record<string, string>>, terminal: boolean) =>
    (await start(["--standalone"], env, terminal)).stderr.includes("\x1b[36mINFO\x1b[0m");
  assert.equal(await coloured({}, true), true);
  assert.equal(await coloured({}, false), false);
  assert.equal(await coloured({ NO_COLOR: "1" }, true), false);
  assert.equal(await coloured({ FORCE_COLOR: "1" }, false), true);
  assert.equal(await coloured({ FORCE_COLOR: "0" }, true), false);
});

Deno.test("app warns about --persist flags that do nothing, and about none that were not given", async () => {
  const { stderr } = await start(["--standalone", "--persist-ttl", "7", "--persist-seed", "50"]);
  assert.match(stderr, /WARN \[skychat-standalone\]: --persist-ttl without --persist: /);
  assert.doesNotMatch((await start(["--standalone"])).stderr, /WARN/);
});

Deno.test("app tells a visor on stdout what is no error, in lines that it can read", async () => {
  const config = JSON.stringify({ app_name: "skychat" });
  const { code, stderr, stdout } = await runTest(["app"], {
    env: { PROC_CONFIG: config },
    startNode(_, { log }) {
      log.info("hello");
      log.warn("x".repeat(20_000));
      log.error("y");
      return Promise.resolve(0);
    },
  });
  assert.equal(code, 0);
  assert.equal(stdout, "[2026-09-10T00:26:40.0000Z] INFO [skychat]: hello\n");
  const [long = "", short] = stderr.split("\n");
  assert.match(long, /^\[.*Z\] WARN \[skychat\]: x+…$/);
  assert.ok(new TextEncoder().encode(long).length <= 8_192 && long.length > 8_000);
  assert.match(short ?? "", /ERROR \[skychat\]: y$/);
});
