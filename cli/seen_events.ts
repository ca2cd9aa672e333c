/** How many events are remembered, so that none is printed twice (cli.md 6). */
export const SEEN_LIMIT = 20_000;

/** Remembers the newest {@link SEEN_LIMIT} keys. */
export class SeenEvents {
  readonly #keys = new Set<string>();

  /** Whether this key is new; it is not afterwards. */
  add(key: string): boolean {
    if (this.#keys.has(key)) return false;
    this.#keys.add(key);
    if (this.#keys.size > SEEN_LIMIT) {
      for (const oldest of this.#keys) {
        this.#keys.delete(oldest);
        break;
      }
    }
    return true;
  }
}
