/**
 * `deno task bench`: what skychat costs, as ratios against floors that the same run measures.
 * How to read it: docs/PERFORMANCE.md.
 */
import { utf8 } from "#kit";
import { killNodes } from "./node.ts";
import { parseOptions, USAGE } from "./options.ts";
import { PARTS } from "./parts.ts";
import { reported, type ReportedRow, table } from "./report.ts";
import type { BenchContext } from "./rounds.ts";

const options = parseOptions(Deno.args, PARTS.map(({ name }) => name));
if (typeof options === "string") {
  tell(options === "" ? USAGE : `${options}\n\n${USAGE}`);
  Deno.exit(options === "" ? 0 : 2);
}

/** Longest time of one part; the whole run stays below four minutes unless it was asked for more. */
const PART_DEADLINE_MS = options.records === undefined ? 60_000 : 600_000;

const context: BenchContext = {
  quick: options.quick,
  records: options.records,
  size: (full, quick) => options.quick ? quick : full,
  progress: tell,
};

const started = performance.now();
const rows: ReportedRow[] = [];
const failures: Record<string, string> = {};
for (const part of PARTS) {
  if (options.only.size > 0 && !options.only.has(part.name)) continue;
  context.progress(`… ${part.name}`);
  try {
    const found = await within(part.run(context), PART_DEADLINE_MS);
    rows.push(...found.map((row) => reported(part.name, row)));
  } catch (error) {
    failures[part.name] = error instanceof Error ? error.message : String(error);
    context.progress(`${part.name} failed: ${failures[part.name]}`);
  }
}

const report = {
  date: new Date().toISOString(),
  deno: Deno.version.deno,
  target: Deno.build.target,
  processors: navigator.hardwareConcurrency,
  program: Deno.env.get("SKYCHAT_BIN") ? "compiled" : "source",
  quick: options.quick,
  seconds: Math.round((performance.now() - started) / 1_000),
  rows,
  failures,
};
const json = JSON.stringify(report, undefined, 2);
if (options.out !== undefined) await Deno.writeTextFile(options.out, `${json}\n`);
print(options.json ? json : `${table(rows)}\n\n${conditions()}`);
await killNodes();
Deno.exit(Object.keys(failures).length > 0 ? 1 : 0);

function conditions(): string {
  const { deno, target, processors, program, seconds } = report;
  const quick = options instanceof Object && options.quick ? ", QUICK RUN" : "";
  return `Deno ${deno}, ${target}, ${processors} processors, ${program}${quick}, ${seconds} s`;
}

function print(text: string): void {
  Deno.stdout.writeSync(utf8(`${text}\n`));
}

function tell(text: string): void {
  Deno.stderr.writeSync(utf8(`${text}\n`));
}

/** A part that hangs, for example on a receipt that never comes, fails and lets the others run. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Not done after ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
