import { type CxoObject, NO_CHILDREN, type ObjectId } from "./object_id.ts";
import { REGISTRY } from "./registry.ts";
import { compact, type CompactBytes, CompactObject, expanded } from "./compact_bytes.ts";

/** One object, or one that is needed and has not come. */
interface Held {
  /** Undefined while it has not come. */
  data: CompactBytes | undefined;
  children: readonly ObjectId[];
  /** How often objects that are held name it, and how often it was retained. */
  uses: number;
}

/**
 * Objects in memory, counted by who needs them, so that a Root that gave way to another costs only what
 * changed (cxo.md 5.7).
 *
 * An object stays while it is retained or an object that is held names it. Ids are hashes, so nothing
 * names itself by a detour, and counting is enough. For a Root: {@link add} its objects,
 * {@link retain} its TreeNode, {@link prune} what was added.
 */
export class ObjectShelf {
  readonly #objects = new Map<ObjectId, Held>();
  readonly #retained = new Map<ObjectId, number>();
  #size = 0;
  #bytes = 0;

  /** Objects held, without the Registry. */
  get size(): number {
    return this.#size;
  }

  /** Their bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** An object; a small one is made anew for each call. The Registry is always there. */
  get(id: ObjectId): Uint8Array | undefined {
    if (id === REGISTRY.id) return REGISTRY.bytes;
    const data = this.#objects.get(id)?.data;
    return data === undefined ? undefined : expanded(data);
  }

  /** An object with what it names, for another shelf; nothing is copied. */
  held(id: ObjectId): CxoObject | undefined {
    const { children = NO_CHILDREN, data } = this.#objects.get(id) ?? {};
    return data === undefined ? undefined : new CompactObject(id, data, children);
  }

  /** Whether {@link get} gives something. */
  has(id: ObjectId): boolean {
    return this.#objects.get(id)?.data !== undefined || id === REGISTRY.id;
  }

  /** Takes objects in any order, also before those that they name. One that is held already stays. */
  add(objects: Iterable<CxoObject>): void {
    for (const object of objects) {
      const { children, id } = object;
      if (this.has(id)) continue;
      const held = this.#place(id);
      held.data = object instanceof CompactObject ? object.data : compact(object.bytes);
      held.children = children;
      this.#size++;
      this.#bytes += held.data.length;
      for (const child of children) this.#place(child).uses++;
    }
  }

  /** Keeps an object and all below it, once more with each call; whether they have come or not. */
  retain(id: ObjectId): void {
    this.#retained.set(id, (this.#retained.get(id) ?? 0) + 1);
    this.#place(id).uses++;
  }

  /**
   * Takes one {@link retain} back, and drops what nobody needs any more.
   *
   * @throws {RangeError} for what is not retained.
   */
  release(id: ObjectId): void {
    const times = this.#retained.get(id);
    if (times === undefined) throw new RangeError(`Cannot release ${id}: it is not retained`);
    if (times === 1) this.#retained.delete(id);
    else this.#retained.set(id, times - 1);
    this.#unuse([id]);
  }

  /** Drops those of the objects that nobody needs, and what they alone needed. */
  prune(ids: Iterable<ObjectId>): void {
    for (const id of ids) {
      const held = this.#objects.get(id);
      if (held?.uses === 0) this.#unuse(this.#remove(id, held));
    }
  }

  /** Drops everything, retained or not. */
  clear(): void {
    this.#objects.clear();
    this.#retained.clear();
    this.#size = 0;
    this.#bytes = 0;
  }

  #place(id: ObjectId): Held {
    const known = this.#objects.get(id);
    if (known !== undefined) return known;
    const held: Held = { data: undefined, children: NO_CHILDREN, uses: 0 };
    this.#objects.set(id, held);
    return held;
  }

  /** Takes one use of each away, and goes on below those that had no other: a list, since chains are long. */
  #unuse(ids: readonly ObjectId[]): void {
    const left = [...ids];
    for (let id = left.pop(); id !== undefined; id = left.pop()) {
      const held = this.#objects.get(id);
      if (held === undefined || --held.uses > 0) continue;
      for (const child of this.#remove(id, held)) left.push(child);
    }
  }

  /** Takes an object out; gives what it named. */
  #remove(id: ObjectId, { data, children }: Held): readonly ObjectId[] {
    this.#objects.delete(id);
    if (data !== undefined) {
      this.#size--;
      this.#bytes -= data.length;
    }
    return children;
  }
}
