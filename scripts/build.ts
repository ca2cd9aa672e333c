/**
 * `deno task build`: the executable, `dist/skychat`.
 *
 * Bundles main.ts, then compiles the bundle with the permissions of `permissions.ts`.
 * Compiling uses this Deno's own runtime when it can be downloaded, else the pinned one (see
 * `pinned_runtime.ts`), and says which. Options: `--target <triple>` for another machine, `--pinned`
 * to use the pinned runtime straight away, as two builds of one release must.
 */
import { parseArgs } from "node:util";
import manifest from "../deno.json" with { type: "json" };
import { RUN_FLAGS } from "./permissions.ts";
import { PINNED_VERSION, pinnedRuntime } from "./pinned_runtime.ts";
import { withAsciiOnly, withoutMachineNames } from "./bundle_names.ts";
import { filesBelow, ROOT } from "./source_files.ts";
import { type ChildResult, runChild, say } from "./terminal.ts";

/** Enough to download a runtime on a slow line; a machine without the way fails at once. */
const ORDINARY_TIMEOUT_MS = 120_000;

const BUNDLE = `${ROOT}build`;

/**
 * Bundles main.ts into `build/`: one part for what always runs, and parts that a command loads when
 * it needs them. `--version` then reads an eighth of the code.
 */
async function bundle(): Promise<void> {
  await Deno.remove(BUNDLE, { recursive: true }).catch(() => {});
  const args = ["bundle", "--quiet", "--frozen", "--code-splitting", "--outdir", BUNDLE, "main.ts"];
  const { ok, output } = await runChild(Deno.execPath(), args, { cwd: ROOT });
  if (!ok) throw new Error(`Cannot bundle main.ts\n${output}`);
  const parts = new Map<string, string>();
  for await (const { name } of Deno.readDir(BUNDLE)) {
    parts.set(name, await Deno.readTextFile(`${BUNDLE}/${name}`));
    await Deno.remove(`${BUNDLE}/${name}`);
  }
  for (const [name, code] of withoutMachineNames(parts)) {
    await Deno.writeTextFile(`${BUNDLE}/${name}`, withAsciiOnly(code));
    // The executable records when its files were written: the same moment, for the same bytes.
    await Deno.utime(`${BUNDLE}/${name}`, 0, 0);
  }
  // Its own configuration: with the project's, every package of the lock would be embedded.
  await Deno.writeTextFile(`${BUNDLE}/deno.json`, `{ "unstable": ["kv"] }\n`);
}

function compile(
  compiler: string,
  { target, output, denort }: { target: string; output: string; denort?: string },
): Promise<ChildResult> {
  const args = [
    "compile",
    "--quiet",
    `--config=${BUNDLE}/deno.json`,
    "--no-lock",
    "--no-check",
    // The code cache would live in a shared folder under a name that anybody can guess.
    "--no-code-cache",
    ...RUN_FLAGS,
    `--target=${target}`,
    `--output=${output}`,
    `${BUNDLE}/main.js`,
  ];
  return denort === undefined
    ? runChild(compiler, args, { cwd: ROOT, timeoutMs: ORDINARY_TIMEOUT_MS })
    : runChild(compiler, args, { cwd: ROOT, env: { DENORT_BIN: denort } });
}

/** Compiles the bundle and returns the version of the runtime inside. */
async function compileAnyWay(target: string, output: string, pinned: boolean): Promise<string> {
  if (!pinned) {
    const { ok, output: problem } = await compile(Deno.execPath(), { target, output });
    if (ok) return Deno.version.deno;
    const reason = problem.trim().split("\n").at(-1)?.replace(/^\s*\d+: /, "") ?? "";
    say(`the runtime of Deno ${Deno.version.deno} cannot be downloaded here (${reason})`);
    say(`using the pinned runtime ${PINNED_VERSION} from the Python package registry instead`);
  }
  const { compiler, denort } = await pinnedRuntime(target);
  const { ok, output: problem } = await compile(compiler, { target, output, denort });
  if (!ok) throw new Error(`Cannot compile for ${target}\n${problem}`);
  return PINNED_VERSION;
}

/** Starts the fresh executable once: a wrong runtime makes one that only looks right. */
async function tryOut(executable: string): Promise<void> {
  const { ok, output } = await runChild(executable, ["--version"]);
  if (!ok || !output.includes(manifest.version)) {
    throw new Error(`The executable does not start: ${output}`);
  }
}

async function build(options: { target: string; pinned: boolean }): Promise<void> {
  const { target, pinned } = options;
  const suffix = target.includes("windows") ? ".exe" : "";
  const name = `skychat-${manifest.version}-${target}${suffix}`;
  const executable = `${ROOT}dist/${name}`;
  await Deno.mkdir(`${ROOT}dist`, { recursive: true });
  const start = performance.now();
  await bundle();
  const bundled = performance.now();
  const size = filesBelow("", BUNDLE).reduce((sum, name) => sum + kib(`${BUNDLE}/${name}`), 0);
  say(`bundled ${size} KiB in ${Math.round(bundled - start)} ms`);
  const version = await compileAnyWay(target, executable, pinned);
  const seconds = ((performance.now() - bundled) / 1000).toFixed(1);
  say(`compiled dist/${name} in ${seconds} s: ${kib(executable)} KiB, runtime Deno ${version}`);
  const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(executable));
  say(`SHA-256 ${new Uint8Array(digest).toHex()}`);
  if (target === Deno.build.target) {
    await tryOut(executable);
    const stable = `${ROOT}dist/skychat${suffix}`;
    await Deno.remove(stable).catch(() => {});
    await Deno.copyFile(executable, stable);
    say(`copied to dist/skychat${suffix}`);
  }
}

function kib(path: string): number {
  return Math.round(Deno.statSync(path).size / 1024);
}

if (import.meta.main) {
  try {
    const { values } = parseArgs({
      args: Deno.args,
      options: {
        target: { type: "string", default: Deno.build.target },
        pinned: { type: "boolean", default: false },
      },
    });
    await build(values);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    Deno.exit(1);
  }
}
