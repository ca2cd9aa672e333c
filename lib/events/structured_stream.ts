import type { Clock } from "#kit";
import { ARCHIVE_PAGE_CHARACTERS, ARCHIVE_PAGE_EVENTS, type EventArchive } from "./archive.ts";
import { ArchivePages } from "./archive_pages.ts";
import { DurableReader, type DurableSource, type RecentPage } from "./durable_reader.ts";
import type { Channel, MessageEvent } from "./event.ts";
import { structuredMessageLine } from "./event_json.ts";
import { EventLog } from "./event_log.ts";
import { type EventFilter, EventWalk, type WalkedEvent, type WalkStart } from "./event_walk.ts";
import { type Forgotten, isForgotten, type Parties } from "./forgotten.ts";
import { KeptEvent, ReplayRing, type RingLimits } from "./replay_ring.ts";
import type { Subscription } from "./subscription.ts";

/** Replay of `/events`: 10 000 events, 24 hours (http-api.md 6), and 8 MiB of memory. */
export const STRUCTURED_RING: RingLimits = {
  events: 10_000,
  bytes: 8_388_608,
  age: 24 * 3_600_000,
};
/** Events that may wait for one `/events` reader (http-api.md 6). */
export const STRUCTURED_QUEUE = 256;

/** Pages of memory kept for readers that ask for the same one before the next event; then all go. */
export const SHARED_PAGES = 16;

/** What one reader of `/events` asks for. */
export interface StructuredFilter extends EventFilter {
  /** Replay only events with a greater number; 0 for all that are kept. */
  readonly since: number;
}

interface StructuredSource extends Parties {
  readonly seq: number;
  readonly channel: Channel;
}

interface FilteredLog {
  readonly log: EventLog;
  readonly filter: EventFilter;
  /** Pages of memory by where they begin, until the next event: readers in step share them. */
  readonly pages: Map<string, RecentPage>;
}

/**
 * The messages of `/events`: the newest in memory, the live ones shared by all readers that are in
 * step, and with an archive the rest on disk.
 */
export class StructuredStream {
  readonly #clock: Clock;
  readonly #ring: ReplayRing<StructuredSource>;
  /**
   * One log for each filter that somebody asked for: at most 15 sets of channels, and those with a
   * group, whose names clients make up, only while somebody reads them.
   */
  readonly #logs = new Map<string, FilteredLog>();
  /** Where older events are read; undefined without an archive. */
  readonly #archived: ArchivePages | undefined;
  readonly #readers = new Map<DurableReader, FilteredLog>();
  readonly #archive: EventArchive | undefined;
  /** Number of the last event before this process. */
  readonly #restart: number;
  #seq: number;

  constructor(
    { clock, archive, ring }: { clock: Clock; archive: EventArchive | undefined; ring: RingLimits },
  ) {
    this.#clock = clock;
    this.#ring = new ReplayRing(ring);
    this.#archive = archive;
    this.#restart = this.#seq = archive?.newest ?? 0;
    if (archive !== undefined) {
      this.#archived = new ArchivePages(archive, () => this.#floor);
    }
  }

  /** Whether numbers outlive the process. */
  get durable(): boolean {
    return this.#archived !== undefined;
  }

