/** How far ahead of its arrival a message may be dated before that is said, nanoseconds (groups.md 2.8). */
export const MAX_AHEAD_NANOS = 300_000_000_000n;

/** What a message belongs to; the filter words of `/events` (http-api.md 6). */
export type Channel = "dm" | "group" | "pair" | "system";

/** A message that a local consumer may see, sent or received (http-api.md 5.3 and 6). */
export interface MessageEvent {
  /** Received or sent. */
  readonly direction: "in" | "out";
  /** The wire id, or a locally minted one (messages.md 3.3). Never empty. */
  readonly id: string;
  /** Present when the id was minted here: the message travelled without one, and the peer knows none. */
  readonly localId?: true;
  /** What carried it: `tcp-direct`, `cxo`. */
  readonly network: string;
  /** Author, 66 hex digits. */
  readonly sender: string;
  /** Recipient, 66 hex digits; outgoing messages only. */
  readonly to?: string;
  /** The text as it was sent, structured bodies still wrapped. */
  readonly text: string;
  /** Bytes of the text on the wire, which invalid UTF-8 makes different from what `text` encodes to. */
  readonly length: number;
  /** Id of the quoted message. */
  readonly replyTo?: string;
  /** True when the sender waits for the user's approval. */
  readonly request?: boolean;
  /** The kind of conversation. */
  readonly channel: Channel;
  /** The group, where there is one. */
  readonly groupId?: string;
  /**
   * Nanoseconds since 1970-01-01 UTC. With direction and text it tells a message without an id of its
   * own from all others, so its source gives no two messages the same.
   */
  readonly wall: bigint;
  /** Author's time of a group message, nanoseconds since 1970. */
  readonly sentAt?: bigint;
  /** False when a group message's author was never listed as a member (groups.md 1.7). */
  readonly listed?: false;
  /** What the store keeps beside it; only messages of replicated feeds have one. In no JSON. */
  readonly journal?: JournalNote;
}

/**
 * An entry of a feed's journal that belongs to a message: the store writes it in the same commit as the
 * event, so that after a crash a message is either shown, kept and marked, or none of it.
 */
export interface JournalNote {
  /** Whose journal: 66 hex digits, or `group:<id>` for that of a group. */
  readonly feed: string;
  /** For the owner of the journal alone to understand. Must not change any more. */
  readonly entry: Uint8Array;
}

/** News about the delivery of one message; only on `/sse` (messages.md 4.7). */
export interface StatusEvent {
  /** Id of the message, as its sender minted it. */
  readonly id: string;
  /** The other side of the conversation, 66 hex digits. */
  readonly peer: string;
  /** What is known now; `read` implies `received`. */
  readonly status: "received" | "read" | "deleted";
}

/** News that an author took a message of a group back for everybody; only on `/sse` (groups.md 6.3). */
export interface GroupDelete {
  /** The group. */
  readonly groupId: string;
  /** Author of both, 66 hex digits. */
  readonly deletedBy: string;
  /** Author's time of the message, nanoseconds since 1970. */
  readonly deletedTs: bigint;
}

/** What `channel=all` stands for. */
const ORDINARY_CHANNELS: readonly Channel[] = ["dm", "group", "pair"];

/**
 * Reads the `channel` parameter of `/events`: a comma list of `dm`, `group`, `pair`, `system`, `all`.
 *
 * Unknown words are ignored; a list that names nothing known counts as blank, which like `all` means
 * everything but `system` (http-api.md 6).
 */
export function parseChannels(csv: string | undefined): ReadonlySet<Channel> {
  const channels = new Set<Channel>();
  for (const item of (csv ?? "").split(",")) {
    const word = item.trim();
    if (word === "all") ORDINARY_CHANNELS.forEach((channel) => channels.add(channel));
    else if (isChannel(word)) channels.add(word);
  }
  return channels.size > 0 ? channels : new Set(ORDINARY_CHANNELS);
}

function isChannel(word: string): word is Channel {
  return word === "dm" || word === "group" || word === "pair" || word === "system";
}

/**
 * The other side of a one-to-one conversation that an event belongs to, 66 hex digits; undefined for
 * a message of a group.
 */
export function conversationOf(event: MessageEvent): string | undefined {
  if (event.groupId !== undefined) return undefined;
  return event.direction === "in" ? event.sender : event.to;
}

/** Whether a message is dated further ahead of its arrival than clocks differ. */
export function isAhead(event: Pick<MessageEvent, "sentAt" | "wall">): boolean {
  return event.sentAt !== undefined && event.sentAt > event.wall + MAX_AHEAD_NANOS;
}

/** Whose a message between two is. Keys in the same case. */
export interface Authorship {
  /** The author's key, as it is known. */
  readonly sender: string | undefined;
  /** Whether this node wrote it. */
  readonly own: boolean;
  /** Key of the other side. */
  readonly peer: string;
}

/**
 * Whether a message between two is one of those that are meant by the key of their author. Own ones are meant
 * by any key but that of the other side: this node may have several, that of its visor and that of its feed,
 * or have had another one once.
 */
export function isWrittenBy(author: string, { own, peer, sender }: Authorship): boolean {
  return author === sender || own && author !== peer;
}
