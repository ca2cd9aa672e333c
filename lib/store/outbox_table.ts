/** A message that waits for its recipient to be connected. */
export interface OutboxEntry {
  /** Its wire id, fixed when it was queued, so that a repetition is recognised. */
  readonly id: string;
  /** Recipient, 66 lower-case hex digits. */
  readonly to: string;
  /** As its author wrote it. */
  readonly text: string;
  /** Id of the quoted message. */
  readonly replyTo?: string;
  /** The network that was asked for; undefined where none was. */
  readonly network?: string;
  /** Nanoseconds since 1970-01-01 UTC, decimal. */
  readonly queuedAt: string;
  /** When it is given up, in the same form. */
  readonly expiresAt: string;
  /** When it was first written to a connection without a receipt so far; undefined before. */
  readonly writtenAt?: string;
  /** Written, and no receipt came while the connection lived: it is not written again. */
  readonly unconfirmed?: boolean;
}

/** Queued messages on disk. Small: everything is in memory as well. */
export interface OutboxTable {
  /** Every entry, in the order of queueing. */
  list(): readonly OutboxEntry[];
  /** Adds or replaces the entry of this id; resolves when it is on disk. */
  put(entry: OutboxEntry): Promise<void>;
  /** Removes; resolves when that is on disk. Whether there was one. */
  remove(id: string): Promise<boolean>;
}
