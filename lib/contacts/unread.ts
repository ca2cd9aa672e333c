/**
 * The unread estimate of http-api.md 4.18: the total that a user interface reported last, plus the
 * messages that came in since. In memory only.
 */
export class UnreadEstimate {
  #count = 0;

  /** The estimate. */
  read(): number {
    return this.#count;
  }

  /**
   * A user interface knows better.
   *
   * @throws {RangeError} when it is no whole number from 0.
   */
  reset(total: number): void {
    if (!Number.isSafeInteger(total) || total < 0) {
      throw new RangeError(`Cannot set the unread estimate: ${total} is no count`);
    }
    this.#count = total;
  }

  /** One inbound message more. */
  received(): void {
    this.#count++;
  }
}
