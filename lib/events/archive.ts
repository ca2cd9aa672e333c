import type { Channel } from "./event.ts";

/** Events that a reader asks an {@link EventArchive} for at once. */
export const ARCHIVE_PAGE_EVENTS = 500;
/**
 * Characters of JSON after which an {@link EventArchive} ends a page early: 64 Ki, which is what a reader
 * that stalls costs besides its socket.
 */
export const ARCHIVE_PAGE_CHARACTERS = 65_536;

/** One message event as it is kept on disk. */
export interface ArchivedEvent {
  /** Its number on `/events`; ascending, may leave gaps only where a commit failed. */
  readonly seq: number;
  /** Its kind of conversation, for the filter of `/events`. */
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
  /**
   * At most `limit` events with a larger number than `after`, oldest first; `[]` at the end. Fewer are
   * no end: a page may stop at ARCHIVE_PAGE_CHARACTERS.
   */
  read(after: number, limit: number): Promise<readonly ArchivedEvent[]>;
}
