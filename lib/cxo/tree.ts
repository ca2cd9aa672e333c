import { CodedError, NO_BYTES, utf8 } from "#kit";
import { compact, type CompactBytes, expanded, sameBytes } from "./compact_bytes.ts";
import { type CxoObject, MAX_OBJECT_BYTES, type ObjectId, objectOf, ZERO_ID } from "./object_id.ts";
import { MAX_REFS_ELEMENTS, RefsList } from "./refs.ts";
import {
  type ByteText,
  byteText,
  encodeTreeEntry,
  encodeTreeNode,
  ENTRY_OVERHEAD_BYTES,
  MAX_PATH_BYTES,
  MAX_PATH_SEGMENTS,
  readableText,
} from "./tree_objects.ts";

/** What a {@link Tree} refuses to write. */
export type TreeErrorCode = "invalid-path" | "path-conflict" | "too-large";

/** A path or value that cannot be written. The texts are those of cxo.md 13, but for `too-large`. */
export class TreeError extends CodedError {
  /** Which it is. */
  declare readonly code: TreeErrorCode;

  /** An error of one of the codes. */
  constructor(code: TreeErrorCode, message: string) {
    super(code, message);
  }
}

/** One encoded state of a tree. */
export interface TreeSnapshot {
  /** Id of the root TreeNode: what a Root points to. */
  readonly root: ObjectId;
  /** Objects made since the publish before; children come before what names them. */
  readonly objects: readonly CxoObject[];
}

/**
 * The writer's side of a tree store (cxo.md 6): paths to byte values, encoded bottom-up on demand.
 *
 * Unchanged subtrees keep their ids and are not looked at. Names that arrive in ascending order cost
 * the logarithm of the number of children; others move what stands behind them. Dropping the oldest of
 * many children costs as much as encoding all of them, so drop many at a time.
 */
export class Tree {
  readonly #root = new Branch();
  #snapshot: ObjectId | undefined;

