/** Counts messages that were sent and not answered yet, and makes the sender wait at the limit. */
export class FlightWindow {
  readonly #limit: number;
  #flying = 0;
  #waiting: PromiseWithResolvers<void> | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many more may be sent; waits until at least half of the window is free. */
  async room(): Promise<number> {
    while (this.#limit - this.#flying < this.#limit / 2) {
      this.#waiting ??= Promise.withResolvers<void>();
      await this.#waiting.promise;
    }
    return this.#limit - this.#flying;
  }

  /** So many were sent. */
  sent(count: number): void {
    this.#flying += count;
  }

  /** So many were answered. */
  landed(count: number): void {
    this.#flying -= count;
    if (this.#limit - this.#flying < this.#limit / 2) return;
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }
}
