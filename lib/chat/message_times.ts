import type { Clock } from "#kit";

/**
 * Times for messages by their text, nanoseconds since 1970-01-01 UTC: what the clock says, and a
 * nanosecond more for each further message of the same text at the same reading. A clock may be coarser
 * than messages are frequent, and those without an id are told apart by time and text.
 */
export function messageTimes(clock: Pick<Clock, "wall">): (text: string) => bigint {
  let reading: bigint | undefined;
  const repeated = new Map<string, bigint>();
  return (text) => {
    const wall = clock.wall();
    if (wall !== reading) repeated.clear();
    reading = wall;
    const before = repeated.get(text) ?? 0n;
    repeated.set(text, before + 1n);
    return wall + before;
  };
}