  /**
   * Sets the value of a path: segments joined by `/`, one trailing `/` is passed over. An empty value is
   * written, but readers skip it.
   *
   * @returns whether anything changed. The tree keeps a copy of a small value, else the array.
   * @throws {TreeError} for a path that is none or that conflicts, and for what no reader would take.
   */
  put(path: string, value: Uint8Array): boolean {
    const names = segments(path);
    const last = names.pop();
    if (last === undefined) {
      throw new TreeError("invalid-path", "treestore: cannot Put at empty path (root)");
    }
    if (value.length + last.length + ENTRY_OVERHEAD_BYTES > MAX_OBJECT_BYTES) {
      throw new TreeError("too-large", `treestore: value of ${value.length} bytes at ${path}`);
    }
    checkConflict(this.#root, { path, names, last });
    const visited = [this.#root];
    let branch = this.#root;
    for (const name of names) {
      branch = branch.descend(name, path);
      visited.push(branch);
    }
    if (!branch.setLeaf(last, value, path)) return false;
    // A branch is dirty once what it names is.
    names.forEach((name, index) => visited[index]?.touch(name));
    this.#snapshot = undefined;
    return true;
  }

  /** The value of a path, undefined when there is no leaf. */
  get(path: string): Uint8Array | undefined {
    const child = find(this.#root, segments(path));
    return child === undefined || child.branch !== undefined ? undefined : expanded(child.leaf);
  }

  /**
   * Paths of the leaves that begin with these segments, in byte order; the empty prefix names all. The tree
   * must not change meanwhile.
   *
   * @throws {TreeError} for a prefix that is no path.
   */
  *paths(prefix = ""): Iterable<string> {
    const names = segments(prefix);
    const child = find(this.#root, names);
    const branch = names.length === 0 ? this.#root : child?.branch;
    if (branch !== undefined) yield* pathsBelow(branch, names);
    else if (child !== undefined) yield pathOf(names);
  }

  /**
   * Takes out a leaf, or an inner node with all below it; inner nodes that this leaves empty go too. The
   * empty path names nothing.
   *
   * @returns whether anything was there.
   * @throws {TreeError} for a path that is none.
   */
  delete(path: string): boolean {
    const names = segments(path);
    if (names.length === 0 || find(this.#root, names) === undefined) return false;
    removeFrom(this.#root, names);
    this.#snapshot = undefined;
    return true;
  }

  /**
   * Takes out everything beside a path that sorts before it; the path itself need not be there.
   *
   * @returns how many leaves or inner nodes were taken out.
   * @throws {TreeError} for a path that is none.
   */
  deleteBefore(path: string): number {
    const names = segments(path);
    const last = names.pop();
    const branch = names.length === 0 ? this.#root : find(this.#root, names)?.branch;
    const dropped = last === undefined ? 0 : branch?.removeBefore(last) ?? 0;
    if (dropped === 0) return 0;
    this.#snapshot = undefined;
    if (branch?.isEmpty && names.length > 0) removeFrom(this.#root, names);
    else touchAll(this.#root, names);
    return dropped;
  }

  /** Encodes what changed since the last publish. Without a change there are no new objects. */
  publish(): TreeSnapshot {
    const objects: CxoObject[] = [];
    const root = this.publishTo((object) => objects.push(object));
    return { root, objects };
  }

  /** The same, object by object: a long tree is never there twice. Gives the id of the root TreeNode. */
  publishTo(take: (object: CxoObject) => void): ObjectId {
    return this.#snapshot ??= this.#root.encode(take);
  }
}

/** One child: a leaf, or a branch. */
interface Child {
  readonly name: ByteText;
  leaf: CompactBytes;
  readonly branch?: Branch;
}

/** An inner node. Its entries stand in the order of their names, and so do their ids in the Refs. */
class Branch {
  readonly #children: Child[] = [];
  readonly #refs = new RefsList();
  readonly #dirty = new Set<Child>();

  get isEmpty(): boolean {
    return this.#children.length === 0;
  }

  /** In the order of their names. */
  get children(): readonly Child[] {
    return this.#children;
  }

  child(name: ByteText): Child | undefined {
    const child = this.#children[this.#place(name)];
    return child?.name === name ? child : undefined;
  }

  /** The branch of that name, made if there is nothing. The caller has checked for a leaf. */
  descend(name: ByteText, path: string): Branch {
    const known = this.child(name)?.branch;
    if (known !== undefined) return known;
    const branch = new Branch();
    this.#insert({ name, leaf: NO_BYTES, branch }, path);
    return branch;
  }

  setLeaf(name: ByteText, leaf: Uint8Array, path: string): boolean {
    const child = this.child(name);
    const kept = compact(leaf);
    if (child === undefined) {
      this.#insert({ name, leaf: kept }, path);
      return true;
    }
    if (sameBytes(child.leaf, kept)) return false;
    child.leaf = kept;
    this.#dirty.add(child);
    return true;
  }

  /** Marks a child whose branch changed. */
  touch(name: ByteText): void {
    const child = this.child(name);
    if (child !== undefined) this.#dirty.add(child);
  }

  remove(name: ByteText): void {
    const place = this.#place(name);
    const child = this.#children[place];
    if (child?.name !== name) return;
    this.#children.splice(place, 1);
    this.#refs.remove(place);
    this.#dirty.delete(child);
  }

  /** Takes out the children that sort before a name; how many. */
  removeBefore(name: ByteText): number {
    const gone = this.#children.splice(0, this.#place(name));
    this.#refs.removeFirst(gone.length);
    for (const child of gone) this.#dirty.delete(child);
    return gone.length;
  }

  /** Hands on the objects that are new and gives the id of this node. */
  encode(take: (object: CxoObject) => void): ObjectId {
    const dirty = [...this.#dirty].sort((a, b) => a.name < b.name ? -1 : 1);
    this.#dirty.clear();
    const subs = dirty.map(({ branch }) => branch?.encode(take) ?? ZERO_ID);
    dirty.forEach(({ name, leaf }, index) => {
      const sub = subs[index] ?? ZERO_ID;
      const bytes = encodeTreeEntry({ name, leaf: expanded(leaf), sub });
      const entry = sub === ZERO_ID ? objectOf(bytes) : objectOf(bytes, [sub]);
      take(entry);
      this.#refs.set(this.#place(name), entry.id);
    });
    const refs = this.#refs.seal();
    for (const object of refs.objects) take(object);
    const bytes = encodeTreeNode(refs.id);
    const node = refs.id === ZERO_ID ? objectOf(bytes) : objectOf(bytes, [refs.id]);
    take(node);
    return node.id;
  }

  #insert(child: Child, path: string): void {
    if (this.#children.length >= MAX_REFS_ELEMENTS) {
      throw new TreeError("too-large", `treestore: no room for ${path}`);
    }
    const place = this.#place(child.name);
    if (place === this.#children.length) this.#children.push(child);
    else this.#children.splice(place, 0, child);
    this.#refs.insert(place, ZERO_ID);
    this.#dirty.add(child);
  }

  /** Where the name is or belongs. Names mostly arrive in ascending order, so the end comes first. */
  #place(name: ByteText): number {
    let high = this.#children.length;
    const last = this.#children[high - 1];
    if (last === undefined || last.name < name) return high;
    let low = 0;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#children[middle]?.name ?? "") < name) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The segments of a path as bytes. */
function segments(path: string): ByteText[] {
  const bytes = byteTextOf(path);
  const names = bytes.endsWith("/") ? bytes.slice(0, -1).split("/") : bytes.split("/");
  if (names.length === 1 && names[0] === "") return [];
  if (names.includes("")) {
    throw new TreeError("invalid-path", "treestore: invalid path (empty segment)");
  }
  if (names.length > MAX_PATH_SEGMENTS) {
    throw new TreeError("too-large", `treestore: path of ${names.length} segments`);
  }
  return names;
}

function byteTextOf(path: string): ByteText {
  const bytes = utf8(path);
  if (bytes.length > MAX_PATH_BYTES) {
    throw new TreeError("too-large", `treestore: path of ${bytes.length} bytes`);
  }
  return byteText(bytes);
}

/** Refuses a leaf below a leaf or in the place of a branch, before anything is changed. */
function checkConflict(
  root: Branch,
  { path, names, last }: { path: string; names: readonly ByteText[]; last: ByteText },
): void {
  let branch = root;
  for (const name of names) {
    const child = branch.child(name);
    if (child === undefined) return;
    if (child.branch === undefined) {
      throw new TreeError(
        "path-conflict",
        `treestore: path ${path} conflicts with existing leaf`,
      );
    }
    branch = child.branch;
  }
  if (branch.child(last)?.branch !== undefined) {
    throw new TreeError(
      "path-conflict",
      `treestore: path ${path} conflicts with existing sub-tree`,
    );
  }
}

function find(root: Branch, names: readonly ByteText[]): Child | undefined {
  let branch: Branch | undefined = root;
  let child: Child | undefined;
  for (const name of names) {
    child = branch?.child(name);
    branch = child?.branch;
  }
  return child;
}

function* pathsBelow(branch: Branch, names: readonly ByteText[]): Iterable<string> {
  for (const child of branch.children) {
    const below = [...names, child.name];
    if (child.branch === undefined) yield pathOf(below);
    else yield* pathsBelow(child.branch, below);
  }
}

function pathOf(names: readonly ByteText[]): string {
  return readableText(names.join("/"));
}

function removeFrom(branch: Branch, names: readonly ByteText[]): void {
  const [name = "", ...rest] = names;
  const below = branch.child(name)?.branch;
  if (rest.length > 0 && below !== undefined) {
    removeFrom(below, rest);
    if (!below.isEmpty) return branch.touch(name);
  }
  branch.remove(name);
}

/** Marks every branch on the way as changed. */
function touchAll(root: Branch, names: readonly ByteText[]): void {
  let branch: Branch | undefined = root;
  for (const name of names) {
    branch?.touch(name);
    branch = branch?.child(name)?.branch;
  }
}
