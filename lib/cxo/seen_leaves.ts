import type { ObjectId } from "./object_id.ts";

/** Leaves remembered of one feed, oldest forgotten first (ours): as many as one Root may bring. */
export const MAX_SEEN_LEAVES = 262_144;

/** Bytes of a mark: 64 bits tell the values of one path apart. */
export const MARK_BYTES = 8;

/** What is remembered of a leaf: the start of the id of its entry object, in hex. */
export function markOf(id: ObjectId): string {
  return id.slice(0, 2 * MARK_BYTES);
}

/** The leaves of a followed feed that were handled, so that each is handled once however often it comes. */
export class SeenLeaves {
  readonly #marks = new Map<string, string>();
  readonly #capacity: number;

  /** Remembers at most `capacity` paths. */
  constructor(capacity: number = MAX_SEEN_LEAVES) {
    this.#capacity = capacity;
  }

  /** Paths remembered. */
  get size(): number {
    return this.#marks.size;
  }

  /** Whether the leaf of this path was handled with this mark. */
  has(path: string, mark: string): boolean {
    return this.#marks.get(path) === mark;
  }

  /** Remembers that it was. */
  add(path: string, mark: string): void {
    this.#marks.delete(path);
    this.#marks.set(path, mark);
    if (this.#marks.size <= this.#capacity) return;
    const [oldest] = this.#marks.keys();
    if (oldest !== undefined) this.#marks.delete(oldest);
  }

  /** Paths with their marks, oldest first. */
  entries(): Iterable<[string, string]> {
    return this.#marks.entries();
  }
}
