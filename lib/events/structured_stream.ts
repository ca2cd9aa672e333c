import type { Clock } from "#kit";
import type { EventArchive } from "./archive.ts";
import { ArchivePages } from "./archive_pages.ts";
import { DurableReader, type DurableSource, type RecentEvent } from "./durable_reader.ts";
import type { Channel, MessageEvent } from "./event.ts";
import { structuredMessageLine } from "./event_json.ts";
import { EventLog } from "./event_log.ts";
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

/** What one reader of `/events` asks for. */
export interface StructuredFilter {
  /** Only messages of these. */
  readonly channels: ReadonlySet<Channel>;
  /** Replay only events with a greater number; 0 for all that are kept. */
  readonly since: number;
}

interface StructuredSource {
  readonly conversation: string | undefined;
  readonly seq: number;
  readonly channel: Channel;
}

interface FilteredLog {
  readonly log: EventLog;
  readonly channels: ReadonlySet<Channel>;
}

/**
 * The messages of `/events`: the newest in memory, the live ones shared by all readers that are in
 * step, and with an archive the rest on disk.
 */
export class StructuredStream {
  readonly #clock: Clock;
  readonly #ring: ReplayRing<StructuredSource>;
  /** One log for each set of channels that somebody asked for: at most 15. */
  readonly #logs = new Map<string, FilteredLog>();
  readonly #durable: DurableSource | undefined;
  readonly #readers = new Set<DurableReader>();
  #seq: number;

  constructor(
    options: { clock: Clock; archive: EventArchive | undefined; ring: RingLimits },
  ) {
    this.#clock = options.clock;
    this.#ring = new ReplayRing(options.ring);
    this.#seq = options.archive?.newest ?? 0;
    this.#durable = options.archive === undefined ? undefined : this.#sourceOf(options.archive);
  }

  /** Whether numbers outlive the process. */
  get durable(): boolean {
    return this.#durable !== undefined;
  }

  /** Number of the newest event; 0 before the first. */
  get newest(): number {
    return this.#seq;
  }

  /** Readers now. */
  get size(): number {
    return this.durable ? this.#readers.size : this.#liveReaders;
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
    options: { seq: number; conversation: string | undefined; at: number; characters: number },
  ): void {
    const { seq, conversation, at, characters } = options;
    this.#seq = seq;
    const kept = new KeptEvent({ conversation, seq, channel: event.channel }, {
      at,
      characters,
      build: () => structuredMessageLine(event, seq),
    });
    const line = this.#ring.add(kept, this.#liveReaders > 0);
    for (const { log, channels } of this.#logs.values()) {
      if (log.size > 0 && channels.has(event.channel)) log.append(line);
    }
  }

  /** A reader. A `since` ahead of the newest number counts as 0 (http-api.md 6). */
  subscribe({ channels, since }: StructuredFilter): Subscription {
    const after = since > this.#seq ? 0 : since;
    const log = this.#logOf(channels);
    if (this.#durable !== undefined) {
      const reader = new DurableReader(this.#durable, { channels, since: after, log });
      this.#readers.add(reader);
      return reader;
    }
    return log.open(
      this.#ring.replay(
        this.#clock.now(),
        ({ seq, channel }) => seq > after && channels.has(channel),
      ),
    );
  }

  /** Drops the one-to-one conversation with this key from memory. What was queued still goes out. */
  forgetPeer(pk: string): void {
    this.#ring.drop(({ conversation }) => conversation === pk);
    this.#durable?.archived.discard();
    for (const reader of this.#readers) reader.forget(pk);
  }

  /** Ends every reader's stream. */
  close(): void {
    for (const reader of [...this.#readers]) reader.close();
    for (const { log } of this.#logs.values()) log.close();
    this.#ring.clear();
  }

  get #liveReaders(): number {
    let size = 0;
    for (const { log } of this.#logs.values()) size += log.size;
    return size;
  }

  #logOf(channels: ReadonlySet<Channel>): EventLog {
    const key = [...channels].sort().join();
    let found = this.#logs.get(key);
    if (found === undefined) {
      const log = new EventLog({ clock: this.#clock, capacity: STRUCTURED_QUEUE });
      found = { log, channels: new Set(channels) };
      this.#logs.set(key, found);
    }
    return found.log;
  }

  #sourceOf(archive: EventArchive): DurableSource {
    const restart = this.#seq;
    const floor = () => this.#ring.outgrown(this.#clock.now())?.seq ?? restart;
    const newest = () => this.#seq;
    return {
      clock: this.#clock,
      archived: new ArchivePages(archive, floor),
      get newest() {
        return newest();
      },
      get floor() {
        return floor();
      },
      recent: (after, visit) =>
        this.#ring.visit(({ seq }) => seq > after, (event) => visit(recentEvent(event))),
      leave: (reader) => void this.#readers.delete(reader),
    };
  }
}

function recentEvent(event: KeptEvent<StructuredSource>): RecentEvent {
  const { seq, channel } = event.source;
  return {
    seq,
    channel,
    get line() {
      return event.line;
    },
  };
}
