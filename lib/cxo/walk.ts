import { equalBytes } from "#kit";
import { caught, CxoFault, orThrow } from "./fault.ts";
import { type ObjectId, type ObjectSource, ZERO_ID } from "./object_id.ts";
import { decodeRefsNode, decodeRefsTop, type RefsPart } from "./refs.ts";
import {
  type ByteText,
  decodeTreeEntry,
  decodeTreeNode,
  MAX_PATH_BYTES,
  MAX_PATH_SEGMENTS,
  readableText,
  type TreeEntry,
} from "./tree_objects.ts";

/** Most objects that one walk looks at, those it meets again included (ours). */
export const MAX_WALK_OBJECTS = 1_048_576;
/** Most bytes of paths and values that one walk gives (ours). */
export const MAX_WALK_BYTES = 268_435_456;

/** One leaf of a tree. */
export interface TreeLeaf {
  /** Its segments joined by `/`; what is not UTF-8 became U+FFFD. */
  readonly path: string;
  /** Never empty; a view of the object. Not to be changed. */
  readonly value: Uint8Array;
}

/** One path at which two trees differ. */
export interface TreeChange {
  /** As in {@link TreeLeaf}. */
  readonly path: string;
  /** The new value; undefined when the leaf is gone. */
  readonly value: Uint8Array | undefined;
}

/** What a walk starts from; undefined is the tree without leaves. */
export interface TreePair {
  /** Root TreeNode of the older tree. */
  readonly before: ObjectId | undefined;
  /** Root TreeNode of the newer one. */
  readonly after: ObjectId | undefined;
}

/**
 * All leaves of a tree, sorted by the bytes of their paths.
 *
 * Any graph ends: objects, bytes, and the length and depth of paths are bounded.
 *
 * @returns a fault for what is malformed, missing or too large.
 */
export function readTree(root: ObjectId | undefined, source: ObjectSource): TreeLeaf[] | CxoFault {
  const changes = diffTrees({ before: undefined, after: root }, source);
  if (changes instanceof CxoFault) return changes;
  // Against nothing, nothing can be gone.
  return changes.flatMap(({ path, value }) => value === undefined ? [] : [{ path, value }]);
}

/**
 * Where two trees differ, sorted by the bytes of the paths. Only what has other ids is looked at, so one
 * more message costs the same in a long tree as in a short one.
 *
 * @returns a fault as {@link readTree} does, of either tree.
 */
export function diffTrees(pair: TreePair, source: ObjectSource): TreeChange[] | CxoFault {
  return caught(() => {
    const walk = new Walk(source);
    walk.nodes(pair, { path: "", depth: 0 });
    return walk.changes();
  });
}

/** Where a walk is. */
interface Place {
  readonly path: ByteText;
  readonly depth: number;
}

class Walk {
  readonly #source: ObjectSource;
  readonly #found = new Map<ByteText, Uint8Array | undefined>();
  #objects = 0;
  #bytes = 0;

  constructor(source: ObjectSource) {
    this.#source = source;
  }

