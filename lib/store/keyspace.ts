import { fromHex, toHex } from "#kit";
import { groupOfJournal, journalOfGroup } from "./journal.ts";

/**
 * Every key of the database, built and read here and nowhere else; `docs/KEYSPACE.md` lists them.
 *
 * Keys are stored twice by Deno KV, so they are short: peers appear as small numbers, and only their
 * own row has the key itself, as 33 raw bytes; groups are few and appear as they are called. Numbers are bigints, which sort by value.
 */
export type Key = Deno.KvKey;

/** Largest bytes of one row's value; longer values go on in further rows. KV takes 65,536. */
export const PIECE_BYTES = 60_000;

/** Kinds of rows, by the first part of their keys. */
export const ROWS = {
  format: "format",
  owner: "owner",
  peer: "p",
  record: "m",
  time: "t",
  group: "g",
  groupSums: "h",
  event: "e",
  newestEvent: "n",
  outbox: "q",
  journal: "j",
  entries: "k",
  groupJournal: "l",
  groupPart: "i",
} as const;

/** A range of keys, from `start` up to but without `end`. */
export interface KeyRange {
  readonly start: Key;
  readonly end: Key;
}

/** Version of everything below. */
export function formatKey(): Key {
  return [ROWS.format];
}

/** Who may write. */
export function ownerKey(): Key {
  return [ROWS.owner];
}

/** A conversation with its number and sums. */
export function peerKey(peer: string): Key {
  const bytes = fromHex(peer);
  if (bytes?.length !== 33) throw new RangeError("Cannot build a key: the peer is no public key");
  return [ROWS.peer, bytes];
}

/** All conversations, in byte order. */
export function peersRange(): KeyRange {
  return allOf(ROWS.peer);
}

/** Key of the other side, of a {@link peerKey}. */
export function peerOf(key: Key): string {
  const bytes = key[1];
  if (!(bytes instanceof Uint8Array)) throw unknownKey();
  return toHex(bytes);
}

/** A record; `piece` counts from 1 for what its first row has no room for. */
export function recordKey(conversation: number, at: bigint, piece = 0): Key {
  return withPiece([ROWS.record, BigInt(conversation), at], piece);
}

/** Records of a conversation with `from` <= key < `to`; without bounds, all of them. */
export function recordsRange(
  conversation: number,
  { from, to }: { from?: bigint | undefined; to?: bigint | undefined } = {},
): KeyRange {
  const id = BigInt(conversation);
  return {
    start: from === undefined ? [ROWS.record, id] : [ROWS.record, id, from],
    end: to === undefined ? [ROWS.record, id + 1n] : [ROWS.record, id, to],
  };
}

/** Records of all conversations. */
export function everyRecordRange(): KeyRange {
  return allOf(ROWS.record);
}

/** What a {@link recordKey} says. */
export function recordPlace(key: Key): { conversation: number; at: bigint; piece: number } {
  return { conversation: Number(bigintAt(key, 1)), at: bigintAt(key, 2), piece: pieceAt(key, 3) };
}

/** The same record in the order of time. */
export function timeKey(at: bigint, conversation: number): Key {
  return [ROWS.time, at, BigInt(conversation)];
}

/** Records of all conversations with `from` <= key < `to`. */
export function timeRange(
  { from, to }: { from?: bigint | undefined; to?: bigint | undefined } = {},
): KeyRange {
  const whole = allOf(ROWS.time);
  return {
    start: from === undefined ? whole.start : [ROWS.time, from],
    end: to === undefined ? whole.end : [ROWS.time, to],
  };
}

/** What a {@link timeKey} says. */
export function timePlace(key: Key): { at: bigint; conversation: number } {
  return { at: bigintAt(key, 1), conversation: Number(bigintAt(key, 2)) };
}

/** A record of a group. */
export function groupKey(group: string, at: bigint, piece = 0): Key {
  return withPiece([ROWS.group, group, at], piece);
}

/** Records of one group with `from` <= key < `to`, where these are given; of all without a name. */
export function groupsRange(
  group?: string,
  { from, to }: { from?: bigint | undefined; to?: bigint | undefined } = {},
): KeyRange {
  if (group === undefined) return allOf(ROWS.group);
  return {
    start: from === undefined ? [ROWS.group, group] : [ROWS.group, group, from],
    end: to === undefined ? [ROWS.group, `${group}\0`] : [ROWS.group, group, to],
  };
}

