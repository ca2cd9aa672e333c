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
 * Gives memory back after a burst. The engine collects garbage when it needs room, so a node that
 * falls silent after a flood would keep the flood's memory for hours; on a small board others need
 * it. While messages flow nothing is done: the engine knows best then.
 *
 * @returns a function that stops it.
 */
export function collectWhenIdle(memory: ProcessMemory, clock: Clock): () => void {
  let last = memory.committed();
  let collected = last;
  let timer: Timer;
  const look = () => {
    const committed = memory.committed();
    const quiet = Math.abs(committed - last) <= COLLECTOR_QUIET_BYTES;
    last = committed;
    // What could not be freed at the last collection may have been freed since.
    collected = Math.min(collected, committed);
    if (quiet && committed > collected + COLLECTOR_GROWTH_BYTES) {
      memory.collect();
      last = collected = memory.committed();
    }
    timer = clock.after(COLLECTOR_INTERVAL_MS, look);
  };
  timer = clock.after(COLLECTOR_INTERVAL_MS, look);
  return () => timer.cancel();
}
