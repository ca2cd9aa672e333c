import type { Channel } from "./event.ts";

/** One message event as it is kept on disk. */
export interface ArchivedEvent {
  /** Its number on `/events`; ascending, may leave gaps only where a commit failed. */
  readonly seq: number;
  readonly channel: Channel;
  /** Its JSON text as `/events` sends it, `{"seq":<seq>,…}`. */
  readonly line: string;
}

/** Message events that outlive the process, newest last. Made by `#store`; read by the hub. */
export interface EventArchive {
  /** Number of the newest event on disk; 0 when there never was one. */
  readonly newest: number;
  /** Number of the oldest event still kept; `newest + 1` when none is. */
  readonly oldest: number;
  /** At most `limit` events with a larger number than `after`, oldest first; `[]` at the end. */
  read(after: number, limit: number): Promise<readonly ArchivedEvent[]>;
}
