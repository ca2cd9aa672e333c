import { checkContents, type Journal, type JournalContents, partsOf } from "./journal.ts";
import type { JournalRewrites } from "./journal_rewrites.ts";
import type { JournalAddition, KvJournals } from "./kv_journals.ts";

/** What one journal needs of its store. */
export interface KvJournalParts {
  readonly feed: string;
  readonly journals: KvJournals;
  readonly rewrites: JournalRewrites;
  /** Queues an addition; whether it came on disk. */
  readonly add: (addition: JournalAddition) => Promise<boolean>;
  /** Runs a query in its turn. */
  readonly query: <T>(job: () => Promise<T>) => Promise<T>;
}

/** One journal of a database, as its owner has it. */
export class KvJournal implements Journal {
  readonly #parts: KvJournalParts;

  constructor(parts: KvJournalParts) {
    this.#parts = parts;
  }

  get length(): number {
    return this.#parts.journals.sums(this.#parts.feed).count;
  }

  get bytes(): number {
    return this.#parts.journals.sums(this.#parts.feed).bytes;
  }

  read(): Promise<JournalContents> {
    const { feed, journals, query } = this.#parts;
    // In its turn, so that nothing changes while it is read.
    return query(() => journals.read(feed));
  }

  append(entries: readonly Uint8Array[], state?: Uint8Array): Promise<boolean> {
    checkContents(entries, state);
    const { feed, add } = this.#parts;
    const parts = partsOf(entries);
    if (parts.length === 0) {
      return state === undefined ? Promise.resolve(true) : add({ feed, entries, state });
    }
    const call = parts.length > 1 ? { failed: false } : undefined;
    const stored = parts.map((part, index) => {
      const isLast = index === parts.length - 1;
      return add({ feed, entries: part, state: isLast ? state : undefined, call });
    });
    return Promise.all(stored).then((all) => all.every((ok) => ok));
  }

  rewrite(entries: readonly Uint8Array[], state?: Uint8Array): Promise<boolean> {
    checkContents(entries, state);
    const { feed, rewrites } = this.#parts;
    return rewrites.rewrite(feed, { entries, state });
  }
}
