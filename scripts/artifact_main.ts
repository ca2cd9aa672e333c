/**
 * The program that holds the black-box tests: it looks around first, then runs each file of tests in a
 * process of its own, as many at a time as there are cores, and ends with `N passed, M failed`.
 *
 * `--file NAME` runs one file in this process. `--hidden PATH`, again for more, names what must not be there;
 * without any it does not look around. Names of files choose those to run.
 */
import { parseArgs } from "node:util";
import { type Counts, TestRunner } from "./artifact_runner.ts";
import { surroundingProblems } from "./artifact_surroundings.ts";
import { say } from "./terminal.ts";

/** Longest time for one file, ms (ours): as long as the gate gives all of them together. */
const FILE_LIMIT_MS = 480_000;

/** Name of a file of tests -> what loads it, which registers its tests. */
export type TestFiles = Readonly<Record<string, () => Promise<unknown>>>;

/** How to start this program once more. */
export interface OwnCommand {
  readonly cmd: string;
  /** Arguments that come before the program's own. */
  readonly args: readonly string[];
}

/** Does what the arguments say, and ends the process. */
export async function main(files: TestFiles, self: OwnCommand): Promise<never> {
  const { values, positionals } = parseArgs({
    args: [...Deno.args],
    allowPositionals: true,
    options: {
      file: { type: "string" },
      hidden: { type: "string", multiple: true, default: [] },
    },
  });
  if (values.file !== undefined) Deno.exit(await runHere(files, values.file));
  const problems = values.hidden.length > 0 ? await lookAround(values.hidden) : [];
  for (const problem of problems) say(`FAILED there is more than the built files: ${problem}`);
  const names = Object.keys(files).filter((name) =>
    positionals.length === 0 || positionals.some((part) => name.includes(part))
  );
  // Where there is more, the tests would show nothing.
  const counts = problems.length > 0
    ? { passed: 0, failed: problems.length, ignored: 0 }
    : await runAll(names, self);
  if (counts.ignored > 0) say(`${counts.ignored} ignored`);
  if (counts.passed + counts.failed === 0) say("no test ran");
  say(`${counts.passed} passed, ${counts.failed} failed`);
  Deno.exit(counts.failed > 0 || counts.passed === 0 ? 1 : 0);
}

async function lookAround(hidden: readonly string[]): Promise<string[]> {
  const here = Deno.cwd();
  const problems = await surroundingProblems({
    path: Deno.env.get("PATH") ?? "",
    home: Deno.env.get("HOME") ?? "",
    hidden: [...hidden, here],
    routes: {
      v4: await textOf("/proc/net/route"),
      v6: await textOf("/proc/net/ipv6_route"),
    },
  });
  if (problems.length === 0) {
    say(`nothing but the built files: ${hidden.join(", ")} hold nothing, no route but loopback`);
  }
  return problems;
}

/** Text of a file of the kernel; "" when the kernel is without that part. */
async function textOf(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** Runs the tests of one file in this process; 1 when one failed or there is none. */
async function runHere(files: TestFiles, name: string): Promise<number> {
  const load = files[name];
  if (load === undefined) throw new Error(`Cannot find ${name}`);
  const runner = new TestRunner();
  runner.install();
  await load();
  const { passed, failed, ignored } = await runner.run({ say });
  say(`${passed} passed, ${failed} failed, ${ignored} ignored`);
  return failed > 0 || passed + ignored === 0 ? 1 : 0;
}

/** Runs the files, as many at a time as there are cores, and shows each when it ended. */
async function runAll(names: readonly string[], self: OwnCommand): Promise<Counts> {
  const total = { passed: 0, failed: 0, ignored: 0 };
  // Killing nodes over and over takes longest: started last it would run alone at the end.
  const long = names.filter((name) => name.includes("crash"));
  const left = [...long, ...names.filter((name) => !long.includes(name))];
  const work = async () => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      const start = performance.now();
      const { counts, told } = verdictOfFile(await runFile(name, self));
      total.passed += counts.passed;
      total.failed += counts.failed;
      total.ignored += counts.ignored;
      say(`${name} (${((performance.now() - start) / 1000).toFixed(1)} s)\n${told}`);
    }
  };
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, work));
  return total;
}

/** What the process of one file left behind. */
export interface FileResult {
  /** Undefined when it did not end by itself. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a file adds to the total, and what to show of it. */
export interface FileVerdict {
  readonly counts: Counts;
  readonly told: string;
}

/**
 * Judges a file by its last line and its exit code. One that ended before its last line, that has no test, or
 * that fails without naming a failure counts as one failure more.
 */
export function verdictOfFile({ code, stdout, stderr }: FileResult): FileVerdict {
  const report = stdout.trimEnd();
  const end = /(?:^|\n)(\d+) passed, (\d+) failed, (\d+) ignored$/.exec(report);
  const [passed = 0, failed = 0, ignored = 0] = end?.slice(1).map(Number) ?? [];
  const reason = code === undefined
    ? "did not end in time"
    : end === null
    ? `ended before its tests were over, with exit code ${code}`
    : passed + failed + ignored === 0
    ? "registers no test"
    : failed === 0 && code !== 0
    ? `ended with exit code ${code}`
    : undefined;
  const tests = end === null ? report : report.slice(0, end.index);
  if (reason === undefined && failed === 0) {
    return { counts: { passed, failed, ignored }, told: tests };
  }
  const lines = [tests, ...(reason === undefined ? [] : [`  FAILED  ${reason}`]), stderr.trimEnd()];
  return {
    counts: { passed, failed: failed + (reason === undefined ? 0 : 1), ignored },
    told: lines.filter((line) => line !== "").join("\n"),
  };
}

/** Runs one file in a process of its own. One that does not end in time is killed. */
export async function runFile(
  name: string,
  { cmd, args }: OwnCommand,
  limitMs = FILE_LIMIT_MS,
): Promise<FileResult> {
  const child = new Deno.Command(cmd, {
    args: [...args, "--file", name],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const written = { stdout: "", stderr: "" };
  const stopped = new AbortController();
  const read = async (
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
    to: keyof typeof written,
  ) => {
    const text = stream.pipeThrough(new TextDecoderStream(), { signal: stopped.signal });
    for await (const piece of text) written[to] += piece;
  };
  const streams = [read(child.stdout, "stdout"), read(child.stderr, "stderr")];
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
    // What it started may hold its streams open for ever.
    stopped.abort();
  }, limitMs);
  const [{ code }] = await Promise.all([child.status, Promise.allSettled(streams)]);
  clearTimeout(timer);
  return { code: late ? undefined : code, ...written };
}
