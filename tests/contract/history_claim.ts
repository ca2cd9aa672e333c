import type { Clock } from "#kit";
import type { History, HistoryLimits, OutboxTable } from "#store";
import type { ManualClock } from "#support/manual_clock.ts";
import type { keptLog } from "#support/stored_messages.ts";

/** What a test of the suite asks for. */
export interface HistoryOptions {
  readonly limits?: Partial<HistoryLimits>;
  readonly whitelist?: ReadonlySet<string>;
  readonly ownFeed?: string;
  readonly archive?: { readonly events: number; readonly bytes: number; readonly age: number };
}

/** What an implementation is made with. */
export interface HistoryMaking extends HistoryOptions {
  readonly clock: Clock;
  readonly log: ReturnType<typeof keptLog>;
}

/** A history with a queue for messages. */
export type FullHistory = History & { readonly outbox: OutboxTable };

/** What a claim is tried on. */
export interface Tried {
  readonly history: FullHistory;
  readonly clock: ManualClock;
  /** Log lines so far. */
  readonly log: readonly string[];
}

/** Promises by their names. */
export type Claims = Readonly<
  Record<
    string,
    { readonly options?: HistoryOptions; readonly holds: (tried: Tried) => Promise<void> }
  >
>;