  changes(): TreeChange[] {
    const sorted = [...this.#found].sort(([a], [b]) => a < b ? -1 : 1);
    return sorted.map(([path, value]) => ({ path: readableText(path), value }));
  }

  nodes({ before, after }: TreePair, place: Place): void {
    if (before === after) return;
    const lists = { before: this.#children(before), after: this.#children(after) };
    const { gone, added } = this.#differing(lists);
    const [old, now] = [this.#entries(gone), this.#entries(added)];
    for (const name of new Set([...old.keys(), ...now.keys()])) {
      const path = place.path === "" ? name : `${place.path}/${name}`;
      const next = { path, depth: place.depth + 1 };
      if (path.length > MAX_PATH_BYTES || next.depth > MAX_PATH_SEGMENTS) {
        throw new CxoFault("too-large", "a path in the tree is too long");
      }
      this.#compare({ before: old.get(name), after: now.get(name) }, next);
    }
  }

  #compare(
    { before, after }: { before: TreeEntry | undefined; after: TreeEntry | undefined },
    place: Place,
  ): void {
    this.nodes({ before: subOf(before), after: subOf(after) }, place);
    const [old, now] = [leafOf(before), leafOf(after)];
    if (old === now || (old !== undefined && now !== undefined && equalBytes(old, now))) return;
    this.#bytes += place.path.length + (now?.length ?? 0);
    if (this.#bytes > MAX_WALK_BYTES) {
      throw new CxoFault("too-large", `a tree of more than ${MAX_WALK_BYTES} bytes`);
    }
    this.#found.set(place.path, now);
  }

  #load(id: ObjectId): Uint8Array {
    if (++this.#objects > MAX_WALK_OBJECTS) {
      throw new CxoFault("too-large", `a tree of more than ${MAX_WALK_OBJECTS} objects`);
    }
    const bytes = this.#source(id);
    if (bytes === undefined) throw new CxoFault("missing-object", `object ${id} is not held`);
    return bytes;
  }

  #children(node: ObjectId | undefined): RefsPart | undefined {
    if (node === undefined) return undefined;
    const refs = orThrow(decodeTreeNode(this.#load(node)));
    return refs === undefined ? undefined : orThrow(decodeRefsTop(this.#load(refs)));
  }

  /** By name; of several of one name the last counts. No writer makes such. */
  #entries(ids: Iterable<ObjectId>): Map<ByteText, TreeEntry> {
    const entries = new Map<ByteText, TreeEntry>();
    for (const id of ids) {
      const entry = orThrow(decodeTreeEntry(this.#load(id)));
      entries.set(entry.name, entry);
    }
    return entries;
  }

  /**
   * Elements that only one of two lists has. Both are opened level by level, the deeper one first, and
   * nodes that stand on both sides of a level stay closed.
   */
  #differing(
    { before, after }: { before: RefsPart | undefined; after: RefsPart | undefined },
  ): { gone: Set<ObjectId>; added: Set<ObjectId> } {
    let old = before === undefined ? [] : [before];
    let now = after === undefined ? [] : [after];
    for (;;) {
      const [oldDepth, nowDepth] = [old[0]?.depth ?? 0, now[0]?.depth ?? 0];
      const [oldIds, nowIds] = [idsOf(old), idsOf(now)];
      if (oldDepth === 0 && nowDepth === 0) {
        return { gone: oldIds.difference(nowIds), added: nowIds.difference(oldIds) };
      }
      const none = new Set<ObjectId>();
      const level = oldDepth === nowDepth;
      if (oldDepth >= nowDepth) old = this.#open(old, level ? nowIds : none);
      if (nowDepth >= oldDepth) now = this.#open(now, level ? oldIds : none);
    }
  }

  /** The nodes below, without those of the set. Where all were opened, the counts must agree. */
  #open(parts: readonly RefsPart[], closed: ReadonlySet<ObjectId>): RefsPart[] {
    const opened: RefsPart[] = [];
    for (const part of parts) {
      let missing = part.count;
      for (const id of part.ids) {
        if (closed.has(id)) {
          missing = NaN;
          continue;
        }
        const node = orThrow(decodeRefsNode(this.#load(id), part));
        missing -= node.count;
        opened.push(node);
      }
      if (missing !== 0 && !Number.isNaN(missing)) {
        throw new CxoFault("invalid-value", `Refs of ${part.count} whose nodes do not add up`);
      }
    }
    return opened;
  }
}

function idsOf(parts: readonly RefsPart[]): Set<ObjectId> {
  const ids = new Set<ObjectId>();
  for (const part of parts) for (const id of part.ids) ids.add(id);
  ids.delete(ZERO_ID);
  return ids;
}

function leafOf(entry: TreeEntry | undefined): Uint8Array | undefined {
  return entry === undefined || entry.leaf.length === 0 ? undefined : entry.leaf;
}

function subOf(entry: TreeEntry | undefined): ObjectId | undefined {
  if (entry === undefined || entry.leaf.length > 0 || entry.sub === ZERO_ID) return undefined;
  return entry.sub;
}
