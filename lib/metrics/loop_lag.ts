import type { Clock, Timer } from "#kit";

/** Milliseconds between two looks at the event loop. */
export const LAG_INTERVAL_MS = 1_000;
/** Looks that {@link LoopLag.seconds} is about: a minute, so that no scrape interval misses a stall. */
export const LAG_SAMPLES = 60;

/**
 * How late timers come, which is how long something else kept the event loop busy. One timer a
 * second; {@link close} stops it.
 */
export class LoopLag {
  readonly #clock: Clock;
  /** Milliseconds, newest last. */
  readonly #samples: number[] = [];
  #timer: Timer;

  /** Begins to measure. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#timer = this.#arm();
  }

  /** Seconds of the last minute: the longest lag, and the mean of all. 0 before the first look. */
  get seconds(): { readonly max: number; readonly average: number } {
    const sum = this.#samples.reduce((total, sample) => total + sample, 0);
    return {
      max: Math.max(0, ...this.#samples) / 1_000,
      average: sum / Math.max(1, this.#samples.length) / 1_000,
    };
  }

  /** Stops measuring; what was measured stays. */
  close(): void {
    this.#timer.cancel();
  }

  #arm(): Timer {
    const due = this.#clock.now() + LAG_INTERVAL_MS;
    return this.#clock.after(LAG_INTERVAL_MS, () => {
      this.#samples.push(Math.max(0, this.#clock.now() - due));
      if (this.#samples.length > LAG_SAMPLES) this.#samples.shift();
      this.#timer = this.#arm();
    });
  }
}
