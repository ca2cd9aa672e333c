import process from "node:process";
import type { Row } from "./report.ts";
import { median, spread } from "./statistics.ts";

/** What a part is given. */
export interface BenchContext {
  /** A smoke run: small counts, one or two rounds. Its figures mean little. */
  readonly quick: boolean;
  /** Messages that the store part was asked for. */
  readonly records?: number | undefined;
  /** `full` in a whole run, `quick` in a smoke run. */
  size(full: number, quick: number): number;
  /** Tells the person who waits what is going on. */
  progress(text: string): void;
}

/** A family of rows that belong together and can be run alone with `--only`. */
export interface Part {
  readonly name: string;
  run(context: BenchContext): Promise<readonly Row[]>;
}

/** Samples of several things, by name; each list has one entry a round. */
export type Samples<Name extends string> = Readonly<Record<Name, readonly number[]>>;

/**
 * Runs every measurement once a round, one after the other, so that a slow minute of the machine
 * hits all of them alike.
 */
export async function interleaved<Name extends string>(
  rounds: number,
  measurements: Readonly<Record<Name, () => number | Promise<number>>>,
): Promise<Samples<Name>> {
  const names = Object.keys(measurements) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<
    Name,
    number[]
  >;
  for (let round = 0; round < rounds; round++) {
    for (const name of names) samples[name].push(await measurements[name]());
  }
  return samples;
}

/** The median of one list of samples together with how far apart they are, ready for a row. */
export function figures(samples: readonly number[]): { value: number; spread: number } {
  return { value: median(samples), spread: spread(samples) };
}

/** Most milliseconds that {@link microseconds} spends, whatever the count. */
const LOOP_LIMIT_MS = 2_000;
/** Calls between two looks at the clock. */
const CALLS_AT_ONCE = 8;

/**
 * Milliseconds of processor time this process has used, all threads. For work in memory: the rest of
 * the machine may be busy.
 */
export function processorNow(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Mean microseconds of processor time of one call, after a few calls that do not count. */
export function microseconds(count: number, action: () => void): number {
  for (let warm = 0; warm < Math.min(50, count); warm++) action();
  const [started, deadline] = [processorNow(), performance.now() + LOOP_LIMIT_MS];
  let calls = 0;
  while (calls < count && performance.now() < deadline) {
    for (let inner = 0; inner < CALLS_AT_ONCE && calls < count; inner++, calls++) action();
  }
  return (processorNow() - started) * 1_000 / calls;
}

/** Wall milliseconds of something that waits. */
export async function milliseconds(action: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await action();
  return performance.now() - started;
}
