import type { Clock, Timer } from "#kit";
import { NewestLines } from "./newest_lines.ts";
import type { Subscription } from "./subscription.ts";

/**
 * Milliseconds after readers were told of news in which further events are collected: with many
 * readers a write for every event costs more than everything else.
 */
export const EVENT_PAUSE_MS = 1;

const NOTHING: readonly string[] = [];

/**
 * The newest events of one stream, shared by its readers: each of them is only a position. So an
 * event costs the same whatever the number of readers, and a reader that stalls costs no memory.
 *
 * A reader that falls behind the oldest event held has lost what lies between.
 */
export class EventLog {
  readonly #clock: Clock;
  readonly #lines: NewestLines;
  readonly #readers = new Set<LogReader>();
  /** Readers that are to be told of news. */
  #waiting: LogReader[] = [];
  /** Every reader that waits has taken what lies before this position, or more. */
  #due = 0;
  #timer: Timer | undefined;
  #arrival: PromiseWithResolvers<void> | undefined;
  #lost = 0;

  /** `capacity` is in events. */
  constructor(options: { clock: Clock; capacity: number }) {
    this.#clock = options.clock;
    this.#lines = new NewestLines(options.capacity);
  }

  /** Readers now. */
  get size(): number {
    return this.#readers.size;
  }

  /** Position of the next event. */
  get end(): number {
    return this.#lines.end;
  }

  /** Events lost so far, counted once for each reader that lost them. */
  get lost(): number {
    let lost = this.#lost;
    for (const { position } of this.#readers) lost += Math.max(0, this.#lines.first - position);
    return lost;
  }

  /** A reader of everything that comes from now on. */
  open(backlog: readonly string[]): LogReader {
    const reader = new LogReader(this, backlog);
    this.#readers.add(reader);
    return reader;
  }

  /** Adds an event. Never waits for a reader. */
  append(line: string): void {
    while (this.#lines.isFullFor(line)) {
      // Who has only been waiting for the end of a pause must not lose an event over it.
      if (this.#waiting.length > 0 && this.#due <= this.#lines.first) this.#tell();
      this.#lines.dropOldest();
    }
    this.#lines.push(line);
    this.#wakeAll();
    if (this.#waiting.length > 0) this.#timer ??= this.#clock.after(0, this.#tell);
  }

  /** Whether events from a position on are no longer held. */
  hasDropped(position: number): boolean {
    return position < this.#lines.first;
  }

  /** Everything from a position on that is still held, for a reader that goes on at {@link end}. */
  take(position: number): readonly string[] {
    this.#lost += Math.max(0, this.#lines.first - position);
    return this.#lines.since(position);
  }

  /** Tells a reader once there is something behind its position; to be called once until then. */
  tellLater(reader: LogReader): void {
    this.#waiting.push(reader);
    this.#due = Math.min(this.#due, reader.position);
    if (reader.position < this.end) this.#timer ??= this.#clock.after(0, this.#tell);
  }

  /** Resolves at the next event, or when some reader leaves. */
  arrival(): Promise<void> {
    this.#arrival ??= Promise.withResolvers();
    return this.#arrival.promise;
  }

  /** Takes a reader off. */
  leave(reader: LogReader): void {
    this.#readers.delete(reader);
    this.#waiting = this.#waiting.filter((waiting) => waiting !== reader);
    this.#wakeAll();
    if (this.#readers.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#lines.clear();
  }

  /** Ends every reader's stream. */
  close(): void {
    for (const reader of [...this.#readers]) reader.close();
  }

  #wakeAll(): void {
    this.#arrival?.resolve();
    this.#arrival = undefined;
  }

  /** Tells all who wait and have something to take; then there is a pause. */
  readonly #tell = (): void => {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#due = this.end;
    const waiting = this.#waiting;
    const due = waiting.filter(({ position }) => position < this.end);
    if (due.length === 0) return;
    this.#waiting = waiting.filter(({ position }) => position === this.end);
    this.#timer = this.#clock.after(EVENT_PAUSE_MS, this.#tell);
    for (const reader of due) reader.tell();
  };
}

/** A position in a log. */
export class LogReader implements Subscription {
  readonly #log: EventLog;
  #backlog: readonly string[];
  /** What was left when the stream ended; undefined before. */
  #rest: readonly string[] | undefined;
  #action: (() => void) | undefined;
  /** The event to be taken next. */
  position: number;

  constructor(log: EventLog, backlog: readonly string[]) {
    this.#log = log;
    this.#backlog = backlog;
    this.position = log.end;
  }

  get backlog(): readonly string[] {
    return this.#backlog;
  }

  get ended(): boolean {
    return this.#rest?.length === 0;
  }

  /** Whether it has lost events that it did not take yet; never after the end. */
  get behind(): boolean {
    return this.#rest === undefined && this.#log.hasDropped(this.position);
  }

  take(): readonly string[] {
    // A stream lives for days; the texts it began with must not be held as long.
    this.#backlog = NOTHING;
    const batch = this.#rest ?? this.#log.take(this.position);
    if (this.#rest !== undefined) this.#rest = NOTHING;
    else this.position = this.#log.end;
    return batch;
  }

  whenNews(action: () => void): void {
    const waits = this.#action !== undefined;
    this.#action = action;
    if (this.#rest !== undefined) this.tell();
    else if (!waits) this.#log.tellLater(this);
  }

  /** Runs the action of {@link whenNews}, once. */
  tell(): void {
    const action = this.#action;
    this.#action = undefined;
    action?.();
  }

  async next(): Promise<readonly string[]> {
    for (;;) {
      const batch = this.take();
      if (batch.length > 0 || this.#rest !== undefined) return batch;
      await this.#log.arrival();
    }
  }

  /** Goes without telling anybody; nothing can be taken any more. */
  leave(): void {
    if (this.#rest !== undefined) return;
    this.#rest = NOTHING;
    this.#action = undefined;
    this.position = this.#log.end;
    this.#log.leave(this);
  }

  close(): void {
    if (this.#rest !== undefined) return;
    this.#rest = this.#log.take(this.position);
    this.position = this.#log.end;
    this.#log.leave(this);
    this.tell();
  }
}
