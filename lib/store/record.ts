import { isWrittenBy } from "#events";

/**
 * One stored message: the record of history.md 3 with its keys in that order. What is absent is left
 * out, never null. `reply_to_sender` and the like are never stored: they are added when served.
 */
export interface HistoryRecord {
  /** Key of the other side, 66 lower-case hex digits, for both directions. */
  readonly peer: string;
  /** Author of an inbound message. */
  readonly from?: string;
  /** Whether this node sent it. */
  readonly outgoing: boolean;
  /** As it travelled: structured bodies stay raw. */
  readonly text: string;
  /** RFC 3339 in UTC, up to nanoseconds. */
  readonly timestamp: string;
  /** Wire id; absent for a message that travelled as raw text. */
  readonly id?: string;
  /** Id of the quoted message. */
  readonly reply_to?: string;
  /** File messages of an imported archive; kept as they are. */
  readonly file_id?: string;
  /** As its sender called it. */
  readonly file_name?: string;
  /** Bytes. */
  readonly file_size?: number;
  /** State of the transfer. */
  readonly file_status?: string;
  /** Where the deployed page finds it. */
  readonly file_url?: string;
}

/** Whether a key wrote a record of a node with the key `self`: see `isWrittenBy`. */
export function isRecordBy(
  author: string,
  { from, outgoing, peer }: HistoryRecord,
  self: string,
): boolean {
  return isWrittenBy(author, { sender: outgoing ? self : from ?? peer, own: outgoing, peer });
}

/** One stored message of a group (history.md 3). Its time is that of its author. */
export interface GroupRecord {
  /** The group. */
  readonly group_id: string;
  /** Its author, 66 lower-case hex digits. */
  readonly sender_pk: string;
  /** Whether this node sent it. */
  readonly outgoing: boolean;
  /** The message. */
  readonly text: string;
  /** RFC 3339 in UTC, up to nanoseconds. */
  readonly timestamp: string;
}
