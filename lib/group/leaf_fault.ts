/** Why a leaf of a group is dropped. Stable. */
export type LeafFaultCode =
  /** No JSON of the expected shape. */
  | "undecodable"
  /** A field that must be there is absent or zero, or one that must be zero is not. */
  | "missing-field"
  /** A governance operation whose number means nothing. */
  | "unknown-op"
  /** No signature, or the zero one. */
  | "unsigned"
  /** The signature does not hold for the key that the leaf names. */
  | "bad-signature"
  /** A bound of ours was passed. */
  | "too-large"
  /** The path is no message path, or contradicts its leaf. */
  | "bad-path"
  /** A sealed governance leaf too short to hold anything. */
  | "malformed-seal";

/**
 * What a decoder or a check hands back instead of a value. It is returned, never thrown: the
 * misbehaviour of a peer is expected, and a plain value costs less than an error with a stack.
 */
export class LeafFault {
  /** Which it is. */
  readonly code: LeafFaultCode;
  /** For a log line; texts of groups.md where it has one. */
  readonly message: string;

  /** A fault of one of the codes. */
  constructor(code: LeafFaultCode, message: string) {
    this.code = code;
    this.message = message;
  }
}
