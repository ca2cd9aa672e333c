import type { EventArchive, MessageEvent } from "#events";
import type { Journal } from "./journal.ts";
import type { GroupRecord, HistoryRecord } from "./record.ts";

/** Texts of history.md 5, in the order of the checks. */
export type Refusal =
  | "peer PK is empty"
  | "message exceeds max size"
  | "peer not in whitelist"
  | "per-peer rate limit exceeded"
  | "total storage cap reached";

/** What became of an append, known at once; the disk follows. */
export interface Appended {
  /** Number of the event on the durable stream. Every event gets one, also when history refuses it. */
  readonly seq: number;
  /**
   * Why the history does not keep the message; undefined when it does. Its event is kept all the same,
   * within the bounds of the archive, unless a whitelist is against it: then nothing is written.
   */
  readonly refusal: Refusal | undefined;
  /**
   * Resolves when the event, and the record if there is one, are on disk (true) or could not be
   * written (false, logged): then the number may come again after a restart. Never rejects; resolves in the order of the appends.
   */
  readonly committed: Promise<boolean>;
}

/** Where a search found something, newest first (http-api.md 4.10). */
export interface SearchHit {
  /** Key of the other side. */
  readonly peer: string;
  /** Author of an inbound message. */
  readonly from?: string;
  /** Absent for an inbound message. */
  readonly outgoing?: true;
  /** Unwrapped. */
  readonly text: string;
  /** RFC 3339. */
  readonly ts: string;
}

/** Counts of history.md 7.1. */
export interface ImportReport {
  /** Stored. */
  readonly messages: number;
  /** Stored messages of groups. */
  readonly group_messages: number;
  /** Skipped, because they were there already or twice in the archive. */
  readonly duplicates: number;
  /** Refused by a limit, or no valid record. */
  readonly rejected: number;
  /** Stored, but older than the age limit. */
  readonly expiring: number;
  /** Pushed out again by the cap of their conversation. */
  readonly evicted: number;
  /** The store was full before the end: what was stored stays. */
  readonly full: boolean;
}

/** A group with stored messages. */
export interface GroupSummary {
  /** The group, as its messages name it. */
  readonly group_id: string;
  /** Messages that have not expired. */
  readonly count: number;
  /** The newest time among them as stored, RFC 3339 in UTC, up to nanoseconds. */
  readonly newest: string;
}

/** What `/status` and `/metrics` say about a store. */
export interface StoreFigures {
  /** Live records, without those of groups. */
  readonly messages: number;
  /** Peers with live records. */
  readonly peers: number;
  /** Live records of groups. */
  readonly groupMessages: number;
  /** Groups with live records. */
  readonly groups: number;
  /** Bytes of live records: key, value and 64 for each peer (history.md 5); those of groups too. */
  readonly bytes: number;
  /** Events kept for `/events`. */
  readonly events: number;
  /** Commits, those that failed included. */
  readonly commits: number;
  /** Commits that failed. */
  readonly failedCommits: number;
  /** The last commit failed: nothing is kept until one succeeds. */
  readonly failing: boolean;
  /** Appends that are not on disk yet. */
  readonly pending: number;
  /** Conversations, and other parts, of which something was found missing or unreadable. */
  readonly damaged: number;
  /** Appends that a limit kept out since the start. */
  readonly refused: Readonly<Record<Refusal, number>>;
}

/**
 * Persisted messages (history.md). Queries see what is committed, filtered by age. Nothing here
 * throws for what a peer sent; queries reject with `StoreError` when the disk fails.
 */
