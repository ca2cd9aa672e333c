import type { Clock, Timer } from "#kit";

/** Units of work in one turn of the event loop, after which everything else gets a turn (ours). */
export const UNITS_PER_TURN = 64;
/** Milliseconds in which half of what was done for somebody is forgotten. */
const HALF_LIFE_MS = 1_000;

/** What was done for one peer lately. */
export interface Share {
  units: number;
  /** On the clock of durations. */
  at: number;
}

interface Waiting {
  readonly share: Share;
  readonly job: () => number;
  readonly done: () => void;
}

/**
 * Divides work that peers ask for into turns, so that however many ask for however much, timers and the
 * control surface come through. Who had least lately is next: a peer that asks for little hardly waits for
 * those that ask for much. Each peer has one job here at most, since nothing more is read from it meanwhile.
 */
export class Turns {
  readonly #clock: Clock;
  #waiting: Waiting[] = [];
  #units = 0;
  #tick: Timer | undefined;

  /** Nobody asked for anything yet. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** For a new peer. */
  share(): Share {
    return { units: 0, at: this.#clock.now() };
  }

  /**
   * Does a job, which returns its units, now or in a turn to come.
   *
   * @returns what to wait for; undefined when it is done.
   */
  run(share: Share, job: () => number): Promise<void> | undefined {
    if (this.#waiting.length === 0 && this.#units < UNITS_PER_TURN) {
      this.#do(share, job);
      // Not for each job: a timer costs as much as several.
      if (this.#units >= UNITS_PER_TURN / 2) this.#tickSoon();
      return undefined;
    }
    this.#tickSoon();
    return new Promise((done) => this.#waiting.push({ share, job, done }));
  }

  #do(share: Share, job: () => number): void {
    const units = job();
    this.#units += units;
    const now = this.#clock.now();
    share.units = share.units * 0.5 ** ((now - share.at) / HALF_LIFE_MS) + units;
    share.at = now;
  }

  /** Lets go of what waits. */
  close(): void {
    this.#tick?.cancel();
    for (const { done } of this.#waiting) done();
    this.#waiting = [];
  }

  #tickSoon(): void {
    this.#tick ??= this.#clock.after(0, () => this.#onTick());
  }

  #onTick(): void {
    this.#tick = undefined;
    this.#units = 0;
    this.#waiting.sort((a, b) => a.share.units - b.share.units);
    let count = 0;
    for (const { share, job, done } of this.#waiting) {
      if (this.#units >= UNITS_PER_TURN) break;
      this.#do(share, job);
      done();
      count++;
    }
    this.#waiting = this.#waiting.slice(count);
    if (this.#waiting.length > 0) this.#tickSoon();
  }
}
