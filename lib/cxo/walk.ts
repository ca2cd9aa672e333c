import { equalBytes } from "#kit";
import { CxoFault } from "./fault.ts";
import { type ObjectId, type ObjectSource, ZERO_ID } from "./object_id.ts";
import { decodeRefsNode, decodeRefsTop, type RefsPart } from "./refs.ts";
import {
  type ByteText,
  decodeTreeEntry,
  decodeTreeNode,
  MAX_PATH_BYTES,
  MAX_PATH_SEGMENTS,
  readableText,
} from "./tree_objects.ts";

/** Most objects that one walk looks at, those it meets again included (ours). */
export const MAX_WALK_OBJECTS = 393_216;
/** Most bytes of paths and values that one walk gives (ours). */
export const MAX_WALK_BYTES = 67_108_864;
/** Objects and leaves between two pauses of a walk in slices (ours). */
export const WALK_SLICE = 2_000;

/** What an id in a set counts against an object that is read, as measured. */
const ID_COST = 1 / 8;

/** One leaf of a tree. */
export interface TreeLeaf {
  /** Its segments joined by `/`; what is not UTF-8 became U+FFFD. */
  readonly path: string;
  /** Never empty; a view of the object. Not to be changed. */
  readonly value: Uint8Array;
  /** The entry object that holds the value. */
  readonly id: ObjectId;
}

/** One path at which two trees differ. */
export interface TreeChange {
  /** As in {@link TreeLeaf}. */
  readonly path: string;
  /** The new value; undefined when the leaf is gone. */
  readonly value: Uint8Array | undefined;
  /** The entry object that holds the new value; undefined when the leaf is gone. */
  readonly id: ObjectId | undefined;
}

/** What a walk starts from; undefined is the tree without leaves. */
export interface TreePair {
  /** Root TreeNode of the older tree. */
  readonly before: ObjectId | undefined;
  /** Root TreeNode of the newer one. */
  readonly after: ObjectId | undefined;
}

/** Lets others run; called after every {@link WALK_SLICE} objects. */
export type WalkPause = () => Promise<void>;

/**
 * All leaves of a tree, sorted by the bytes of their paths.
 *
 * Any graph ends: objects, bytes, and the length and depth of paths are bounded.
 *
 * @returns a fault for what is malformed, missing or too large.
 */
export function readTree(root: ObjectId | undefined, source: ObjectSource): TreeLeaf[] | CxoFault {
  const changes = diffTrees({ before: undefined, after: root }, source);
  return changes instanceof CxoFault ? changes : changes.filter(isLeaf);
}

/**
 * Where two trees differ, sorted by the bytes of the paths. Only what has other ids is looked at, so one
 * more message costs the same in a long tree as in a short one.
 *
 * @returns a fault as {@link readTree} does, of either tree.
 */
export function diffTrees(pair: TreePair, source: ObjectSource): TreeChange[] | CxoFault {
  const walk = new Walk(source, "strict");
  const steps = walk.run(pair);
  for (;;) if (steps.next().done) return walk.fault ?? walk.found;
}

/**
 * The same as {@link diffTrees}, with a pause after every {@link WALK_SLICE} objects, so that a long tree
 * holds nothing up. Everything that either tree needs must stay in the source meanwhile.
 */
export async function diffTreesSliced(
  pair: TreePair,
  source: ObjectSource,
  pause: WalkPause,
): Promise<TreeChange[] | CxoFault> {
  const walk = new Walk(source, "strict");
  for (const steps = walk.run(pair); !steps.next().done;) await pause();
  return walk.fault ?? walk.found;
}

/**
 * The leaves of a tree of which parts are missing or malformed, sorted by the bytes of their paths: what
 * a fill that broke has brought (cxo.md 6.5). Missing Refs nodes hide what they list. At a bound of
 * {@link readTree} it ends with what was found so far.
 */
export async function salvageLeaves(
  root: ObjectId | undefined,
  source: ObjectSource,
  pause?: WalkPause,
): Promise<TreeLeaf[]> {
  const walk = new Walk(source, "lenient");
  const pair = { before: undefined, after: root };
  for (const steps = walk.run(pair); !steps.next().done;) await pause?.();
  return walk.found.filter(isLeaf);
}

