/**
 * Document checks: links lead somewhere, and the tables say what the code says.
 *
 * docs/LIMITS.md against the constants the sources export, docs/DEPENDENCIES.md against deno.json, the
 * README's test command against the one CI runs and its flags against the program's, paths in code
 * quotes against the files, the table of log lines against the log calls. Run alone with `deno run -A scripts/check_docs.ts`.
 */
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { flagReference } from "#cli";
import { flagProblems } from "./flag_tables.ts";
import { type FoundLines, linesOf, logProblems } from "./log_table.ts";
import { anchors, codeOf, codeSpans, linkTargets, tableRows } from "./markdown.ts";
import { LAYERS } from "./layers.ts";
import { filesBelow, ROOT, sourceFiles } from "./source_files.ts";
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

/** Pages that tell a reader which files to open. */
const GUIDES = ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "SECURITY.md", "lib/README.md"];

/**
 * Code quotes of a page that look like a path and lead nowhere: `lib/net/`, `lib/net/link.ts`,
 * `net/link.ts` (below lib) and `link.ts` (anywhere). A folder that is `planned` need not exist.
 */
export function pathProblems(
  markdown: string,
  { page, files, planned = [] }: {
    page: string;
    files: readonly string[];
    planned?: readonly string[];
  },
): string[] {
  const isThere = (path: string) =>
    files.some((file) => file === path || file.startsWith(`${path}/`) || file === `lib/${path}`);
  return codeSpans(markdown).filter((span) => {
    if (/^\w+\.ts$/.test(span)) return !files.some((file) => `/${file}`.endsWith(`/${span}`));
    if (!/^(?:(?:cli|docs|lib|scripts|tests)\/[\w./-]*|\w+\/[\w/-]+\.ts)$/.test(span)) return false;
    const path = span.replace(/\/$/, "");
    return !planned.includes(path) && !isThere(path);
  }).map((span) => `${page}: no file \`${span}\``);
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

/** One numeric constant: its name, with `.member` inside a table, and the file that exports it. */
export interface Limit {
  readonly name: string;
  readonly where: string;
  readonly value: number;
}

/** Not bounds: exit codes, flag tables, and a table whose members stand as constants beside it. */
const NO_LIMIT = /^(EXIT_\w+|\w+_FLAGS|CHAT_LIMITS|OUTBOX_LIMITS)$/;

/** The finite numbers behind a module's ALL_CAPS exports, those inside plain objects included. */
export function limitsOf(module: Readonly<Record<string, unknown>>, where: string): Limit[] {
  const found: Limit[] = [];
  const add = (name: string, value: unknown) => {
    if (typeof value === "bigint" || Number.isFinite(value)) {
      found.push({ name, where, value: Number(value) });
    } else if (isPlainObject(value)) {
      for (const [member, inner] of Object.entries(value)) add(`${name}.${member}`, inner);
    }
  };
  for (const [name, value] of Object.entries(module)) {
    if (/^[A-Z][A-Z0-9_]*$/.test(name) && !NO_LIMIT.test(name)) add(name, value);
  }
  return found;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
}

/** Where docs/LIMITS.md and the code differ, in either direction. */
export function limitProblems(markdown: string, limits: readonly Limit[]): string[] {
  const key = ({ name, where }: Pick<Limit, "name" | "where">) => `${name} of ${where}`;
  const left = new Map(limits.map((limit) => [key(limit), limit.value]));
  const problems: string[] = [];
  const rows = tableRows(markdown, "constant");
  for (const [nameCell = "", valueCell = "", whereCell = "", effect = ""] of rows) {
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

/** Imports every product file that exports such constants itself and collects their numbers. */
async function exportedLimits(): Promise<Limit[]> {
  const limits: Limit[] = [];
  for (const path of sourceFiles()) {
    if (!/^(lib|cli)\/.*\.ts$/.test(path)) continue;
    const source = await Deno.readTextFile(join(ROOT, path));
    if (!/^export const [A-Z][A-Z0-9_]*\b/m.test(source)) continue;
    const module = await import(pathToFileURL(join(ROOT, path)).href);
    limits.push(...limitsOf(module, path));
  }
  return limits;
}

/** The log lines of the product. */
function loggedLines(): FoundLines {
  const found = sourceFiles().filter((path) => /^(lib|cli)\/.*\.ts$/.test(path))
    .map((path) => linesOf(Deno.readTextFileSync(join(ROOT, path)), path));
  return {
    lines: found.flatMap(({ lines }) => lines),
    unclear: found.flatMap(({ unclear }) => unclear),
  };
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
  const files = filesBelow("");
  const planned = Object.keys(LAYERS);
  const problems = [
    ...linkProblems(),
    ...GUIDES.flatMap((page) => pathProblems(read(page), { page, files, planned })),
    ...dependencyProblems(read("docs/DEPENDENCIES.md"), JSON.parse(read("deno.json")).imports),
    ...limitProblems(limits, await exportedLimits()),
    ...testCommandProblems(read("README.md"), read(".ci/run")),
    ...flagProblems(read("README.md"), flagReference()),
    ...logProblems(read("docs/OPERATIONS.md"), loggedLines()),
  ];
  problems.forEach(say);
  if (problems.length > 0) Deno.exit(1);
  say("links, paths, limits, dependencies, commands, flags and log lines agree");
}
