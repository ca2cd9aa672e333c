import { ARCHIVE_PAGE_EVENTS, type ArchivedEvent, type EventArchive } from "./archive.ts";

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

/** Reads an archive for many readers: those that ask for the same page meanwhile share one read. */
export class ArchivePages {
  readonly #archive: EventArchive;
  readonly #floor: () => number;
  readonly #reads = new Map<number, Promise<ArchivePage>>();
  #forgotten = 0;

  /** `floor` tells up to which number events are read from here. */
  constructor(archive: EventArchive, floor: () => number) {
    this.#archive = archive;
    this.#floor = floor;
  }

  /** The page after a number. Rejects when the archive does. */
  read(after: number): Promise<ArchivePage> {
    let read = this.#reads.get(after);
    if (read === undefined) {
      read = this.#load(after).finally(() => this.#reads.delete(after));
      this.#reads.set(after, read);
    }
    return read;
  }

  /** To be called after events were removed: no page that may still hold them is given out. */
  discard(): void {
    this.#forgotten++;
  }

  async #load(after: number): Promise<ArchivePage> {
    for (;;) {
      const [forgotten, until] = [this.#forgotten, this.#floor()];
      const rows = await this.#archive.read(after, ARCHIVE_PAGE_EVENTS);
      if (forgotten === this.#forgotten) return { rows, until };
    }
  }
}
