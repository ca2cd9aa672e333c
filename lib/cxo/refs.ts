import { decodeWhole, type Reader, Writer } from "./encoder.ts";
import { CxoFault } from "./fault.ts";
import { type CxoObject, ID_BYTES, type ObjectId, objectOf, ZERO_ID } from "./object_id.ts";

/** Degree of every Refs object that we write (cxo.md 5.5). */
export const REFS_DEGREE = 16;
/** Smallest degree that we read. */
export const MIN_REFS_DEGREE = 2;
/** Largest degree that we read. */
export const MAX_REFS_DEGREE = 1024;
/** Most elements of one list that we read or write (ours). */
export const MAX_REFS_ELEMENTS = 1_048_576;

/** A list without elements has no object: its id is zero. */
export interface SealedRefs {
  /** Id of the top object, or zero. */
  readonly id: ObjectId;
  /** Objects that were made for it and not before: nodes from below, then the top. */
  readonly objects: readonly CxoObject[];
}

/**
 * A list of object ids that changes, and its Refs objects (cxo.md 5.5).
 *
 * The shape depends on the number of elements alone, so whole groups before the first change are kept
 * from one {@link seal} to the next: an append makes one object for each level. A change in front
 * makes everything behind it again, because all groups shift.
 */
export class RefsList {
  readonly #elements: ObjectId[] = [];
  /** For each level the ids of its nodes that are full, as far as they were made. */
  readonly #full: ObjectId[][] = [];

  /** Number of elements. */
  get length(): number {
    return this.#elements.length;
  }

  /** Puts an element before the one at `index`, or at the end. */
  insert(index: number, id: ObjectId): void {
    if (index === this.#elements.length) this.#elements.push(id);
    else this.#elements.splice(index, 0, id);
    this.#changed(index);
  }

  /** Replaces an element. */
  set(index: number, id: ObjectId): void {
    if (this.#elements[index] === id) return;
    this.#elements[index] = id;
    this.#changed(index);
  }

  /** Takes an element out. */
  remove(index: number): void {
    this.#elements.splice(index, 1);
    this.#changed(index);
  }

  /** Takes the first elements out. */
  removeFirst(count: number): void {
    this.#elements.splice(0, count);
    this.#changed(0);
  }

  /** The list as objects, and its id. */
  seal(): SealedRefs {
    const count = this.#elements.length;
    if (count === 0) return { id: ZERO_ID, objects: [] };
    const depth = refsDepth(count, REFS_DEGREE);
    const objects: CxoObject[] = [];
    let below: Level = { full: this.#elements };
    for (let level = 0; level < depth; level++) {
      below = this.#sealLevel(level, { below, objects });
    }
    const writer = new Writer().u32(depth).u32(REFS_DEGREE).u32(count);
    const top = objectOfIds(writer, slice(below, 0, REFS_DEGREE));
    objects.push(top);
    return { id: top.id, objects };
  }

  /** Makes the nodes of a level that are new: full ones are remembered, the last is made each time. */
  #sealLevel(
    level: number,
    { below, objects }: { readonly below: Level; readonly objects: CxoObject[] },
  ): Level {
    const full = this.#full[level] ??= [];
    const elementsPerNode = REFS_DEGREE ** (level + 1);
    while ((full.length + 1) * REFS_DEGREE <= below.full.length) {
      const at = full.length * REFS_DEGREE;
      const ids = below.full.slice(at, at + REFS_DEGREE);
      const node = objectOfIds(new Writer().u32(elementsPerNode), ids);
      objects.push(node);
      full.push(node.id);
    }
    const rest = this.#elements.length - full.length * elementsPerNode;
    if (rest === 0) return { full };
    const ids = slice(below, full.length * REFS_DEGREE, REFS_DEGREE);
    const node = objectOfIds(new Writer().u32(rest), ids);
    objects.push(node);
    return { full, last: node.id };
  }

  #changed(index: number): void {
    let nodes = index;
    for (const full of this.#full) {
      nodes = Math.floor(nodes / REFS_DEGREE);
      if (full.length > nodes) full.length = nodes;
    }
  }
}

/** Ids of one level: those of full groups, and that of the group at the right edge if it is not. */
interface Level {
  readonly full: readonly ObjectId[];
  readonly last?: ObjectId;
}

function slice({ full, last }: Level, start: number, count: number): ObjectId[] {
  const ids = full.slice(start, start + count);
  if (last !== undefined && ids.length < count) ids.push(last);
  return ids;
}

/** The object that ends with these ids. */
function objectOfIds(writer: Writer, ids: readonly ObjectId[]): CxoObject {
  const bytes = writer.list(ids, (id) => writer.hex(id)).finish();
  return objectOf(bytes, ids.includes(ZERO_ID) ? ids.filter((id) => id !== ZERO_ID) : ids);
}

/** The smallest depth at which `count` elements fit. */
export function refsDepth(count: number, degree: number): number {
  let depth = 0;
  for (let room = degree; room < count; room *= degree) depth++;
  return depth;
}

/** One decoded object of a list: the top, or a node below it. */
export interface RefsPart {
  /** Levels of nodes below this object; at 0 the ids are elements. */
  readonly depth: number;
  /** Most ids of one object. */
  readonly degree: number;
  /** Elements under this object. */
  readonly count: number;
  /** Ids of nodes, or of elements, where a zero id stands for none. */
  readonly ids: readonly ObjectId[];
}

/** Reads the top object of a list: at least one element, degree in range, the depth that belongs to both. */
export function decodeRefsTop(bytes: Uint8Array): RefsPart | CxoFault {
  return decodeWhole(bytes, (reader) => {
    const depth = reader.u32();
    const degree = reader.u32();
    const count = reader.u32();
    if (degree < MIN_REFS_DEGREE || degree > MAX_REFS_DEGREE) {
      throw new CxoFault("invalid-value", `Refs of degree ${degree}`);
    }
    if (count > MAX_REFS_ELEMENTS) {
      throw new CxoFault("too-large", `Refs of ${count} elements, at most ${MAX_REFS_ELEMENTS}`);
    }
    if (count === 0 || depth !== refsDepth(count, degree)) {
      throw new CxoFault("invalid-value", `Refs of ${count} elements with depth ${depth}`);
    }
    return readPart(reader, { depth, degree, count });
  });
}

/** Reads a node below `parent`. Nothing in the bytes says at which depth it is. */
export function decodeRefsNode(bytes: Uint8Array, parent: RefsPart): RefsPart | CxoFault {
  return decodeWhole(bytes, (reader) => {
    const count = reader.u32();
    if (count === 0 || count > parent.count) {
      throw new CxoFault("invalid-value", `Refs node of ${count} elements below ${parent.count}`);
    }
    return readPart(reader, { depth: parent.depth - 1, degree: parent.degree, count });
  });
}

function readPart(reader: Reader, head: Omit<RefsPart, "ids">): RefsPart {
  const { depth, degree, count } = head;
  const ids = reader.list(() => reader.hex(ID_BYTES), { most: degree, least: ID_BYTES });
  const fits = depth === 0
    ? ids.length === count
    : ids.length > 0 && ids.length <= count && count <= ids.length * degree ** depth;
  if (!fits) throw new CxoFault("invalid-value", `Refs of ${count} with ${ids.length} ids`);
  if (depth > 0 && ids.includes(ZERO_ID)) throw new CxoFault("invalid-value", "blank Refs node");
  return { ...head, ids };
}
