import type { JournalNote, MessageEvent } from "#events";
import { utf8 } from "#kit";
import { isPeerKey } from "./whitelist.ts";

/**
 * Most bytes of one entry of a journal. Ours: with the event and the record of the same message it must
 * fit into one commit of 819,200 bytes.
 */
export const MAX_JOURNAL_ENTRY_BYTES = 262_144;
/**
 * Most bytes of the state of a journal. Ours: it is written anew with each commit, which may concern as
 * many journals as messages.
 */
export const MAX_JOURNAL_STATE_BYTES = 2_048;
/** Most bytes of the entries that one call puts into one commit, with what each counts beside its own. */
const JOURNAL_PART_BYTES = 262_400;
/** What an entry counts beside its bytes: its length, and its share of the row of the journal. */
const JOURNAL_ENTRY_OVERHEAD = 8;

/** What is in a journal. */
export interface JournalContents {
  /** As it was set last; undefined before the first time. */
  readonly state: Uint8Array | undefined;
  /**
   * Oldest first. Entries that cannot be read any more are left out and told in the log: then there are
   * fewer of them than {@link Journal.length} says.
   */
  readonly entries: readonly Uint8Array[];
}

/**
 * An append-only list of entries and one state, which the store does not understand, kept for a feed.
 * Beside these calls, events with a {@link JournalNote} add to it; all of them keep their order. What is
 * handed in must not change any more.
 */
export interface Journal {
  /**
   * Everything that was put there before the call.
   *
   * @throws {StoreError} the disk failed, or the history is closed
   */
  read(): Promise<JournalContents>;
  /**
   * Adds entries behind all others, and replaces the state where one is given; with no entries, only
   * that. True when all of it is on disk; false when the disk refused, which is logged. Never rejects.
   *
   * What has up to 262,144 bytes, 8 more counted for each entry, is written at once or not at all; of
   * more, some of the first entries may be there after a crash or where this says false. The state
   * comes with the last of them.
   *
   * @throws {RangeError} at once, for an entry of more than 262,144 bytes or a state of more than 2,048
   */
  append(entries: readonly Uint8Array[], state?: Uint8Array): Promise<boolean>;
  /**
   * Replaces the entries that were put there before the call; the state too where one is given, once
   * all new entries are there, unless somebody set it after the call. True when it is done, false when
   * the disk refused, which is logged. Never rejects.
   *
   * New entries are written behind the old ones, then old ones go, oldest first, both in as many commits
   * as it takes. After a crash in between, or where this says false, there are the last of the old
   * entries, then the first of the new ones: all old ones until the new ones are complete. So nothing
   * is lost, and an owner must read entries so that those which come again do no harm. What is
   * appended after the call stands behind the new entries in any case.
   *
   * @throws {RangeError} like {@link append}
   */
  rewrite(entries: readonly Uint8Array[], state?: Uint8Array): Promise<boolean>;
  /** Bytes of the entries on disk, during a rewrite old and new ones: whether a rewrite is worth it. */
  readonly bytes: number;
  /** Number of the entries on disk, in the same way. */
  readonly length: number;
}

/** Who decides whether a journal may be on disk. */
export interface JournalRule {
  readonly policy: { mayKeep(peer: string): boolean };
  /** The key of this node's feed, whose journal is always kept. */
  readonly ownFeed: string;
}

/** Whether anything of a feed, as {@link feedOf} gave it, may be on disk. */
export function mayKeepJournal(feed: string, { ownFeed, policy }: JournalRule): boolean {
  // What this node publishes in a group is its own feed, messages that it mirrors included.
  return feed === ownFeed || groupOfJournal(feed) !== undefined || policy.mayKeep(feed);
}

/**
 * What of an event goes into a journal.
 *
 * @throws {RangeError} the entry is too long or the feed is no key
 */
export function noteOf({ journal }: MessageEvent, rule: JournalRule): JournalNote | undefined {
  if (journal === undefined) return undefined;
  const feed = feedOf(journal.feed);
  checkContents([journal.entry], undefined);
  return mayKeepJournal(feed, rule) ? { feed, entry: journal.entry } : undefined;
}

/** What the key of a group's journal begins with; no public key does. */
const GROUP_PREFIX = "group:";
/** Most bytes of UTF-8 that the id of a group with a journal has. Ours; ids of groups are UUIDs mostly. */
const MAX_GROUP_ID_BYTES = 128;

/**
 * The key of a feed in lower case; that of a group's journal, `group:<id>`, as it is.
 *
 * @throws {RangeError} it is neither a public key nor a text of that form
 */
export function feedOf(key: string): string {
  if (groupOfJournal(key) !== undefined) return key;
  const feed = key.toLowerCase();
  if (isPeerKey(feed)) return feed;
  throw new RangeError("Cannot keep a journal: the feed is neither a public key nor a group");
}

/** The group whose journal a key names, where it is one of {@link feedOf}; undefined for a peer's. */
export function groupOfJournal(key: string): string | undefined {
  if (!key.startsWith(GROUP_PREFIX)) return undefined;
  const group = key.slice(GROUP_PREFIX.length);
  const isText = /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+$/u.test(group);
  return isText && utf8(group).length <= MAX_GROUP_ID_BYTES ? group : undefined;
}

/** The key of the journal of a group. */
export function journalOfGroup(group: string): string {
  return `${GROUP_PREFIX}${group}`;
}

/** @throws {RangeError} something is too long */
export function checkContents(
  entries: readonly Uint8Array[],
  state: Uint8Array | undefined,
): void {
  const longest = entries.reduce((most, { length }) => Math.max(most, length), 0);
  if (longest > MAX_JOURNAL_ENTRY_BYTES) {
    throw new RangeError(`Cannot keep an entry of ${longest} bytes in a journal: too long`);
  }
  if (state !== undefined && state.length > MAX_JOURNAL_STATE_BYTES) {
    throw new RangeError(`Cannot keep a state of ${state.length} bytes in a journal: too long`);
  }
}

/** What the entries of one commit count in the write queue. */
export function sizeOf(entries: readonly Uint8Array[]): number {
  return entries.reduce((sum, { length }) => sum + length + JOURNAL_ENTRY_OVERHEAD, 0);
}

/** Cuts entries into what fits into one commit each. */
export function partsOf(entries: readonly Uint8Array[]): readonly (readonly Uint8Array[])[] {
  const parts: Uint8Array[][] = [];
  let bytes = Infinity;
  for (const entry of entries) {
    const size = entry.length + JOURNAL_ENTRY_OVERHEAD;
    bytes += size;
    const last = parts.at(-1);
    if (last !== undefined && bytes <= JOURNAL_PART_BYTES) {
      last.push(entry);
      continue;
    }
    parts.push([entry]);
    bytes = size;
  }
  return parts;
}
