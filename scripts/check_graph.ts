/**
 * Import graph check: no cycles anywhere, not even inside a folder, and no file or package that
 * nothing uses.
 *
 * Type-only and dynamic imports count as well: two files that need each other's types are one idea
 * cut in the wrong place. Run alone with `deno run -A scripts/check_graph.ts`.
 */
import { dirname, join } from "node:path";
import { ROOT, sourceFiles } from "./source_files.ts";
import { say } from "./terminal.ts";

/** File -> files it imports, all as paths relative to the root. */
export type Graph = ReadonlyMap<string, readonly string[]>;

const IMPORT =
  /(?:^|[;\n])[ \t]*(?:import|export)\b(?:[^"'`;()]*?\bfrom)?\s*["']([^"'\n]+)["']|\bimport\(\s*["']([^"'\n]+)["']/g;

/** The specifiers a source text imports. Lines of comments are not looked at. */
export function importedNames(source: string): string[] {
  const code = source.replace(/^\s*(\/\/|\*).*$/gm, "");
  return [...code.matchAll(IMPORT)].map(([, fixed, dynamic]) => fixed ?? dynamic ?? "");
}

/** Reads the sources below `root` and resolves aliases with the import map of its deno.json. */
export function readGraph(root = ROOT): Graph {
  const { imports = {} } = JSON.parse(Deno.readTextFileSync(`${root}/deno.json`));
  const files = sourceFiles(root);
  const known = new Set(files);
  const graph = new Map<string, string[]>();
  for (const file of files) {
    const names = importedNames(Deno.readTextFileSync(`${root}/${file}`));
    const targets = names.map((name) => resolve(file, name, imports));
    graph.set(file, targets.filter((target) => known.has(target)));
  }
  return graph;
}

function resolve(file: string, name: string, imports: Record<string, string>): string {
  if (name.startsWith(".")) return join(dirname(file), name);
  const alias = Object.keys(imports).find((key) =>
    key === name || (key.endsWith("/") && name.startsWith(key))
  );
  return alias === undefined ? name : join(imports[alias] + name.slice(alias.length));
}

/** The cycles of the graph, each as the files on the way round; one for each edge that closes one. */
export function findCycles(graph: Graph): string[][] {
  const done = new Set<string>();
  const path: string[] = [];
  const cycles: string[][] = [];
  const visit = (file: string) => {
    if (path.includes(file)) {
      cycles.push([...path.slice(path.indexOf(file)), file]);
    } else if (!done.has(file)) {
      path.push(file);
      graph.get(file)?.forEach(visit);
      path.pop();
      done.add(file);
    }
  };
  for (const file of graph.keys()) visit(file);
  return cycles;
}

/** Files that no entry reaches. Product code must be reached by the product, not only by a test. */
export function findOrphans(graph: Graph, entries: readonly string[]): string[] {
  const reach = (roots: readonly string[]) => {
    const seen = new Set<string>();
    const queue = [...roots];
    for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
      if (seen.has(file)) continue;
      seen.add(file);
      queue.push(...graph.get(file) ?? []);
    }
    return seen;
  };
  const product = reach(entries);
  const everything = reach([...entries, ...[...graph.keys()].filter((file) => STARTED.test(file))]);
  return [...graph.keys()].filter((file) =>
    /^(lib|cli)\//.test(file) ? !product.has(file) : !everything.has(file)
  );
}

/** What the test runner starts, and the programs that the benchmark starts as processes. */
const STARTED = /^tests\/(.*_test\.ts$|bench\/floor\/)/;

/** Where the product starts: main.ts, and every script that a task, the linter or CI names. */
export function entryFiles(root = ROOT): string[] {
  const config = Deno.readTextFileSync(`${root}/deno.json`);
  return ["main.ts", ...new Set(config.match(/\b(scripts|tests)\/[\w/]+\.ts\b/g))];
}

/** Packages of the import map that no file imports. */
export function unusedPackages(root = ROOT): string[] {
  const { imports = {} } = JSON.parse(Deno.readTextFileSync(`${root}/deno.json`));
  const used = sourceFiles(root).flatMap((file) =>
    importedNames(Deno.readTextFileSync(`${root}/${file}`))
  );
  return Object.keys(imports).filter((name) =>
    imports[name].startsWith("npm:") &&
    !used.some((other) => other === name || other.startsWith(`${name}/`))
  );
}

if (import.meta.main) {
  const graph = readGraph();
  const problems = [
    ...findCycles(graph).map((cycle) => `import cycle: ${cycle.join(" -> ")}`),
    ...findOrphans(graph, entryFiles()).map((file) => `nothing uses ${file}`),
    ...unusedPackages().map((name) => `nothing imports the package ${name}`),
  ];
  problems.forEach(say);
  if (problems.length > 0) Deno.exit(1);
  say(`${graph.size} files, no cycles, no orphans`);
}
