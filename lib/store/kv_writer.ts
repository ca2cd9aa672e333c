import type { MessageEvent } from "#events";
import { type Clock, errorText, type Log } from "#kit";
import { type Conversation, SumsDraft } from "./conversations.ts";
import { encodeEvent } from "./event_block.ts";
import { foreignerOf } from "./event_match.ts";
import { groupRecordOfEvent, keptTimeOf, recordOfEvent, sentAtOf } from "./event_record.ts";
import { FailureLog } from "./failure_log.ts";
import { noteOf, sizeOf } from "./journal.ts";
import type { Appended, Refusal, StoreFigures } from "./history.ts";
import { KvEdits, type StoreParts } from "./kv_edits.ts";
import type { GroupReader } from "./group_reader.ts";
import type { StoredGroup } from "./group_table.ts";
import type { KvGroups, NewGroupRecord } from "./kv_groups.ts";
import type { JournalAddition, KvJournals } from "./kv_journals.ts";
import { groupCandidate, type HistoryPolicy, RECORD_KEY_BYTES } from "./policy.ts";
import type { GroupRecord, HistoryRecord } from "./record.ts";
import { encodeRecord } from "./record_codec.ts";
import { forgetOldest, type NewRecord, type RecordChanges } from "./record_writer.ts";
import { RefusalLog } from "./refusal_log.ts";
import { StoreError } from "./store_error.ts";
import { WriteQueue } from "./write_queue.ts";

/** What `openHistory` hands over. */
export interface KvHistoryParts extends StoreParts {
  readonly policy: HistoryPolicy;
  readonly clock: Clock;
  readonly log: Log;
  readonly self: string;
  readonly ownFeed: string;
  readonly groups: KvGroups;
  readonly groupReader: GroupReader;
  readonly journals: KvJournals;
  /** Closes the database and lets others in. */
  readonly close: () => void;
}

/** What goes to the disk together: an event with its record and note, or something alone. */
interface Pending {
  /** A number, with its event unless that must not be kept. */
  readonly event?: { readonly seq: number; readonly bytes: Uint8Array | undefined };
  readonly admitted?: Admitted | undefined;
  readonly group?: NewGroupRecord | undefined;
  readonly journal?: JournalAddition | undefined;
}

/** What became of the record of a message; none of it for one that has no record. */
interface Kept extends Pick<Pending, "admitted" | "group"> {
  readonly refusal?: Refusal;
  /** Bytes held in the sums until the commit. */
  readonly reserved?: number;
}

interface Admitted extends NewRecord {
  /** Bytes held in the sums until the commit. */
  readonly reserved: number;
}

/**
 * The one writer of a store: decides about messages at once, commits them in groups, and lets every
 * other change have its turn between.
 */
export class KvWriter {
  readonly #parts: KvHistoryParts;
  readonly #edits: KvEdits;
  readonly #queue: WriteQueue<Pending>;
  readonly #refusals: RefusalLog;
  readonly #failures: FailureLog;
  #seq: number;
  #commits = 0;
  #failedCommits = 0;
  #failing = false;
  /** A commit failed, so what memory says of the disk may be wrong. */
  #doubtful = false;
  /** Set once another process owns the store: nothing is written any more. */
  #displaced: StoreError | undefined;
  #closed = false;

  constructor(parts: KvHistoryParts) {
    this.#parts = parts;
    this.#edits = new KvEdits(parts);
    this.#queue = new WriteQueue((batch) => this.#commit(batch));
    this.#refusals = new RefusalLog(parts.log);
    this.#failures = new FailureLog(parts);
    this.#seq = parts.archive.newest;
  }

  get ready(): Promise<void> | undefined {
    return this.#queue.ready;
  }

