/**
 * Runs tests that were written for `deno test` inside an executable, which has no test runner of its own:
 * what `Deno.test` and `t.step` take, and a count of how they went. A form or an option that it does not know
 * is refused rather than passed over.
 */

/** Longest time for one test, ms (ours): twice what the longest takes on two cores. */
export const TEST_LIMIT_MS = 420_000;

/** How many tests of each kind there were. Steps do not count, as in `deno test`. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly ignored: number;
}

type Body = (context: unknown) => unknown;

interface Definition {
  readonly name: string;
  readonly ignore: boolean;
  readonly fn: Body;
}

/** How a run of tests goes about it. */
export interface RunOptions {
  /** Takes each line of the report. */
  readonly say: (line: string) => void;
  readonly limitMs?: number;
}

/** The tests of one file. */
export class TestRunner {
  readonly #tests: Definition[] = [];
  #running = false;

  /** What stands for `Deno.test`. */
  readonly test = (...args: readonly unknown[]): void => {
    if (this.#running) throw new TypeError("Cannot register a test while tests run");
    this.#tests.push(definitionOf(args));
  };

  /** Puts {@link test} where tests look for it. */
  install(): void {
    Object.defineProperty(Deno, "test", { value: this.test, configurable: true });
  }

  /** Runs the tests one after the other, in the order in which they were registered. */
  async run({ say, limitMs = TEST_LIMIT_MS }: RunOptions): Promise<Counts> {
    this.#running = true;
    const counts = { passed: 0, failed: 0, ignored: 0 };
    for (const test of this.#tests) {
      counts[await perform(test, { say: (line) => say(`  ${line}`), limitMs })]++;
    }
    return counts;
  }
}

type Verdict = keyof Counts;

/** Runs a test or a step with its steps, and says how it went. */
async function perform(
  { name, ignore, fn }: Definition,
  { say, limitMs }: { say: (line: string) => void; limitMs?: number },
): Promise<Verdict> {
  if (ignore) {
    say(`ignored ${name}`);
    return "ignored";
  }
  const start = performance.now();
  const context = new Context(name, say);
  try {
    const body = runBody(fn, context);
    await (limitMs === undefined ? body : within(body, limitMs));
    say(`ok      ${name} (${Math.round(performance.now() - start)} ms)`);
    return "passed";
  } catch (error) {
    say(`FAILED  ${name} (${Math.round(performance.now() - start)} ms)`);
    const why = Deno.inspect(error, { colors: false });
    for (const line of why.split("\n")) say(`        ${line}`);
    return "failed";
  } finally {
    context.over = true;
  }
}

async function runBody(fn: Body, context: Context): Promise<void> {
  await fn(context);
  if (context.running > 0) throw new Error(`${context.running} steps were not awaited`);
  if (context.failed > 0) throw new Error(`${context.failed} steps failed`);
}

/** What a test is given, as far as ours use it. */
class Context {
  readonly name: string;
  readonly #say: (line: string) => void;
  failed = 0;
  running = 0;
  /** The test ended: whatever still wants to run a step comes too late. */
  over = false;

  constructor(name: string, say: (line: string) => void) {
    this.name = name;
    this.#say = say;
  }

  /** Runs a step; false when it did not pass, which also fails the test. */
  readonly step = async (...args: readonly unknown[]): Promise<boolean> => {
    const definition = definitionOf(args);
    if (this.over) throw new Error(`Cannot run the step "${definition.name}": its test is over`);
    this.running++;
    const verdict = await perform(definition, { say: (line) => this.#say(`  ${line}`) });
    this.running--;
    if (verdict === "failed") this.failed++;
    return verdict === "passed";
  };
}

/** Options that change nothing here: what is left open shows when the tests run from source. */
const WITHOUT_EFFECT = ["sanitizeOps", "sanitizeResources", "sanitizeExit"];

/** Reads `(fn)`, `(name, fn)`, `(definition)`, `(definition, fn)` and `(name, options, fn)`. */
function definitionOf(args: readonly unknown[]): Definition {
  const name = args.find((arg) => typeof arg === "string");
  const options = args.find((arg) => typeof arg === "object" && arg !== null) ?? {};
  const fn = args.findLast((arg) => typeof arg === "function");
  const merged: Record<string, unknown> = { ...options };
  if (name !== undefined) merged["name"] = name;
  if (fn !== undefined) merged["fn"] = fn;
  for (const option of Object.keys(merged)) {
    if (!["name", "ignore", "fn", ...WITHOUT_EFFECT].includes(option)) {
      throw new TypeError(`Cannot register a test with the option "${option}"`);
    }
  }
  const body = merged["fn"];
  if (!isBody(body)) throw new TypeError("Cannot register a test without a function");
  const called = merged["name"] ?? body.name;
  if (typeof called !== "string" || called === "") {
    throw new TypeError("Cannot register a test without a name");
  }
  return { name: called, ignore: merged["ignore"] === true, fn: body };
}

function isBody(value: unknown): value is Body {
  return typeof value === "function";
}

async function within(body: Promise<void>, limitMs: number): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`The test did not end within ${limitMs} ms`)),
    limitMs,
  );
  try {
    await Promise.race([body, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
