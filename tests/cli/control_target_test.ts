import assert from "node:assert/strict";
import { type ControlTarget, parseControlTarget } from "../../cli/control_target.ts";
import { CliError } from "../../cli/errors.ts";

const accepted: readonly [text: string, target: Partial<ControlTarget>][] = [
  ["127.0.0.1:8001", { host: "127.0.0.1", port: 8001, shown: "127.0.0.1:8001" }],
  ["localhost:1", { host: "localhost", port: 1, shown: "localhost:1" }],
  [":8002", { host: "127.0.0.1", port: 8002, shown: "127.0.0.1:8002" }],
  ["*:8002", { host: "127.0.0.1", port: 8002, shown: "127.0.0.1:8002" }],
  ["[::1]:8002", { host: "::1", port: 8002, shown: "[::1]:8002" }],
  ["http://host:80/", { host: "host", port: 80, shown: "host:80" }],
  ["u:p@host:80", { shown: "host:80", authorization: "Basic dTpw" }],
  ["u:p@:w/d@host:80", { shown: "host:80", authorization: `Basic ${btoa("u:p@:w/d")}` }],
  [":pä@host:80", { authorization: "Basic OnDDpA==" }],
  ["host:80", { authorization: undefined }],
];

for (const [text, target] of accepted) {
  Deno.test(`parseControlTarget takes ${text}`, () => {
    const parsed: Record<string, unknown> = { ...parseControlTarget(text) };
    for (const [name, value] of Object.entries(target)) assert.equal(parsed[name], value);
  });
}

for (const text of ["", "host", "host:", "host:0", "host:65536", "::1:80", "a b:80", "host:80/x"]) {
  Deno.test(`parseControlTarget refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseControlTarget(text), CliError);
  });
}

Deno.test("parseControlTarget repeats no password", () => {
  assert.throws(() => parseControlTarget("me:secret@host"), {
    message: '--addr: "host" is no host:port',
  });
});
