/**
 * One stored message: the record of history.md 3 with its keys in that order. What is absent is left
 * out, never null. `reply_to_sender` and the like are never stored: they are added when served.
 */
export interface HistoryRecord {
  /** Key of the other side, 66 lower-case hex digits, for both directions. */
  readonly peer: string;
  /** Author of an inbound message. */
  readonly from?: string;
  readonly outgoing: boolean;
  /** As it travelled: structured bodies stay raw. */
  readonly text: string;
  /** RFC 3339 in UTC, up to nanoseconds. */
  readonly timestamp: string;
  /** Wire id. */
  readonly id?: string;
  /** Id of the quoted message. */
  readonly reply_to?: string;
  /** File messages of an imported archive; kept as they are. */
  readonly file_id?: string;
  readonly file_name?: string;
  readonly file_size?: number;
  readonly file_status?: string;
  readonly file_url?: string;
}

/** One stored message of a group (history.md 3). Only archives hold them until groups exist here. */
export interface GroupRecord {
  readonly group_id: string;
  readonly sender_pk: string;
  readonly outgoing: boolean;
  readonly text: string;
  readonly timestamp: string;
}
