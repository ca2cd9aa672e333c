import type { Refusal } from "./history.ts";
import type { GroupRecord, HistoryRecord } from "./record.ts";

/** What a merge must respect; 0 is no limit (history.md 5 and 7.1). */
export interface MergeLimits {
  /** UTF-8 bytes of a text. */
  readonly maxTextBytes: number;
  /** Records of a conversation. */
  readonly perPeerCap: number;
  /** Records with a key at or below this count as expiring; undefined: none. */
  readonly expiredAt: bigint | undefined;
  /** Whether the whitelist lets a peer in. */
  readonly allows: (peer: string) => boolean;
}

/** A record that is stored already. */
export interface ExistingRecord<R> {
  /** Its key: nanoseconds since 1970, moved on by 1 until it was free. */
  readonly key: bigint;
  readonly record: R;
}

/** What to do with one incoming record. */
export type MergeDecision =
  | { readonly kind: "duplicate" }
  | { readonly kind: "rejected"; readonly reason: Refusal }
  /**
   * Write it under `key`, then delete the keys of `evicted`, oldest first: `key` itself may be among
   * them, in which case nothing needs to be written.
   */
  | {
    readonly kind: "stored";
    readonly key: bigint;
    readonly expiring: boolean;
    readonly evicted: readonly bigint[];
  };

/** Signature only for now: the merge of one conversation (or group), in document order. */
export interface ConversationMergeShape<R extends HistoryRecord | GroupRecord> {
  /**
   * Decides about one incoming record and counts it as stored when it is. The total cap is the
   * caller's: ask it before, and stop when the store is at it and `isNew(record)`.
   */
  offer(record: R): MergeDecision;
  /** Whether it is neither a duplicate nor rejected. */
  isNew(record: R): boolean;
  /** A live append or deletion in this conversation while the import runs. */
  added(existing: ExistingRecord<R>): void;
  removed(existing: ExistingRecord<R>): void;
}
