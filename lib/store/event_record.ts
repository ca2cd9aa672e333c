import { MAX_AHEAD_NANOS, type MessageEvent } from "#events";
import { MAX_IMPORT_GROUP } from "./import_record.ts";
import type { GroupRecord, HistoryRecord } from "./record.ts";
import { formatTimestamp } from "./timestamp.ts";

/** Key of the other side of a one-to-one message; undefined for a message of a group. */
export function conversationOfEvent(event: MessageEvent): string | undefined {
  if (event.groupId !== undefined) return undefined;
  return event.direction === "in" ? event.sender : event.to ?? "";
}

/**
 * The author's time of a message, nanoseconds since 1970: that of its arrival where nobody said another.
 * Whoever takes a message back names it by this time.
 */
export function sentAtOf({ sentAt, wall }: MessageEvent): bigint {
  return sentAt ?? wall;
}

/**
 * The time that a message of a group is kept and shown under: its author's, but no more than five minutes
 * after its arrival. What is dated far ahead would be the newest for ever, and never expire.
 */
export function keptTimeOf(event: MessageEvent): bigint {
  const [sentAt, latest] = [sentAtOf(event), event.wall + MAX_AHEAD_NANOS];
  return sentAt > latest ? latest : sentAt;
}

/**
 * The record of a message of a group; undefined for any other, and for a group whose name no archive
 * could have: empty, longer than 256 characters or with half a character.
 */
export function groupRecordOfEvent(event: MessageEvent): GroupRecord | undefined {
  const { channel, groupId = "" } = event;
  const isGroup = channel === "group" && groupId !== "" && groupId.length <= MAX_IMPORT_GROUP &&
    groupId.isWellFormed();
  if (!isGroup) return undefined;
  return {
    group_id: groupId,
    sender_pk: event.sender.toLowerCase(),
    outgoing: event.direction === "out",
    text: event.text,
    timestamp: formatTimestamp(keptTimeOf(event)),
  };
}

/**
 * The record of a one-to-one message (history.md 3); undefined for what history does not keep: messages of
 * groups, pair control, notices of the system. A direct message of a CXO feed comes on the channel of
 * the groups, without a group (http-api.md 6), and is kept like any other.
 */
export function recordOfEvent(event: MessageEvent): HistoryRecord | undefined {
  const peer = conversationOfEvent(event);
  const isDirect = event.channel === "dm" ||
    event.channel === "group" && event.network === "cxo";
  if (!isDirect || peer === undefined) return undefined;
  const outgoing = event.direction === "out";
  return {
    peer: peer.toLowerCase(),
    ...(outgoing ? {} : { from: event.sender.toLowerCase() }),
    outgoing,
    text: event.text,
    timestamp: formatTimestamp(event.wall),
    // A number that only this process knows would name nothing for the peer, or in another store.
    ...(event.id === "" || event.localId ? {} : { id: event.id }),
    ...(event.replyTo ? { reply_to: event.replyTo } : {}),
  };
}
