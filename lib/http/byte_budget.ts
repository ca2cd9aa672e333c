/** Bytes that many holders share, so that all of them together stay below one bound. */
export class ByteBudget {
  #left: number;

  /** @param bytes that may be held at a time. */
  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** Takes bytes; false, taking none, when there are not enough left. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  /** Gives bytes back. */
  release(bytes: number): void {
    this.#left += bytes;
  }
}
