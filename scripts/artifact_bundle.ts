/** The black-box tests as one executable, made as the program is made. */
import { bundle } from "./bundle.ts";
import { Compiler, type CompileRequest } from "./compile.ts";
import { ROOT } from "./source_files.ts";
import { say } from "./terminal.ts";

/** Where it is made; nothing of it is released. */
const FOLDER = `${ROOT}.cache/artifact_tests`;

/**
 * The module that runs first: it can load every file of tests, given as absolute paths, and loads those that
 * it is told to. Started again it is this executable, or with `source` this module in this Deno.
 */
export function entrySource(paths: readonly string[], { source = false } = {}): string {
  const url = (path: string) => JSON.stringify(new URL(`file://${encodeURI(path)}`).href);
  const name = (path: string) => JSON.stringify(path.slice(path.lastIndexOf("/") + 1));
  const args = source ? `["run", "-A", "--no-check", import.meta.filename ?? ""]` : "[]";
  return [
    `import { main } from ${url(`${ROOT}scripts/artifact_main.ts`)};`,
    "await main({",
    ...paths.map((path) => `  ${name(path)}: () => import(${url(path)}),`),
    `}, { cmd: Deno.execPath(), args: ${args} });`,
    "",
  ].join("\n");
}

/** What to make. */
export interface TestProgramRequest {
  /** Absolute paths of the files of tests. */
  readonly files: readonly string[];
  /** Uses the pinned runtime straight away. */
  readonly pinned: boolean;
}

/** Makes the executable for this machine, and returns its path. */
export async function makeTestProgram({ files, pinned }: TestProgramRequest): Promise<string> {
  const start = performance.now();
  await Deno.mkdir(FOLDER, { recursive: true });
  await Deno.writeTextFile(`${FOLDER}/main.ts`, entrySource(files));
  await bundle({ entry: `${FOLDER}/main.ts`, folder: `${FOLDER}/bundle` });
  const request: CompileRequest = {
    bundle: `${FOLDER}/bundle`,
    flags: ["--allow-all"],
    target: Deno.build.target,
    output: `${FOLDER}/skychat-tests`,
  };
  const compiler = pinned ? Compiler.pinned() : await Compiler.find(request);
  await compiler.compile(request);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  say(`made the tests of ${files.length} files in ${seconds} s: runtime Deno ${compiler.version}`);
  return request.output;
}