export interface History {
  /**
   * Decides at once, writes behind; calls keep their order. The event, its record and the note for its
   * journal (`MessageEvent.journal`) are on disk together or not at all; whoever refuses the record, the
   * note is written, but for what {@link journal} says of its feed.
   *
   * A message of a group (channel `group` with a `groupId` of 1 to 256 characters) becomes a
   * {@link GroupRecord} with the time of its author (`sentAt`, else `wall`). Its limits are its own: how
   * many records a group has, and a rate for each group and author in the minute that its author says. Size,
   * total size and age are those of all; the whitelist asks for its author, never for this node.
   *
   * @throws {RangeError} the note is longer than an entry may be, or its feed is none that {@link journal} takes
   */
  append(event: MessageEvent): Appended;
  /** Resolves at once while few appends wait for the disk, else when few do: back-pressure. */
  readonly ready: Promise<void> | undefined;
  /** The newest `limit` of all conversations by timestamp, oldest first; <= 0 is all. */
  recent(limit: number): Promise<readonly HistoryRecord[]>;
  /** The newest `limit` of one conversation, oldest first; <= 0 is all. */
  byPeer(peer: string, limit: number): Promise<readonly HistoryRecord[]>;
  /** Keys with a conversation, in byte order. */
  peers(): Promise<readonly string[]>;
  /**
   * Removes the records and archived events with this id from a conversation, in one commit; with
   * `author` only those that this key wrote. Outgoing ones are meant by any key but that of the peer: this
   * node may have, or have had, several. Whether there was one that had not expired or not been swept.
   */
  forget(peer: string, id: string, author?: string): Promise<boolean>;
  /** Removes a conversation and its archived events; the number of records. */
  forgetPeer(peer: string): Promise<number>;
  /**
   * The newest `limit` of a group, oldest first; <= 0 is all. With `before`, nanoseconds since 1970, only
   * those whose timestamp is earlier. Nothing for an unknown group.
   *
   * Their order is that of their timestamps, then of their authors' keys, so that everybody is shown the
   * same one first of members that send at one moment (groups.md 2.8); then that of their keys in the
   * store, which is that of their arrival unless one before them was removed.
   */
  groupHistory(
    group: string,
    options: { readonly limit: number; readonly before?: bigint | undefined },
  ): Promise<readonly GroupRecord[]>;
  /** Groups with messages that have not expired, by the order of their names. */
  groups(): Promise<readonly GroupSummary[]>;
  /**
   * Removes the records and archived events of a group that this key wrote at this time, nanoseconds
   * since 1970, usually one: the author's own time, also where {@link groupHistory} shows an earlier one,
   * since that was more than five minutes ahead. Whether there was one that had not expired or not been
   * swept.
   */
  forgetGroup(
    group: string,
    message: { readonly sender: string; readonly timestamp: bigint },
  ): Promise<boolean>;
  /**
   * Removes every record of a group, in as many commits as it takes, and its archived events; the number
   * of records. Its journal stays: see {@link dropJournal}.
   */
  forgetWholeGroup(group: string): Promise<number>;
  /**
   * Newest first; blank finds nothing (http-api.md 4.10). Looks into one-to-one messages only: a hit
   * names a peer, which a message of a group has not, so those are not in the index.
   */
  search(query: string, limit: number): Promise<readonly SearchHit[]>;
  /** Every record, conversation by conversation, in pages, for an export. */
  pages(): AsyncIterable<readonly HistoryRecord[]>;
  /** Every group record, in pages. */
  groupPages(): AsyncIterable<readonly GroupRecord[]>;
  /** Merges records by the rules of history.md 7.1; `onProgress` gets the number handled so far. */
  import(
    records: { messages: readonly HistoryRecord[]; groupMessages: readonly GroupRecord[] },
    onProgress?: (handled: number) => void,
  ): Promise<ImportReport>;
  /** Removes what is older than the age limit; the number of records. Also runs on its own schedule. */
  sweep(): Promise<number>;
  /** The events of `/events` on disk. */
  readonly events: EventArchive;
  /**
   * What is kept of a feed, by its public key, or for a group by `group:<id>` (an id of at most 128 bytes
   * of UTF-8, without control characters). This node's own and those of groups are always kept; undefined
   * for another where a whitelist says that nothing of that peer may be on disk. No limit or age applies
   * to it, and no forgetting: its owner decides how long it is.
   *
   * @throws {RangeError} `feed` is neither a public key nor such a text
   */
  journal(feed: string): Journal | undefined;
  /**
   * Keys of the feeds that have a journal on disk, whatever the whitelist says now, in byte order; then
   * those of groups, `group:` in front.
   */
  journalFeeds(): readonly string[];
  /**
   * Removes a journal as it was at the call, the oldest entries first. True when it is gone or there was
   * none; false when the disk refused, which is logged: then the rest of it is still there. Never rejects.
   *
   * @throws {RangeError} `feed` is neither a public key nor the text of a group
   */
  dropJournal(feed: string): Promise<boolean>;
  /** What `/status` and `/metrics` say, at this moment. */
  figures(): StoreFigures;
  /** Commits what waits, stops the schedule, lets go of the file. */
  close(): Promise<void>;
}
