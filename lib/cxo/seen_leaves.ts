/** Leaves remembered of one feed, oldest forgotten first (ours): more than one Root may bring. */
export const MAX_SEEN_LEAVES = 262_144;

/** Bytes of the short name of a leaf: 64 bits tell those of one feed apart. */
export const LEAF_NAME_BYTES = 8;

/**
 * The leaves of a followed feed that were handled, so that each is handled once however often it comes. They
 * go by short names, hashes in hex: a path may be long, and its author is not to choose how much memory and
 * disk it takes.
 */
export class SeenLeaves {
  readonly #names = new Set<string>();
  readonly #capacity: number;

  /** Remembers at most `capacity` leaves. */
  constructor(capacity: number = MAX_SEEN_LEAVES) {
    this.#capacity = capacity;
  }

  /** Leaves remembered. */
  get size(): number {
    return this.#names.size;
  }

  /** Whether the leaf of this name was handled. */
  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** Remembers that it was. */
  add(name: string): void {
    this.#names.add(name);
    if (this.#names.size <= this.#capacity) return;
    const [oldest] = this.#names;
    if (oldest !== undefined) this.#names.delete(oldest);
  }

  /** Remembers none any more. */
  clear(): void {
    this.#names.clear();
  }

  /** Names, oldest first. */
  names(): Iterable<string> {
    return this.#names;
  }
}
