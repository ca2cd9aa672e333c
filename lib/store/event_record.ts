import type { MessageEvent } from "#events";
import type { HistoryRecord } from "./record.ts";
import { formatTimestamp } from "./timestamp.ts";

/** Key of the other side of a one-to-one message; undefined for a message of a group. */
export function conversationOfEvent(event: MessageEvent): string | undefined {
  if (event.groupId !== undefined) return undefined;
  return event.direction === "in" ? event.sender : event.to ?? "";
}

/**
 * The record of a message (history.md 3); undefined for what history does not keep: messages of
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
