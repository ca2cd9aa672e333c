import type { ArchivedEvent, EventArchive } from "#events";

/** Archived events in memory; the test says when a page comes. */
export class MemoryArchive implements EventArchive {
  #events: ArchivedEvent[] = [];
  #newest = 0;
  #waiting: (() => void)[] = [];
  /** While true pages wait for {@link release}. */
  slow = false;
  /** While true pages fail. */
  broken = false;
  /** Events of a page at most, whatever a reader allows. */
  pageLimit = Infinity;
  /** Pages read so far. */
  reads = 0;

  get newest(): number {
    return this.#newest;
  }

  get oldest(): number {
    return this.#events[0]?.seq ?? this.#newest + 1;
  }

  /** Pages that wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Numbers of what is kept. */
  get kept(): readonly number[] {
    return this.#events.map(({ seq }) => seq);
  }

  add(event: ArchivedEvent): void {
    this.#events.push(event);
    this.#newest = event.seq;
  }

  /** Keeps only what the test picks. */
  retain(keep: (event: ArchivedEvent) => boolean): void {
    this.#events = this.#events.filter(keep);
  }

  /** Lets the page go that waits longest. */
  release(): void {
    this.#waiting.shift()?.();
  }

  async read(after: number, limit: number): Promise<readonly ArchivedEvent[]> {
    this.reads++;
    if (this.broken) throw new Error("The disk is broken");
    // What was kept when the reading began, as a database would have it.
    const page = this.#events.filter(({ seq }) => seq > after)
      .slice(0, Math.min(limit, this.pageLimit));
    if (this.slow) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return page;
  }
}
