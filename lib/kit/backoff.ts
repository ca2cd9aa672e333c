/** Waits between attempts that keep failing: `first`, doubling, never above `most` (milliseconds). */
export class Backoff {
  readonly #first: number;
  readonly #most: number;
  #next: number;

  /** Both in milliseconds; nothing has failed so far. */
  constructor(options: { first: number; most: number }) {
    this.#first = options.first;
    this.#most = options.most;
    this.#next = options.first;
  }

  /** The wait before the next attempt; the one after it will be twice as long. */
  next(): number {
    const wait = this.#next;
    this.#next = Math.min(wait * 2, this.#most);
    return wait;
  }

  /** Starts over after a success. */
  reset(): void {
    this.#next = this.#first;
  }
}
