import { CodedError } from "#kit";

/** Why a link ended. */
export interface LinkEnd {
  /**
   * `eof`, `closed`, `read-failed`, `write-failed`, `write-timeout`, or the code with which the
   * session failed.
   */
  readonly code: string;
  /** The text of noise.md 6; `EOF` when the peer closed in order. */
  readonly message: string;
}

/**
 * A write that was not done: the code is that of the {@link LinkEnd}, or `backlog-full` while the
 * link lives on.
 */
export class LinkError extends CodedError {}
