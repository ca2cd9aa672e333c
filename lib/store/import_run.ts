import type { ImportReport, Refusal } from "./history.ts";
import { ConversationMerge, groupIdentityOf, identityOf } from "./import_merge.ts";
import { readGroupRecord, readHistoryRecord } from "./import_record.ts";
import type { GroupRecord, HistoryRecord } from "./record.ts";

/** Records handled before everything else gets a turn: a few milliseconds. */
export const IMPORT_BATCH = 256;

/** The part of a store that holds one kind of records. */
export interface ImportTable<R> {
  /**
   * Everything stored in one conversation, in pages: what is expired and not swept yet included, and
   * what was appended before this call, so wait for the disk when that is needed.
   */
  stored(conversation: string): AsyncIterable<readonly R[]>;
  /**
   * Size, whitelist, total cap, in the order of history.md 5, without the rate; counts what was
   * admitted before. Undefined: the record is taken in, to be stored under `time` (nanoseconds since
   * 1970) or the next key that is free.
   */
  admit(record: R, time: bigint): Refusal | undefined;
  /** Stores what was admitted since the last call; resolves when it is on disk, or could not be. */
  flush(): Promise<Flushed>;
}

/** What became of the records that were admitted between two calls of {@link ImportTable.flush}. */
export interface Flushed {
  /** Records that the per-peer cap pushed out. */
  readonly evicted: number;
  /** Which of them the disk refused, by their place among them: none usually. */
  readonly lost: readonly number[];
}

/** What an import needs of a store. */
export interface ImportTarget {
  readonly messages: ImportTable<HistoryRecord>;
  readonly groupMessages: ImportTable<GroupRecord>;
  /** The time at and before which records are expired; undefined when they never are. */
  expiry(): bigint | undefined;
  /** Resolves after everything else had a turn. */
  pause(): Promise<void>;
}

/** Entries of an archive, as JSON gave them: checked here. */
export interface ImportEntries {
  readonly messages: readonly unknown[];
  readonly groupMessages: readonly unknown[];
}

/** Merges archives into a store by the rules of history.md 7.1, one archive at a time. */
export class Importer {
  readonly #target: ImportTarget;
  #last: Promise<unknown> = Promise.resolve();

  constructor(target: ImportTarget) {
    this.#target = target;
  }

  /**
   * Resolves when what was stored is on disk. `onProgress` gets the number of entries handled so far,
   * after each batch and at the end. A disk that refuses a record ends it like a full store. Rejects
   * with what the store threw; what was stored stays.
   */
  run(
    entries: ImportEntries,
    onProgress: (handled: number) => void = () => {},
  ): Promise<ImportReport> {
    // One after the other: two imports of the same document at once would not see each other.
    const report = this.#last.then(() => runImport(this.#target, entries, onProgress));
    this.#last = report.catch(() => {});
    return report;
  }
}

/** Counts of an {@link ImportReport}, while they grow. */
type Counts = { -readonly [K in keyof ImportReport]: ImportReport[K] };

async function runImport(
  target: ImportTarget,
  { messages, groupMessages }: ImportEntries,
  onProgress: (handled: number) => void,
): Promise<ImportReport> {
  const counts: Counts = {
    messages: 0,
    group_messages: 0,
    duplicates: 0,
    rejected: 0,
    expiring: 0,
    evicted: 0,
    full: false,
  };
  const steps = new Steps(target, onProgress);
  await mergeAll(
    await sorted(messages, {
      read: readHistoryRecord,
      conversationOf: ({ peer }) => peer,
      counts,
      steps,
    }),
    {
      table: target.messages,
      merge: () => new ConversationMerge(identityOf),
      expiry: target.expiry(),
      stored: "messages",
      counts,
      steps,
    },
  );
  await mergeAll(
    await sorted(groupMessages, {
      read: readGroupRecord,
      conversationOf: ({ group_id }) => group_id,
      counts,
      steps,
    }),
    {
      table: target.groupMessages,
      merge: () => new ConversationMerge(groupIdentityOf),
      expiry: target.expiry(),
      stored: "group_messages",
      counts,
      steps,
    },
  );
  steps.report();
  return counts;
}

/** Counts what is handled and lets others have their turn. */
class Steps {
  readonly #target: ImportTarget;
  readonly #onProgress: (handled: number) => void;
  #work = 0;
  #handled = 0;

  constructor(target: ImportTarget, onProgress: (handled: number) => void) {
    this.#target = target;
    this.#onProgress = onProgress;
  }

  /** Some work was done; `handled` when an entry is finished. Undefined: go on at once. */
  step(
    { handled, flush }: { handled: boolean; flush?: () => Promise<void> },
  ): Promise<void> | undefined {
    if (handled) this.#handled++;
    return ++this.#work % IMPORT_BATCH === 0 ? this.#turn(flush) : undefined;
  }

  async #turn(flush?: () => Promise<void>): Promise<void> {
    await flush?.();
    this.report();
    await this.#target.pause();
  }

  report(): void {
    this.#onProgress(this.#handled);
  }
}

/** The entries that can be read, by conversation, each in the order of the document. */
async function sorted<R>(
  entries: readonly unknown[],
  { read, conversationOf, counts, steps }: {
    read: (entry: unknown) => R | string;
    conversationOf: (record: R) => string;
    counts: Counts;
    steps: Steps;
  },
): Promise<ReadonlyMap<string, readonly R[]>> {
  const conversations = new Map<string, R[]>();
  for (const entry of entries) {
    const record = read(entry);
    const isRead = typeof record !== "string";
    if (isRead) {
      const name = conversationOf(record);
      const records = conversations.get(name) ?? [];
      conversations.set(name, records);
      records.push(record);
    } else counts.rejected++;
    await steps.step({ handled: !isRead });
  }
  return conversations;
}

/** Merges conversation by conversation until the store is full. */
async function mergeAll<R extends { readonly timestamp: string }>(
  conversations: ReadonlyMap<string, readonly R[]>,
  { table, merge, expiry, stored, counts, steps }: {
    table: ImportTable<R>;
    merge: () => ConversationMerge<R>;
    expiry: bigint | undefined;
    /** What counts these records. */
    stored: "messages" | "group_messages";
    counts: Counts;
    steps: Steps;
  },
): Promise<void> {
  const rules = { admit: (record: R, time: bigint) => table.admit(record, time), expiry };
  let admitted: { readonly isExpiring: boolean }[] = [];
  const flush = async () => {
    const { evicted, lost } = await table.flush();
    const kept = admitted.filter((_, place) => !lost.includes(place));
    admitted = [];
    counts.evicted += evicted;
    counts[stored] += kept.length;
    counts.expiring += kept.filter(({ isExpiring }) => isExpiring).length;
    // Where the disk refuses one, it will refuse the next: a full disk is a full store.
    if (lost.length > 0) counts.full = true;
  };
  for (const [name, records] of conversations) {
    if (counts.full) break;
    const merging = merge();
    for await (const page of table.stored(name)) merging.know(page);
    for (const record of records) {
      let decision = merging.decide(record, rules);
      if (decision.kind === "full") {
        // What the per-peer cap pushes out makes room, which shows when it is done.
        await flush();
        decision = merging.decide(record, rules);
      }
      if (decision.kind === "full") {
        counts.full = true;
        break;
      }
      if (decision.kind === "duplicate") counts.duplicates++;
      else if (decision.kind === "rejected") counts.rejected++;
      else admitted.push(decision);
      await steps.step({ handled: true, flush });
      if (counts.full) break;
    }
  }
  await flush();
}
