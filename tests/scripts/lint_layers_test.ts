import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import plugin, { importProblem, nameProblem } from "../../scripts/lint_layers.ts";
import { LAYERS, MAX_FILE_LINES, MAX_FUNCTION_LINES } from "../../scripts/layers.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** What the plugin says about a source text, as if it stood at that path of the repository. */
function complaints(path: string, source: string): string[] {
  return Deno.lint.runPlugin(plugin, ROOT + path, source).map(({ id, message }) =>
    `${id}: ${message}`
  );
}

/** Asserts that exactly one complaint comes, and that it says what is wrong. */
function assertComplaint(path: string, source: string, expected: RegExp): void {
  const found = complaints(path, source);
  assert.equal(found.length, 1, `${path}: ${source}\n${found.join("\n")}`);
  assert.match(found[0] ?? "", expected);
}

Deno.test("lint_layers accepts an import that points down through a door", () => {
  assert.deepEqual(complaints("lib/noise/x.ts", `import { concat } from "#kit";`), []);
  assert.deepEqual(complaints("lib/noise/x.ts", `import { y } from "./y.ts";`), []);
  assert.deepEqual(complaints("lib/http/routes/x.ts", `import { y } from "../y.ts";`), []);
  assert.deepEqual(complaints("lib/crypto/x.ts", `import "@noble/hashes/sha2.js";`), []);
  assert.deepEqual(complaints("cli/x.ts", `const { a } = await import("#app");`), []);
});

Deno.test("lint_layers reports an import that points up, in every form", () => {
  for (
    const source of [
      `import { a } from "#net";`,
      `import type { A } from "#net";`,
      `export * from "#net";`,
      `export { a } from "#net";`,
      `const net = await import("#net");`,
      `let a: import("#net").A;`,
    ]
  ) {
    assertComplaint("lib/noise/x.ts", source, /lib\/noise may not import lib\/net/);
  }
});

Deno.test("lint_layers reports http reaching past its ports", () => {
  for (const door of ["#chat", "#net", "#session", "#app"]) {
    assertComplaint("lib/http/x.ts", `import { a } from "${door}";`, /arrows point down/);
  }
});

Deno.test("lint_layers reports an import past a door", () => {
  assertComplaint("lib/net/x.ts", `import { a } from "../session/y.ts";`, /leaves lib\/net/);
  assertComplaint("lib/net/x.ts", `import { a } from "#session/y.ts";`, /not a door/);
  assertComplaint("lib/net/x.ts", `import { a } from "#net";`, /own door/);
  assertComplaint("lib/net/x.ts", `import { a } from "#support/y.ts";`, /not a door/);
  assertComplaint("lib/kit/x.ts", `import { a } from "../../tests/y.ts";`, /leaves lib\/kit/);
});

Deno.test("lint_layers reports packages where they do not belong", () => {
  assertComplaint("lib/noise/x.ts", `import "@noble/hashes/sha2.js";`, /only be imported in lib/);
  assertComplaint("lib/noise/x.ts", `import "node:crypto";`, /not in the package table/);
  assertComplaint("lib/crypto/x.ts", `import "node:fs";`, /not in the package table/);
  assertComplaint("lib/crypto/x.ts", `import "left-pad";`, /not in the package table/);
  assertComplaint("lib/crypto/x.ts", `import "npm:left-pad@1.0.0";`, /not pinned/);
});

Deno.test("lint_layers reports an import whose name is computed", () => {
  assertComplaint("cli/x.ts", "await import(name);", /plain string/);
});

Deno.test("lint_layers reports a folder that is not in the table", () => {
  assertComplaint("lib/misc/x.ts", `import { a } from "#kit";`, /lib\/misc is not in the layer/);
});

Deno.test("lint_layers reports I/O below the network", () => {
  assertComplaint("lib/noise/x.ts", "Deno.readFileSync(path);", /does no I\/O/);
  assertComplaint("lib/chat/x.ts", "const { env } = Deno;", /does no I\/O/);
  assertComplaint("lib/session/x.ts", "let socket: Deno.TcpConn;", /does no I\/O/);
});