/** What a {@link groupKey} says. */
export function groupPlace(key: Key): { group: string; at: bigint; piece: number } {
  return { group: textAt(key, 1), at: bigintAt(key, 2), piece: pieceAt(key, 3) };
}

/** Number and bytes of all group records. */
export function groupSumsKey(): Key {
  return [ROWS.groupSums];
}

/** Sums of one group. */
export function groupPartKey(group: string): Key {
  return [ROWS.groupPart, group];
}

/** Sums of all groups, by the order of their names. */
export function groupPartsRange(): KeyRange {
  return allOf(ROWS.groupPart);
}

/** The group, of a {@link groupPartKey}. */
export function groupOfPart(key: Key): string {
  return textAt(key, 1);
}

/** Some events in a row, under the number of the first. */
export function eventKey(first: number, piece = 0): Key {
  return withPiece([ROWS.event, BigInt(first)], piece);
}

/** Events from the block that begins with `first`. */
export function eventsRange(first = 0): KeyRange {
  return { start: [ROWS.event, BigInt(first)], end: allOf(ROWS.event).end };
}

/** What an {@link eventKey} says. */
export function eventPlace(key: Key): { first: number; piece: number } {
  return { first: Number(bigintAt(key, 1)), piece: pieceAt(key, 2) };
}

/** Number of the newest event, where its row is gone. */
export function newestEventKey(): Key {
  return [ROWS.newestEvent];
}

/** A queued message, by its place in the queue. */
export function outboxKey(place: number, piece = 0): Key {
  return withPiece([ROWS.outbox, BigInt(place)], piece);
}

/** The queue, in its order. */
export function outboxRange(): KeyRange {
  return allOf(ROWS.outbox);
}

/** What an {@link outboxKey} says. */
export function outboxPlace(key: Key): number {
  return Number(bigintAt(key, 1));
}

/** A journal with its number, its blocks, sums and state; of a group as {@link journalOfGroup} names it. */
export function journalKey(feed: string): Key {
  const group = groupOfJournal(feed);
  if (group !== undefined) return [ROWS.groupJournal, group];
  const bytes = fromHex(feed);
  if (bytes?.length !== 33) throw new RangeError("Cannot build a key: the feed is no public key");
  return [ROWS.journal, bytes];
}

/** All journals of feeds, in byte order. */
export function journalsRange(): KeyRange {
  return allOf(ROWS.journal);
}

/** All journals of groups, by the order of their ids. */
export function groupJournalsRange(): KeyRange {
  return allOf(ROWS.groupJournal);
}

/** Whose journal, of a {@link journalKey}. */
export function journalFeed(key: Key): string {
  return key[0] === ROWS.groupJournal ? journalOfGroup(textAt(key, 1)) : peerOf(key);
}

/** A block of entries of a journal. */
export function entriesKey(journal: number, block: number, piece = 0): Key {
  return withPiece([ROWS.entries, BigInt(journal), BigInt(block)], piece);
}

/** Blocks of a journal with `from` <= number < `to`. */
export function entriesRange(
  journal: number,
  { from, to }: { from: number; to: number },
): KeyRange {
  const id = BigInt(journal);
  return { start: [ROWS.entries, id, BigInt(from)], end: [ROWS.entries, id, BigInt(to)] };
}

/** Blocks of all journals from one on. */
export function entriesFromRange(journal: number): KeyRange {
  return { start: [ROWS.entries, BigInt(journal)], end: allOf(ROWS.entries).end };
}

/** Number of the block, of an {@link entriesKey}. */
export function entriesBlock(key: Key): number {
  return Number(bigintAt(key, 2));
}

function allOf(row: string): KeyRange {
  return { start: [row], end: [`${row}\0`] };
}

function withPiece(key: Key, piece: number): Key {
  return piece === 0 ? key : [...key, BigInt(piece)];
}

function bigintAt(key: Key, index: number): bigint {
  const part = key[index];
  if (typeof part !== "bigint") throw unknownKey();
  return part;
}

function textAt(key: Key, index: number): string {
  const part = key[index];
  if (typeof part !== "string") throw unknownKey();
  return part;
}

function pieceAt(key: Key, index: number): number {
  return key.length > index ? Number(bigintAt(key, index)) : 0;
}

function unknownKey(): RangeError {
  return new RangeError("Cannot read a key: it has another shape than this program writes");
}
