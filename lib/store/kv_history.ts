import type { EventArchive, MessageEvent } from "#events";
import { type Clock, errorText, type Log, type Timer } from "#kit";
import { type Conversation, SumsDraft } from "./conversations.ts";
import { type BlockEntry, encodeEvent } from "./event_block.ts";
import { recordOfEvent } from "./event_record.ts";
import { FailureLog } from "./failure_log.ts";
import type {
  Appended,
  History,
  ImportReport,
  Refusal,
  SearchHit,
  StoreFigures,
} from "./history.ts";
import { Importer, type ImportTarget } from "./import_run.ts";
import { KvEdits, type StoreParts } from "./kv_edits.ts";
import type { KvGroups, NewGroupRecord } from "./kv_groups.ts";
import { kvImportTarget } from "./kv_import.ts";
import { KvOutbox } from "./outbox_kv.ts";
import type { OutboxTable } from "./outbox_table.ts";
import { type HistoryPolicy, RECORD_KEY_BYTES, sweepInterval } from "./policy.ts";
import type { GroupRecord, HistoryRecord } from "./record.ts";
import { encodeRecord } from "./record_codec.ts";
import { forgetOldest, type NewRecord, type RecordChanges } from "./record_writer.ts";
import { RefusalLog } from "./refusal_log.ts";
import { StoreError } from "./store_error.ts";
import { Transaction } from "./transaction.ts";
import { WriteQueue } from "./write_queue.ts";

/** Time between two sweeps where records never expire but archived events do, ms. Ours. */
export const ARCHIVE_SWEEP_MS = 600_000;

/** What goes to the disk together: an event and its record, or something imported. */
interface Pending {
  readonly event?: BlockEntry;
  readonly admitted?: Admitted | undefined;
  readonly group?: NewGroupRecord;
}

interface Admitted extends NewRecord {
  /** Bytes held in the sums until the commit. */
  readonly reserved: number;
}

/** What `openHistory` hands over. */
export interface KvHistoryParts extends StoreParts {
  readonly policy: HistoryPolicy;
  readonly clock: Clock;
  readonly log: Log;
  readonly self: string;
  readonly groups: KvGroups;
  /** Lets go of the file; the last thing that `close` does. */
  readonly release: () => void;
}

