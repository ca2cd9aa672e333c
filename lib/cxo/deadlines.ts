import type { Clock, Timer } from "#kit";

interface Deadline {
  readonly at: number;
  readonly action: () => void;
}

/**
 * Many waits over one timer of the clock, for waits of which most are called off long before they end: the
 * timer stays where it is when the one it was set for is cancelled.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #waiting = new Set<Deadline>();
  #timer: Timer | undefined;
  /** When the timer fires. */
  #timerAt = Infinity;
  #stopped = false;

  /** No timer runs before the first wait. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `action` once in `ms` milliseconds, unless it is cancelled or everything is stopped. */
  after(ms: number, action: () => void): Timer {
    const deadline = { at: this.#clock.now() + ms, action };
    if (!this.#stopped) {
      this.#waiting.add(deadline);
      this.#setTimer(deadline.at);
    }
    return { cancel: () => void this.#waiting.delete(deadline) };
  }

  /** Cancels all, and whatever is asked for later. */
  stop(): void {
    this.#stopped = true;
    this.#waiting.clear();
    this.#timer?.cancel();
  }

  #setTimer(at: number): void {
    if (at >= this.#timerAt) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#clock.after(at - this.#clock.now(), () => this.#onTimer());
  }

  #onTimer(): void {
    this.#timerAt = Infinity;
    const now = this.#clock.now();
    const due = [...this.#waiting].filter(({ at }) => at <= now).sort((a, b) => a.at - b.at);
    for (const deadline of due) {
      if (this.#waiting.delete(deadline)) deadline.action();
    }
    let next = Infinity;
    for (const { at } of this.#waiting) next = Math.min(next, at);
    if (next < Infinity) this.#setTimer(next);
  }
}
