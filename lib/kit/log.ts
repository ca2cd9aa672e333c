/** Severity of a log line, least to most. */
export type LogLevel = "DEBUG" | "INFO" | "WARN" | "ERROR" | "FATAL";

/**
 * Where log lines go. The text is complete: one line, no secrets, control characters of whatever
 * came from outside already made harmless with {@link quoteForLog}.
 */
export interface Log {
  /** Detail for whoever looks for a fault; dropped unless asked for. */
  debug(text: string): void;
  /** Something happened as it should. */
  info(text: string): void;
  /** Something is odd, and the node goes on without it. */
  warn(text: string): void;
  /** Something was lost or could not be done. */
  error(text: string): void;
}

/** Discards everything. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * Text that came from outside, made fit for one log line: control characters, those included that change
 * the direction of what follows, are escaped and at most 200 characters are kept, so that nobody can forge
 * a line or flood the log with one.
 */
export function quoteForLog(text: string): string {
  const cut = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  return cut.replace(
    // deno-lint-ignore no-control-regex -- control characters are what this is about
    /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
