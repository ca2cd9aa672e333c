import type { Channel } from "./event.ts";
import { gapLine, groupOfLine } from "./event_json.ts";

/** Which events a reader of `/events` gets. */
export interface EventFilter {
  /** Only messages of these. */
  readonly channels: ReadonlySet<Channel>;
  /** Only what belongs to this group; of all groups, and of none, when absent. */
  readonly group?: string | undefined;
}

/** An event that a walk passes. */
export interface WalkedEvent {
  readonly seq: number;
  readonly channel: Channel;
  /** Its JSON; asked for only when it is wanted. */
  readonly line: string;
}

/** Where a walk begins, and what it is to give out. */
export interface WalkStart {
  /** Number of the last event before it. */
  readonly cursor: number;
  /** Whether everything after the cursor is owed; 0 as `since` asks only for what there is. */
  readonly owed: boolean;
  readonly filter: EventFilter;
  /** Larger numbers may come again after a restart. */
  readonly lastKept: number;
  /** Time of its gap events, nanoseconds since 1970. */
  readonly wall: bigint;
}

/** Goes along events by number and collects what a reader with some filter gets of them. */
export class EventWalk {
  readonly #filter: EventFilter;
  readonly #lastKept: number;
  readonly #wall: bigint;
  /** What the reader gets, in order. */
  readonly lines: string[] = [];
  /** Number of the last event passed. */
  cursor: number;
  owed: boolean;

  constructor({ cursor, owed, filter, lastKept, wall }: WalkStart) {
    this.#filter = filter;
    this.#lastKept = lastKept;
    this.#wall = wall;
    this.cursor = cursor;
    this.owed = owed;
  }

  /** Moves over one event, which has a larger number; the characters that the reader gets of it. */
  pass(event: WalkedEvent): number {
    this.skip(event.seq - 1);
    this.cursor = event.seq;
    this.owed = true;
    const { channels, group } = this.#filter;
    if (!channels.has(event.channel)) return 0;
    const { line } = event;
    if (group !== undefined && groupOfLine(line) !== group) return 0;
    this.lines.push(line);
    return line.length;
  }

  /** Moves over events up to this number, which are not kept. */
  skip(last: number): void {
    if (last <= this.cursor) return;
    if (this.owed) {
      const kept = last <= this.#lastKept;
      this.lines.push(gapLine({ after: this.cursor, next: last + 1, wall: this.#wall, kept }));
    }
    this.cursor = last;
  }
}