/** History in a Deno KV database; made by `openHistory`. */
export class KvHistory implements History {
  readonly #parts: KvHistoryParts;
  readonly #edits: KvEdits;
  readonly #queue: WriteQueue<Pending>;
  readonly #importer: Importer;
  readonly #refusals: RefusalLog;
  readonly #failures: FailureLog;
  readonly #outbox: KvOutbox;
  #seq: number;
  #commits = 0;
  #failedCommits = 0;
  /** A commit failed, so what memory says of the disk may be wrong. */
  #doubtful = false;
  #timer: Timer | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: KvHistoryParts) {
    this.#parts = parts;
    this.#edits = new KvEdits(parts);
    this.#queue = new WriteQueue((batch) => this.#commit(batch));
    this.#importer = new Importer(this.#importTarget());
    this.#outbox = new KvOutbox(parts.kv, (job) => this.#change(job));
    this.#refusals = new RefusalLog(parts.log);
    this.#failures = new FailureLog(parts);
    this.#seq = parts.archive.newest;
  }

  /** Reads the queued messages and begins to sweep. */
  async start(): Promise<void> {
    await this.#outbox.load();
    this.#sweepLater(0);
  }

  get events(): EventArchive {
    return this.#parts.archive;
  }

  /** Queued messages, in the same file. */
  get outbox(): OutboxTable {
    return this.#outbox;
  }

  get ready(): Promise<void> | undefined {
    return this.#queue.ready;
  }

  append(event: MessageEvent): Appended {
    const seq = ++this.#seq;
    if (this.#closing !== undefined) {
      return { seq, refusal: undefined, committed: Promise.resolve(false) };
    }
    const bytes = encodeEvent(event);
    const record = recordOfEvent(event);
    const refusal = record && this.#decide(record, event.wall);
    const admitted = record === undefined || refusal !== undefined
      ? undefined
      : this.#reserve(record, event.wall);
    const committed = this.#queue.append(
      { event: { seq, bytes }, admitted },
      bytes.length + (admitted?.reserved ?? 0),
    );
    return { seq, refusal, committed };
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

  forget(peer: string, id: string, author?: string): Promise<boolean> {
    return this.#change(async () => {
      const conversation = this.#parts.conversations.get(peer.toLowerCase());
      if (conversation === undefined) return false;
      const wanted = author?.toLowerCase();
      const removed = await this.#edits.removeMatching(
        conversation,
        (record) => record.id === id && (wanted === undefined || wanted === this.#authorOf(record)),
      );
      return removed > 0;
    });
  }

  forgetPeer(peer: string): Promise<number> {
    return this.#change(() => this.#edits.forgetPeer(peer.toLowerCase()));
  }

  search(query: string, limit: number): Promise<readonly SearchHit[]> {
    return this.#read(() => this.#parts.index.search(query, limit));
  }

  pages(): AsyncIterable<readonly HistoryRecord[]> {
    return this.#parts.reader.pages(this.#expiry());
  }

  groupPages(): AsyncIterable<readonly GroupRecord[]> {
    return this.#parts.groups.pages();
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
      const step = await this.#change(() => this.#edits.sweepSome(expiry));
      removed += step.removed;
      more = step.more;
    }
    await this.#change(() => this.#edits.trimArchive(this.#parts.clock.wall()));
    return removed;
  }

  figures(): StoreFigures {
    const { conversations, archive } = this.#parts;
    return {
      messages: conversations.count,
      peers: conversations.size,
      bytes: this.#storedBytes(),
      events: archive.size,
      commits: this.#commits,
      failedCommits: this.#failedCommits,
      pending: this.#queue.pending,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#timer?.cancel();
    await this.#queue.idle();
    this.#parts.index.close();
    this.#parts.kv.close();
    this.#parts.release();
  }

  #decide(record: HistoryRecord, wall: bigint): Refusal | undefined {
    const { peer, text } = record;
    const refusal = this.#parts.policy.decide({
      peer,
      text,
      wall,
      storedBytes: this.#storedBytes(),
    });
    if (refusal !== undefined) this.#refusals.refused(peer, { refusal, wall });
    return refusal;
  }

  #reserve(record: HistoryRecord, time: bigint): Admitted {
    const { peer } = record;
    const value = encodeRecord(record, { peer, key: time, time });
    const reserved = RECORD_KEY_BYTES + value.length;
    const conversation = this.#parts.conversations.reserve(peer, reserved);
    return { conversation, record, time, value, reserved };
  }

  #storedBytes(): number {
    return this.#parts.conversations.bytes + this.#parts.groups.bytes;
  }

  #importTarget(): ImportTarget {
    return kvImportTarget({
      ...this.#parts,
      storedBytes: () => this.#storedBytes(),
      settled: () => this.#queue.run(() => Promise.resolve()),
      keep: (record, time) => {
        const admitted = this.#reserve(record, time);
        return this.#queue.append({ admitted }, admitted.reserved);
      },
      keepGroup: (group) => this.#queue.append({ group }, this.#parts.groups.reserve(group)),
    });
  }

  async #commit(batch: readonly Pending[]): Promise<boolean> {
    const admitted = batch.flatMap((pending) => pending.admitted ?? []);
    try {
      await this.#reloadIfDoubtful();
      this.#index(await this.#write(batch, admitted));
      return true;
    } catch (error) {
      this.#failedCommits++;
      this.#doubtful = true;
      this.#failures.failed(error, batch.length);
      return false;
    } finally {
      this.#commits++;
      for (const { conversation, reserved } of admitted) {
        this.#parts.conversations.release(conversation, reserved);
        this.#trimLater(conversation);
      }
      for (const { group } of batch) if (group !== undefined) this.#parts.groups.release(group);
    }
  }

  async #write(batch: readonly Pending[], records: readonly NewRecord[]): Promise<RecordChanges> {
    const { kv, archive, conversations, groups, writer } = this.#parts;
    const transaction = new Transaction(kv);
    const draft = new SumsDraft();
    const changes = await writer.write(transaction, { records, draft });
    draft.write(transaction);
    const applyGroups = await groups.add(transaction, batch.flatMap(({ group }) => group ?? []));
    const entries = batch.flatMap(({ event }) => event ?? []);
    const wall = this.#parts.clock.wall();
    const applyArchive = archive.add(transaction, { entries, wall });
    await transaction.commit();
    applyArchive();
    applyGroups();
    draft.apply(conversations);
    forgetOldest(changes.evicted);
    return changes;
  }

  #index({ added, evicted }: RecordChanges): void {
    const { index } = this.#parts;
    for (const { conversation, at, record } of added) index.add(conversation.peer, at, record.text);
    for (const { conversation, at } of evicted) index.evict(conversation.peer, [at]);
  }

  /** After the cap was lowered, one message at a time would never reach it. */
  #trimLater(conversation: Conversation): void {
    if (this.#parts.writer.beyondCap(conversation) === 0) return;
    this.#change(() => this.#edits.trimToCap(conversation))
      .catch((error) => this.#failures.failed(error, 0));
  }

  async #reloadIfDoubtful(): Promise<void> {
    if (!this.#doubtful) return;
    await this.#parts.conversations.load(this.#parts.kv);
    await this.#parts.archive.load();
    await this.#parts.groups.load();
    this.#doubtful = false;
  }

  /** Runs a change in its turn. A failure makes memory doubtful and rejects with a StoreError. */
  #change<T>(job: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(closedError());
    return this.#queue.run(async () => {
      try {
        await this.#reloadIfDoubtful();
        return await job();
      } catch (error) {
        this.#doubtful = true;
        throw diskError(error);
      }
    });
  }

  async #read<T>(job: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw closedError();
    try {
      return await job();
    } catch (error) {
      throw diskError(error);
    }
  }

  #expiry(): bigint | undefined {
    return this.#parts.policy.expiry(this.#parts.clock.wall());
  }

  #authorOf(record: HistoryRecord): string {
    return record.outgoing ? this.#parts.self : record.from ?? record.peer;
  }

  #sweepLater(wait: number): void {
    const { ttlMs } = this.#parts.policy.limits;
    const interval = ttlMs === 0 ? ARCHIVE_SWEEP_MS : sweepInterval(ttlMs);
    this.#timer = this.#parts.clock.after(wait, () => {
      this.sweep().catch((error) => this.#failures.failed(error, 0));
      this.#sweepLater(interval);
    });
  }
}

function closedError(): StoreError {
  return new StoreError("closed", "the history is closed");
}

function diskError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  return new StoreError("disk", `the history cannot be read or written: ${errorText(error)}`, {
    cause: error,
  });
}
