/** That a node on its own has nothing of a visor in memory. */
import assert from "node:assert/strict";
import { ROOT } from "#support/spawn.ts";

/** Source files below a folder, as paths from the root. */
function* sourcesBelow(folder: string): Iterable<string> {
  for (const { isDirectory, name } of Deno.readDirSync(`${ROOT}${folder}`)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* sourcesBelow(path);
    else if (name.endsWith(".ts")) yield path;
  }
}

Deno.test("lib/visor is only ever imported as types, and loaded where a visor has started the node", () => {
  const imports: [string, string][] = [];
  for (const path of [...sourcesBelow("lib"), ...sourcesBelow("cli"), "main.ts"]) {
    if (path.startsWith("lib/visor/")) continue;
    const text = Deno.readTextFileSync(`${ROOT}${path}`);
    for (const [statement] of text.matchAll(/import[^;]*"(?:#visor|[^"]*\/visor\/[^"]*)"/g)) {
      imports.push([path, statement.startsWith("import type") ? "type" : statement]);
    }
  }
  assert.deepEqual(imports.filter(([, statement]) => statement !== "type"), [
    ["lib/app/embedded_log.ts", 'import("#visor"'],
    ["lib/app/visor_service.ts", 'import("#visor"'],
  ]);
  assert.ok(imports.length > 1);
});
