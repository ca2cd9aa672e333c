import type { PublicKey } from "#crypto";
import type { Clock, Timer } from "#kit";
import { OUTBOX_REDIAL_MS } from "./limits.ts";
import { MAX_QUEUE_DIALS } from "./mesh_limits.ts";

/** What redialling needs. */
export interface MeshRediallerOptions {
  readonly clock: Clock;
  /** Keys for which something waits, whoever of them is connected. */
  readonly waiting: () => readonly PublicKey[];
  /** What to dial a peer over; undefined where nothing waits for that or it is connected. */
  readonly networkFor: (peer: PublicKey) => string | undefined;
  /** Tries to reach a peer; never rejects. */
  readonly reach: (peer: PublicKey, network: string) => Promise<unknown>;
}

/**
 * Dials, again and again, those for whom something is queued: a few at a time, each in its turn. Whoever was
 * dialled goes to the end of the queue, and the queue outlives the minute, so that peers that are away for
 * good keep nobody else from being dialled.
 */
export class MeshRedialler {
  readonly #options: MeshRediallerOptions;
  /** Whose turn is to come, first to last, by key. */
  readonly #queue = new Map<string, PublicKey>();
  /** Who is being dialled. */
  readonly #running = new Set<string>();
  #timer: Timer | undefined;
  #closed = false;

  /** Dials nobody before a minute has passed or {@link add} is called. */
  constructor(options: MeshRediallerOptions) {
    this.#options = options;
    this.#schedule();
  }

  /** Gives a peer its turn, after those who wait for theirs. */
  add(peer: PublicKey): void {
    if (this.#closed || this.#running.has(peer.hex)) return;
    this.#queue.set(peer.hex, peer);
    this.#work();
  }

  /** Dials nobody any more. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#queue.clear();
  }

  #schedule(): void {
    this.#timer = this.#options.clock.after(OUTBOX_REDIAL_MS, () => {
      this.#schedule();
      for (const peer of this.#options.waiting()) this.add(peer);
    });
  }

  #work(): void {
    for (const [key, peer] of this.#queue) {
      if (this.#running.size >= MAX_QUEUE_DIALS) return;
      this.#queue.delete(key);
      const network = this.#options.networkFor(peer);
      if (network === undefined) continue;
      this.#running.add(key);
      void this.#options.reach(peer, network).then(() => {
        this.#running.delete(key);
        this.#work();
      });
    }
  }
}
