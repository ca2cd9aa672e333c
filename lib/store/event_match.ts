import type { MessageEvent } from "#events";
import { conversationOfEvent } from "./event_record.ts";

/** Which archived events are meant. Keys in lower case. */
export interface EventMatch {
  /** Key of the other side of a one-to-one conversation. */
  readonly peer: string;
  /** Only messages with this id. */
  readonly id?: string;
  /** Only messages that this key wrote. */
  readonly author?: string | undefined;
}

/** Whether an event is meant. */
export function matchesEvent(event: MessageEvent, { peer, id, author }: EventMatch): boolean {
  return conversationOfEvent(event)?.toLowerCase() === peer &&
    (id === undefined || event.id === id) &&
    (author === undefined || event.sender.toLowerCase() === author);
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

/** 32 bits of an id, to find the rows that may hold it: FNV-1a. */
export function hashOfId(id: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
