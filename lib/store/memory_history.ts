import type { EventArchive, MessageEvent } from "#events";
import type { Clock, Log, Timer } from "#kit";
import { ARCHIVE_LIMITS, type ArchiveLimits, withinAge } from "./archive_limits.ts";
import { foreignerOf } from "./event_match.ts";
import { recordOfEvent } from "./event_record.ts";
import type { Appended, History, ImportReport, SearchHit, StoreFigures } from "./history.ts";
import { Importer, type ImportTarget } from "./import_run.ts";
import { MemoryArchive } from "./memory_archive.ts";
import { type Journal, noteOf } from "./journal.ts";
import { MemoryGroups } from "./memory_groups.ts";
import { MemoryJournals } from "./memory_journals.ts";
import { MemoryOutbox } from "./memory_outbox.ts";
import type { OutboxTable } from "./outbox_table.ts";
import {
  DEFAULT_HISTORY_LIMITS,
  type HistoryLimits,
  HistoryPolicy,
  PEER_OVERHEAD_BYTES,
  RECORD_KEY_BYTES,
  sweepInterval,
  validateLimits,
} from "./policy.ts";
import type { GroupRecord, HistoryRecord } from "./record.ts";
import { encodeRecord } from "./record_codec.ts";
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
  /** Those left out are {@link DEFAULT_HISTORY_LIMITS}. */
  readonly limits?: Partial<HistoryLimits>;
  /** Peers whose messages are kept; all without it. */
  readonly whitelist?: ReadonlySet<string>;
  /** How much of `/events` is kept; ARCHIVE_LIMITS by default. */
  readonly archive?: ArchiveLimits;
}

interface Kept {
  readonly key: bigint;
  readonly time: bigint;
  readonly bytes: number;
  readonly record: HistoryRecord;
}

/**
 * History that ends with the process: the twin of the store on disk, held to the same contract suite.
 * For tests, and the shortest description of what a store does.
 */
