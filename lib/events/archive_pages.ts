import { ARCHIVE_PAGE_EVENTS, type ArchivedEvent, type EventArchive } from "./archive.ts";

/**
 * Pages that are read at a time, in all: hundreds of readers who come back together must not take the
 * disk, the thread and the memory from everybody else.
 */
export const ARCHIVE_READS = 4;
/** Pages that are kept for other readers for as long as something is being read. */
export const KEPT_ARCHIVE_PAGES = 16;
/** Events between two places where pages begin by choice, so that readers in step meet at the same ones. */
const PAGE_RASTER = 64;

/** Some archived events in a row. */
export interface ArchivePage {
  /** Oldest first; empty when the archive holds nothing up to {@link until}. */
  readonly rows: readonly ArchivedEvent[];
  /**
   * What is missing up to this number will not come any more: it was published, hence written or
   * given up, before the page was read. Above it a page proves nothing.
   */
  readonly until: number;
}

/**
 * Reads an archive for many readers: those that ask for the same page meanwhile share one read, and
 * only {@link ARCHIVE_READS} go on at a time.
 */
export class ArchivePages {
  readonly #archive: EventArchive;
  readonly #floor: () => number;
  /** Reads that go on or wait, by the number before the page. */
  readonly #reads = new Map<number, Promise<ArchivePage>>();
  /** The newest pages, by the number before them, oldest first; empty as soon as nothing is being read. */
  readonly #kept = new Map<number, ArchivePage>();
  /** Starts those that wait, oldest first. */
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #forgotten = 0;

  /** `floor` tells up to which number events are read from here. */
  constructor(archive: EventArchive, floor: () => number) {
    this.#archive = archive;
    this.#floor = floor;
  }

  /** The page after a number. Rejects when the archive does. */
  async read(after: number): Promise<ArchivePage> {
    const start = after - after % PAGE_RASTER;
    const kept = this.#kept.get(start);
    const known = kept && partAfter(after, kept);
    if (known !== undefined) return known;
    if (start === after) return await this.#shared(after);
    // It may have ended before, or be read before what is wanted came to be.
    return partAfter(after, await this.#shared(start)) ?? await this.#shared(after);
  }

  /** To be called after events were removed: no page that may still hold them is given out. */
  discard(): void {
    this.#forgotten++;
    this.#kept.clear();
  }

  #shared(after: number): Promise<ArchivePage> {
    let read = this.#reads.get(after);
    if (read === undefined) {
      read = this.#load(after).finally(() => this.#reads.delete(after));
      this.#reads.set(after, read);
    }
    return read;
  }

  async #load(after: number): Promise<ArchivePage> {
    if (this.#running < ARCHIVE_READS) this.#running++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      for (;;) {
        const [forgotten, until] = [this.#forgotten, this.#floor()];
        const rows = await this.#archive.read(after, ARCHIVE_PAGE_EVENTS);
        if (forgotten !== this.#forgotten) continue;
        this.#keep(after, { rows, until });
        return { rows, until };
      }
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
      if (this.#running === 0) this.#kept.clear();
    }
  }

  #keep(after: number, page: ArchivePage): void {
    this.#kept.delete(after);
    this.#kept.set(after, page);
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined && this.#kept.size > KEPT_ARCHIVE_PAGES) this.#kept.delete(oldest);
  }
}

/** What a page has after a number; undefined when a reader gets no further with that. */
function partAfter(after: number, { rows, until }: ArchivePage): ArchivePage | undefined {
  const from = rows.findIndex(({ seq }) => seq > after);
  const first = rows[from];
  if (first === undefined || first.seq > until) return undefined;
  return { rows: from === 0 ? rows : rows.slice(from), until };
}
