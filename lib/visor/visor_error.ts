import { CodedError, utf8, utf8Text } from "#kit";

/** Characters of a text of the visor that are kept, and of a text for it that are sent (ours). */
export const MAX_VISOR_TEXT_UNITS = 1_024;

/** What went wrong between us and the visor, as callers tell it apart. */
export type VisorFailure =
  /** The caller's signal ended the wait. */
  | "aborted"
  /** A successful answer that cannot be one: fields of other kinds, no key, a negative count. */
  | "bad-answer"
  /** The visor says no; the text is its own. */
  | "call-failed"
  /** We have closed the connection. */
  | "closed"
  /** No TCP connection to the visor within the time for it. */
  | "connect-failed"
  /** What came is no gob stream, or no answers. */
  | "garbage"
  /** The connection is gone. */
  | "lost"
  /** The connection was closed before the first answer: the key is unknown or was used already. */
  | "refused"
  /** The visor did not answer in time; what it does later is undone. */
  | "timeout"
  /** As many dials or other calls as there may be wait for their answers, or too many bytes for the visor. */
  | "too-many-calls"
  /** As many connections as there may be are open. */
  | "too-many-links";

/**
 * A call to the visor that came to nothing. The text is the visor's own where it has said one, with
 * the proc key taken out; it comes from outside and is quoted before it is logged.
 */
export class VisorError extends CodedError {
  /** What went wrong. */
  declare readonly code: VisorFailure;

  /** The text is complete. */
  constructor(code: VisorFailure, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** A text of the visor, or for it, of a size that can be kept and shown. */
export function visorText(text: string): string {
  if (text.length <= MAX_VISOR_TEXT_UNITS) return text;
  // A copy: the runtime's own cut would keep the whole text in memory.
  return utf8Text(utf8(`${text.slice(0, MAX_VISOR_TEXT_UNITS)}…`));
}
