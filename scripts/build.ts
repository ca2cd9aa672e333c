/**
 * `deno task build`: the executables of a release in `dist/`, their parts list, the licences of the parts,
 * and their sums.
 *
 * Bundles main.ts once, then compiles the bundle for every target with the permissions of
 * `permissions.ts`, all with one runtime: this Deno's own when it can be downloaded, else the pinned
 * one (see `pinned_runtime.ts`), which serves Linux alone. Says which. Options: `--target <triple>`,
 * again for more, for some only; `--pinned` to use the pinned runtime straight away, as two builds of
 * one release must.
 */
import { parseArgs } from "node:util";
import { bundle, bundleSize } from "./bundle.ts";
import { Compiler, type CompileRequest, TARGETS } from "./compile.ts";
import { RUN_FLAGS } from "./permissions.ts";
import {
  DIST,
  executableName,
  fileSha256,
  LICENCES,
  PARTS_LIST,
  removeExecutables,
  VERSION,
  writeSums,
} from "./release_files.ts";
import { sbom } from "./sbom.ts";
import { ROOT } from "./source_files.ts";
import { runChild, say } from "./terminal.ts";

const BUNDLE = `${ROOT}build`;
/** Names every part of the executables, in the form that Debian asks for. */
const COPYRIGHT = `${ROOT}packaging/debian/copyright`;
/** An executable gets its name in `dist/` only once it is whole. */
const UNFINISHED = `${DIST}/.unfinished`;

/** What to build, and with which runtime. */
export interface BuildOptions {
  /** Uses the pinned runtime straight away. */
  readonly pinned: boolean;
  /** All that the runtime at hand serves, if not given. */
  readonly targets?: readonly string[] | undefined;
}

/** Builds the executables, what goes with them and the sums. */
export async function build({ pinned, targets }: BuildOptions): Promise<void> {
  const start = performance.now();
  await bundle({ entry: "main.ts", folder: BUNDLE });
  say(`bundled ${bundleSize(BUNDLE)} KiB in ${Math.round(performance.now() - start)} ms`);
  await Deno.mkdir(UNFINISHED, { recursive: true });
  const compiler = await chooseCompiler(pinned, targets);
  // Before the executables: without them there must be no executable either.
  await Deno.writeTextFile(`${DIST}/${PARTS_LIST}`, await sbom(BUNDLE, compiler.version));
  await Deno.copyFile(COPYRIGHT, `${DIST}/${LICENCES}`);
  const chosen = targets ?? compiler.targets;
  for (const target of chosen) await makeExecutable(compiler, target);
  const missing = TARGETS.filter((target) => !chosen.includes(target));
  if (missing.length > 0) {
    const why = targets === undefined ? "no pinned runtime" : "not asked for";
    say(`left out: ${missing.join(", ")} (${why})`);
    // What an earlier build left for them is of other sources, and the sums below would vouch for it.
    if (targets === undefined) await removeExecutables(missing);
  }
  await Deno.remove(UNFINISHED, { recursive: true });
  await writeSums();
}

function chooseCompiler(pinned: boolean, targets?: readonly string[]): Promise<Compiler> {
  if (pinned) return Promise.resolve(Compiler.pinned());
  return Compiler.find(requestFor(targets?.[0] ?? Deno.build.target));
}

function requestFor(target: string): CompileRequest {
  const output = `${UNFINISHED}/${executableName(target)}`;
  return { bundle: BUNDLE, flags: RUN_FLAGS, target, output };
}

async function makeExecutable(compiler: Compiler, target: string): Promise<void> {
  const start = performance.now();
  const request = requestFor(target);
  const name = executableName(target);
  await compiler.compile(request);
  if (target === Deno.build.target) await tryOut(request.output);
  await Deno.rename(request.output, `${DIST}/${name}`);
  const size = Math.round((await Deno.stat(`${DIST}/${name}`)).size / 1024);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  say(`compiled dist/${name} in ${seconds} s: ${size} KiB, runtime Deno ${compiler.version}`);
  say(`SHA-256 ${await fileSha256(`${DIST}/${name}`)}`);
  if (target === Deno.build.target) await copyUnderShortName(name);
}

/** Starts the fresh executable once: a wrong runtime makes one that only looks right. */
async function tryOut(executable: string): Promise<void> {
  const { ok, output } = await runChild(executable, ["--version"]);
  if (!ok || !output.includes(VERSION)) {
    throw new Error(`The executable does not start: ${output}`);
  }
}

/** For this machine also under a name without version and target, which scripts can rely on. */
async function copyUnderShortName(name: string): Promise<void> {
  const short = `skychat${name.endsWith(".exe") ? ".exe" : ""}`;
  await Deno.remove(`${DIST}/${short}`).catch(() => {});
  await Deno.copyFile(`${DIST}/${name}`, `${DIST}/${short}`);
  say(`copied to dist/${short}`);
}

/**
 * Reads the options of `deno task build`.
 *
 * @throws {TypeError} for one that there is not
 */
export function buildOptions(args: readonly string[]): BuildOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      target: { type: "string", multiple: true },
      pinned: { type: "boolean", default: false },
    },
  });
  return { pinned: values.pinned, targets: values.target };
}

if (import.meta.main) {
  try {
    await build(buildOptions(Deno.args));
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    Deno.exit(1);
  }
}
