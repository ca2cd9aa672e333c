/**
 * The command line: flags, help, and every command of the executable.
 *
 * On top of everything; only `main.ts` is above. Each command is loaded when it is used. The flag
 * tables are the single source for parsing, `--help` and the README. It is the only layer that reads
 * the environment, prints, or listens to signals. Flags, texts and exit codes: `docs/spec/cli.md`.
 *
 * @example
 * ```ts
 * import { flagReference } from "#cli";
 *
 * console.assert(flagReference().includes("--tcp-listen"));
 * ```
 *
 * @module
 */
import type { Serving } from "#app";
import { runCli } from "./run.ts";
import { systemIo } from "./system_io.ts";

export type { ByteSource, CliIo, FileDraft } from "./io.ts";
export { Output, OutputClosed, type Span, type TextSink } from "./output.ts";
export type { Terminal, TerminalSize } from "./terminal.ts";
export { ENVIRONMENT_VARIABLES } from "./environment.ts";
export { flagReference } from "./flag_reference.ts";
export { runCli };

/** Runs the command line of this process and returns its exit code. */
export function main(args: readonly string[]): Promise<number> {
  return runCli(args, systemIo());
}

/** Runs `app` with these flags in this process, and tells where it serves once it does. */
export function runApp(
  flags: readonly string[],
  onServing: (serving: Serving) => void,
): Promise<number> {
  return runCli(["app", ...flags], { ...systemIo(), onServing });
}
