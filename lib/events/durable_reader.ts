import type { Clock } from "#kit";
import { ARCHIVE_PAGE_CHARACTERS, ARCHIVE_PAGE_EVENTS } from "./archive.ts";
import type { ArchivePage, ArchivePages } from "./archive_pages.ts";
import type { Channel } from "./event.ts";
import { conversationInLine, gapLine } from "./event_json.ts";
import type { EventLog, LogReader } from "./event_log.ts";
import type { Subscription } from "./subscription.ts";

/** A published event that is still in memory. */
export interface RecentEvent {
  readonly seq: number;
  readonly channel: Channel;
  /** Its JSON, built when asked for. */
  readonly line: string;
}

/** Where a {@link DurableReader} finds events; the side of the hub. */
export interface DurableSource {
  readonly clock: Clock;
  /** Number of the newest published event. */
  readonly newest: number;
  /** Every event above this number that was published, and not forgotten, is in memory. */
  readonly floor: number;
  /** Events at or below the floor. */
  readonly archived: ArchivePages;
  /** Shows the events in memory after a number, oldest first, while `visit` returns true. */
  recent(after: number, visit: (event: RecentEvent) => boolean): void;
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
  readonly #channels: ReadonlySet<Channel>;
  readonly #log: EventLog;
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

  /** `log` gets the live events of `channels`; `since` is checked and 0 for all that is kept. */
  constructor(
    source: DurableSource,
    options: { channels: ReadonlySet<Channel>; since: number; log: EventLog },
  ) {
    this.#source = source;
    this.#channels = new Set(options.channels);
    this.#log = options.log;
    this.#cursor = options.since;
    this.#owed = options.since > 0;
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
      if (this.#live !== undefined) await this.#log.arrival();
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

  /** Drops the events of a one-to-one conversation that wait to be taken. */
  forget(conversation: string): void {
    this.#pending = this.#pending.filter((line) => conversationInLine(line) !== conversation);
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
    const before = this.#cursor;
    const lines: string[] = [];
    for (const row of rows) {
      if (row.seq > until) break;
      // Numbers that do not ascend would be given out twice.
      if (row.seq > this.#cursor) this.#pass(row, lines);
    }
    if (this.#cursor === before) this.#skip(until, lines);
    this.#pending = lines;
    const action = this.#action;
    if (action !== undefined) this.whenNews(action);
  }

  #readRecent(): void {
    const lines: string[] = [];
    let [events, characters] = [0, 0];
    let more = false;
    this.#source.recent(this.#cursor, (event) => {
      more = events === ARCHIVE_PAGE_EVENTS || characters >= ARCHIVE_PAGE_CHARACTERS;
      if (more) return false;
      events++;
      characters += this.#pass(event, lines);
      return true;
    });
    if (!more) {
      this.#skip(this.#source.newest, lines);
      this.#owed = true;
      this.#live = this.#log.open(NOTHING);
    }
    this.#pending = lines;
  }

  /** Moves over one event; the number of characters that were added for it. */
  #pass(event: RecentEvent, lines: string[]): number {
    this.#skip(event.seq - 1, lines);
    this.#cursor = event.seq;
    this.#owed = true;
    if (!this.#channels.has(event.channel)) return 0;
    const { line } = event;
    lines.push(line);
    return line.length;
  }

  /** Moves over events that are not kept. */
  #skip(last: number, lines: string[]): void {
    if (last <= this.#cursor) return;
    if (this.#owed) {
      const wall = this.#source.clock.wall();
      lines.push(gapLine({ after: this.#cursor, next: last + 1, wall }));
    }
    this.#cursor = last;
  }
}
