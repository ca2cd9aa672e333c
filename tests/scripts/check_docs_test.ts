import assert from "node:assert/strict";
import {
  dependencyProblems,
  limitProblems,
  limitsOf,
  linkProblems,
  pathProblems,
  testCommandProblems,
} from "../../scripts/check_docs.ts";
import { flagProblems, withFlagTables } from "../../scripts/flag_tables.ts";
import { anchors, codeSpans, linkTargets, tableRows } from "../../scripts/markdown.ts";

const LIMITS = `
| constant | value | where | what happens |
| --- | --- | --- | --- |
| \`MAX_FRAME\` | 65,536 bytes | \`lib/a\` | the link ends |
| \`CAPS.links\` | 1.5 s | \`lib/a\` | refused |
`;

Deno.test("limitProblems accepts a table that says what the code says", () => {
  const limits = limitsOf({ MAX_FRAME: 65_536, CAPS: { links: 1.5 }, frame: 1 }, "lib/a");
  assert.deepEqual(limitProblems(LIMITS, limits), []);
});

Deno.test("limitProblems reports a changed value, a missing row and a row for nothing", () => {
  const problems = limitProblems(LIMITS, limitsOf({ MAX_FRAME: 65_535, MORE: 3n }, "lib/a"));
  assert.deepEqual(problems, [
    "docs/LIMITS.md: MAX_FRAME of lib/a is 65535, not 65,536 bytes",
    "docs/LIMITS.md: no exported number CAPS.links of lib/a",
    "docs/LIMITS.md: MORE of lib/a (3) is missing",
  ]);
});

Deno.test("limitProblems reports a row that does not say what happens", () => {
  const silent = LIMITS.replace("the link ends", "");
  const limits = limitsOf({ MAX_FRAME: 65_536, CAPS: { links: 1.5 } }, "lib/a");
  assert.deepEqual(limitProblems(silent, limits), [
    "docs/LIMITS.md: say what happens at MAX_FRAME of lib/a",
  ]);
});

Deno.test("limitsOf takes numbers, also inside tables, and nothing else", () => {
  class Table {}
  const module = {
    A: 1,
    B: new Uint8Array(2),
    C: "text",
    Table,
    D: { e: 2, f: "text", g: { h: 3 }, i: Infinity },
    EXIT_OK: 0,
    APP_FLAGS: { port: { min: 0 } },
    j: 4,
  };
  assert.deepEqual(limitsOf(module, "x").map(({ name }) => name), ["A", "D.e", "D.g.h"]);
});

Deno.test("dependencyProblems reports wrong versions and missing rows, both ways", () => {
  const table = "| name | version |\n| --- | --- |\n| `@a/b` | `1.0.0` |\n| `old` | `2.0.0` |\n";
  const imports = { "#kit": "./lib/kit/mod.ts", "@a/b": "npm:@a/b@1.0.1", "c": "npm:c@3.0.0" };
  assert.deepEqual(dependencyProblems(table, imports), [
    "docs/DEPENDENCIES.md: @a/b 1.0.0 is not what deno.json imports",
    "docs/DEPENDENCIES.md: old 2.0.0 is not what deno.json imports",
    "docs/DEPENDENCIES.md: c is missing",
  ]);
  assert.deepEqual(dependencyProblems(table, { b: "npm:@a/b@1.0.0", o: "npm:old@2.0.0" }), []);
});

Deno.test("linkProblems reports files and headings that do not exist", () => {
  const root = Deno.makeTempDirSync({ prefix: "skychat-docs-" });
  try {
    Deno.mkdirSync(`${root}/docs`);
    Deno.writeTextFileSync(
      `${root}/README.md`,
      "[a](docs/a.md#the-end) [b](docs) [c](https://example.org) [d](#top) [e](gone.md)\n# Top\n",
    );
    Deno.writeTextFileSync(`${root}/docs/a.md`, "## The end\n[up](../README.md#bottom)\n");
    assert.deepEqual(linkProblems(root), [
      "README.md: no file gone.md",
      "docs/a.md: no heading ../README.md#bottom",
    ]);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("testCommandProblems reports a README that tells people something else", () => {
  const ci = "tally npx -y deno@2.9.6 task test\n";
  assert.deepEqual(testCommandProblems("```\nnpx -y deno@2.9.6 task test\n```", ci), []);
  assert.equal(testCommandProblems("```\nnpx -y deno@2.9.5 task test\n```", ci).length, 1);
  assert.equal(testCommandProblems("", "true").length, 1);
});

Deno.test("pathProblems reports paths that lead nowhere, and nothing that is no path", () => {
  const files = ["main.ts", "lib/net/link.ts", "cli/run.ts", "docs/LIMITS.md"];
  const good =
    "`lib/net/` `lib/net/link.ts` `net/link.ts` `run.ts` `main.ts` `docs/LIMITS.md` `lib/store` " +
    "`text/plain` `lib/…` `/sse`";
  assert.deepEqual(pathProblems(good, { page: "A.md", files, planned: ["lib/store"] }), []);
  const bad = "`lib/nets/` `lib/net/links.ts` `net/links.ts` `runs.ts` `docs/LIMIT.md` `lib/ne`";
  assert.deepEqual(
    pathProblems(bad, { page: "A.md", files }),
    codeSpans(bad).map((span) => `A.md: no file \`${span}\``),
  );
  assert.equal(codeSpans(bad).length, 6);
});

Deno.test("flagProblems reports flag tables that differ, but not their layout", () => {
  const reference = "### app\n\n| flag | meaning |\n| --- | --- |\n| `--a` | one two |\n";
  const empty = "# T\n\n<!-- flags:begin -->\n<!-- flags:end -->\n\nend\n";
  const readme = withFlagTables(empty, reference) ?? "";
  assert.deepEqual(flagProblems(readme, reference), []);
  const aligned = readme.replace("| --- | ---", "| ----- | -------")
    .replace("| `--a` | one two |", "| `--a`  | one two |");
  assert.notEqual(aligned, readme);
  assert.deepEqual(flagProblems(aligned, reference), []);
  assert.equal(withFlagTables(aligned, reference), readme);
  const differing = [
    empty,
    readme.replace("one two", "one three"),
    readme.replace("| `--a` | one two |\n", ""),
    readme.replace("| `--a`", "| `--b` | more |\n| `--a`"),
    readme.replace("<!-- flags:end -->", ""),
  ];
  for (const text of differing) assert.equal(flagProblems(text, reference).length, 1, text);
});

Deno.test("markdown readers skip code and find cells, links and headings", () => {
  assert.deepEqual(tableRows("| a | b |\n|---|---|\n| 1 | x\\|y |\n\n| 2 | z |\n", "a"), [
    ["1", "x\\|y"],
  ]);
  assert.deepEqual(linkTargets("[a](b.md) `[c](d.md)`\n```\n[e](f.md)\n```\n"), ["b.md"]);
  assert.deepEqual(anchors("# How `x` is built\n```\n# no\n```\n"), ["how-x-is-built"]);
});
