/**
 * The gate: `deno task ok`, which is also `deno task test`.
 *
 * Runs every check and test even after one failed, names and times each, shows the output of those
 * that failed, and ends with exactly one line `N passed, N failed`: the tests of all runs, where a
 * failed check counts as one failed test, and so does a step of tests in which none ran. Exits 1 when
 * anything failed.
 *
 * `scripts/ok.ts static|unit|e2e|browser` runs only that group, `scripts/ok.ts tests` the step of that name.
 * Group `release` tries what `deno task release` left in `dist/`, and is not among what runs by itself.
 */
import { PINNED_VERSION } from "./pinned_runtime.ts";
import { BROWSER_TESTS, filesBelow, ROOT, sourceFiles } from "./source_files.ts";
import { type ChildResult, runChild, say } from "./terminal.ts";

/** A step that takes longer hangs: it is ended and counts as failed. */
const STEP_LIMIT_MS = 480_000;

/** What drives the page, where Debian puts it. */
const CHROMIUM = "/usr/bin/chromium";

/**
 * What is still open when a test ends fails it. Deno 2.9 looks only where it is told to; the pinned runtime
 * always looks, and does not know the flags.
 */
const LEAK_CHECKS = Deno.version.deno === PINNED_VERSION
  ? ["--trace-leaks"]
  : ["--trace-leaks", "--sanitize-ops", "--sanitize-resources"];

/** One named part of the gate: arguments for this Deno. */
export interface Step {
  readonly name: string;
  readonly group: "static" | "unit" | "e2e" | "browser" | "release";
  readonly args: readonly string[];
  /** Whether it runs tests, whose numbers count. */
  readonly tests?: boolean;
}

/** Tests counted by one or more runs. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

/** Reads the summary that `deno test` ends with, or undefined when it printed none. */
export function readTally(output: string): Tally | undefined {
  const summary = /^(?:ok|FAILED) \| (\d+) passed[^|]*\| (\d+) failed/gm;
  const last = [...output.matchAll(summary)].at(-1);
  return last && { passed: Number(last[1]), failed: Number(last[2]) };
}

/** How one step went. */
export interface Verdict {
  readonly ok: boolean;
  /** What it adds to the total: at least one failure when it is not ok. */
  readonly tally: Tally;
  /** What to show under its line; empty when it is ok. */
  readonly told: string;
}

/**
 * Judges a step by its exit code and its output. A step that runs tests is good only when its summary
 * counts at least one and no failure: a filter or a folder that moved must not pass for green.
 */
export function verdictOf(step: Pick<Step, "tests">, child: ChildResult): Verdict {
  const counted = step.tests ? readTally(child.output) : undefined;
  const tally = counted ?? { passed: 0, failed: 0 };
  const ok = child.ok && tally.failed === 0 && (!step.tests || tally.passed > 0);
  if (ok) return { ok, tally, told: "" };
  const told = child.output.replace(/^((Check|Download) .*|.* \.\.\. ok \(.*\))\n/gm, "").trimEnd();
  const nothingRan = step.tests && tally.passed + tally.failed === 0;
  return {
    ok,
    tally: tally.failed > 0 ? tally : { ...tally, failed: 1 },
    told: nothingRan ? `${told}\nno test ran`.trimStart() : told,
  };
}

function steps(): Step[] {
  const doors = sourceFiles().filter((path) => /^(lib\/\w+|cli)\/mod\.ts$/.test(path));
  const typescript = sourceFiles().filter((path) => path.endsWith(".ts"));
  const page = filesBelow("lib/http").filter((path) => path.endsWith(".js"));
  const test = ["test", "--allow-all", "--parallel", ...LEAK_CHECKS];
  const all: Step[] = [
    { name: "format", group: "static", args: ["fmt", "--check"] },
    { name: "lint and layers", group: "static", args: ["lint"] },
    { name: "import cycles", group: "static", args: ["run", "-A", "scripts/check_graph.ts"] },
    { name: "types", group: "static", args: ["check", ...typescript] },
    { name: "page types", group: "static", args: ["check", "--config=scripts/page.json", ...page] },
    { name: "docstrings", group: "static", args: ["doc", "--lint", ...doors] },
    { name: "documents", group: "static", args: ["run", "-A", "scripts/check_docs.ts"] },
    { name: "version", group: "static", args: ["run", "-A", "scripts/check_release.ts"] },
    { name: "examples", group: "unit", args: [...test, "--doc", ...doors], tests: true },
    {
      name: "tests",
      group: "unit",
      args: [...test, "--no-check", `--ignore=tests/e2e,tests/release,${BROWSER_TESTS}`, "tests"],
      tests: true,
    },
    {
      name: "program as a black box",
      group: "e2e",
      args: [...test, "--no-check", "tests/e2e"],
      tests: true,
    },
    {
      name: "page in a browser",
      group: "browser",
      args: ["test", "-A", "--parallel", `--config=${BROWSER_TESTS}deno.json`, BROWSER_TESTS],
      tests: true,
    },
    {
      name: "what is released",
      group: "release",
      args: [...test, "--no-check", "tests/release"],
      tests: true,
    },
  ];
  return all.filter(({ name }) => name !== "page types" || page.length > 0);
}

/**
 * All groups that can run here. The page is only tried where there is a browser, or where
 * SKYCHAT_STRICT=1 says that there must be one.
 */
async function everything(): Promise<string[]> {
  const groups = ["static", "unit", "e2e"];
  if (Deno.env.get("SKYCHAT_STRICT") === "1") return [...groups, "browser"];
  try {
    await Deno.stat(CHROMIUM);
    return [...groups, "browser"];
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    say(`left out: the page in a browser (${CHROMIUM} is not installed)`);
    return groups;
  }
}

/** Runs one step, says how it went and returns what it adds to the total. */
async function perform(step: Step): Promise<Tally> {
  const start = performance.now();
  const child = await runChild(Deno.execPath(), step.args, {
    cwd: ROOT,
    timeoutMs: STEP_LIMIT_MS,
  });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const { ok, tally, told } = verdictOf(step, child);
  const count = step.tests ? `, ${tally.passed} tests` : "";
  say(`${ok ? "ok    " : "FAILED"} ${step.name} (${seconds} s${count})`);
  if (!ok) say(told.replace(/^/gm, "       "));
  return tally;
}

if (import.meta.main) {
  const wanted = Deno.args.length > 0 ? Deno.args : await everything();
  const chosen = steps().filter(({ group, name }) =>
    wanted.includes(group) || wanted.includes(name)
  );
  let [passed, failed] = [0, 0];
  for (const step of chosen) {
    const tally = await perform(step);
    passed += tally.passed;
    failed += tally.failed;
  }
  say(`${passed} passed, ${failed} failed`);
  Deno.exit(failed > 0 || chosen.length === 0 ? 1 : 0);
}
