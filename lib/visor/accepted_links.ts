import type { MeshLink } from "./mesh_link.ts";

/** Memory in bytes that everything unwritten on connections that peers opened may hold together (ours). */
export const MAX_ACCEPTED_BACKLOG_BYTES = 33_554_432;
/** Bytes to be queued before that is added up again (ours). */
const COUNT_EVERY_BYTES = 1_048_576;

/** The connections that peers opened: strangers may, so all of them share one bound of memory. */
export class AcceptedLinks {
  readonly #links = new Set<MeshLink>();
  #queuedSinceCount = 0;

  /** Counts one. */
  add(link: MeshLink): void {
    this.#links.add(link);
  }

  /** Counts it no more. */
  delete(link: MeshLink): void {
    this.#links.delete(link);
  }

  /**
   * Bytes were queued on one of them. While all hold more than {@link MAX_ACCEPTED_BACKLOG_BYTES} the one
   * that holds most is closed: a peer that reads what it asked for holds next to nothing.
   */
  queued(bytes: number): void {
    this.#queuedSinceCount += bytes;
    if (this.#queuedSinceCount < COUNT_EVERY_BYTES) return;
    this.#queuedSinceCount = 0;
    const holding = [...this.#links].sort((one, other) => one.held - other.held);
    let sum = holding.reduce((total, link) => total + link.held, 0);
    while (sum > MAX_ACCEPTED_BACKLOG_BYTES) {
      const most = holding.pop();
      if (most === undefined) return;
      sum -= most.held;
      most.close("too much waits for its peers to read, and most for this one");
    }
  }
}