/** Whether there is a leaf now, rather than one that is gone. */
export function isLeaf(change: TreeChange): change is TreeLeaf {
  return change.value !== undefined;
}

/** Work that is done in slices: each step but the last ends one. */
type Slices<T = void> = Generator<void, T, void>;

/** Where a walk is. */
interface Place {
  readonly path: ByteText;
  readonly depth: number;
}

type LeafEntry = Omit<TreeLeaf, "path">;

/** The children of one node that stand in one of two trees and not in the other. */
interface Entries {
  readonly leaves: ReadonlyMap<ByteText, LeafEntry>;
  readonly subs: ReadonlyMap<ByteText, ObjectId>;
}

const NO_ENTRIES: Entries = { leaves: new Map(), subs: new Map() };

/** One pass over two trees. A lenient one passes over what a strict one fails at. */
class Walk {
  /** Sorted, up to where the walk is. */
  readonly found: TreeChange[] = [];
  /** What ended it. */
  fault: CxoFault | undefined;
  readonly #source: ObjectSource;
  readonly #manner: "strict" | "lenient";
  #objects = 0;
  #bytes = 0;
  #sliceLeft = WALK_SLICE;

  constructor(source: ObjectSource, manner: "strict" | "lenient") {
    this.#source = source;
    this.#manner = manner;
  }

  *run(pair: TreePair): Slices {
    try {
      yield* this.#nodes(pair, { path: "", depth: 0 });
    } catch (thrown) {
      if (!(thrown instanceof CxoFault)) throw thrown;
      this.fault = thrown;
    }
  }

  *#nodes({ before, after }: TreePair, place: Place): Slices {
    if (before === after) return;
    const lists = { before: this.#children(before), after: this.#children(after) };
    const { gone, added } = yield* this.#differing(lists);
    const old = gone.size === 0 ? NO_ENTRIES : yield* this.#entries(gone);
    const now = added.size === 0 ? NO_ENTRIES : yield* this.#entries(added);
    for (const key of keysOf(old, now)) {
      if (this.#sliceIsOver()) yield;
      const name = key.endsWith("/") ? key.slice(0, -1) : key;
      const path = place.path === "" ? name : `${place.path}/${name}`;
      const next = { path, depth: place.depth + 1 };
      if (path.length > MAX_PATH_BYTES || next.depth > MAX_PATH_SEGMENTS) {
        this.#refuse(new CxoFault("too-large", "a path in the tree is too long"));
      } else if (name === key) {
        this.#compare(path, old.leaves.get(name), now.leaves.get(name));
      } else {
        yield* this.#nodes({ before: old.subs.get(name), after: now.subs.get(name) }, next);
      }
    }
  }

  #compare(
    path: ByteText,
    old: LeafEntry | undefined,
    now: LeafEntry | undefined,
  ): void {
    if (old !== undefined && now !== undefined && equalBytes(old.value, now.value)) return;
    this.#bytes += path.length + (now?.value.length ?? 0);
    if (this.#bytes > MAX_WALK_BYTES) {
      throw new CxoFault("too-large", `a tree of more than ${MAX_WALK_BYTES} bytes`);
    }
    this.found.push({ path: readableText(path), value: now?.value, id: now?.id });
  }

