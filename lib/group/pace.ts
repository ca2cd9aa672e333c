import type { Clock } from "#kit";
import { type Rate, RateLimiter } from "#net";

/** New messages that one feed may bring before they are shown later (groups.md 4.7: 50 a second over 10 s). */
export const LEAF_RATE: Rate = { perSecond: 50, burst: 500 };
/** The same for records that have to be verified (ours). Each may change what holds, which is worked out anew. */
export const RECORD_RATE: Rate = { perSecond: 10, burst: 500 };
/** Time after which a feed may again bring at once what was missed, milliseconds (ours). */
export const BULK_PAUSE_MS = 60_000;
/** How often a message that came too early looks whether it may go on, milliseconds. */
const LOOK_MS = 200;

/**
 * Slows down one feed that brings messages or records without end, which holds up nothing but that feed. What was missed
 * while somebody was away comes in one update and is not slowed down.
 */
export class Pace {
  readonly #clock: Clock;
  readonly #rate: Rate;
  readonly #rates: RateLimiter;
  #bulkAt: number | undefined;
  #bulk = false;

  /** Nothing came yet. */
  constructor(clock: Clock, rate: Rate) {
    this.#clock = clock;
    this.#rate = rate;
    this.#rates = new RateLimiter({ clock, capacity: 1 });
  }

  /** An update begins. */
  begin(): void {
    const now = this.#clock.now();
    this.#bulk = this.#bulkAt === undefined || now - this.#bulkAt >= BULK_PAUSE_MS;
  }

  /** Resolves when the next new one may be taken; undefined when it may be now. */
  next(): Promise<void> | undefined {
    if (this.#rates.take("", this.#rate)) return undefined;
    if (this.#bulk) {
      this.#bulkAt = this.#clock.now();
      return undefined;
    }
    return this.#wait();
  }

  async #wait(): Promise<void> {
    do await this.#clock.sleep(LOOK_MS); while (!this.#rates.take("", this.#rate));
  }
}