  /** Commits, those that failed, messages whose commit has not ended, and messages refused. */
  get figures(): Pick<
    StoreFigures,
    "commits" | "failedCommits" | "failing" | "pending" | "refused"
  > {
    const { pending } = this.#queue;
    const { counts: refused } = this.#refusals;
    const [commits, failedCommits] = [this.#commits, this.#failedCommits];
    return { commits, failedCommits, failing: this.#failing, pending, refused };
  }

  /** Bytes that count, admitted messages on their way to the disk included. */
  get storedBytes(): number {
    return this.#parts.conversations.bytes + this.#parts.groups.table.bytes;
  }

  /**
   * Gives a message its number, decides, queues it (history.md 5). Its note belongs to its feed, not to
   * the history, whose limits are nothing to it.
   *
   * @throws {RangeError} the note is none
   */
  append(event: MessageEvent): Appended {
    const note = noteOf(event, this.#parts);
    const seq = ++this.#seq;
    if (this.#closed) {
      return { seq, refusal: undefined, committed: Promise.resolve(false) };
    }
    const foreigner = foreignerOf(event);
    const mayKeep = foreigner === undefined || this.#parts.policy.mayKeep(foreigner);
    const bytes = mayKeep ? encodeEvent(event) : undefined;
    const { refusal, reserved = 0, ...kept } = this.#admit(event);
    const journal = note && { feed: note.feed, entries: [note.entry] };
    const committed = this.#queue.append(
      { event: { seq, bytes }, ...kept, journal },
      (bytes?.length ?? 0) + reserved + sizeOf(journal?.entries ?? []),
    );
    return { seq, refusal, committed };
  }

  /** Queues a record that is admitted already. */
  keep(record: HistoryRecord, time: bigint): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false);
    const admitted = this.#reserve(record, time);
    return this.#queue.append({ admitted }, admitted.reserved);
  }

