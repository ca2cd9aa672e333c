import { CodedError } from "#kit";

/** What can be wrong with a stream of messages. Stable. */
export type GobFaultCode =
  /** A length or count beyond the end of its message. */
  | "truncated"
  /** Bytes after the value of a message. */
  | "trailing-bytes"
  /** A value that the format forbids: a bool of 2, an integer with leading zeros, a field too far. */
  | "invalid-value"
  /** A bound of ours was passed; nothing of that size was allocated. */
  | "too-large"
  /** A type that nobody described, a reserved one, an interface, one that contains itself. */
  | "bad-type";

/**
 * What a peer did that ends its stream: nothing after it can be understood. A decoder hands it back; it is
 * thrown only inside of it.
 */
export class GobFault extends CodedError {
  /** Which it is. */
  declare readonly code: GobFaultCode;

  /** A fault of one of the codes; the text is for a log line. */
  constructor(code: GobFaultCode, message: string) {
    super(code, message);
  }
}

/** How a sound value can differ from what its reader asks for. Stable. */
export type GobMismatchCode =
  /** Declared as another kind, or an opaque value of another flavour. */
  | "wrong-kind"
  /** An integer that the reader has no room for. */
  | "out-of-range"
  /** A struct without any field that the reader knows. */
  | "no-common-field"
  /** Octets that are no time (visor.md 4.5). */
  | "bad-time";

/**
 * A value of another shape than its reader asks for. Thrown by the typed readers; it is a call error, and
 * the stream goes on (visor.md 4.4).
 */
export class GobMismatch extends CodedError {
  /** Which it is. */
  declare readonly code: GobMismatchCode;

  /** A mismatch of one of the codes; the text starts with `gob: `, as upstream's do. */
  constructor(code: GobMismatchCode, message: string) {
    super(code, `gob: ${message}`);
  }
}
