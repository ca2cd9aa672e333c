/**
 * Document checks: links lead somewhere, and the tables say what the code says.
 *
 * docs/LIMITS.md against the constants the layers export, docs/DEPENDENCIES.md against deno.json, the
 * README's test command against the one CI runs. Run alone with `deno run -A scripts/check_docs.ts`.
 */
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { anchors, codeOf, linkTargets, tableRows } from "./markdown.ts";
import { filesBelow, ROOT } from "./source_files.ts";
import { say } from "./terminal.ts";

/** Links of the Markdown files below `root` whose file or heading does not exist. */
export function linkProblems(root = ROOT): string[] {
  const files = new Set(filesBelow("", root));
  const read = (path: string) => Deno.readTextFileSync(`${root}/${path}`);
  const problems: string[] = [];
  for (const page of files) {
    if (!page.endsWith(".md")) continue;
    for (const link of linkTargets(read(page))) {
      if (/^[a-z]+:/.test(link)) continue;
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? page : join(dirname(page), path).replace(/\/$/, "");
      const isFolder = [...files].some((file) => file.startsWith(`${target}/`));
      if (!files.has(target) && !isFolder) problems.push(`${page}: no file ${link}`);
      else if (anchor && !anchors(read(target)).includes(anchor)) {
        problems.push(`${page}: no heading ${link}`);
      }
    }
  }
  return problems;
}

/** Where docs/DEPENDENCIES.md and the import map name different packages or versions. */
export function dependencyProblems(
  markdown: string,
  imports: Readonly<Record<string, string>>,
): string[] {
  const wanted = new Map<string, string>();
  for (const target of Object.values(imports)) {
    const [, name, version] = /^npm:(.+)@([^@]+)$/.exec(target) ?? [];
    if (name !== undefined && version !== undefined) wanted.set(name, version);
  }
  const problems: string[] = [];
  for (const [nameCell = "", versionCell = ""] of tableRows(markdown, "name")) {
    const [name, version] = [codeOf(nameCell), codeOf(versionCell)];
    if (wanted.get(name) !== version) {
      problems.push(`docs/DEPENDENCIES.md: ${name} ${version} is not what deno.json imports`);
    }
    wanted.delete(name);
  }
  for (const name of wanted.keys()) problems.push(`docs/DEPENDENCIES.md: ${name} is missing`);
  return problems;
}

/** One numeric constant: its name, with `.member` for a table of bounds, and where it is exported. */
export interface Limit {
  readonly name: string;
  readonly where: string;
  readonly value: number;
}

/** Numbers behind a module's ALL_CAPS exports, those one level deep included. */
export function limitsOf(module: Readonly<Record<string, unknown>>, where: string): Limit[] {
  const found: Limit[] = [];
  const add = (name: string, value: unknown) => {
    if (typeof value === "number") found.push({ name, where, value });
    if (typeof value === "bigint") found.push({ name, where, value: Number(value) });
  };
  for (const [name, value] of Object.entries(module)) {
    if (!/^[A-Z][A-Z0-9_]*$/.test(name)) continue;
    add(name, value);
    if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) continue;
    for (const [member, inner] of Object.entries(value)) add(`${name}.${member}`, inner);
  }
  return found;
}

/** Where docs/LIMITS.md and the code differ, in either direction. */
export function limitProblems(markdown: string, limits: readonly Limit[]): string[] {
  const key = ({ name, where }: Pick<Limit, "name" | "where">) => `${name} of ${where}`;
  const left = new Map(limits.map((limit) => [key(limit), limit.value]));
  const problems: string[] = [];
  for (const [nameCell = "", valueCell = "", whereCell = "", effect = ""] of limitRows(markdown)) {
    const name = key({ name: codeOf(nameCell), where: codeOf(whereCell) });
    const value = left.get(name);
    const written = Number(/^-?[\d.,]+/.exec(valueCell)?.[0].replaceAll(",", ""));
    if (value === undefined) problems.push(`docs/LIMITS.md: no exported number ${name}`);
    else if (value !== written) {
      problems.push(`docs/LIMITS.md: ${name} is ${value}, not ${valueCell}`);
    }
    if (effect === "") problems.push(`docs/LIMITS.md: say what happens at ${name}`);
    left.delete(name);
  }
  for (const [name, value] of left) problems.push(`docs/LIMITS.md: ${name} (${value}) is missing`);
  return problems;
}

function limitRows(markdown: string): string[][] {
  return tableRows(markdown, "constant");
}

/** Imports every door, and every other file the table names, and collects their numbers. */
async function exportedLimits(markdown: string): Promise<Limit[]> {
  const doors = filesBelow("lib").filter((path) => /^lib\/\w+\/mod\.ts$/.test(path)).map(dirname);
  const named = limitRows(markdown).map(([, , where = ""]) => codeOf(where));
  const limits: Limit[] = [];
  for (const where of new Set([...doors, ...named])) {
    const path = where.endsWith(".ts") ? where : `${where}/mod.ts`;
    limits.push(...limitsOf(await import(pathToFileURL(join(ROOT, path)).href), where));
  }
  return limits;
}

/** Whether the README still tells people to run what CI runs. */
export function testCommandProblems(readme: string, ci: string): string[] {
  const command = /npx -y deno@[\d.]+ task test/.exec(ci)?.[0];
  if (command === undefined) return [".ci/run does not run the test task"];
  return readme.includes(`\n${command}\n`) ? [] : [`README.md does not have the line ${command}`];
}

if (import.meta.main) {
  const read = (path: string) => Deno.readTextFileSync(join(ROOT, path));
  const limits = read("docs/LIMITS.md");
  const problems = [
    ...linkProblems(),
    ...dependencyProblems(read("docs/DEPENDENCIES.md"), JSON.parse(read("deno.json")).imports),
    ...limitProblems(limits, await exportedLimits(limits)),
    ...testCommandProblems(read("README.md"), read(".ci/run")),
  ];
  problems.forEach(say);
  if (problems.length > 0) Deno.exit(1);
  say("links, limits, dependencies and commands agree");
}
