import type { EventArchive, MessageEvent } from "#events";
import { errorText, type Timer } from "#kit";
import type {
  Appended,
  GroupSummary,
  History,
  ImportReport,
  SearchHit,
  StoreFigures,
} from "./history.ts";
import { Importer, type ImportTarget } from "./import_run.ts";
import { feedOf, type Journal, mayKeepJournal } from "./journal.ts";
import { JournalRewrites } from "./journal_rewrites.ts";
import { KvForget } from "./kv_forget.ts";
import { KvForgetGroups } from "./kv_forget_groups.ts";
import { kvImportTarget } from "./kv_import.ts";
import { KvJournal } from "./kv_journal.ts";
import type { SweptGroups } from "./kv_groups.ts";
import { closedError, diskError, type KvHistoryParts, KvWriter } from "./kv_writer.ts";
import { KvOutbox } from "./outbox_kv.ts";
import type { OutboxTable } from "./outbox_table.ts";
import { sweepInterval } from "./policy.ts";
import { type GroupRecord, type HistoryRecord, isRecordBy } from "./record.ts";
import { StoreError } from "./store_error.ts";

/** Time between two sweeps where records never expire but archived events do, ms. Ours. */
export const ARCHIVE_SWEEP_MS = 600_000;

/** History in a Deno KV database; made by `openHistory`. */
export class KvHistory implements History {
  readonly #parts: KvHistoryParts;
  readonly #writer: KvWriter;
  readonly #importer: Importer;
  readonly #outbox: KvOutbox;
  readonly #forget: KvForget;
  readonly #forgetGroups: KvForgetGroups;
  readonly #rewrites: JournalRewrites;
  #indexing: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;
  #closing: Promise<void> | undefined;

