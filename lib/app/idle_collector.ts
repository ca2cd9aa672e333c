import type { Clock, Timer } from "#kit";

/** The memory of the process, as far as the runtime lets a program see and steer it. */
export interface ProcessMemory {
  /** Bytes that the JavaScript heap and what hangs on it have taken from the system. */
  committed(): number;
  /** Collects all garbage now. */
  collect(): void;
}

/** How often the heap is looked at, in milliseconds. */
export const COLLECTOR_INTERVAL_MS = 5_000;
/** Growth in bytes since the last collection below which nothing is done. */
export const COLLECTOR_GROWTH_BYTES = 8_388_608;
/** Change in bytes between two looks up to which the node counts as quiet. */
export const COLLECTOR_QUIET_BYTES = 1_048_576;
/**
 * Looks from a collection to the one that follows it up. The engine keeps the pages that a collection
 * emptied for eight seconds, and gives them back to the system at the next one after that.
 */
export const COLLECTOR_FOLLOW_UP_LOOKS = 2;

/**
 * Gives memory back after a burst. The engine collects garbage when it needs room, so a node that
 * falls silent after a flood would keep the flood's memory for hours; on a small board others need
 * it. While messages flow nothing is done: the engine knows best then.
 *
 * @returns a function that stops it.
 */
export function collectWhenIdle(memory: ProcessMemory, clock: Clock): () => void {
  const watch = new HeapWatch(memory);
  let timer: Timer;
  const look = () => {
    watch.look();
    timer = clock.after(COLLECTOR_INTERVAL_MS, look);
  };
  timer = clock.after(COLLECTOR_INTERVAL_MS, look);
  return () => timer.cancel();
}

class HeapWatch {
  readonly #memory: ProcessMemory;
  #last: number;
  /** The smallest heap since the last collection: growth counts from there. */
  #smallest: number;
  #looksToFollowUp = 0;

  constructor(memory: ProcessMemory) {
    this.#memory = memory;
    this.#last = this.#smallest = memory.committed();
  }

  look(): void {
    const committed = this.#memory.committed();
    const quiet = Math.abs(committed - this.#last) <= COLLECTOR_QUIET_BYTES;
    this.#last = committed;
    this.#smallest = Math.min(this.#smallest, committed);
    if (!quiet) return;
    if (committed > this.#smallest + COLLECTOR_GROWTH_BYTES) {
      this.#collect();
      this.#looksToFollowUp = COLLECTOR_FOLLOW_UP_LOOKS;
    } else if (this.#looksToFollowUp > 0 && --this.#looksToFollowUp === 0) {
      this.#collect();
    }
  }

  #collect(): void {
    this.#memory.collect();
    this.#last = this.#smallest = this.#memory.committed();
  }
}
