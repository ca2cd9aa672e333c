import { CodedError } from "#kit";

/** Exit code of everything that went as asked. */
export const EXIT_OK = 0;
/** Exit code of every failure; there are no others (cli.md 3). */
export const EXIT_FAILURE = 1;

/**
 * A failure to tell the user about, with the text of the specification. Codes: `usage` (wrong flags or
 * arguments), `later` (not in this build yet), `failed`.
 */
export class CliError extends CodedError {
  /** What to try, on a line of its own; never part of the JSON form. */
  readonly hint: string | undefined;

  constructor(message: string, options: { code?: string; hint?: string | undefined } = {}) {
    super(options.code ?? "failed", message);
    this.hint = options.hint;
  }
}
