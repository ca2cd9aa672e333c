import type { Clock, Timer } from "#kit";
import { EVENT_PAUSE_MS } from "./limits.ts";

/**
 * The pause that event streams make after a write, so that what comes meanwhile goes out together.
 * One for all streams: a timer for each would cost as much as the writes it saves.
 */
export class EventPause {
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #waiting: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `action` when the current pause ends; begins one when there is none. */
  whenOver(action: () => void): void {
    this.#waiting.push(action);
    this.#timer ??= this.#clock.after(EVENT_PAUSE_MS, () => {
      this.#timer = undefined;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const wake of waiting) wake();
    });
  }

  /** Forgets who waits: for when the last stream has ended. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#waiting = [];
  }
}
