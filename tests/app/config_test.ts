import assert from "node:assert/strict";
import { type AppFlags, configFromFlags, type Environment, withWorkFolder } from "#app";

const flags: AppFlags = {
  standalone: true,
  addr: ":8001",
  "tcp-listen": "",
  "tcp-peer": [],
  "tcp-whitelist": "",
  sk: "",
  config: "",
  "no-password": false,
  "password-file": "",
  "internal-token": "",
  cxo: false,
  "cxo-listen": ":8802",
  "cxo-peer": [],
  "cxo-cap": 150_000,
  "cxo-group": "",
  "cxo-group-owner": "",
  "cxo-group-governance": "owner",
  "cxo-group-mode": "",
  "cxo-advertise": "",
  "group-dir": "",
  join: "",
  ack: "",
  persist: false,
  "persist-db": "",
  "persist-per-peer-cap": 500,
  "persist-ttl": 30,
  "persist-seed": 50,
  "persist-whitelist": "",
  "persist-per-peer-rate": 20,
  "persist-total-cap": 10,
  "persist-max-size": 4096,
  "persist-group-cap": 5_000,
  "persist-group-rate": 60,
  "pair-enable": false,
  skynet: true,
  dmsg: true,
  port: 0,
  portless: false,
};

/** Problems and warnings of a configuration. */
function judge(given: Partial<AppFlags>, environment: Environment = {}): [string[], string[]] {
  const result = configFromFlags({ ...flags, ...given }, environment);
  return "problems" in result ? [[...result.problems], []] : [[], [...result.warnings]];
}

Deno.test("configFromFlags makes plain data; empty texts are things not given", () => {
  const result = configFromFlags(flags, {});
  assert.deepEqual(result, {
    warnings: [],
    config: {
      visor: undefined,
      addr: ":8001",
      tcpListen: "",
      tcpPeers: [],
      tcpWhitelist: "",
      sk: undefined,
      configPath: undefined,
      noPassword: false,
      cxo: undefined,
      group: undefined,
      groupDefaults: {
        listen: ":8802",
        advertise: "",
        folder: "./local/groups",
        governance: "owner",
      },
      pairEnable: false,
      ack: "received",
      dataFolder: "./local",
      history: undefined,
      passwordFile: undefined,
      internalToken: undefined,
      requirePostQuantum: false,
    },
  });
});

Deno.test("configFromFlags turns the --cxo flags into one object, and warns where they are idle", () => {
  const given = { ...flags, "cxo-listen": ":9", "cxo-peer": ["tcp://x@y:1"], "cxo-cap": 7 };
  const result = configFromFlags({ ...given, cxo: true }, {});
  assert.ok("config" in result);
  assert.deepEqual(result.config.cxo, { listen: ":9", peers: ["tcp://x@y:1"], cap: 7 });
  assert.deepEqual(judge(given), [[], [
    "--cxo-cap without --cxo: no feed is served or followed",
    "--cxo-peer without --cxo or --cxo-group: nobody is followed",
  ]]);
});

Deno.test("configFromFlags turns the group flags into one object, which wins over --cxo", () => {
  const given = {
    "cxo-group": "team",
    "cxo-group-owner": "not a key",
    "cxo-group-governance": "all",
    "cxo-group-mode": "private",
    "cxo-advertise": "chat.example:8802",
    "cxo-listen": ":9",
    "cxo-peer": ["tcp://x@y:1"],
    "group-dir": "/var/groups",
  };
  const result = configFromFlags({ ...flags, ...given }, {});
  assert.ok("config" in result);
  assert.deepEqual(result.warnings, []);
  const shared = {
    listen: ":9",
    advertise: "chat.example:8802",
    folder: "/var/groups",
    governance: "all",
  };
  assert.deepEqual(result.config.group, {
    ...shared,
    id: "team",
    owner: "not a key",
    join: "",
    peers: ["tcp://x@y:1"],
    mode: "private",
  });
  assert.deepEqual(result.config.groupDefaults, shared);
  const both = configFromFlags({ ...flags, ...given, cxo: true, "cxo-cap": 7 }, {});
  assert.ok("config" in both);
  assert.equal(both.config.cxo, undefined);
  assert.deepEqual(both.config.group, result.config.group);
  assert.deepEqual(both.warnings, [
    "--cxo with --cxo-group: the group wins, direct messages go through no feed",
    "--cxo-cap with --cxo-group: nothing of a group depends on it",
  ]);
});

Deno.test("configFromFlags leaves everything else to the link of --join, and takes no group besides", () => {
  const join = "skychat:invite:e30";
  const given = { join, "cxo-group-owner": "x", "cxo-group-mode": "public", cxo: true };
  const result = configFromFlags({ ...flags, ...given }, {});
  assert.ok("config" in result);
  const { id, owner, mode, join: link } = result.config.group ?? {};
  assert.deepEqual({ id, owner, mode, link }, { id: "", owner: "", mode: "", link: join });
  assert.equal(result.config.cxo, undefined);
  assert.deepEqual(result.warnings, [
    "--cxo with --join: the group wins, direct messages go through no feed",
    "--cxo-group-owner, --cxo-group-mode with --join: the link says it",
  ]);
  assert.deepEqual(judge({ join, "cxo-group": "team" })[0], [
    "--join and --cxo-group are mutually exclusive: the link names the group",
  ]);
});

Deno.test("configFromFlags says what is idle without a group, and keeps what groups begin with later", () => {
  assert.deepEqual(judge({ "cxo-group-owner": "x", "cxo-group-mode": "private" }), [[], [
    "--cxo-group-owner, --cxo-group-mode without --cxo-group",
  ]]);
  assert.deepEqual(judge({ "cxo-listen": ":9", "cxo-advertise": "h:9", "group-dir": "/g" }), [
    [],
    [],
  ]);
  const result = configFromFlags({ ...flags, "group-dir": "", "cxo-group-mode": "odd" }, {});
  assert.ok("config" in result);
  assert.equal(result.config.groupDefaults.folder, "./local/groups");
});

