import type { Clock } from "#kit";
import type { ArchivePage, ArchivePages } from "./archive_pages.ts";
import type { EventLog, LogReader } from "./event_log.ts";
import { type EventFilter, EventWalk } from "./event_walk.ts";
import { type Forgotten, isForgotten, partiesOfLine } from "./forgotten.ts";
import type { Subscription } from "./subscription.ts";

/** What follows a cursor in memory. */
export interface RecentPage {
  /** What the reader gets; shared by all readers with the same cursor. */
  readonly lines: readonly string[];
  /** Number of the last event that the page passes. */
  readonly cursor: number;
  /** Whether nothing follows. */
  readonly end: boolean;
}

/** Where a {@link DurableReader} finds the events of its filter; the side of the hub. */
export interface DurableSource {
  readonly clock: Clock;
  readonly filter: EventFilter;
  /** Live events of the filter. */
  readonly log: EventLog;
  /** Number of the newest published event. */
  readonly newest: number;
  /** Larger numbers may come again after a restart. */
  readonly lastKept: number;
  /** Every event above this number that was published, and not forgotten, is in memory. */
  readonly floor: number;
  /** Events at or below the floor, whatever the filter. */
  readonly archived: ArchivePages;
  /** Events above the floor. */
  recent(start: { cursor: number; owed: boolean }): RecentPage;
  /** Takes a reader off. */
  leave(reader: DurableReader): void;
}

const NOTHING: readonly string[] = [];

/**
 * A reader of `/events` that loses nothing which is kept. It is a cursor: behind it everything was
 * given out, and what follows is read from disk, then from memory, then shared with all who are in step.
 * Whoever falls behind these goes back to memory or disk. Nothing is read ahead of the client.
 *
 * Where numbers are missing a gap event says so, whatever they belonged to; not before the first event
 * of a reader that asked for all that is kept. When the disk fails the stream ends: the client comes back
 * with its cursor.
 */
export class DurableReader implements Subscription {
  readonly #source: DurableSource;
  #cursor: number;
  /** Whether everything after the cursor is owed: 0 asks only for what there is. */
  #owed: boolean;
  #pending: readonly string[] = NOTHING;
  #live: LogReader | undefined;
  #reading = false;
  #closed = false;
  #action: (() => void) | undefined;
  /** Always empty: what comes first may have to be read from disk. */
  readonly backlog: readonly string[] = NOTHING;

  /** `since` is checked, and 0 for all that is kept. */
  constructor(source: DurableSource, since: number) {
    this.#source = source;
    this.#cursor = since;
    this.#owed = since > 0;
  }

  get ended(): boolean {
    return this.#closed && this.#pending.length === 0 && this.#live?.ended !== false;
  }

  take(): readonly string[] {
    if (this.#pending.length === 0 && this.#live !== undefined) {
      if (!this.#live.behind) return this.#takeLive(this.#live);
      this.#live.leave();
      this.#live = undefined;
    }
    this.#advance();
    const batch = this.#pending;
    this.#pending = NOTHING;
    return batch;
  }

  whenNews(action: () => void): void {
    this.#action = action;
    this.#advance();
    if (this.#pending.length > 0 || this.#closed) this.#tell();
    else this.#live?.whenNews(this.#tell);
  }

  async next(): Promise<readonly string[]> {
    for (;;) {
      const batch = this.take();
      if (batch.length > 0 || this.ended) return batch;
      if (this.#live !== undefined) await this.#source.log.arrival();
      else await new Promise<void>((resolve) => this.whenNews(resolve));
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // A rest with a hole in it would move the client's cursor over what is missing.
    if (this.#live?.behind) {
      this.#live.leave();
      this.#live = undefined;
    }
    this.#live?.close();
    this.#source.leave(this);
    this.#tell();
  }

  /** Drops events that wait to be taken. */
  forget(forgotten: Forgotten): void {
    if (this.#pending.length === 0) return;
    this.#pending = this.#pending.filter((line) => !isForgotten(partiesOfLine(line), forgotten));
  }

  readonly #tell = (): void => {
    const action = this.#action;
    this.#action = undefined;
    action?.();
  };

  #takeLive(live: LogReader): readonly string[] {
    const batch = live.take();
    if (!this.#closed) this.#cursor = this.#source.newest;
    return batch;
  }

  /** Makes something pending, or goes live, or starts to read from disk. */
  #advance(): void {
    while (
      this.#pending.length === 0 && this.#live === undefined && !this.#reading && !this.#closed
    ) {
      if (this.#cursor < this.#source.floor) this.#readArchive();
      else this.#readRecent();
    }
  }

  #readArchive(): void {
    this.#reading = true;
    this.#source.archived.read(this.#cursor).then((page) => this.#onPage(page), () => this.close());
  }

  #onPage({ rows, until }: ArchivePage): void {
    if (this.#closed) return;
    this.#reading = false;
    const { filter, clock, lastKept } = this.#source;
    const start = { cursor: this.#cursor, owed: this.#owed };
    const walk = new EventWalk({ ...start, filter, lastKept, wall: clock.wall() });
    for (const row of rows) {
      if (row.seq > until) break;
      // Numbers that do not ascend would be given out twice.
      if (row.seq > walk.cursor) walk.pass(row);
    }
    if (walk.cursor === start.cursor) walk.skip(until);
    this.#pending = walk.lines;
    this.#cursor = walk.cursor;
    this.#owed = walk.owed;
    const action = this.#action;
    if (action !== undefined) this.whenNews(action);
  }

  #readRecent(): void {
    const page = this.#source.recent({ cursor: this.#cursor, owed: this.#owed });
    this.#pending = page.lines;
    this.#cursor = page.cursor;
    this.#owed = true;
    if (page.end) this.#live = this.#source.log.open(NOTHING);
  }
}
