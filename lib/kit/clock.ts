/** A timer that has not fired yet. */
export interface Timer {
  /** Stops it; does nothing when it already fired. */
  cancel(): void;
}

/** Where every layer gets its time from, so that tests can move it by hand. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never goes back. For durations. */
  now(): number;
  /** Nanoseconds since 1970-01-01 UTC; may jump. For timestamps that people see. */
  wall(): bigint;
  /**
   * Calls `action` once, `ms` milliseconds from now; for 0 as soon as everything that is ready now
   * has been handled.
   */
  after(ms: number, action: () => void): Timer;
  /** Resolves after `ms` milliseconds, or at once when the signal aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** `sleep` for any clock that has `after`. */
export function sleepOn(
  clock: Pick<Clock, "after">,
  ms: number,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const finish = () => {
      timer.cancel();
      signal?.removeEventListener("abort", finish);
      resolve();
    };
    const timer = clock.after(ms, finish);
    signal?.addEventListener("abort", finish);
  });
}

/** Longest wait of the runtime's timers, ms: 2^31 - 1. Beyond it they would fire at once. */
export const LONGEST_TIMER_MS = 2_147_483_647;

/** Milliseconds by which the two clocks of the machine may differ before the finer one is set anew. */
const WALL_TOLERANCE_MS = 10;
/** What has to be added to `performance.now()` to get the system's time. */
let wallOffset = performance.timeOrigin;

/**
 * The system's time with the resolution of the steady clock. It follows the system when that was
 * corrected, or when the machine slept, during which the steady clock stands still.
 */
function systemWall(): bigint {
  const [steady, system] = [performance.now(), Date.now()];
  if (Math.abs(steady + wallOffset - system) > WALL_TOLERANCE_MS) wallOffset = system - steady;
  return BigInt(Math.round((wallOffset + steady) * 1000)) * 1000n;
}

/** The machine's clocks. A longer wait than {@link LONGEST_TIMER_MS} becomes that. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: systemWall,
  after(ms, action) {
    if (ms <= 0) {
      const handle = setImmediate(action);
      return { cancel: () => clearImmediate(handle) };
    }
    const handle = setTimeout(action, Math.min(ms, LONGEST_TIMER_MS));
    return { cancel: () => clearTimeout(handle) };
  },
  sleep: (ms, signal) => sleepOn(systemClock, ms, signal),
};

const NANOS_PER_SECOND = 1_000_000_000n;

/**
 * RFC 3339 in UTC with up to nine fraction digits, trailing zeros dropped, `Z` at the end: the form
 * every JSON timestamp of the control surface has (http-api.md 1.3).
 */
export function rfc3339(wallNanos: bigint): string {
  const seconds = wallNanos / NANOS_PER_SECOND;
  const fraction = (wallNanos % NANOS_PER_SECOND).toString().padStart(9, "0").replace(/0+$/, "");
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return fraction === "" ? `${whole}Z` : `${whole}.${fraction}Z`;
}