export class MemoryHistory implements History {
  readonly #clock: Clock;
  readonly #self: string;
  readonly #policy: HistoryPolicy;
  readonly #refusals: RefusalLog;
  readonly #archive: MemoryArchive;
  readonly #importer: Importer;
  readonly #conversations = new Map<string, Kept[]>();
  readonly #groups = new MemoryGroups();
  readonly #journals: MemoryJournals;
  #bytes = 0;
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
    this.#policy = new HistoryPolicy(limits, options.whitelist);
    this.#refusals = new RefusalLog(options.log);
    this.#archive = new MemoryArchive({
      limits: withinAge(options.archive ?? ARCHIVE_LIMITS, limits.ttlMs),
      wall: () => this.#clock.wall(),
    });
    this.#importer = new Importer(this.#importTarget());
    this.#journals = new MemoryJournals({ policy: this.#policy, self: this.#self });
    this.#schedule();
  }

  get events(): EventArchive {
    return this.#archive;
  }

  append(event: MessageEvent): Appended {
    const note = noteOf(event, { policy: this.#policy, self: this.#self });
    const seq = ++this.#seq;
    if (this.#closed) return { seq, refusal: undefined, committed: Promise.resolve(false) };
    const record = recordOfEvent(event);
    const refusal = record && this.#policy.decide({
      peer: record.peer,
      text: record.text,
      wall: event.wall,
      storedBytes: this.#storedBytes,
    });
    if (record !== undefined) {
      if (refusal === undefined) this.#keep(record, event.wall);
      else this.#refusals.refused(record.peer, { refusal, wall: this.#clock.wall() });
    }
    this.#commits++;
    const foreigner = foreignerOf(event);
    if (foreigner === undefined || this.#policy.mayKeep(foreigner)) this.#archive.add(event, seq);
    else this.#archive.skip(seq);
    if (note !== undefined) this.#journals.add(note);
    return { seq, refusal, committed: Promise.resolve(true) };
  }

  recent(limit: number): Promise<readonly HistoryRecord[]> {
    const all = this.#peers().flatMap((peer) => this.#live(peer));
    all.sort((a, b) => a.time < b.time ? -1 : a.time > b.time ? 1 : 0);
    return Promise.resolve(newest(all, limit));
  }

  byPeer(peer: string, limit: number): Promise<readonly HistoryRecord[]> {
    return Promise.resolve(newest(this.#live(peer.toLowerCase()), limit));
  }

  peers(): Promise<readonly string[]> {
    return Promise.resolve(this.#peers().filter((peer) => this.#live(peer).length > 0));
  }

  forget(key: string, id: string, by?: string): Promise<boolean> {
    const [peer, author] = [key.toLowerCase(), by?.toLowerCase()];
    const removed = this.#remove(peer, ({ record }) => {
      const writer = record.outgoing ? this.#self : record.from ?? record.peer;
      return record.id === id && (author === undefined || author === writer);
    });
    return Promise.resolve(this.#archive.remove({ peer, id, author }) + removed > 0);
  }

  forgetPeer(peer: string): Promise<number> {
    this.#archive.remove({ peer: peer.toLowerCase() });
    return Promise.resolve(this.#remove(peer.toLowerCase(), () => true));
  }

  search(query: string, limit: number): Promise<readonly SearchHit[]> {
    const needle = needleOf(query);
    if (needle === undefined) return Promise.resolve([]);
    const found = this.#peers().flatMap((peer) => this.#live(peer))
      .filter(({ record }) => matches(record, needle))
      .sort((a, b) => a.time > b.time ? -1 : a.time < b.time ? 1 : 0);
    return Promise.resolve(found.slice(0, limit).map(({ record }) => hitOf(record)));
  }

  async *pages(): AsyncIterable<readonly HistoryRecord[]> {
    for (const peer of this.#peers()) yield* page(this.#live(peer).map(({ record }) => record));
  }

  groupPages(): AsyncIterable<readonly GroupRecord[]> {
    return page(this.#groups.list({ after: this.#policy.expiry(this.#clock.wall()) }));
  }

  import(
    records: { messages: readonly HistoryRecord[]; groupMessages: readonly GroupRecord[] },
    onProgress?: (handled: number) => void,
  ): Promise<ImportReport> {
    return this.#importer.run(records, onProgress);
  }

  sweep(): Promise<number> {
    this.#archive.trim();
    const expiry = this.#policy.expiry(this.#clock.wall());
    if (expiry === undefined) return Promise.resolve(0);
    let removed = this.#groups.sweep(expiry);
    for (const peer of this.#peers()) removed += this.#remove(peer, ({ key }) => key <= expiry);
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
    let messages = 0;
    for (const kept of this.#conversations.values()) messages += kept.length;
    return {
      messages,
      peers: this.#conversations.size,
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

  get #storedBytes(): number {
    return this.#bytes + this.#groups.bytes;
  }

  #peers(): string[] {
    return [...this.#conversations.keys()].sort();
  }

  #live(peer: string): Kept[] {
    const expiry = this.#policy.expiry(this.#clock.wall());
    const kept = this.#conversations.get(peer) ?? [];
    return expiry === undefined ? [...kept] : kept.filter(({ key }) => key > expiry);
  }

  #importTarget(): ImportTarget {
    const refusal = (peer: string | undefined, text: string) =>
      this.#policy.decideImported({ peer, text, storedBytes: this.#storedBytes });
    let evicted = 0;
    return {
      messages: {
        stored: (peer) => page((this.#conversations.get(peer) ?? []).map(({ record }) => record)),
        admit: (record, time) => {
          const refused = refusal(record.peer, record.text);
          if (refused === undefined) evicted += this.#keep(record, time);
          return refused;
        },
        flush: () => {
          const count = evicted;
          evicted = 0;
          return Promise.resolve({ evicted: count, lost: [] });
        },
      },
      groupMessages: {
        stored: (group) => page(this.#groups.list({ group })),
        admit: (record, time) => {
          const refused = refusal(undefined, record.text);
          if (refused === undefined) this.#groups.add(record, time);
          return refused;
        },
        flush: () => Promise.resolve({ evicted: 0, lost: [] }),
      },
      expiry: () => this.#policy.expiry(this.#clock.wall()),
      pause: () => this.#clock.sleep(0),
    };
  }

  /** Returns how many records the cap pushed out. */
  #keep(record: HistoryRecord, time: bigint): number {
    let kept = this.#conversations.get(record.peer);
    if (kept === undefined) {
      this.#conversations.set(record.peer, kept = []);
      this.#bytes += PEER_OVERHEAD_BYTES;
    }
    const taken = new Set(kept.map(({ key }) => key));
    let key = time;
    while (taken.has(key)) key++;
    const bytes = RECORD_KEY_BYTES +
      encodeRecord(record, { peer: record.peer, key, time }).length;
    const place = kept.findLastIndex((other) => other.key < key) + 1;
    kept.splice(place, 0, { key, time, bytes, record });
    this.#bytes += bytes;
    const { perPeerCap } = this.#policy.limits;
    let evicted = 0;
    for (; perPeerCap > 0 && kept.length > perPeerCap; evicted++) {
      this.#bytes -= kept.shift()?.bytes ?? 0;
    }
    return evicted;
  }

  #remove(peer: string, match: (kept: Kept) => boolean): number {
    const kept = this.#conversations.get(peer);
    if (kept === undefined) return 0;
    const rest = kept.filter((one) => !match(one));
    for (const one of kept) if (match(one)) this.#bytes -= one.bytes;
    if (rest.length > 0) this.#conversations.set(peer, rest);
    else {
      this.#conversations.delete(peer);
      this.#bytes -= PEER_OVERHEAD_BYTES;
    }
    return kept.length - rest.length;
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

function newest(kept: readonly Kept[], limit: number): HistoryRecord[] {
  return (limit > 0 ? kept.slice(-limit) : kept).map(({ record }) => record);
}
