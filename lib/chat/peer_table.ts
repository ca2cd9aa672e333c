import type { ChatLink } from "./chat_link.ts";
import type { ChatLimits } from "./limits.ts";

/** What came of {@link PeerTable.add}. */
export interface Admission {
  /** False when the table is full and the link must be closed unused. */
  readonly admitted: boolean;
  /** A link that had to make room: no longer in the table, to be closed. */
  readonly displaced?: ChatLink;
}

/**
 * Live connections by key (messages.md 8). The newest of a key is used for sending, the others stay
 * as fallback, so that a short one that comes and goes never cuts off a long-lived one.
 */
export class PeerTable {
  readonly #limits: ChatLimits;
  /** Oldest first; no empty lists. */
  readonly #lists = new Map<string, ChatLink[]>();
  #size = 0;

  constructor(limits: ChatLimits) {
    this.#limits = limits;
  }

  /** Links in all. */
  get size(): number {
    return this.#size;
  }

  /**
   * Puts a link on its key's list. A key that has its share loses its oldest link. A full table
   * refuses keys that are new to it, except that a link we dialled takes the place of the oldest one
   * that somebody else opened: strangers must not keep an operator from their own peers.
   */
  add(link: ChatLink): Admission {
    const list = this.#lists.get(link.peer.hex);
    const full = this.#size >= this.#limits.links;
    let displaced: ChatLink | undefined;
    if (list !== undefined && (full || list.length >= this.#limits.linksPerPeer)) {
      displaced = list[0];
    } else if (full) {
      displaced = link.direction === "out" ? this.#oldestAccepted() : undefined;
      if (displaced === undefined) return { admitted: false };
    }
    if (displaced !== undefined) this.remove(displaced);
    const current = this.#lists.get(link.peer.hex);
    if (current === undefined) this.#lists.set(link.peer.hex, [link]);
    else current.push(link);
    this.#size++;
    return displaced === undefined ? { admitted: true } : { admitted: true, displaced };
  }

  /** Takes a link off; false when it was not there. */
  remove(link: ChatLink): boolean {
    const list = this.#lists.get(link.peer.hex);
    const index = list?.indexOf(link) ?? -1;
    if (list === undefined || index < 0) return false;
    list.splice(index, 1);
    if (list.length === 0) this.#lists.delete(link.peer.hex);
    this.#size--;
    return true;
  }

  /** The link to send on: the newest of a key, or the newest of those that will do. */
  newest(peer: string, willDo?: (link: ChatLink) => boolean): ChatLink | undefined {
    const list = this.#lists.get(peer);
    return willDo === undefined ? list?.at(-1) : list?.findLast(willDo);
  }

  /** Whether a link is in the table. */
  has(link: ChatLink): boolean {
    return this.#lists.get(link.peer.hex)?.includes(link) ?? false;
  }

  /** Keys with at least one link, sorted. */
  peers(): string[] {
    return [...this.#lists.keys()].sort();
  }

  /** Every link. */
  all(): ChatLink[] {
    return [...this.#lists.values()].flat();
  }

  #oldestAccepted(): ChatLink | undefined {
    let oldest: ChatLink | undefined;
    for (const link of this.all()) {
      if (link.direction === "in" && (oldest === undefined || link.openedAt < oldest.openedAt)) {
        oldest = link;
      }
    }
    return oldest;
  }
}
