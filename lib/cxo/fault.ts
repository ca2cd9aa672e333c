import { CodedError } from "#kit";

/** What can be wrong with bytes or an object graph that a peer gave us. Stable. */
export type CxoFaultCode =
  /** Fewer bytes than the encoding asks for, or a declared length beyond the end. */
  | "truncated"
  /** Bytes after the last field. */
  | "trailing-bytes"
  /** A value that the format forbids: a bool of 2, an unknown message type, a degree of 1. */
  | "invalid-value"
  /** A bound of ours was passed; nothing of that size was allocated. */
  | "too-large"
  /** The signature does not hold for the feed. */
  | "bad-signature"
  /** A signed Root that contradicts its message, or the rules of Seq, Prev, Registry and Refs. */
  | "bad-root"
  /** Bytes whose SHA-256 is not the id that was asked for. */
  | "wrong-hash"
  /** An object that the graph names and that is not held. */
  | "missing-object";

/**
 * What a decoder or a walk hands back instead of a value. It is returned, not thrown: the misbehaviour
 * of a peer is expected. It is thrown only inside a decoder or a walk.
 */
export class CxoFault extends CodedError {
  /** Which it is. */
  declare readonly code: CxoFaultCode;

  /** A fault of one of the codes; the text is for a log line. */
  constructor(code: CxoFaultCode, message: string) {
    super(code, message);
  }
}

/** Runs `read` and gives its value, or the fault that it threw; anything else goes on up. */
export function caught<T>(read: () => T): T | CxoFault {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof CxoFault) return thrown;
    throw thrown;
  }
}

/** The value; a fault is thrown, for a {@link caught} further up. */
export function orThrow<T>(value: T | CxoFault): T {
  if (value instanceof CxoFault) throw value;
  return value;
}
