/** Resident memory of a process in MiB, rounded up to a tenth (Linux). */
export async function residentMemory(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const kibibytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  return Math.ceil(kibibytes / 102.4) / 10;
}

/** V8 gives memory back to the system about half a minute after the last busy moment. */
const SETTLE_DEADLINE_MS = 60_000;
const SETTLE_STEP_MS = 250;

/**
 * Resident memory once it is at or below `limit` MiB, or whatever it is after a minute: a
 * garbage collector frees when it sees fit, so one reading right after an attack says little.
 */
export async function settledMemory(pid: number, limit: number): Promise<number> {
  const deadline = performance.now() + SETTLE_DEADLINE_MS;
  for (;;) {
    const now = await residentMemory(pid);
    if (now <= limit || performance.now() > deadline) return now;
    await new Promise((resolve) => setTimeout(resolve, SETTLE_STEP_MS));
  }
}
