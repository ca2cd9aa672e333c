import assert from "node:assert/strict";
import { type AppFlags, configFromFlags, type Environment } from "#app";

const flags: AppFlags = {
  standalone: true,
  addr: ":8001",
  "tcp-listen": "",
  "tcp-peer": [],
  "tcp-whitelist": "",
  sk: "",
  config: "",
  "no-password": false,
  "pair-enable": false,
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
      standalone: true,
      addr: ":8001",
      tcpListen: "",
      tcpPeers: [],
      tcpWhitelist: "",
      sk: undefined,
      configPath: undefined,
      noPassword: false,
      pairEnable: false,
      ack: "received",
      requirePostQuantum: false,
    },
  });
});

Deno.test("configFromFlags runs without a visor when asked to or when there is none", () => {
  assert.deepEqual(judge({}, { PROC_CONFIG: "{}" }), [[], []]);
  const [problems, warnings] = judge({ standalone: false });
  assert.deepEqual(problems, []);
  assert.deepEqual(warnings, [
    "no visor found (PROC_CONFIG is not set): running as with --standalone",
  ]);
  assert.deepEqual(judge({ standalone: false }, { PROC_CONFIG: "{}" })[0], [
    "embedded mode (PROC_CONFIG is set): not in this build yet; use --standalone",
  ]);
  assert.deepEqual(judge({ standalone: false }, { PROC_CONFIG: "" })[0], []);
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
