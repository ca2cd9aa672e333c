import {
  ARCHIVE_PAGE_CHARACTERS,
  type ArchivedEvent,
  type EventArchive,
  type MessageEvent,
  structuredMessageLine,
} from "#events";
import { type ArchiveLimits, eventExpiry } from "./archive_limits.ts";
import { type EventMatch, matchesEvent } from "./event_match.ts";

interface KeptEvent extends ArchivedEvent {
  readonly event: MessageEvent;
}

/** The events of `/events` without a disk. */
export class MemoryArchive implements EventArchive {
  readonly #limits: ArchiveLimits;
  readonly #wall: () => bigint;
  #kept: KeptEvent[] = [];
  #bytes = 0;
  #newest = 0;

  /** `wall` tells the time in nanoseconds since 1970. */
  constructor({ limits, wall }: { limits: ArchiveLimits; wall: () => bigint }) {
    this.#limits = limits;
    this.#wall = wall;
  }

  get newest(): number {
    return this.#newest;
  }

  get oldest(): number {
    return this.#kept[0]?.seq ?? this.#newest + 1;
  }

  /** Events kept. */
  get size(): number {
    return this.#kept.length;
  }

  /** Keeps an event. Its number is larger than all before. */
  add(event: MessageEvent, seq: number): void {
    const kept = { seq, channel: event.channel, line: structuredMessageLine(event, seq), event };
    this.trim([kept]);
    this.#kept.push(kept);
    this.#bytes += kept.line.length;
    this.#newest = seq;
  }

  /** Remembers the number of an event that must not be kept. */
  skip(seq: number): void {
    this.#newest = seq;
  }

  /** Removes what is beyond the limits with what comes now. */
  trim(added: readonly KeptEvent[] = []): void {
    const { events, bytes } = this.#limits;
    const expired = this.#expiry;
    const more = added.reduce((sum, { line }) => sum + line.length, 0);
    for (let oldest = this.#kept[0]; oldest !== undefined; oldest = this.#kept[0]) {
      const fits = this.#kept.length + added.length <= events && this.#bytes + more <= bytes;
      if (fits && oldest.event.wall > expired) return;
      this.#kept.shift();
      this.#bytes -= oldest.line.length;
    }
  }

  /** Removes events; how many of them could still be read. */
  remove(match: EventMatch): number {
    const expired = this.#expiry;
    const gone = this.#kept.filter(({ event }) => matchesEvent(event, match));
    this.#kept = this.#kept.filter(({ event }) => !matchesEvent(event, match));
    this.#bytes = this.#kept.reduce((sum, { line }) => sum + line.length, 0);
    return gone.filter(({ event }) => event.wall > expired).length;
  }

  read(after: number, limit: number): Promise<readonly ArchivedEvent[]> {
    const expired = this.#expiry;
    const page: ArchivedEvent[] = [];
    let characters = 0;
    for (const { seq, channel, line, event } of this.#kept) {
      if (page.length >= limit || characters >= ARCHIVE_PAGE_CHARACTERS) break;
      if (seq <= after || event.wall <= expired) continue;
      page.push({ seq, channel, line });
      characters += line.length;
    }
    return Promise.resolve(page);
  }

  get #expiry(): bigint {
    return eventExpiry(this.#limits, this.#wall());
  }
}