  /** The same for a record of a group. */
  keepGroup(record: GroupRecord, time: bigint): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false);
    const { group, bytes } = this.#parts.groups.reserve(record, { time, sentAt: time });
    return this.#queue.append({ group }, bytes);
  }

  /** Queues what goes to a journal alone. */
  async addToJournal(journal: JournalAddition): Promise<boolean> {
    if (this.#closed) return false;
    const size = sizeOf(journal.entries) + (journal.state?.length ?? 0);
    return await this.#queue.append({ journal }, size) && journal.call?.failed !== true;
  }

  /**
   * Runs a change in its turn.
   *
   * @throws {StoreError} `disk`, after which memory is read anew; `closed`
   */
  change<T>(job: (edits: KvEdits) => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(closedError());
    return this.#queue.run(async () => {
      try {
        await this.#reloadIfDoubtful();
        return await job(this.#edits);
      } catch (error) {
        this.#doubt(error);
        throw diskError(error);
      }
    });
  }

  /** Logs a change that failed and that nobody waits for. */
  readonly logFailure = (error: unknown): void => {
    if (!this.#closed && this.#displaced === undefined) this.#failures.failed(error, 0);
  };

  /** Takes nothing more; resolves when what was taken is on disk. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#queue.idle();
  }

  /** What of a message is kept, with the bytes that it takes, or why nothing is. */
  #admit(event: MessageEvent): Kept {
    const { wall } = event;
    const ofGroup = groupRecordOfEvent(event);
    if (ofGroup !== undefined) {
      const written = keptTimeOf(event);
      const refusal = this.#decideGroup(ofGroup, written);
      if (refusal !== undefined) return { refusal };
      const times = { time: written, sentAt: sentAtOf(event) };
      const { group, bytes } = this.#parts.groups.reserve(ofGroup, times);
      return { group, reserved: bytes };
    }
    const record = recordOfEvent(event);
    if (record === undefined) return {};
    const refusal = this.#decide(record, wall);
    if (refusal !== undefined) return { refusal };
    const admitted = this.#reserve(record, wall);
    return { admitted, reserved: admitted.reserved };
  }

  #decide({ peer, text }: HistoryRecord, wall: bigint): Refusal | undefined {
    const { storedBytes } = this;
    const refusal = this.#parts.policy.decide({ peer, text, wall, storedBytes });
    // Not the message's own time, which the author of a feed chooses: this bounds lines, a minute each.
    const now = this.#parts.clock.wall();
    if (refusal !== undefined) this.#refusals.refused(peer, { refusal, wall: now });
    return refusal;
  }

  #decideGroup(record: GroupRecord, written: bigint): Refusal | undefined {
    const { storedBytes } = this;
    const refusal = this.#parts.policy.decideGroup(
      groupCandidate(record, { written, storedBytes }),
    );
    if (refusal !== undefined) {
      const { sender_pk: sender, group_id: group } = record;
      this.#refusals.refused(sender, { refusal, wall: this.#parts.clock.wall(), group });
    }
    return refusal;
  }

  #reserve(record: HistoryRecord, time: bigint): Admitted {
    const { peer } = record;
    const value = encodeRecord(record, { peer, key: time, time });
    const reserved = RECORD_KEY_BYTES + value.length;
    const conversation = this.#parts.conversations.reserve(peer, reserved);
    return { conversation, record, time, value, reserved };
  }

  async #commit(batch: readonly Pending[]): Promise<boolean> {
    const admitted = batch.flatMap((pending) => pending.admitted ?? []);
    try {
      await this.#reloadIfDoubtful();
      this.#index(await this.#write(batch, admitted));
      this.#failing = false;
      return true;
    } catch (error) {
      this.#failedCommits++;
      this.#failing = true;
      this.#doubt(error);
      for (const { journal } of batch) if (journal?.call) journal.call.failed = true;
      if (this.#displaced === undefined) this.#failures.failed(error, messagesOf(batch));
      return false;
    } finally {
      this.#commits++;
      for (const { conversation, reserved } of admitted) {
        this.#parts.conversations.release(conversation, reserved);
        this.#trimLater(conversation);
      }
      for (const { group } of batch) {
        if (group === undefined) continue;
        this.#parts.groups.release(group);
        this.#trimGroupLater(group.stored);
      }
    }
  }

  async #write(batch: readonly Pending[], records: readonly NewRecord[]): Promise<RecordChanges> {
    const { owner, archive, conversations, groups, journals, writer } = this.#parts;
    const transaction = owner.begin();
    const applyJournals = journals.add(transaction, batch.flatMap(({ journal }) => journal ?? []));
    const draft = new SumsDraft();
    const changes = await writer.write(transaction, { records, draft });
    draft.write(transaction);
    const applyGroups = await groups.add(transaction, batch.flatMap(({ group }) => group ?? []));
    const events = batch.flatMap(({ event }) => event ?? []);
    const entries = events.flatMap(({ seq, bytes }) => bytes === undefined ? [] : { seq, bytes });
    const newest = events.at(-1)?.seq ?? 0;
    const applyArchive = archive.add(transaction, { entries, newest });
    await transaction.commit();
    applyArchive();
    applyJournals();
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
    if (!this.#closed) this.change((edits) => edits.trimToCap(conversation)).catch(this.logFailure);
  }

  #trimGroupLater(stored: StoredGroup): void {
    const { groups } = this.#parts;
    if (this.#closed || groups.beyondCap(stored) === 0) return;
    this.change(() => groups.trimToCap(stored)).catch(this.logFailure);
  }

  /** After something failed, memory may be wrong; after a take-over it stays so. */
  #doubt(error: unknown): void {
    this.#doubtful = true;
    if (!(error instanceof StoreError) || error.code !== "displaced") return;
    if (this.#displaced === undefined) {
      this.#parts.log.error(`skychat/dm: history: ${error.message}`);
    }
    this.#displaced = error;
    this.#failing = true;
  }

  async #reloadIfDoubtful(): Promise<void> {
    if (this.#displaced !== undefined) throw this.#displaced;
    if (!this.#doubtful) return;
    await this.#parts.conversations.load(this.#parts.kv);
    await this.#parts.archive.load();
    await this.#parts.groups.load();
    await this.#parts.journals.load();
    this.#doubtful = false;
  }
}

/** How many are messages: additions to journals are none. */
function messagesOf(batch: readonly Pending[]): number {
  return batch.filter(({ event, journal }) => event !== undefined || journal === undefined).length;
}

/** What a call on a closed store gets. */
export function closedError(): StoreError {
  return new StoreError("closed", "the history is closed");
}

/** What the database threw, as callers know it. */
export function diskError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  return new StoreError("disk", `the history cannot be read or written: ${errorText(error)}`, {
    cause: error,
  });
}