  /** Number of the newest event that a client may resume after; 0 before the first. */
  get newest(): number {
    return Math.min(this.#seq, this.#lastKept);
  }

  /** Readers now. */
  get size(): number {
    return this.durable ? this.#readers.size : this.#liveReaders;
  }

  /** Filters that something is kept for. */
  get filters(): number {
    return this.#logs.size;
  }

  /**
   * The number of an event to publish: its number in the archive, or without one the next. Throws a
   * RangeError when the archive's numbers do not ascend.
   */
  number(archived: number | undefined): number {
    if (!this.durable) return this.#seq + 1;
    if (archived === undefined || archived <= this.#seq) {
      throw new RangeError(`Cannot publish event ${archived} after ${this.#seq}: numbers ascend`);
    }
    return archived;
  }

  /** Hands out an event with a number from {@link number}. */
  publish(
    event: MessageEvent,
    options: { seq: number; parties: Parties; at: number; characters: number },
  ): void {
    const { seq, parties, at, characters } = options;
    this.#seq = seq;
    // A commit that failed leaves its number to the next process, unless a later one is on disk.
    const kept = seq <= this.#lastKept;
    const entry = new KeptEvent({ ...parties, seq, channel: event.channel }, {
      at,
      characters,
      build: () => structuredMessageLine(event, seq, { kept }),
    });
    const line = this.#ring.add(entry, this.#liveReaders > 0);
    for (const { log, filter, pages } of this.#logs.values()) {
      pages.clear();
      if (log.size > 0 && isWanted(filter, event.channel, event.groupId)) log.append(line);
    }
  }

  /** A reader. A `since` ahead of the newest number counts as 0 (http-api.md 6). */
  subscribe({ channels, since, group }: StructuredFilter): Subscription {
    const after = since > this.#seq ? 0 : since;
    const filter = { channels: new Set(channels), group };
    const filtered = this.#logOf(filter);
    if (this.#archived !== undefined) {
      const reader = new DurableReader(this.#sourceOf(filtered, this.#archived), after);
      this.#readers.set(reader, filtered);
      return reader;
    }
    return filtered.log.open(
      this.#ring.replay(
        this.#clock.now(),
        (source) => source.seq > after && isWanted(filter, source.channel, source.group),
      ),
    );
  }

  /** Drops events from memory. What was queued live still goes out. */
  forget(forgotten: Forgotten): void {
    this.#ring.drop((source) => isForgotten(source, forgotten));
    this.#archived?.discard();
    for (const { pages } of this.#logs.values()) pages.clear();
    for (const reader of this.#readers.keys()) reader.forget(forgotten);
  }

  /** Ends every reader's stream. */
  close(): void {
    for (const reader of [...this.#readers.keys()]) reader.close();
    for (const { log } of this.#logs.values()) log.close();
    this.#ring.clear();
    for (const { pages } of this.#logs.values()) pages.clear();
  }

  /** Larger numbers may come again after a restart; without an archive all do. */
  get #lastKept(): number {
    return this.#archive?.newest ?? Infinity;
  }

  get #liveReaders(): number {
    let size = 0;
    for (const { log } of this.#logs.values()) size += log.size;
    return size;
  }

  #logOf(filter: EventFilter): FilteredLog {
    const key = `${[...filter.channels].sort().join()} ${filter.group ?? ""}`;
    let found = this.#logs.get(key);
    if (found === undefined) {
      this.#dropUnreadGroups();
      const log = new EventLog({ clock: this.#clock, capacity: STRUCTURED_QUEUE });
      found = { log, filter, pages: new Map() };
      this.#logs.set(key, found);
    }
    return found;
  }

  #dropUnreadGroups(): void {
    const read = new Set(this.#readers.values());
    for (const [key, filtered] of this.#logs) {
      const unread = filtered.log.size === 0 && !read.has(filtered);
      if (filtered.filter.group !== undefined && unread) this.#logs.delete(key);
    }
  }

  get #floor(): number {
    return this.#ring.outgrown(this.#clock.now())?.seq ?? this.#restart;
  }

  #sourceOf(filtered: FilteredLog, archived: ArchivePages): DurableSource {
    const newest = () => this.#seq;
    const floor = () => this.#floor;
    const lastKept = () => this.#lastKept;
    return {
      clock: this.#clock,
      filter: filtered.filter,
      log: filtered.log,
      archived,
      get newest() {
        return newest();
      },
      get lastKept() {
        return lastKept();
      },
      get floor() {
        return floor();
      },
      recent: ({ cursor, owed }) => this.#recent(filtered, { cursor, owed }),
      leave: (reader) => void this.#readers.delete(reader),
    };
  }

  /** What a page of memory after a cursor has for the readers of a log. */
  #recent(
    { filter, pages }: FilteredLog,
    start: Pick<WalkStart, "cursor" | "owed">,
  ): RecentPage {
    const key = `${start.cursor} ${start.owed}`;
    let page = pages.get(key);
    if (page === undefined) {
      const lastKept = this.#lastKept;
      page = this.#walkRing({ ...start, filter, lastKept, wall: this.#clock.wall() });
      if (pages.size >= SHARED_PAGES) pages.clear();
      pages.set(key, page);
    }
    return page;
  }

  #walkRing(start: WalkStart): RecentPage {
    const walk = new EventWalk(start);
    let end = true;
    let [events, characters] = [0, 0];
    this.#ring.visit(({ seq }) => seq > start.cursor, (kept) => {
      end = events++ < ARCHIVE_PAGE_EVENTS && characters < ARCHIVE_PAGE_CHARACTERS;
      if (end) characters += walk.pass(walked(kept));
      return end;
    });
    if (end) walk.skip(this.#seq);
    return { lines: walk.lines, cursor: walk.cursor, end };
  }
}

function isWanted(filter: EventFilter, channel: Channel, group: string | undefined): boolean {
  return filter.channels.has(channel) && (filter.group === undefined || filter.group === group);
}

function walked(kept: KeptEvent<StructuredSource>): WalkedEvent {
  return {
    seq: kept.source.seq,
    channel: kept.source.channel,
    get line() {
      return kept.line;
    },
  };
}