  /** Nothing is read yet: {@link start} does that. */
  constructor(parts: KvHistoryParts) {
    this.#parts = parts;
    this.#writer = new KvWriter(parts);
    this.#importer = new Importer(this.#importTarget());
    this.#forget = new KvForget(parts, (job) => this.#writer.change(job));
    this.#forgetGroups = new KvForgetGroups(parts, (job) => this.#writer.change(job));
    this.#outbox = new KvOutbox(parts, (job) => this.#writer.change(job));
    this.#rewrites = new JournalRewrites({
      journals: parts.journals,
      owner: parts.owner,
      change: (job) => this.#writer.change(job),
      failed: this.#writer.logFailure,
    });
  }

  /** Reads the queued messages; sweeping and reading the search index go on in the background. */
  async start(): Promise<void> {
    await this.#outbox.load();
    this.#writer.change(() => this.#parts.groups.writeSums()).catch(this.#writer.logFailure);
    this.#sweepLater(0);
    this.#indexing = this.#parts.index.load().catch(this.#writer.logFailure);
  }

  /** The events of `/events` on disk. */
  get events(): EventArchive {
    return this.#parts.archive;
  }

  /** Queued messages, in the same file. */
  get outbox(): OutboxTable {
    return this.#outbox;
  }

  get ready(): Promise<void> | undefined {
    return this.#writer.ready;
  }

  append(event: MessageEvent): Appended {
    return this.#writer.append(event);
  }

  journal(key: string): Journal | undefined {
    const feed = feedOf(key);
    if (!mayKeepJournal(feed, this.#parts)) return undefined;
    return new KvJournal({
      feed,
      journals: this.#parts.journals,
      rewrites: this.#rewrites,
      add: (addition) => this.#writer.addToJournal(addition),
      query: (job) => this.#read(() => this.#writer.change(job)),
    });
  }

  journalFeeds(): readonly string[] {
    return this.#parts.journals.feeds();
  }

  dropJournal(key: string): Promise<boolean> {
    return this.#rewrites.drop(feedOf(key));
  }

  recent(limit: number): Promise<readonly HistoryRecord[]> {
    return this.#read(() => this.#parts.reader.recent(limit, this.#expiry()));
  }

  byPeer(peer: string, limit: number): Promise<readonly HistoryRecord[]> {
    const conversation = this.#parts.conversations.get(peer.toLowerCase());
    if (conversation === undefined) return Promise.resolve([]);
    return this.#read(() =>
      this.#parts.reader.newest(conversation, { limit, after: this.#expiry() })
    );
  }

  peers(): Promise<readonly string[]> {
    const expiry = this.#expiry();
    return Promise.resolve(
      this.#parts.conversations.sorted()
        .filter(({ sums }) => sums.count > 0 && (expiry === undefined || sums.newest > expiry))
        .map(({ peer }) => peer),
    );
  }

  forget(peer: string, id: string, by?: string): Promise<boolean> {
    const author = by?.toLowerCase();
    return this.#read(() =>
      this.#forget.matching(
        { peer: peer.toLowerCase(), id, author },
        (record) =>
          record.id === id &&
          (author === undefined || isRecordBy(author, record, this.#parts.self)),
      )
    );
  }

  forgetPeer(peer: string): Promise<number> {
    return this.#read(() => this.#forget.peer(peer.toLowerCase()));
  }

  groupHistory(
    group: string,
    options: { readonly limit: number; readonly before?: bigint | undefined },
  ): Promise<readonly GroupRecord[]> {
    const after = this.#expiry();
    return this.#read(() => this.#parts.groupReader.newest(group, { ...options, after }));
  }

  groups(): Promise<readonly GroupSummary[]> {
    return this.#read(() => this.#parts.groupReader.summaries(this.#expiry()));
  }

  forgetGroup(
    group: string,
    { sender, timestamp }: { readonly sender: string; readonly timestamp: bigint },
  ): Promise<boolean> {
    const message = { sender: sender.toLowerCase(), timestamp };
    return this.#read(() => this.#forgetGroups.message(group, message));
  }

  forgetWholeGroup(group: string): Promise<number> {
    return this.#read(() => this.#forgetGroups.group(group));
  }

  search(query: string, limit: number): Promise<readonly SearchHit[]> {
    return this.#read(() => this.#parts.index.search(query, limit));
  }

  pages(): AsyncIterable<readonly HistoryRecord[]> {
    return this.#parts.reader.pages(this.#expiry());
  }

  groupPages(): AsyncIterable<readonly GroupRecord[]> {
    return this.#parts.groupReader.pages({ after: this.#expiry() });
  }

  import(
    records: { messages: readonly HistoryRecord[]; groupMessages: readonly GroupRecord[] },
    onProgress?: (handled: number) => void,
  ): Promise<ImportReport> {
    return this.#read(() => this.#importer.run(records, onProgress));
  }

  async sweep(): Promise<number> {
    let removed = 0;
    const expiry = this.#expiry();
    // A step at a time, so that messages do not wait for a long sweep.
    for (let more = expiry !== undefined; more && expiry !== undefined;) {
      const step = await this.#writer.change((edits) => edits.sweepSome(expiry));
      removed += step.removed;
      more = step.more;
    }
    for (let from: string | undefined = ""; expiry !== undefined && from !== undefined;) {
      const step: SweptGroups = await this.#sweepGroups(expiry, from);
      removed += step.removed;
      from = step.next;
    }
    await this.#writer.change((edits) => edits.trimArchive());
    return removed;
  }

  /** Resolves when everything queued before is on disk or has failed; rejects where nothing can. */
  settled(): Promise<void> {
    return this.#writer.change(() => Promise.resolve());
  }

  /** What `/status` and `/metrics` say. */
  figures(): StoreFigures {
    const { conversations, groups: { table }, archive, damage } = this.#parts;
    return {
      messages: conversations.count,
      peers: conversations.size,
      groupMessages: table.count,
      groups: table.size,
      bytes: this.#writer.storedBytes,
      events: archive.size,
      damaged: damage.count,
      ...this.#writer.figures,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#timer?.cancel();
    await this.#writer.close();
    this.#parts.index.close();
    await this.#indexing;
    this.#parts.close();
  }

  #sweepGroups(expiry: bigint, from: string): Promise<SweptGroups> {
    return this.#writer.change(() => this.#parts.groups.sweepSome({ expiry, from }));
  }

  #importTarget(): ImportTarget {
    return kvImportTarget({
      ...this.#parts,
      storedBytes: () => this.#writer.storedBytes,
      settled: () => this.settled(),
      keep: (record, time) => this.#writer.keep(record, time),
      keepGroup: (record, time) => this.#writer.keepGroup(record, time),
    });
  }

  async #read<T>(job: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw closedError();
    try {
      return await job();
    } catch (error) {
      const isExpected = error instanceof StoreError || this.#closing !== undefined;
      if (!isExpected) this.#parts.damage.found("the file", errorText(error));
      throw diskError(error);
    }
  }

  #expiry(): bigint | undefined {
    return this.#parts.policy.expiry(this.#parts.clock.wall());
  }

  #sweepLater(wait: number): void {
    const { ttlMs } = this.#parts.policy.limits;
    const interval = ttlMs === 0 ? ARCHIVE_SWEEP_MS : sweepInterval(ttlMs);
    this.#timer = this.#parts.clock.after(wait, () => {
      this.sweep().catch(this.#writer.logFailure);
      this.#sweepLater(interval);
    });
  }
}
