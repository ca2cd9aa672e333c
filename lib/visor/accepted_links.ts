import type { Clock } from "#kit";
import type { MeshLink } from "./mesh_link.ts";

/** Milliseconds that a peer which opened a connection has for its first byte, once room is scarce (ours). */
export const SILENT_MESH_LINK_MS = 60_000;
/** Memory in bytes that everything unwritten on connections that peers opened may hold together (ours). */
export const MAX_ACCEPTED_BACKLOG_BYTES = 33_554_432;
/** Bytes to be queued before that is added up again (ours). */
const COUNT_EVERY_BYTES = 1_048_576;

/** The connections that peers opened: strangers may, so they give way, and share one bound of memory. */
export class AcceptedLinks {
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #links = new Set<MeshLink>();
  #queuedSinceCount = 0;

  /** There are none yet. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many are open. */
  get size(): number {
    return this.#links.size;
  }

  /** Counts one. */
  add(link: MeshLink): void {
    this.#links.add(link);
  }

  /** Counts it no more. */
  delete(link: MeshLink): void {
    this.#links.delete(link);
  }

  /** The one to give way to another one that a peer opened: the oldest that had its time and said nothing. */
  overdue(): MeshLink | undefined {
    const oldest = this.#oldestSilent();
    if (oldest === undefined) return undefined;
    return this.#clock.now() - oldest.openedAt >= SILENT_MESH_LINK_MS ? oldest : undefined;
  }

  /** The one to give way to one that we dialled: the oldest that said nothing, else the oldest. */
  leastWanted(): MeshLink | undefined {
    return this.#oldestSilent() ?? this.#links.values().next().value;
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

  #oldestSilent(): MeshLink | undefined {
    for (const link of this.#links) if (link.silent) return link;
    return undefined;
  }
}
