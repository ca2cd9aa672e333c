import type { Clock } from "#kit";

/**
 * Lets others have a turn now and then in a long run of work. The runtime looks at its sockets only every
 * thirtieth turn while there is always work, so short turns of 2 ms or so are what keeps the control surface
 * quick.
 */
export class Turns {
  readonly #clock: Pick<Clock, "sleep">;
  readonly #most: number;
  #spent = 0;

  /** `most`: pieces of work in a turn. */
  constructor(clock: Pick<Clock, "sleep">, most: number) {
    this.#clock = clock;
    this.#most = most;
  }

  /** Counts pieces of work, or parts of one; to be awaited where there is a promise. */
  spend(pieces = 1): Promise<void> | undefined {
    this.#spent += pieces;
    if (this.#spent < this.#most) return undefined;
    this.#spent = 0;
    return this.#clock.sleep(0);
  }
}
