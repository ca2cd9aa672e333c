import type { Clock } from "#kit";
import { sourceOf } from "./address_source.ts";
import { type Rate, RateLimiter } from "./rate_limiter.ts";

/** What a listener allows; each has a default in {@link DEFAULT_ACCEPT_LIMITS}. */
export interface AcceptLimits {
  /** Handshakes in progress, in all. */
  readonly handshakes: number;
  /** Handshakes in progress from one source (an IPv4 address or an IPv6 /64). */
  readonly handshakesPerSource: number;
  /** The same for this machine, where scripts start many one-shots at once. */
  readonly handshakesFromLoopback: number;
  /** New connections from one source. */
  readonly rate: Rate;
  /** The same for this machine. */
  readonly loopbackRate: Rate;
  /** Links from one source. */
  readonly linksPerSource: number;
  /** The same for this machine. */
  readonly linksFromLoopback: number;
  /** Sources whose rate is remembered. */
  readonly sources: number;
  /** Connections in all, those in handshake included. */
  readonly connections: number;
}

/**
 * Defaults. 64 handshakes and 1024 connections are messages.md 8. Eight handshakes from one source
 * leave room for a household behind one address, each of which takes a few round trips, and it
 * takes eight sources to fill the table. 20 a second is far above what reconnecting peers need and
 * costs a small board a fraction of one core. 256 links are more than people behind one address
 * have, and leave three quarters to everybody else.
 */
export const DEFAULT_ACCEPT_LIMITS: AcceptLimits = {
  handshakes: 64,
  handshakesPerSource: 8,
  handshakesFromLoopback: 32,
  rate: { perSecond: 20, burst: 40 },
  loopbackRate: { perSecond: 200, burst: 400 },
  linksPerSource: 256,
  linksFromLoopback: 512,
  sources: 4_096,
  connections: 1_024,
};

/**
 * Time in milliseconds that a handshake has to itself. When places run out, the oldest one that is
 * past this makes room: an honest peer is done by then, one that stalls is not.
 */
export const HANDSHAKE_GRACE_MS = 1_000;

/** Which limit kept a connection out. */
export type Refusal = "rate" | "crowd" | "slots" | "full";

/** A place for one handshake. */
export interface HandshakeSlot {
  readonly source: string;
  readonly since: number;
  /** True when the place was given to somebody else. */
  evicted: boolean;
  /** Ends the handshake that has this place. */
  readonly evict: () => void;
}

/** Decides who may start a handshake. */
export class AcceptGate {
  readonly #clock: Clock;
  readonly #limits: AcceptLimits;
  readonly #rates: RateLimiter;
  /** Oldest first. */
  readonly #slots = new Set<HandshakeSlot>();

  constructor(options: { clock: Clock; limits: AcceptLimits }) {
    this.#clock = options.clock;
    this.#limits = options.limits;
    this.#rates = new RateLimiter({ clock: options.clock, capacity: options.limits.sources });
  }

  /** Handshakes in progress. */
  get inProgress(): number {
    return this.#slots.size;
  }

  /**
   * A place for a connection from this address, or the limit that is in the way.
   *
   * @param options.live Links past their handshake.
   * @param options.liveFrom Those from one source.
   * @param options.evict Called when the place is needed for somebody else.
   */
  enter(
    remoteAddress: string,
    { live, liveFrom, evict }: {
      live: number;
      liveFrom: (source: string) => number;
      evict: () => void;
    },
  ): HandshakeSlot | Refusal {
    const { key, loopback } = sourceOf(remoteAddress);
    const limits = this.#limits;
    if (!this.#rates.take(key, loopback ? limits.loopbackRate : limits.rate)) return "rate";
    const mostLinks = loopback ? limits.linksFromLoopback : limits.linksPerSource;
    if (liveFrom(key) >= mostLinks) return "crowd";
    const most = loopback ? limits.handshakesFromLoopback : limits.handshakesPerSource;
    if (!this.#makeRoom((slot) => slot.source === key, most)) return "slots";
    if (live + this.#slots.size >= limits.connections) return "full";
    if (!this.#makeRoom(() => true, limits.handshakes)) return "slots";
    const slot = { source: key, since: this.#clock.now(), evicted: false, evict };
    this.#slots.add(slot);
    return slot;
  }

  /** Gives a place back. */
  leave(slot: HandshakeSlot): void {
    this.#slots.delete(slot);
  }

  /** Whether fewer than `most` of these slots are taken, after throwing out one that dawdles. */
  #makeRoom(counts: (slot: HandshakeSlot) => boolean, most: number): boolean {
    const taken = [...this.#slots].filter(counts);
    if (taken.length < most) return true;
    const [oldest] = taken;
    if (oldest === undefined || this.#clock.now() - oldest.since < HANDSHAKE_GRACE_MS) return false;
    this.#slots.delete(oldest);
    oldest.evicted = true;
    oldest.evict();
    return true;
  }
}
