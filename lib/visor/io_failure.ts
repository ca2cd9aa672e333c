/** What a visor says of trouble with a connection to a peer, inside an answer that succeeds (visor.md 6.4). */
export interface IoFailure {
  /**
   * `eof`: the peer closed in order. `timeout`: a deadline passed, the connection still works.
   * `lost`: it does not.
   */
  readonly kind: "eof" | "lost" | "timeout";
  /** The visor's text: from outside, and ours where it gives none. */
  readonly text: string;
}

/** The fields of a visor's error that matter; its `IsTemporaryErr` is set by some visors only. */
export interface IoErrorFields {
  readonly text: string;
  readonly isNetError: boolean;
  readonly isTimeout: boolean;
}

/** Reads an error by the table of visor.md 6.4: by its flags, since texts vary with the network. */
export function ioFailureOf({ text, isNetError, isTimeout }: IoErrorFields): IoFailure {
  if (isNetError) return { kind: isTimeout ? "timeout" : "lost", text: text || "network error" };
  return { kind: text === "EOF" ? "eof" : "lost", text: text || "unknown error" };
}
