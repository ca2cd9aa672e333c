import type { HistoryRecord } from "./record.ts";

/** Where a record lies: its conversation and its key there (history.md 4). */
export interface RecordRef {
  /** Key of the other side, 66 lower-case hex digits. */
  readonly peer: string;
  /** Nanoseconds since 1970, signed 64 bits, moved on by 1 until it was free. */
  readonly key: bigint;
}

/** A record with its place. */
export interface PlacedRecord extends RecordRef {
  readonly record: HistoryRecord;
}

/** What a search index reads from the store it belongs to. What rejects here rejects the search. */
export interface SearchSource {
  /**
   * Every record on disk, in pages of some hundreds, in any order (the order of the keys is fastest).
   * The index works on one page between two turns of the event loop, so the pages should come from
   * real I/O. Changes made meanwhile may or may not show.
   */
  everything(): AsyncIterable<readonly PlacedRecord[]>;
  /** The records of one conversation with a smaller key than `before`, newest first, in pages. */
  older(peer: string, before: bigint): AsyncIterable<readonly PlacedRecord[]>;
  /** What is there now (and not expired), in the order of `refs`; undefined where nothing is. */
  get(refs: readonly RecordRef[]): Promise<readonly (HistoryRecord | undefined)[]>;
}
