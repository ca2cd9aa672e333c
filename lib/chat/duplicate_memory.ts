import type { Clock } from "#kit";
import { type ChatLimits, MAX_STORED_ID } from "./limits.ts";

/** Milliseconds between two looks at everything that is remembered, to drop what is too old. */
const SWEEP_INTERVAL = 60_000;

interface Sighting {
  readonly digest: number;
  readonly length: number;
  readonly at: number;
}

/**
 * Remembers which messages arrived lately, so that a client that retries after a lost receipt does
 * not show its message twice (messages.md 6.1).
 *
 * Bounded in time, per peer and in all: a peer can only push out its own ids until the total is
 * reached, then those of whoever was quiet longest.
 */
export class DuplicateMemory {
  readonly #clock: Clock;
  readonly #limits: ChatLimits;
  /** Peer to id to what was seen. Both levels are in the order of their last use, oldest first. */
  readonly #peers = new Map<string, Map<string, Sighting>>();
  #size = 0;
  #sweptAt: number;

  constructor(options: { clock: Clock; limits: ChatLimits }) {
    this.#clock = options.clock;
    this.#limits = options.limits;
    this.#sweptAt = options.clock.now();
  }

  /** Ids remembered in all. */
  get size(): number {
    return this.#size;
  }

  /**
   * Whether this peer sent the same body under the same id within the window. Remembers it either
   * way, except for ids that are empty or too long for a table, which are never repetitions. Half a
   * surrogate pair counts as U+FFFD, as which it is stored and comes back after a restart.
   */
  seenBefore(peer: string, message: { readonly id: string; readonly body: string }): boolean {
    return this.#see(peer, { message, at: this.#clock.now() });
  }

  /**
   * Remembers a message that arrived `ageMs` milliseconds ago, in a process before this one. To be
   * called with the oldest first and before anything arrives.
   */
  remember(
    peer: string,
    message: { readonly id: string; readonly body: string; readonly ageMs: number },
  ): void {
    this.#see(peer, { message, at: this.#clock.now() - message.ageMs });
  }

  #see(
    peer: string,
    { message, at }: { message: { id: string; body: string }; at: number },
  ): boolean {
    if (message.id === "" || message.id.length > MAX_STORED_ID) return false;
    const [id, body] = [message.id.toWellFormed(), message.body.toWellFormed()];
    const digest = bodyDigest(body);
    const ids = this.#idsOf(peer);
    const known = ids.get(id);
    if (known !== undefined) ids.delete(id);
    else this.#size++;
    ids.set(id, { digest, length: body.length, at });
    this.#bound(ids, at);
    return known !== undefined && at - known.at <= this.#limits.duplicateWindow &&
      known.digest === digest && known.length === body.length;
  }

  /** The ids of a peer, which becomes the last to be pushed out. */
  #idsOf(peer: string): Map<string, Sighting> {
    const ids = this.#peers.get(peer) ?? new Map<string, Sighting>();
    this.#peers.delete(peer);
    this.#peers.set(peer, ids);
    return ids;
  }

  #bound(ids: Map<string, Sighting>, now: number): void {
    const { duplicates, duplicatesPerPeer } = this.#limits;
    if (ids.size > duplicatesPerPeer) this.#dropOldest(ids, withSlack(duplicatesPerPeer));
    if (now - this.#sweptAt >= SWEEP_INTERVAL) this.#sweep(now);
    if (this.#size <= duplicates) return;
    const most = withSlack(duplicates);
    for (const [peer, others] of this.#peers) {
      this.#dropOldest(others, Math.max(0, others.size - (this.#size - most)));
      if (others.size === 0) this.#peers.delete(peer);
      if (this.#size <= most) break;
    }
  }

  /** Drops what is older than the window; what is used is checked again when it is used. */
  #sweep(now: number): void {
    this.#sweptAt = now;
    for (const [peer, ids] of this.#peers) {
      for (const [id, { at }] of ids) {
        if (now - at <= this.#limits.duplicateWindow) break;
        ids.delete(id);
        this.#size--;
      }
      if (ids.size === 0) this.#peers.delete(peer);
    }
  }

  #dropOldest(ids: Map<string, Sighting>, keep: number): void {
    for (const id of ids.keys()) {
      if (ids.size <= keep) break;
      ids.delete(id);
      this.#size--;
    }
  }
}

/**
 * What is left after a bound was exceeded: a little less than the bound, because finding the oldest
 * of a map is slow when it is done for every message.
 */
function withSlack(bound: number): number {
  return bound - Math.floor(bound / 16);
}

/**
 * Tells bodies apart: two 32-bit multiplicative hashes over the characters, joined to 53 bits.
 *
 * Not a cryptographic hash, on purpose: it is computed for every message, and a sender who forges a
 * collision can only hide a message of its own, which it may as well not send.
 */
function bodyDigest(body: string): number {
  let low = 0x811c9dc5;
  let high = 0x9e3779b1;
  for (let index = 0; index < body.length; index++) {
    const character = body.charCodeAt(index);
    low = Math.imul(low ^ character, 0x01000193);
    high = Math.imul(high ^ character, 0x85ebca6b);
    high ^= high >>> 15;
  }
  return (low >>> 0) + ((high >>> 0) & 0x1fffff) * 0x100000000;
}
