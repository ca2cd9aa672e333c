import assert from "node:assert/strict";
import fc from "fast-check";
import {
  MAX_PROC_CONFIG_UNITS,
  parseProcConfig,
  ProcConfigError,
  ProcKey,
  readProcConfig,
} from "#visor";
import vectors from "../vectors/visor.json" with { type: "json" };

const PROC_KEY = vectors.keys.proc_key;
const LEADING = "invalid PROC_CONFIG env value: ";

/** A value that one can attach with, but for what is changed. */
function value(changes: Readonly<Record<string, unknown>> = {}): string {
  const fields = { app_server_addr: "localhost:5505", proc_key: PROC_KEY };
  return JSON.stringify({ ...fields, ...changes });
}

function refusal(text: string): string {
  try {
    parseProcConfig(text);
  } catch (error) {
    if (error instanceof ProcConfigError) return error.message;
    throw error;
  }
  return assert.fail(`accepted: ${text.slice(0, 100)}`);
}

for (const [index, vector] of vectors.proc_config.entries()) {
  const { env_value } = vector;
  if (env_value === null) continue;
  Deno.test(`PROC_CONFIG vector ${index} is read as upstream reads it`, () => {
    if ("error" in vector) {
      assert.throws(() => readProcConfig(env_value), ProcConfigError);
      assert.ok(vector.error?.startsWith(LEADING));
      assert.ok(refusal(env_value).startsWith(LEADING));
      return;
    }
    const found = readProcConfig(env_value);
    const written = JSON.parse(env_value) ?? {};
    const expected = "accepted" in vector && vector.accepted ? vector.accepted : written;
    // Keys are matched exactly here, and in any case by upstream (visor.md 1).
    const appName = "APP_NAME" in written ? "" : expected.app_name;
    assert.equal(found.appName, appName);
    assert.equal(found.procKey.reveal(), expected.proc_key);
    assert.equal(found.routingPort, expected.routing_port);
    assert.equal(found.visorKey?.hex ?? "0".repeat(66), expected.visor_pk);
    assert.equal(found.workDir, written.proc_work_dir ?? "");
    assert.equal(found.address, written.app_server_addr ?? "");
  });
}

Deno.test("PROC_CONFIG: the first vector is one that we attach with", () => {
  const config = parseProcConfig(vectors.proc_config[0]?.env_value ?? "");
  assert.deepEqual(config.address, { host: "localhost", port: 5505, text: "localhost:5505" });
  assert.equal(config.visorKey?.hex, vectors.keys.visor_pk);
});

Deno.test("PROC_CONFIG without an address or with the proc key of zeros is refused", () => {
  for (const changes of [{ app_server_addr: "" }, { app_server_addr: undefined }]) {
    assert.equal(refusal(value(changes)), `${LEADING}app_server_addr is missing`);
  }
  for (const proc_key of ["", "0".repeat(32), undefined]) {
    assert.equal(refusal(value({ proc_key })), `${LEADING}proc_key is missing or all zeros`);
  }
  assert.equal(refusal("null"), `${LEADING}app_server_addr is missing`);
});

Deno.test("PROC_CONFIG with an address that is none is refused with its cause", () => {
  const text = refusal(value({ app_server_addr: "localhost" }));
  assert.equal(text, `${LEADING}app_server_addr: address localhost: missing port in address`);
});

Deno.test("PROC_CONFIG with the proc key pasted into the address is refused without it", () => {
  const text = refusal(value({ app_server_addr: PROC_KEY.toUpperCase() }));
  assert.equal(text, `${LEADING}app_server_addr: address <proc key>: missing port in address`);
});

Deno.test("PROC_CONFIG with fields of other kinds is refused", () => {
  for (const name of ["app_name", "app_server_addr", "proc_key", "proc_work_dir", "visor_pk"]) {
    for (const wrong of [1, true, [], {}]) {
      assert.equal(refusal(value({ [name]: wrong })), `${LEADING}${name} is not a string`);
    }
  }
  for (const routing_port of [1.5, true, [], {}, "1", -1, 65_536]) {
    assert.match(refusal(value({ routing_port })), /routing_port is not a number/);
  }
});

Deno.test("PROC_CONFIG that is too long is refused unread", () => {
  const text = value({ x: "y".repeat(MAX_PROC_CONFIG_UNITS) });
  assert.equal(refusal(text), `${LEADING}longer than ${MAX_PROC_CONFIG_UNITS} characters`);
});

Deno.test("PROC_CONFIG: no error text has the proc key, whatever is broken around it", () => {
  fc.assert(fc.property(fc.nat(value().length), fc.string({ maxLength: 3 }), (at, inserted) => {
    const broken = value().slice(0, at) + inserted + value().slice(at + 1);
    try {
      parseProcConfig(broken);
    } catch (error) {
      assert.ok(error instanceof ProcConfigError);
      assert.ok(!error.message.includes(PROC_KEY.slice(0, 16)), error.message);
    }
  }));
});

Deno.test("ProcKey shows itself to nobody who does not ask for it", () => {
  const key = ProcKey.parse(PROC_KEY.toUpperCase());
  assert.ok(key);
  assert.equal(key.reveal(), PROC_KEY);
  assert.ok(!`${key} ${JSON.stringify({ key })} ${Deno.inspect(key)}`.includes(PROC_KEY));
  assert.equal(key.redact(`a ${PROC_KEY.toUpperCase()}.Listen`), "a <proc key>.Listen");
});
