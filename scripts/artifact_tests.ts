/**
 * `deno task artifact:test`: the black-box tests once more, against the released executable of this machine,
 * where there is nothing but that and the tests: no sources, no Deno, no npm, no network beyond loopback,
 * and an empty HOME. What is tested must be in `dist/SHA256SUMS`, as `deno task build` leaves it.
 *
 * Needs root or user namespaces (Linux). Without, it fails under SKYCHAT_STRICT=1 and otherwise runs the same
 * tests without hiding anything, saying so. `--pinned` as in `deno task build`; `--tests FOLDER` for tests
 * from elsewhere; names of files choose those to run. Ends with `N passed, M failed`; exits 1 unless at least
 * one passed and none failed.
 */
import { parseArgs } from "node:util";
import { makeTestProgram } from "./artifact_bundle.ts";
import { findNamespaces, pathOutside, Place, placesToHide } from "./artifact_confine.ts";
import { DIST, executableName, fileSha256 } from "./release_files.ts";
import { filesBelow, ROOT } from "./source_files.ts";
import { say } from "./terminal.ts";

const PROGRAM = executableName(Deno.build.target);

/**
 * The executable that is released for this machine.
 *
 * @throws {Error} when there is none, or another one than `SHA256SUMS` says
 */
export async function releasedExecutable(dist = DIST, name = PROGRAM): Promise<string> {
  const sums = await Deno.readTextFile(`${dist}/SHA256SUMS`).catch(() => "");
  const line = sums.split("\n").find((text) => text.endsWith(`  ${name}`));
  if (line === undefined) throw new Error(`Cannot find ${name} in SHA256SUMS: run deno task build`);
  if (line.split(" ")[0] !== await fileSha256(`${dist}/${name}`)) {
    throw new Error(`${name} is not the one of SHA256SUMS: run deno task build`);
  }
  return `${dist}/${name}`;
}

/** The last line of a run that ended with this line and exit code, and whether it is good. */
export function endOf(last: string, code: number): { line: string; ok: boolean } {
  const [passed, failed] = /^(\d+) passed, (\d+) failed$/.exec(last)?.slice(1).map(Number) ?? [];
  if (passed === undefined || failed === undefined) {
    return { line: "0 passed, 1 failed", ok: false };
  }
  const unnamed = failed === 0 && (code !== 0 || passed === 0) ? 1 : 0;
  return { line: `${passed} passed, ${failed + unnamed} failed`, ok: failed + unnamed === 0 };
}

interface Program {
  readonly skychat: string;
  readonly tests: string;
  readonly chosen: readonly string[];
}

/** The command for the place, and its environment. */
async function commandFor(
  place: Place,
  { skychat, tests, chosen }: Program,
): Promise<{ cmd: string; args: string[]; env: Record<string, string> }> {
  const put = {
    skychat: await place.put("skychat", skychat),
    tests: await place.put("tests", tests),
  };
  const flags = await findNamespaces();
  if (flags !== undefined) {
    const hidden = await placesToHide();
    const looking = hidden.map((path) => `--hidden=${path}`);
    return {
      ...place.confined(flags, hidden, [put.tests, ...looking, ...chosen]),
      env: { ...place.environment(pathOutside(hidden)), SKYCHAT_BIN: put.skychat },
    };
  }
  const why = "no namespaces here: that takes Linux, ip, unshare, and root or user namespaces";
  if (Deno.env.get("SKYCHAT_STRICT") === "1") throw new Error(why);
  say(`${why}; nothing is hidden from the tests`);
  const env = { ...place.environment(Deno.env.get("PATH") ?? ""), SKYCHAT_BIN: put.skychat };
  return { cmd: put.tests, args: [...chosen], env };
}

/** Runs the tests in a place of their own; the end of what they wrote is not yet shown. */
async function runTests(program: Program): Promise<{ last: string; code: number }> {
  await using place = await Place.make();
  const { cmd, args, env } = await commandFor(place, program);
  const child = new Deno.Command(cmd, {
    args,
    env,
    clearEnv: true,
    cwd: `${place.folder}/work`,
    stdin: "null",
    stdout: "piped",
  }).spawn();
  // With its first process all others in there end, and the folder goes.
  const stop = () => child.kill("SIGKILL");
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, stop);
  let last = "";
  let rest = "";
  for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (last !== "") say(last);
      last = line;
    }
  }
  const { code } = await child.status;
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.removeSignalListener(signal, stop);
  const left = await Array.fromAsync(Deno.readDir(`${place.folder}/home`));
  if (left.length === 0) return { last, code };
  say(last);
  say(`FAILED HOME is not empty afterwards: ${left.map(({ name }) => name).join(", ")}`);
  return { last, code: 1 };
}

async function stage(): Promise<boolean> {
  const { values, positionals } = parseArgs({
    args: [...Deno.args],
    allowPositionals: true,
    options: {
      pinned: { type: "boolean", default: false },
      tests: { type: "string", default: `${ROOT}tests/e2e` },
    },
  });
  const skychat = await releasedExecutable();
  const folder = await Deno.realPath(values.tests);
  const files = filesBelow("", folder).filter((name) => name.endsWith("_test.ts"))
    .map((name) => `${folder}/${name}`);
  const tests = await makeTestProgram({ files, pinned: values.pinned });
  const { last, code } = await runTests({ skychat, tests, chosen: positionals });
  const { line, ok } = endOf(last, code);
  say(line);
  return ok;
}

if (import.meta.main) {
  try {
    Deno.exit(await stage() ? 0 : 1);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    say("0 passed, 1 failed");
    Deno.exit(1);
  }
}
