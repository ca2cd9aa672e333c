import { conversationOf, type MessageEvent } from "./event.ts";

/** Which events of a one-to-one conversation are to be shown no more. */
export interface Forgotten {
  /** Key of the other side. */
  readonly peer: string;
  /** Only the message with this id. */
  readonly id?: string;
  /** Only what this key wrote. */
  readonly author?: string | undefined;
}

/** Whose an event is; nothing of it for a message of a group. */
export interface Parties {
  readonly conversation: string | undefined;
  /** Absent for news about messages. */
  readonly id?: string;
  readonly author?: string;
}

/** Whose a message is. */
export function partiesOf(event: MessageEvent): Parties {
  return { conversation: conversationOf(event), id: event.id, author: event.sender };
}

/** Whose an `/events` text is. */
export function partiesOfLine(line: string): Parties {
  const value = parsed(line);
  if (typeof value !== "object" || value === null || "group_id" in value) {
    return { conversation: undefined };
  }
  const text = (name: string) => {
    const found: unknown = Reflect.get(value, name);
    return typeof found === "string" ? found : undefined;
  };
  const [id, author] = [text("id"), text("from")];
  return {
    conversation: text("dir") === "out" ? text("to") : author,
    ...(id === undefined ? {} : { id }),
    ...(author === undefined ? {} : { author }),
  };
}

/** Whether an event is to be forgotten. */
export function isForgotten(
  { conversation, id, author }: Parties,
  forgotten: Forgotten,
): boolean {
  return conversation === forgotten.peer &&
    (forgotten.id === undefined || id === forgotten.id) &&
    (forgotten.author === undefined || author === forgotten.author);
}

/** A text from disk may be damaged: then it is nobody's. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
