import {
  type ArchivedEvent,
  type EventArchive,
  type MessageEvent,
  structuredMessageLine,
} from "#events";
import type { ArchiveLimits } from "./archive_limits.ts";
import { conversationOfEvent } from "./event_record.ts";

interface KeptEvent extends ArchivedEvent {
  readonly conversation: string | undefined;
  readonly bytes: number;
  readonly wall: bigint;
}

/** The events of `/events` without a disk. */
export class MemoryArchive implements EventArchive {
  readonly #limits: ArchiveLimits;
  #kept: KeptEvent[] = [];
  #bytes = 0;
  #newest = 0;

  constructor(limits: ArchiveLimits) {
    this.#limits = limits;
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

  /** Keeps an event; its number. */
  add(event: MessageEvent): number {
    const seq = ++this.#newest;
    const line = structuredMessageLine(event, seq);
    const { channel, wall } = event;
    const conversation = conversationOfEvent(event)?.toLowerCase();
    this.#kept.push({ seq, channel, line, conversation, bytes: line.length, wall });
    this.#bytes += line.length;
    this.trim(wall);
    return seq;
  }

  /** Removes what is beyond the limits at this time. */
  trim(wall: bigint): void {
    const { events, bytes, age } = this.#limits;
    const expired = wall - BigInt(age) * 1_000_000n;
    for (let oldest = this.#kept[0]; oldest !== undefined; oldest = this.#kept[0]) {
      if (
        this.#kept.length <= events && this.#bytes <= bytes && oldest.wall > expired
      ) return;
      this.#kept.shift();
      this.#bytes -= oldest.bytes;
    }
  }

  /** Removes the events of a conversation. */
  forgetPeer(peer: string): void {
    this.#kept = this.#kept.filter(({ conversation }) => conversation !== peer);
    this.#bytes = this.#kept.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  read(after: number, limit: number): Promise<readonly ArchivedEvent[]> {
    const found = this.#kept.filter(({ seq }) => seq > after).slice(0, Math.max(0, limit));
    return Promise.resolve(found.map(({ seq, channel, line }) => ({ seq, channel, line })));
  }
}
