import { type Clock, errorText, type Log, quoteForLog } from "#kit";

/** Shortest time between two lines about a failing disk, ms. */
export const FAILURE_LOG_MS = 60_000;

/** Logs commits that failed, a line a minute at most, with what was lost since the last one. */
export class FailureLog {
  readonly #clock: Clock;
  readonly #log: Log;
  #last = -Infinity;
  #lost = 0;

  constructor({ clock, log }: { clock: Clock; log: Log }) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Counts, and logs if it is time. */
  failed(error: unknown, messages: number): void {
    this.#lost += messages;
    const now = this.#clock.now();
    if (now - this.#last < FAILURE_LOG_MS) return;
    this.#last = now;
    this.#log.error(
      `skychat/dm: history commit failed: ${quoteForLog(errorText(error))}; ` +
        `${this.#lost} messages are delivered but not stored`,
    );
    this.#lost = 0;
  }
}
