import type { JournalNote } from "#events";
import {
  checkContents,
  feedOf,
  type Journal,
  type JournalContents,
  type JournalRule,
  mayKeepJournal,
} from "./journal.ts";

interface Kept {
  state: Uint8Array | undefined;
  entries: Uint8Array[];
}

/** Journals without a disk. */
export class MemoryJournals {
  readonly #rule: JournalRule;
  readonly #kept = new Map<string, Kept>();
  #closed = false;

  constructor(rule: JournalRule) {
    this.#rule = rule;
  }

  /** Adds the note of an event, which the rule has allowed. */
  add({ feed, entry }: JournalNote): void {
    this.#keptOf(feed).entries.push(entry.slice());
  }

  /** The journal of a feed, where the rule allows one. */
  of(key: string): Journal | undefined {
    const feed = feedOf(key);
    if (!mayKeepJournal(feed, this.#rule)) return undefined;
    const look = () => this.#kept.get(feed)?.entries ?? [];
    return {
      read: () => Promise.resolve(this.#read(feed)),
      append: (entries, state) => this.#change(feed, { entries, state, isRewrite: false }),
      rewrite: (entries, state) => this.#change(feed, { entries, state, isRewrite: true }),
      get length() {
        return look().length;
      },
      get bytes() {
        return look().reduce((sum, { length }) => sum + length, 0);
      },
    };
  }

  feeds(): readonly string[] {
    return [...this.#kept.keys()].sort();
  }

  drop(key: string): Promise<boolean> {
    const feed = feedOf(key);
    if (!this.#closed) this.#kept.delete(feed);
    return Promise.resolve(!this.#closed);
  }

  /** From now on nothing changes. */
  close(): void {
    this.#closed = true;
  }

  #read(feed: string): JournalContents {
    const { state, entries } = this.#kept.get(feed) ?? { state: undefined, entries: [] };
    return { state: state?.slice(), entries: entries.map((entry) => entry.slice()) };
  }

  #change(
    feed: string,
    { entries, state, isRewrite }: {
      entries: readonly Uint8Array[];
      state: Uint8Array | undefined;
      isRewrite: boolean;
    },
  ): Promise<boolean> {
    checkContents(entries, state);
    if (this.#closed) return Promise.resolve(false);
    const isNothing = entries.length === 0 && state === undefined;
    if (isNothing && !(isRewrite && this.#kept.has(feed))) return Promise.resolve(true);
    const kept = this.#keptOf(feed);
    if (isRewrite) kept.entries = [];
    for (const entry of entries) kept.entries.push(entry.slice());
    if (state !== undefined) kept.state = state.slice();
    return Promise.resolve(true);
  }

  #keptOf(feed: string): Kept {
    const kept = this.#kept.get(feed) ?? { state: undefined, entries: [] };
    this.#kept.set(feed, kept);
    return kept;
  }
}
