import type { Refusal } from "./history.ts";
import type { GroupRecord, HistoryRecord } from "./record.ts";
import { parseTimestamp } from "./timestamp.ts";

/** What becomes of one incoming record (history.md 7.1). */
export type MergeDecision =
  /** It is there already, or came before in the same document. */
  | { readonly kind: "duplicate" }
  /** A limit does not let it in. */
  | { readonly kind: "rejected"; readonly reason: Refusal | "timestamp" }
  /** The store is at its total cap: the import ends here. */
  | { readonly kind: "full" }
  /** It was admitted; `isExpiring` when the next sweep takes it. */
  | { readonly kind: "stored"; readonly isExpiring: boolean };

/** The rules outside one conversation. */
export interface MergeRules<R> {
  /**
   * Size, whitelist, total cap, in the order of history.md 5; undefined: it was taken in at `time`,
   * nanoseconds since 1970.
   */
  admit(record: R, time: bigint): Refusal | undefined;
  /** The time at and before which records are expired; undefined when they never are. */
  readonly expiry: bigint | undefined;
}

/**
 * What makes a direct message the same one: its id, else time, direction and text (history.md 7.1).
 * Only within one conversation.
 */
export function identityOf(record: HistoryRecord): string {
  if (record.id !== undefined && record.id !== "") return `id ${record.id}`;
  const direction = record.outgoing ? "out" : "in";
  return `at ${parseTimestamp(record.timestamp)} ${direction} ${record.text}`;
}

/** The same for a message of a group: author, time and text. Only within one group. */
export function groupIdentityOf(record: GroupRecord): string {
  return `${record.sender_pk} ${parseTimestamp(record.timestamp)} ${record.text}`;
}

/**
 * Merges records into one conversation (or group): first {@link know} everything that is stored,
 * then {@link decide} about one incoming record after the other. Pure: storing is the rules' business.
 */
export class ConversationMerge<R extends { readonly timestamp: string }> {
  readonly #identity: (record: R) => string;
  readonly #known = new Set<string>();

  /** With {@link identityOf} or {@link groupIdentityOf}. */
  constructor(identity: (record: R) => string) {
    this.#identity = identity;
  }

  /** Records that are stored. */
  know(records: readonly R[]): void {
    for (const record of records) this.#known.add(this.#identity(record));
  }

  /** Duplicates come first: a document that is all there already changes nothing in a full store. */
  decide(record: R, rules: MergeRules<R>): MergeDecision {
    const identity = this.#identity(record);
    if (this.#known.has(identity)) return { kind: "duplicate" };
    const time = parseTimestamp(record.timestamp);
    if (time === undefined) return { kind: "rejected", reason: "timestamp" };
    const reason = rules.admit(record, time);
    if (reason === "total storage cap reached") return { kind: "full" };
    if (reason !== undefined) return { kind: "rejected", reason };
    this.#known.add(identity);
    const isExpiring = rules.expiry !== undefined && time <= rules.expiry;
    return { kind: "stored", isExpiring };
  }
}
