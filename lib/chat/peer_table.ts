import type { Clock } from "#kit";
import { type ChatLink, networkOf } from "./chat_link.ts";
import { type ChatLimits, MAX_KNOWN_PEERS, SILENT_LINK_MS } from "./limits.ts";

/** What came of {@link PeerTable.add}. */
export interface Admission {
  /** False when there is no room and the link must be closed unused. */
  readonly admitted: boolean;
  /** A link that had to make room: no longer in the table, to be closed. */
  readonly displaced?: ChatLink;
}

/**
 * Live connections by key (messages.md 8). The newest of a key is used for sending, the others stay
 * as fallback, so that a short one that comes and goes never cuts off a long-lived one.
 *
 * Where there is no room, those give way that peers opened and never said anything on.
 */
export class PeerTable {
  readonly #limits: ChatLimits;
  readonly #clock: Clock;
  /** Oldest first; no empty lists. */
  readonly #lists = new Map<string, ChatLink[]>();
  /** Links that peers opened, oldest first. */
  readonly #accepted = new Set<ChatLink>();
  /** Those of them on which no whole frame came. */
  readonly #silent = new Set<ChatLink>();
  /** Those of them that came over the mesh from nobody in particular. */
  readonly #strangers = new Set<ChatLink>();
  /** Keys that we have something to say to, the latest last. */
  readonly #known = new Set<string>();
  #size = 0;

  constructor(limits: ChatLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Links in all. */
  get size(): number {
    return this.#size;
  }

  /**
   * Puts a link on its key's list, in the place of another one where there is no room: of an older one of
   * its key, or else of the first that a peer opened and has said nothing on for {@link SILENT_LINK_MS}. A link
   * that we dialled takes the place of the oldest that somebody else opened, if need be: strangers must not
   * keep an operator from their own peers. For the same reason those that come over the mesh share a bound,
   unless they are {@link know | known}.
   */
  add(link: ChatLink): Admission {
    const place = this.#placeFor(link);
    if (place === "none") return { admitted: false };
    const displaced = place === "free" ? undefined : place;
    if (displaced !== undefined) this.remove(displaced);
    this.#put(link);
    return displaced === undefined ? { admitted: true } : { admitted: true, displaced };
  }

  /** We have something to say to a key, 66 hex digits: from now on its links are not those of a stranger. */
  know(peer: string): void {
    this.#known.delete(peer);
    this.#known.add(peer);
    const [first = ""] = this.#known;
    if (this.#known.size > MAX_KNOWN_PEERS) this.#known.delete(first);
  }

  /** A whole frame came on a link: it gives way to nobody who has said less. */
  spoke(link: ChatLink): void {
    this.#silent.delete(link);
  }

  /** Takes a link off; false when it was not there. */
  remove(link: ChatLink): boolean {
    const list = this.#lists.get(link.peer.hex);
    const index = list?.indexOf(link) ?? -1;
    if (list === undefined || index < 0) return false;
    list.splice(index, 1);
    if (list.length === 0) this.#lists.delete(link.peer.hex);
    for (const set of [this.#accepted, this.#silent, this.#strangers]) set.delete(link);
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

  /** Keys with at least one link, or with one that will do, sorted. */
  peers(willDo: (link: ChatLink) => boolean = () => true): string[] {
    return [...this.#lists].filter(([, list]) => list.some(willDo)).map(([key]) => key).sort();
  }

  /** Every link. */
  all(): ChatLink[] {
    return [...this.#lists.values()].flat();
  }

  /** The link whose place a new one may take; `free` where none has to go. */
  #placeFor(link: ChatLink): ChatLink | "free" | "none" {
    const { links, linksPerPeer, strangerLinks } = this.#limits;
    const own = this.#lists.get(link.peer.hex) ?? [];
    const hasShare = own.length >= linksPerPeer;
    if (this.#isStranger(link) && this.#strangers.size >= strangerLinks) {
      const older = own.find((each) => this.#strangers.has(each));
      // Whoever has its share would have to lose one of those that are no strangers as well.
      return older ?? (hasShare ? "none" : this.#firstSilent(this.#strangers) ?? "none");
    }
    const full = this.#size >= links;
    if (!full && !hasShare) return "free";
    const ours = link.direction === "out";
    const [oldest] = this.#accepted;
    return own[0] ?? this.#firstSilent(this.#silent) ?? (ours ? oldest : undefined) ?? "none";
  }

  /** The oldest of some links on which nothing was said for long enough. */
  #firstSilent(among: ReadonlySet<ChatLink>): ChatLink | undefined {
    const latest = this.#clock.now() - SILENT_LINK_MS;
    for (const link of this.#silent) {
      if (link.openedAt > latest) return undefined;
      if (among.has(link)) return link;
    }
    return undefined;
  }

  #put(link: ChatLink): void {
    const list = this.#lists.get(link.peer.hex);
    if (list === undefined) this.#lists.set(link.peer.hex, [link]);
    else list.push(link);
    this.#size++;
    if (link.direction === "out") return;
    this.#accepted.add(link);
    this.#silent.add(link);
    if (this.#isStranger(link)) this.#strangers.add(link);
  }

  /** Whether anybody at all could have opened a link: keys cost nothing there, and no list says who is welcome. */
  #isStranger(link: ChatLink): boolean {
    const isAnybodys = link.direction === "in" && networkOf(link) !== "tcp-direct";
    return isAnybodys && !this.#known.has(link.peer.hex);
  }
}