  #children(node: ObjectId | undefined): RefsPart | undefined {
    const refs = node === undefined ? undefined : this.#read(node, decodeTreeNode);
    return refs === undefined ? undefined : this.#read(refs, decodeRefsTop);
  }

  /** By name; of several of one name the last counts. No writer makes such. */
  *#entries(ids: Iterable<ObjectId>): Slices<Entries> {
    const [leaves, subs] = [new Map<ByteText, LeafEntry>(), new Map<ByteText, ObjectId>()];
    for (const id of ids) {
      if (this.#sliceIsOver()) yield;
      const entry = this.#read(id, decodeTreeEntry);
      if (entry === undefined) continue;
      const { name, leaf, sub } = entry;
      leaves.delete(name);
      subs.delete(name);
      if (leaf.length > 0) leaves.set(name, { value: leaf, id });
      else if (sub !== ZERO_ID) subs.set(name, sub);
    }
    return { leaves, subs };
  }

  /**
   * Elements that only one of two lists has. Both are opened level by level, the deeper one first, and
   * nodes that stand on both sides of a level stay closed.
   */
  *#differing(
    { before, after }: { before: RefsPart | undefined; after: RefsPart | undefined },
  ): Slices<{ gone: Set<ObjectId>; added: Set<ObjectId> }> {
    let old = before === undefined ? [] : [before];
    let now = after === undefined ? [] : [after];
    for (;;) {
      const [oldDepth, nowDepth] = [old[0]?.depth ?? 0, now[0]?.depth ?? 0];
      const [oldIds, nowIds] = [yield* this.#idsOf(old), yield* this.#idsOf(now)];
      if (oldDepth === 0 && nowDepth === 0) {
        return { gone: oldIds.difference(nowIds), added: nowIds.difference(oldIds) };
      }
      const none = new Set<ObjectId>();
      const level = oldDepth === nowDepth;
      if (oldDepth >= nowDepth) old = yield* this.#open(old, level ? nowIds : none);
      if (nowDepth >= oldDepth) now = yield* this.#open(now, level ? oldIds : none);
    }
  }

  *#idsOf(parts: readonly RefsPart[]): Slices<Set<ObjectId>> {
    const ids = new Set<ObjectId>();
    for (const part of parts) {
      if (this.#sliceIsOver(part.ids.length * ID_COST)) yield;
      for (const id of part.ids) ids.add(id);
    }
    ids.delete(ZERO_ID);
    return ids;
  }

  /** The nodes below, without those of the set. Where all were opened, the counts must agree. */
  *#open(parts: readonly RefsPart[], closed: ReadonlySet<ObjectId>): Slices<RefsPart[]> {
    const opened: RefsPart[] = [];
    for (const part of parts) {
      let missing = part.count;
      for (const id of part.ids) {
        if (this.#sliceIsOver()) yield;
        const node = closed.has(id)
          ? undefined
          : this.#read(id, (bytes) => decodeRefsNode(bytes, part));
        missing -= node?.count ?? NaN;
        if (node !== undefined) opened.push(node);
      }
      if (missing !== 0 && !Number.isNaN(missing)) {
        this.#refuse(
          new CxoFault("invalid-value", `Refs of ${part.count} whose nodes do not add up`),
        );
      }
    }
    return opened;
  }

  /** What an object says; undefined only for a lenient walk. */
  #read<T>(id: ObjectId, decode: (bytes: Uint8Array) => T | CxoFault): T | undefined {
    if (++this.#objects > MAX_WALK_OBJECTS) {
      throw new CxoFault("too-large", `a tree of more than ${MAX_WALK_OBJECTS} objects`);
    }
    const bytes = this.#source(id);
    const read = bytes === undefined
      ? new CxoFault("missing-object", `object ${id} is not held`)
      : decode(bytes);
    return read instanceof CxoFault ? this.#refuse(read) : read;
  }

  #refuse(fault: CxoFault): undefined {
    if (this.#manner === "strict") throw fault;
    return undefined;
  }

  #sliceIsOver(cost = 1): boolean {
    this.#sliceLeft -= cost;
    if (this.#sliceLeft > 0) return false;
    this.#sliceLeft = WALK_SLICE;
    return true;
  }
}

/**
 * The names in which two lists may differ, in the order of the paths: those of inner nodes end with a
 * slash, as the paths below them go on, so that `a-b` comes before `a/b`.
 */
function keysOf(old: Entries, now: Entries): ByteText[] {
  const keys = [...now.leaves.keys()];
  for (const name of old.leaves.keys()) if (!now.leaves.has(name)) keys.push(name);
  for (const name of now.subs.keys()) keys.push(`${name}/`);
  for (const name of old.subs.keys()) if (!now.subs.has(name)) keys.push(`${name}/`);
  return keys.sort();
}
