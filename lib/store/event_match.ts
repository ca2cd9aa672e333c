import { isWrittenBy, type MessageEvent } from "#events";
import { conversationOfEvent, sentAtOf } from "./event_record.ts";

/** Which archived events are meant. Keys in lower case. */
export type EventMatch = DirectMatch | GroupMatch;

/** Events of a one-to-one conversation. */
export interface DirectMatch {
  /** Key of the other side. */
  readonly peer: string;
  /** Only messages with this id. */
  readonly id?: string;
  /** Only messages that this key wrote: see `isWrittenBy`. */
  readonly author?: string | undefined;
}

/** Events of a group. */
export interface GroupMatch {
  readonly group: string;
  /** Only messages that this key wrote at this time, nanoseconds since 1970. */
  readonly message?: { readonly sender: string; readonly timestamp: bigint };
}

/** Whether an event is meant. */
export function matchesEvent(event: MessageEvent, match: EventMatch): boolean {
  if ("group" in match) {
    const { group, message } = match;
    return event.groupId === group &&
      (message === undefined || event.sender.toLowerCase() === message.sender &&
          sentAtOf(event) === message.timestamp);
  }
  const { peer, id, author } = match;
  const [sender, own] = [event.sender.toLowerCase(), event.direction === "out"];
  return conversationOfEvent(event)?.toLowerCase() === peer &&
    (id === undefined || event.id === id) &&
    (author === undefined || isWrittenBy(author, { sender, own, peer }));
}

/**
 * What an event of a group is looked up by, where a message without a group has its id: ids of such
 * messages are numbers of this process, and whoever takes one back names author and time. Undefined for an
 * event without a group.
 */
export function nameInGroup(event: MessageEvent): string | undefined {
  const { groupId } = event;
  if (groupId === undefined) return undefined;
  return `${event.sender.toLowerCase()} ${sentAtOf(event)} ${groupId}`;
}

/** What the events that are meant are looked up by; undefined where all rows may hold some. */
export function nameOfMatch(match: EventMatch): string | undefined {
  if (!("group" in match)) return match.id;
  const { group, message } = match;
  return message && `${message.sender} ${message.timestamp} ${group}`;
}

/**
 * The key that a whitelist decides about: the other side, or the author of a message of a group;
 * undefined for what concerns no peer.
 */
export function foreignerOf(event: MessageEvent): string | undefined {
  if (event.channel === "system") return undefined;
  const other = event.direction === "out" ? undefined : event.sender;
  return (conversationOfEvent(event) ?? other)?.toLowerCase();
}

/** 32 bits of what an event is looked up by, to find the rows that may hold it: FNV-1a. */
export function hashOfName(name: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