Deno.test("lint_layers reports sockets outside the two files that may open them", () => {
  assertComplaint("lib/net/link.ts", "await Deno.connect({ port });", /use the Network/);
  assertComplaint("lib/app/x.ts", "Deno.listen({ port });", /use the Network/);
  assert.deepEqual(complaints("lib/net/deno_tcp.ts", "await Deno.connect({ port });"), []);
  assert.deepEqual(complaints("lib/http/listener.ts", "Deno.listen({ port });"), []);
});

Deno.test("lint_layers reports the process's own things outside cli", () => {
  assertComplaint("lib/app/x.ts", `Deno.env.get("HOME");`, /only cli\/ and main.ts/);
  assertComplaint("lib/net/x.ts", "Deno.exit(1);", /only cli\/ and main.ts/);
  assert.deepEqual(complaints("main.ts", "Deno.exit(1);"), []);
});

Deno.test("lint_layers reports output, time and chance that were not handed in", () => {
  const planted: [string, RegExp][] = [
    [`console.log("x");`, /Log of #kit/],
    [`globalThis.console.log("x");`, /Log of #kit/],
    ["setTimeout(act, 1);", /take a Clock/],
    ["const schedule = setInterval;", /take a Clock/],
    ["const at = Date.now();", /take a Clock/],
    ["const at = new Date();", /take a Clock/],
    ["const at = performance.now();", /take a Clock/],
    ["const signal = AbortSignal.timeout(1);", /take a Clock/],
    ["crypto.getRandomValues(bytes);", /take a Random/],
    [`crypto["getRandomValues"](bytes);`, /take a Random/],
    ["const id = crypto.randomUUID();", /take a Random/],
    ["const n = Math.random();", /take a Random/],
    ["await crypto.subtle.digest(name, bytes);", /use #crypto/],
  ];
  for (const [source, expected] of planted) assertComplaint("lib/chat/x.ts", source, expected);
});

Deno.test("lint_layers leaves names alone that only look like globals", () => {
  const source =
    `const log = { console: 1 }; log.console; new Date(1); class A { setTimeout() {} }`;
  assert.deepEqual(complaints("lib/chat/x.ts", source), []);
});

Deno.test("lint_layers reports TypeScript privacy, and accepts a private constructor", () => {
  assertComplaint("lib/chat/x.ts", "class A { private b = 1; }", /#private/);
  assertComplaint("lib/chat/x.ts", "class A { protected b() {} }", /#private/);
  assert.deepEqual(complaints("lib/chat/x.ts", "class A { private constructor() {} #b = 1; }"), []);
});

Deno.test("lint_layers reports files and functions that are too long", () => {
  const lines = (count: number) => "// line\n".repeat(count);
  assert.deepEqual(complaints("lib/chat/x.ts", lines(MAX_FILE_LINES)), []);
  assertComplaint("lib/chat/x.ts", lines(MAX_FILE_LINES + 1), /file longer than/);
  const long = `function act() {\n${lines(MAX_FUNCTION_LINES)}}`;
  assertComplaint("lib/chat/x.ts", long, /function longer than/);
});

Deno.test("lint_layers leaves tests and scripts alone", () => {
  const source = `import "../lib/kit/bytes.ts"; Deno.exit(1); setTimeout(act, 1);`;
  assert.deepEqual(complaints("tests/kit/x_test.ts", source), []);
  assert.deepEqual(complaints("scripts/x.ts", source), []);
});

Deno.test("importProblem and nameProblem answer undefined for what is fine", () => {
  assert.equal(importProblem("main.ts", "#cli"), undefined);
  assert.equal(nameProblem("lib/kit/clock.ts", "setTimeout"), undefined);
  assert.equal(nameProblem("lib/chat/x.ts", "Denomination.env"), undefined);
});

Deno.test("LAYERS has no cycle and names only its own folders", () => {
  const visit = (layer: string, above: readonly string[]) => {
    assert.ok(!above.includes(layer), `${[...above, layer].join(" -> ")} is a cycle`);
    const below = LAYERS[layer];
    assert.ok(below !== undefined, `${layer} is named but not listed`);
    for (const next of below) visit(next, [...above, layer]);
  };
  for (const layer of Object.keys(LAYERS)) visit(layer, []);
});
