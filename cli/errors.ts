import { CodedError } from "#kit";

/** Exit code of everything that went as asked. */
export const EXIT_OK = 0;
/** Exit code of every failure, unless `--exit-codes detailed` asks for more (cli.md 3). */
export const EXIT_FAILURE = 1;

/** Exit codes of `--exit-codes detailed`, by the code of the failure; every other failure is 1. */
const DETAILED_EXITS: Readonly<Record<string, number>> = {
  "unreachable": 3,
  "refused": 4,
  "no-ack": 5,
  "app-down": 6,
};

/**
 * A failure to tell the user about, with the text of the specification. Codes: `usage` (wrong flags or
 * arguments), `later` (not in this build yet), `unreachable` (no connection to the peer), `refused`
 * (the peer does not want us, or is another one), `no-ack`, `app-down` (no app at `--addr`), `failed`.
 */
export class CliError extends CodedError {
  /** What to try, on a line of its own; never part of the JSON form. */
  readonly hint: string | undefined;

  constructor(message: string, options: { code?: string; hint?: string | undefined } = {}) {
    super(options.code ?? "failed", message);
    this.hint = options.hint;
  }
}

/** The code of a failure for programs: that of a {@link CliError}, else `failed`. */
export function failureCode(error: unknown): string {
  return error instanceof CliError ? error.code : "failed";
}

/** The exit code of a failure under `--exit-codes detailed`. */
export function detailedExit(error: unknown): number {
  return DETAILED_EXITS[failureCode(error)] ?? EXIT_FAILURE;
}

/** A mistake in the arguments. */
export function usageError(message: string, hint?: string): CliError {
  return new CliError(message, { code: "usage", hint });
}
