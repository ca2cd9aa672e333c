/**
 * An error that callers tell apart by a stable `code` instead of by its text.
 *
 * The text is for people (and is often fixed by the specification, since scripts match on it); the
 * code is for programs and never changes once released.
 */
export class CodedError extends Error {
  /** Stable, lower-case, dash-separated: `handshake-timeout`. */
  readonly code: string;

  /** The name becomes that of the subclass; `options.cause` keeps what led here. */
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** The text of anything that was thrown, for a log line or an answer to a user. */
export function errorText(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
