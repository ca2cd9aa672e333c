import type { EventArchive, MessageEvent } from "#events";
import type { Clock, Log, Timer } from "#kit";
import { ARCHIVE_LIMITS, type ArchiveLimits, withinAge } from "./archive_limits.ts";
import { foreignerOf } from "./event_match.ts";
import { groupRecordOfEvent, keptTimeOf, recordOfEvent, sentAtOf } from "./event_record.ts";
import type {
  Appended,
  GroupSummary,
  History,
  ImportReport,
  Refusal,
  SearchHit,
  StoreFigures,
} from "./history.ts";
import { Importer, type ImportTarget } from "./import_run.ts";
import { MemoryArchive } from "./memory_archive.ts";
import { type Journal, noteOf } from "./journal.ts";
import { type KeptRecord, MemoryConversations } from "./memory_conversations.ts";
import { MemoryGroups } from "./memory_groups.ts";
import { MemoryJournals } from "./memory_journals.ts";
import { MemoryOutbox } from "./memory_outbox.ts";
import type { OutboxTable } from "./outbox_table.ts";
import {
  DEFAULT_HISTORY_LIMITS,
  groupCandidate,
  type HistoryLimits,
  HistoryPolicy,
  sweepInterval,
  validateLimits,
} from "./policy.ts";
import { type GroupRecord, type HistoryRecord, isRecordBy } from "./record.ts";
import { RefusalLog } from "./refusal_log.ts";
import { hitOf, matches, needleOf } from "./search_match.ts";

/** What a {@link MemoryHistory} needs. */
export interface MemoryHistoryOptions {
  /** For ages, sweeps and waits. */
  readonly clock: Clock;
  /** Told of refusals and failures. */
  readonly log: Log;
  /** This node's key, 66 hex digits: the author of outgoing records. */
  readonly self: string;
  /** The key of its feed, where that is another one: under a visor. */
  readonly ownFeed?: string | undefined;
  /** Those left out are {@link DEFAULT_HISTORY_LIMITS}. */
  readonly limits?: Partial<HistoryLimits>;
  /** Peers whose messages are kept; all without it. */
  readonly whitelist?: ReadonlySet<string>;
  /** How much of `/events` is kept; ARCHIVE_LIMITS by default. */
  readonly archive?: ArchiveLimits;
}

/**
 * History that ends with the process: the twin of the store on disk, held to the same contract suite.
 * For tests, and the shortest description of what a store does.
 */
export class MemoryHistory implements History {
  readonly #clock: Clock;
  readonly #self: string;
  readonly #ownFeed: string;
  readonly #policy: HistoryPolicy;
  readonly #refusals: RefusalLog;
  readonly #archive: MemoryArchive;
  readonly #importer: Importer;
  readonly #conversations: MemoryConversations;
  readonly #groups: MemoryGroups;
  readonly #journals: MemoryJournals;
  #seq = 0;
  #commits = 0;
  #timer: Timer | undefined;
  #closed = false;
  /** Never: there is no disk to wait for. */
  readonly ready: undefined = undefined;
  /** Queued messages, without a disk either. */
  readonly outbox: OutboxTable = new MemoryOutbox();

