import { MAX_ASIDE_DIALS, MAX_LINK_DIALS, MAX_MESH_DIALS, MAX_QUEUE_DIALS } from "./mesh_limits.ts";

/**
 * Why a peer is dialled: somebody waits for a message to be sent, `/link` asked for it, something is queued,
 * or nobody would miss it.
 */
export type DialPurpose = "send" | "link" | "queue" | "aside";

const CAPACITY: Readonly<Record<DialPurpose, number>> = {
  send: MAX_MESH_DIALS,
  link: MAX_LINK_DIALS,
  queue: MAX_QUEUE_DIALS,
  aside: MAX_ASIDE_DIALS,
};

/** How many peers are dialled for what: dials of one purpose that hang leave those of the others alone. */
export class DialPools {
  readonly #used: Record<DialPurpose, number> = { send: 0, link: 0, queue: 0, aside: 0 };

  /** Whether no more can be dialled for this purpose. */
  isFull(purpose: DialPurpose): boolean {
    return this.#used[purpose] >= CAPACITY[purpose];
  }

  /** Counts a dial until `ended` settles, which must not reject. */
  count(purpose: DialPurpose, ended: Promise<unknown>): void {
    this.#used[purpose]++;
    void ended.then(() => void this.#used[purpose]--);
  }
}
