import { partsOf } from "./journal.ts";
import type { KvJournals, RewritePlace } from "./kv_journals.ts";
import type { StoreOwner } from "./store_owner.ts";

/** What rewrites need of a store. */
export interface JournalRewriteParts {
  readonly journals: KvJournals;
  readonly owner: StoreOwner;
  /** Runs a change in its turn. */
  readonly change: <T>(job: () => Promise<T>) => Promise<T>;
  /** Logs a change that failed. */
  readonly failed: (error: unknown) => void;
}

/** What a journal is to have in place of its old entries. */
interface Wanted {
  readonly parts: readonly (readonly Uint8Array[])[];
  readonly state: Uint8Array | undefined;
  /** The state goes too. */
  readonly isDropped: boolean;
}

/**
 * Rewrites and drops journals, a commit at a time, so that messages pass between. The place of the new
 * entries is taken when the call has its turn, and so stands before everything that is appended later;
 * of two rewrites of one journal the second waits with the rest for the end of the first.
 */
export class JournalRewrites {
  readonly #parts: JournalRewriteParts;
  /** The end of the last one of a journal. */
  readonly #last = new Map<string, Promise<boolean>>();

  constructor(parts: JournalRewriteParts) {
    this.#parts = parts;
  }

  /** Replaces the entries of a journal, and the state where one is given; whether it is done. */
  rewrite(
    feed: string,
    { entries, state }: { entries: readonly Uint8Array[]; state: Uint8Array | undefined },
  ): Promise<boolean> {
    return this.#run(feed, { parts: partsOf(entries), state, isDropped: false });
  }

  /** Removes a journal; whether it is done. */
  drop(feed: string): Promise<boolean> {
    return this.#run(feed, { parts: [], state: undefined, isDropped: true });
  }

  #run(feed: string, wanted: Wanted): Promise<boolean> {
    const begun = this.#parts.change(() => this.#begin(feed, wanted));
    const before = this.#last.get(feed);
    const done = Promise.all([begun, before])
      .then(async ([place]) => {
        if (place !== undefined) await this.#finish(feed, { ...wanted, ...place });
        return true;
      })
      .catch((error) => {
        this.#parts.failed(error);
        return false;
      })
      .finally(() => {
        if (this.#last.get(feed) === done) this.#last.delete(feed);
      });
    this.#last.set(feed, done);
    return done;
  }

  /** The first commit; undefined where there is nothing to do. */
  async #begin(
    feed: string,
    { parts, state }: Wanted,
  ): Promise<RewritePlace | undefined> {
    const { journals, owner } = this.#parts;
    const isEmpty = parts.length === 0 && state === undefined;
    if (isEmpty && !journals.has(feed)) return undefined;
    const transaction = owner.begin();
    const { place, apply } = journals.begin(transaction, { feed, parts, state });
    if (isEmpty) return place;
    await transaction.commit();
    apply();
    return place;
  }

  async #finish(
    feed: string,
    { parts, state, isDropped, id, start, turn }: Wanted & RewritePlace,
  ): Promise<void> {
    const { journals, owner, change } = this.#parts;
    for (const [index, entries] of parts.entries()) {
      if (index === 0) continue;
      const isLast = index === parts.length - 1;
      await change(async () => {
        const transaction = owner.begin();
        const apply = journals.put(transaction, {
          feed,
          entries,
          block: start + index,
          state: isLast ? state : undefined,
          turn,
        });
        await transaction.commit();
        apply();
      });
    }
    const dropped = isDropped ? turn : undefined;
    for (let more = true; more;) {
      more = await change(async () => {
        const transaction = owner.begin();
        const removed = await journals.removeSome(transaction, {
          feed,
          id,
          before: start,
          dropped,
        });
        await transaction.commit();
        removed.apply();
        return removed.more;
      });
    }
  }
}
