import type { Log } from "#kit";

/**
 * What of a store was found missing or unreadable. The first finding is an error in the log, the rest
 * shows in the figures: a broken disk finds something new with every look.
 */
export class DamageLog {
  readonly #log: Log;
  readonly #places = new Set<string>();
  #told = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Places that are damaged: conversations mostly. */
  get count(): number {
    return this.#places.size;
  }

  /** Something is wrong in a place. */
  found(place: string, what: string): void {
    this.#places.add(place);
    if (this.#told) return;
    this.#told = true;
    this.#log.error(
      `skychat/dm: history: damaged: ${place}: ${what}; the rest is served: ` +
        "keep a copy of the file, look at the disk, restore a backup",
    );
  }

  /** A place was read whole. */
  whole(place: string): void {
    this.#places.delete(place);
  }
}
