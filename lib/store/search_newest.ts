import type { RecordRef } from "./search_source.ts";

/** Smallest number of places collected before the oldest are sorted out. */
const SLACK = 1_024;

/** Newer first; of the same key the later conversation in byte order first, as history reads back. */
export function newerFirst(a: RecordRef, b: RecordRef): number {
  if (a.key !== b.key) return a.key < b.key ? 1 : -1;
  return a.peer === b.peer ? 0 : a.peer < b.peer ? 1 : -1;
}

/** Collects the newest of many places without keeping them all. */
export class NewestPlaces {
  readonly #limit: number;
  readonly #before: RecordRef | undefined;
  #places: RecordRef[] = [];
  /** The smallest key among the newest, once there are enough. */
  #floor: bigint | undefined;

  /** At most `limit`, at least 1, all after `before` in the order of {@link newerFirst}. */
  constructor(limit: number, before?: RecordRef) {
    this.#limit = limit;
    this.#before = before;
  }

  /** Whether nothing with this key or a smaller one can be among the newest any more. */
  isTooOld(key: bigint): boolean {
    return this.#floor !== undefined && key < this.#floor;
  }

  offer(place: RecordRef): void {
    if (this.isTooOld(place.key)) return;
    if (this.#before !== undefined && newerFirst(this.#before, place) >= 0) return;
    this.#places.push(place);
    if (this.#places.length >= 2 * this.#limit + SLACK) this.take();
  }

  /** The newest offered so far, newest first. */
  take(): readonly RecordRef[] {
    this.#places.sort(newerFirst);
    if (this.#places.length > this.#limit) this.#places.length = this.#limit;
    const last = this.#places[this.#limit - 1];
    if (last !== undefined) this.#floor = last.key;
    return this.#places;
  }
}