  /**
   * Empty.
   *
   * @throws {StoreError} `invalid-limits`
   */
  constructor(options: MemoryHistoryOptions) {
    const limits = { ...DEFAULT_HISTORY_LIMITS, ...options.limits };
    validateLimits(limits, options.whitelist);
    this.#clock = options.clock;
    this.#self = options.self;
    this.#ownFeed = (options.ownFeed ?? options.self).toLowerCase();
    this.#policy = new HistoryPolicy(limits, options.whitelist);
    this.#conversations = new MemoryConversations(limits.perPeerCap);
    this.#groups = new MemoryGroups(limits.groupCap);
    this.#refusals = new RefusalLog(options.log);
    this.#archive = new MemoryArchive({
      limits: withinAge(options.archive ?? ARCHIVE_LIMITS, limits.ttlMs),
      wall: () => this.#clock.wall(),
    });
    this.#importer = new Importer(this.#importTarget());
    this.#journals = new MemoryJournals({ policy: this.#policy, ownFeed: this.#ownFeed });
    this.#schedule();
  }

  get events(): EventArchive {
    return this.#archive;
  }

  append(event: MessageEvent): Appended {
    const note = noteOf(event, { policy: this.#policy, ownFeed: this.#ownFeed });
    const seq = ++this.#seq;
    if (this.#closed) return { seq, refusal: undefined, committed: Promise.resolve(false) };
    const refusal = groupRecordOfEvent(event) === undefined
      ? this.#appendDirect(event)
      : this.#appendGroup(event);
    this.#commits++;
    const foreigner = foreignerOf(event);
    if (foreigner === undefined || this.#policy.mayKeep(foreigner)) this.#archive.add(event, seq);
    else this.#archive.skip(seq);
    if (note !== undefined) this.#journals.add(note);
    return { seq, refusal, committed: Promise.resolve(true) };
  }

  recent(limit: number): Promise<readonly HistoryRecord[]> {
    const all = this.#conversations.peers().flatMap((peer) => this.#live(peer));
    all.sort((a, b) => a.time < b.time ? -1 : a.time > b.time ? 1 : 0);
    return Promise.resolve(newest(all, limit));
  }

  byPeer(peer: string, limit: number): Promise<readonly HistoryRecord[]> {
    return Promise.resolve(newest(this.#live(peer.toLowerCase()), limit));
  }

  peers(): Promise<readonly string[]> {
    return Promise.resolve(
      this.#conversations.peers().filter((peer) => this.#live(peer).length > 0),
    );
  }

  forget(key: string, id: string, by?: string): Promise<boolean> {
    const [peer, author] = [key.toLowerCase(), by?.toLowerCase()];
    const removed = this.#conversations.remove(
      peer,
      ({ record }) =>
        record.id === id && (author === undefined || isRecordBy(author, record, this.#self)),
    );
    return Promise.resolve(this.#archive.remove({ peer, id, author }) + removed > 0);
  }

  forgetPeer(peer: string): Promise<number> {
    this.#archive.remove({ peer: peer.toLowerCase() });
    return Promise.resolve(this.#conversations.remove(peer.toLowerCase(), () => true));
  }

  groupHistory(
    group: string,
    options: { readonly limit: number; readonly before?: bigint | undefined },
  ): Promise<readonly GroupRecord[]> {
    return Promise.resolve(this.#groups.history(group, { ...options, after: this.#expiry }));
  }

  groups(): Promise<readonly GroupSummary[]> {
    return Promise.resolve(this.#groups.summaries(this.#expiry));
  }

  forgetGroup(
    group: string,
    { sender: key, timestamp }: { readonly sender: string; readonly timestamp: bigint },
  ): Promise<boolean> {
    const sender = key.toLowerCase();
    const removed = this.#groups.remove(
      group,
      ({ sentAt, record }) => sentAt === timestamp && record.sender_pk === sender,
    );
    const archived = this.#archive.remove({ group, message: { sender, timestamp } });
    return Promise.resolve(removed + archived > 0);
  }

  forgetWholeGroup(group: string): Promise<number> {
    this.#archive.remove({ group });
    return Promise.resolve(this.#groups.remove(group, () => true));
  }

  search(query: string, limit: number): Promise<readonly SearchHit[]> {
    const needle = needleOf(query);
    if (needle === undefined) return Promise.resolve([]);
    const found = this.#conversations.peers().flatMap((peer) => this.#live(peer))
      .filter(({ record }) => matches(record, needle))
      .sort((a, b) => a.time > b.time ? -1 : a.time < b.time ? 1 : 0);
    return Promise.resolve(found.slice(0, limit).map(({ record }) => hitOf(record)));
  }

  async *pages(): AsyncIterable<readonly HistoryRecord[]> {
    for (const peer of this.#conversations.peers()) {
      yield* page(this.#live(peer).map(({ record }) => record));
    }
  }

  groupPages(): AsyncIterable<readonly GroupRecord[]> {
    return page(this.#groups.list({ after: this.#expiry }));
  }

  import(
    records: { messages: readonly HistoryRecord[]; groupMessages: readonly GroupRecord[] },
    onProgress?: (handled: number) => void,
  ): Promise<ImportReport> {
    return this.#importer.run(records, onProgress);
  }

  sweep(): Promise<number> {
    this.#archive.trim();
    const expiry = this.#expiry;
    if (expiry === undefined) return Promise.resolve(0);
    let removed = this.#groups.sweep(expiry);
    for (const peer of this.#conversations.peers()) {
      removed += this.#conversations.remove(peer, ({ key }) => key <= expiry);
    }
    return Promise.resolve(removed);
  }

  journal(feed: string): Journal | undefined {
    return this.#journals.of(feed);
  }

  journalFeeds(): readonly string[] {
    return this.#journals.feeds();
  }

  dropJournal(feed: string): Promise<boolean> {
    return this.#journals.drop(feed);
  }

  /** What `/status` and `/metrics` say. */
  figures(): StoreFigures {
    return {
      ...this.#conversations.figures,
      ...this.#groups.figures,
      bytes: this.#storedBytes,
      events: this.#archive.size,
      commits: this.#commits,
      failedCommits: 0,
      failing: false,
      pending: 0,
      damaged: 0,
      refused: this.#refusals.counts,
    };
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#journals.close();
    this.#timer?.cancel();
    return Promise.resolve();
  }

  get #expiry(): bigint | undefined {
    return this.#policy.expiry(this.#clock.wall());
  }

  get #storedBytes(): number {
    return this.#conversations.bytes + this.#groups.bytes;
  }

  #appendDirect(event: MessageEvent): Refusal | undefined {
    const record = recordOfEvent(event);
    if (record === undefined) return undefined;
    const { peer, text } = record;
    const { wall } = event;
    const refusal = this.#policy.decide({ peer, text, wall, storedBytes: this.#storedBytes });
    if (refusal === undefined) this.#conversations.add(record, wall);
    else this.#refusals.refused(peer, { refusal, wall: this.#clock.wall() });
    return refusal;
  }

  #appendGroup(event: MessageEvent): Refusal | undefined {
    const record = groupRecordOfEvent(event);
    if (record === undefined) return undefined;
    const written = keptTimeOf(event);
    const refusal = this.#policy.decideGroup(
      groupCandidate(record, { written, storedBytes: this.#storedBytes }),
    );
    if (refusal === undefined) {
      this.#groups.add(record, { time: written, sentAt: sentAtOf(event) });
    } else {
      const { sender_pk: sender, group_id: group } = record;
      this.#refusals.refused(sender, { refusal, wall: this.#clock.wall(), group });
    }
    return refusal;
  }

  #live(peer: string): readonly KeptRecord[] {
    return this.#conversations.of(peer, this.#expiry);
  }

  #importTarget(): ImportTarget {
    const refusal = (peer: string | undefined, text: string) =>
      this.#policy.decideImported({ peer, text, storedBytes: this.#storedBytes });
    let evicted = 0;
    const flush = () => {
      const count = evicted;
      evicted = 0;
      return Promise.resolve({ evicted: count, lost: [] });
    };
    return {
      messages: {
        stored: (peer) => page(this.#conversations.of(peer).map(({ record }) => record)),
        admit: (record, time) => {
          const refused = refusal(record.peer, record.text);
          if (refused === undefined) evicted += this.#conversations.add(record, time);
          return refused;
        },
        flush,
      },
      groupMessages: {
        stored: (group) => page(this.#groups.list({ group })),
        admit: (record, time) => {
          const refused = refusal(undefined, record.text);
          if (refused === undefined) evicted += this.#groups.add(record, { time });
          return refused;
        },
        flush,
      },
      expiry: () => this.#expiry,
      pause: () => this.#clock.sleep(0),
    };
  }

  #schedule(): void {
    const { ttlMs } = this.#policy.limits;
    if (ttlMs === 0) return;
    this.#timer = this.#clock.after(sweepInterval(ttlMs), () => {
      void this.sweep();
      this.#schedule();
    });
  }
}

async function* page<T>(items: readonly T[]): AsyncGenerator<readonly T[]> {
  await Promise.resolve();
  if (items.length > 0) yield items;
}

function newest(kept: readonly KeptRecord[], limit: number): HistoryRecord[] {
  return (limit > 0 ? kept.slice(-limit) : kept).map(({ record }) => record);
}
