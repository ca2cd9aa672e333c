import { conversationOf, isWrittenBy, type MessageEvent } from "./event.ts";
import { groupOfLine, sentAtOfLine } from "./event_json.ts";

/** Which events are to be shown no more. */
export type Forgotten = ForgottenDirect | ForgottenGroup;

/** Events of a one-to-one conversation. */
export interface ForgottenDirect {
  /** Key of the other side. */
  readonly peer: string;
  /** Only the message with this id. */
  readonly id?: string;
  /** Only what this key wrote: see {@link isWrittenBy}. */
  readonly author?: string | undefined;
}

/** Events of a group. */
export interface ForgottenGroup {
  /** Its id. */
  readonly group: string;
  /** Only the message of this author and time; nanoseconds since 1970. */
  readonly which?: { readonly sender: string; readonly timestamp: bigint } | undefined;
}

/** Whose an event is. */
export interface Parties {
  /** The other side of a one-to-one conversation; undefined in a group. */
  readonly conversation: string | undefined;
  /** The group, where there is one. */
  readonly group?: string | undefined;
  /** Author's time of a message of a group, nanoseconds since 1970. */
  readonly sentAt?: bigint | undefined;
  /** Absent for news about messages. */
  readonly id?: string;
  readonly author?: string;
  /** Whether this node wrote it. */
  readonly own?: boolean;
}

/** Whose a message is. */
export function partiesOf(event: MessageEvent): Parties {
  const { direction, id, sender, groupId, sentAt } = event;
  if (groupId === undefined) {
    return { conversation: conversationOf(event), id, author: sender, own: direction === "out" };
  }
  return { conversation: undefined, id, author: sender, group: groupId, sentAt };
}

/** Whose an `/events` text is. */
export function partiesOfLine(line: string): Parties {
  const value = parsed(line);
  if (typeof value !== "object" || value === null) return { conversation: undefined };
  const text = (name: string) => {
    const found: unknown = Reflect.get(value, name);
    return typeof found === "string" ? found : undefined;
  };
  const [id, author, group] = [text("id"), text("from"), groupOfLine(line)];
  const own = text("dir") === "out";
  return {
    conversation: group !== undefined ? undefined : own ? text("to") : author,
    ...(group === undefined ? { own } : { group, sentAt: sentAtOfLine(line) }),
    ...(id === undefined ? {} : { id }),
    ...(author === undefined ? {} : { author }),
  };
}

/** Whether an event is to be forgotten. */
export function isForgotten(parties: Parties, forgotten: Forgotten): boolean {
  const { conversation, group, sentAt, id, author, own = false } = parties;
  if ("group" in forgotten) {
    const { which } = forgotten;
    return group === forgotten.group &&
      (which === undefined || author === which.sender && sentAt === which.timestamp);
  }
  const { peer } = forgotten;
  return conversation === peer &&
    (forgotten.id === undefined || id === forgotten.id) &&
    (forgotten.author === undefined ||
      isWrittenBy(forgotten.author, { sender: author, own, peer }));
}

/** A text from disk may be damaged: then it is nobody's. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
