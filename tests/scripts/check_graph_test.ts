import assert from "node:assert/strict";
import {
  entryFiles,
  findCycles,
  findOrphans,
  importedNames,
  readGraph,
  unusedPackages,
} from "../../scripts/check_graph.ts";

/** A small project on disk, removed when the returned disposable goes out of scope. */
function plant(files: Readonly<Record<string, string>>): Disposable & { readonly root: string } {
  const root = Deno.makeTempDirSync({ prefix: "skychat-graph-" });
  for (const [path, text] of Object.entries(files)) {
    Deno.mkdirSync(`${root}/${path.split("/").slice(0, -1).join("/")}`, { recursive: true });
    Deno.writeTextFileSync(`${root}/${path}`, text);
  }
  return { root, [Symbol.dispose]: () => Deno.removeSync(root, { recursive: true }) };
}

const CLEAN = {
  "deno.json": `{
    "imports": { "#a": "./lib/a/mod.ts", "#support/": "./tests/support/" },
    "tasks": { "x": "deno run -A scripts/x.ts" }
  }`,
  "main.ts": `import { a } from "#a";`,
  "lib/a/mod.ts": `export * from "./one.ts";`,
  "lib/a/one.ts": `import type { Two } from "./two.ts";`,
  "lib/a/two.ts": "export type Two = 2;",
  "scripts/x.ts": "export {};",
  "tests/a/one_test.ts": `import { help } from "#support/help.ts";`,
  "tests/support/help.ts": "export const help = 1;",
};

Deno.test("check_graph finds nothing in a clean project", () => {
  using project = plant(CLEAN);
  const graph = readGraph(project.root);
  assert.deepEqual(findCycles(graph), []);
  assert.deepEqual(findOrphans(graph, entryFiles(project.root)), []);
});

Deno.test("check_graph reports a cycle inside a folder, by type and by a dynamic import", () => {
  for (const back of [`import type { A } from "./mod.ts";`, `await import("./one.ts");`]) {
    using project = plant({ ...CLEAN, "lib/a/two.ts": back });
    assert.equal(findCycles(readGraph(project.root)).length, 1, back);
  }
});

Deno.test("check_graph reports a cycle through an alias, with the whole way round", () => {
  using project = plant({ ...CLEAN, "lib/a/two.ts": `export * from "#a";` });
  assert.deepEqual(findCycles(readGraph(project.root)), [
    ["lib/a/mod.ts", "lib/a/one.ts", "lib/a/two.ts", "lib/a/mod.ts"],
  ]);
});

Deno.test("check_graph reports a file that only imports itself", () => {
  using project = plant({ ...CLEAN, "lib/a/two.ts": `import "./two.ts";` });
  assert.deepEqual(findCycles(readGraph(project.root)), [["lib/a/two.ts", "lib/a/two.ts"]]);
});

Deno.test("check_graph reports files that nothing uses, also when only a test does", () => {
  using project = plant({
    ...CLEAN,
    "lib/a/three.ts": "export {};",
    "tests/a/three_test.ts": `import "../../lib/a/three.ts";`,
    "tests/support/old.ts": "export {};",
    "scripts/old.ts": "export {};",
  });
  assert.deepEqual(findOrphans(readGraph(project.root), entryFiles(project.root)), [
    "lib/a/three.ts",
    "scripts/old.ts",
    "tests/support/old.ts",
  ]);
});

Deno.test("check_graph reports a package that nothing imports", () => {
  const config = `{ "imports": { "used": "npm:used@1.0.0", "left": "npm:left@1.0.0" } }`;
  using project = plant({ "deno.json": config, "main.ts": `import "used/part.js";` });
  assert.deepEqual(unusedPackages(project.root), ["left"]);
});

Deno.test("importedNames sees every form of import and no comment", () => {
  const source = [
    `import "a";`,
    `import b from "b"; import c from 'c';`,
    'import {\n  d,\n  type D,\n} from "d";',
    `export * from "e";`,
    `const f = await import("f");`,
    `import g from "g" with { type: "bytes" };`,
    `// import "no";`,
    ` * import { no } from "no";`,
    `export const text = "from";`,
  ].join("\n");
  assert.deepEqual(importedNames(source), ["a", "b", "c", "d", "e", "f", "g"]);
});