Deno.test("configFromFlags turns the --persist flags into one object, acknowledging what is stored", () => {
  const result = configFromFlags({ ...flags, persist: true, "persist-ttl": -1 }, {});
  assert.ok("config" in result);
  assert.deepEqual(result.config.history, {
    path: "./local/skychat-history.db",
    perPeerCap: 500,
    ttlDays: -1,
    seed: 50,
    whitelistPath: "",
    perPeerRate: 20,
    totalCapMib: 10,
    maxSize: 4096,
    groupCap: 5_000,
    groupRate: 60,
  });
  assert.equal(result.config.ack, "stored");
});

for (
  const [given, persist, ack] of [
    ["received", true, "received"],
    ["stored", true, "stored"],
    ["received", false, "received"],
    ["stored", false, "received"],
  ] as const
) {
  Deno.test(`--ack ${given} ${persist ? "with" : "without"} --persist is ${ack}`, () => {
    const result = configFromFlags({ ...flags, persist, ack: given }, {});
    assert.ok("config" in result);
    assert.equal(result.config.ack, ack);
    assert.equal(result.warnings.length, Number(given !== ack));
  });
}

Deno.test("configFromFlags runs without a visor when asked to or when there is none", () => {
  assert.deepEqual(judge({}, { PROC_CONFIG: "{}" }), [[], []]);
  const [problems, warnings] = judge({ standalone: false });
  assert.deepEqual(problems, []);
  assert.deepEqual(warnings, [
    "no visor found (PROC_CONFIG is not set): running as with --standalone",
  ]);
});

Deno.test("configFromFlags attaches to a visor that is there, whatever the variable holds", () => {
  const visorOf = (given: Partial<AppFlags>, value: string) => {
    const result = configFromFlags({ ...flags, standalone: false, ...given }, {
      PROC_CONFIG: value,
    });
    assert.ok("config" in result);
    assert.deepEqual(result.warnings, []);
    return result.config.visor;
  };
  const freePaths = { history: true, groups: true };
  const both = { networks: ["skynet", "dmsg"], port: 0, portless: false, freePaths };
  assert.deepEqual(visorOf({}, "{}"), { procConfig: "{}", ...both });
  // Set is set: attaching to it fails, which is better than running otherwise than meant.
  assert.deepEqual(visorOf({}, ""), { procConfig: "", ...both });
  assert.deepEqual(visorOf({ skynet: false, port: 7 }, "{}"), {
    ...{ procConfig: "{}", networks: ["dmsg"], port: 7, portless: false, freePaths },
  });
  assert.deepEqual(visorOf({ skynet: false, dmsg: false }, "{}")?.networks, []);
  assert.equal(visorOf({ portless: true }, "{}")?.portless, true);
  assert.deepEqual(
    judge({ standalone: false, portless: true, port: 7 }, { PROC_CONFIG: "{}" })[1],
    [
      "--port with --portless: nothing listens on it, peers are dialled at it",
    ],
  );
});

Deno.test("a node keeps its files where its visor started it, unless told otherwise", () => {
  const placed = (given: Partial<AppFlags>, folder: string) => {
    const result = configFromFlags({ ...flags, standalone: false, ...given }, {
      PROC_CONFIG: "{}",
    });
    assert.ok("config" in result);
    const { dataFolder, group, groupDefaults, history } = withWorkFolder(result.config, folder);
    return [dataFolder, history?.path, groupDefaults.folder, group?.folder];
  };
  assert.deepEqual(placed({ persist: true, join: "skychat:invite:x" }, "/work/chat"), [
    "/work/chat",
    "/work/chat/skychat-history.db",
    "/work/chat/groups",
    "/work/chat/groups",
  ]);
  assert.deepEqual(placed({ persist: true, "persist-db": "/h.db", "group-dir": "/g" }, "/work"), [
    "/work",
    "/h.db",
    "/g",
    undefined,
  ]);
  const usual = { "persist-db": "./local/skychat-history.db", "group-dir": "./local/groups" };
  assert.deepEqual(placed({ persist: true, ...usual }, "/work"), [
    "/work",
    "./local/skychat-history.db",
    "./local/groups",
    undefined,
  ]);
  assert.deepEqual(placed({ persist: true }, ""), [
    "./local",
    "./local/skychat-history.db",
    "./local/groups",
    undefined,
  ]);
});

Deno.test("configFromFlags names the --persist flags that do nothing without --persist", () => {
  const changed = { "persist-db": "/h.db", "persist-ttl": 0, "persist-total-cap": 100 };
  assert.deepEqual(judge(changed)[1], [
    "--persist-db, --persist-ttl, --persist-total-cap without --persist: nothing is stored",
  ]);
  assert.deepEqual(judge({ ...changed, persist: true })[1], []);
});

Deno.test("configFromFlags refuses --portless without a visor", () => {
  assert.deepEqual(judge({ portless: true })[0], ["--portless needs a visor"]);
  assert.deepEqual(judge({ portless: true, standalone: false })[0], ["--portless needs a visor"]);
});

Deno.test("configFromFlags insists on ML-KEM for any value of SKYWIRE_REQUIRE_PQ but none", () => {
  for (const [value, expected] of [["1", true], ["0", true], ["", false], [undefined, false]]) {
    const result = configFromFlags(flags, { SKYWIRE_REQUIRE_PQ: value as string | undefined });
    assert.ok("config" in result);
    assert.equal(result.config.requirePostQuantum, expected);
  }
});
