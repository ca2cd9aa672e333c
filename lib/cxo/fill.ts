import { compact, CompactObject } from "./compact_bytes.ts";
import { caught, CxoFault, orThrow } from "./fault.ts";
import { type CxoObject, MAX_OBJECT_BYTES, type ObjectId, objectId, ZERO_ID } from "./object_id.ts";
import { decodeRefsNode, decodeRefsTop, type RefsPart } from "./refs.ts";
import { REGISTRY } from "./registry.ts";
import { type Root, rootTreeNode } from "./root.ts";
import { decodeTreeEntry, decodeTreeNode } from "./tree_objects.ts";

/** Most requests of one fill that wait for an answer (cxo.md 5.6). */
export const MAX_FILL_REQUESTS = 10;
/** Most objects of one Root that are new to us (ours). */
export const MAX_FILL_OBJECTS = 196_608;
/** Most bytes of those objects (ours). */
export const MAX_FILL_BYTES = 67_108_864;

/** What is held already. */
export interface FillView {
  /** Whether this object is held with everything below it: it is neither fetched nor opened. */
  has(id: ObjectId): boolean;
  /** An object that is held alone, such as one that a broken fill left. */
  get(id: ObjectId): Uint8Array | undefined;
  /** An object that is held for another feed; by default none is. */
  borrow?(id: ObjectId): CxoObject | undefined;
}

/** How much one Root may bring; by default {@link MAX_FILL_OBJECTS} and {@link MAX_FILL_BYTES}. */
export interface FillLimits {
  /** Objects. */
  readonly objects?: number;
  /** Their bytes. */
  readonly bytes?: number;
}

/** How an offered object was received: one that nobody waits for is passed over. */
export type FillStep = "taken" | "ignored" | CxoFault;

/** What an object is expected to be; nothing in its bytes says so. */
type Task =
  | { readonly kind: "registry" | "node" | "refs" | "entry"; readonly id: ObjectId }
  | { readonly kind: "refs-node"; readonly id: ObjectId; readonly parent: RefsPart };

/**
 * Finds out which objects a Root needs and takes them as they come (cxo.md 5.6): the Registry, then the
 * tree from above, level by level.
 *
 * It sends nothing and knows no time: the caller requests what {@link next} names, offers the answers to
 * {@link accept}, and drops the filler when an answer is an error or none comes. One fault ends it.
 */
export class Filler {
  /** The Root that is filled. */
  readonly root: Root;
  readonly #view: FillView;
  readonly #most: Required<FillLimits>;
  readonly #objects = new Map<ObjectId, CompactObject>();
  /** Those of them that came from other feeds, with what they were said to name. */
  readonly #borrowed = new Map<ObjectId, readonly ObjectId[]>();
  readonly #waiting = new Map<ObjectId, Task[]>();
  readonly #outstanding = new Set<ObjectId>();
  /** Objects that were met, by what they were met as. */
  readonly #seen = new Map<string, Set<ObjectId>>();
  #seenCount = 0;
  #queue: ObjectId[] = [];
  /** How many of the queue were requested; taking them off its front would move the rest each time. */
  #asked = 0;
  #bytes = 0;
  #fault: CxoFault | undefined;

  /** Starts at the Root, which `acceptRoot` has checked. */
  constructor(root: Root, view: FillView, limits: FillLimits = {}) {
    this.root = root;
    this.#view = view;
    this.#most = { objects: MAX_FILL_OBJECTS, bytes: MAX_FILL_BYTES, ...limits };
    this.#run(() => {
      const node = orThrow(rootTreeNode(root));
      this.#work([
        { kind: "registry", id: REGISTRY.id },
        ...(node === undefined ? [] : [{ kind: "node", id: node } as const]),
      ]);
    });
  }

  /** Why this Root will never be complete, undefined while nothing speaks against it. */
  get fault(): CxoFault | undefined {
    return this.#fault;
  }

  /** Whether everything is there: in {@link objects} or held before. */
  get isComplete(): boolean {
    return this.#fault === undefined && this.#waiting.size === 0;
  }

  /** Requests without an answer. */
  get outstanding(): number {
    return this.#outstanding.size;
  }

  /** What was accepted or found, with what it names. With a complete Root all of it is to be held. */
  get objects(): ReadonlyMap<ObjectId, CxoObject> {
    return this.#objects;
  }

  /** What of it is held for other feeds as well. */
  get borrowed(): { has(id: ObjectId): boolean } {
    return this.#borrowed;
  }

  /** Bytes that came in answers. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Ids to {@link find} or request now, so many at most; each is named once. */
  next(most: number = MAX_FILL_REQUESTS - this.#outstanding.size): ObjectId[] {
    if (this.#fault !== undefined) return [];
    const ids = this.#queue.slice(this.#asked, this.#asked + most);
    for (const id of ids) this.#outstanding.add(id);
    this.#asked += ids.length;
    return ids;
  }

  /** Takes the answer to the request for `id`. */
  accept(id: ObjectId, bytes: Uint8Array): FillStep {
    if (this.#fault !== undefined || !this.#outstanding.delete(id)) return "ignored";
    this.#run(() => {
      this.#check(id, bytes);
      this.#objects.set(id, new CompactObject(id, compact(bytes)));
      this.#openAll(id, bytes);
    });
    return this.#fault ?? "taken";
  }

  /** Takes an object that {@link next} named from another feed; undefined where none has it. */
  find(id: ObjectId): FillStep | undefined {
    const object = this.#fault === undefined ? this.#view.borrow?.(id) : undefined;
    if (object === undefined) return undefined;
    if (!this.#outstanding.delete(id)) return "ignored";
    // The same texts, so that what is held twice takes little room.
    const data = object instanceof CompactObject ? object.data : compact(object.bytes);
    this.#objects.set(object.id, new CompactObject(object.id, data));
    this.#borrowed.set(object.id, object.children);
    this.#run(() => this.#openAll(id, object.bytes));
    return this.#fault ?? "taken";
  }

  #openAll(id: ObjectId, bytes: Uint8Array): void {
    const tasks = this.#waiting.get(id) ?? [];
    this.#waiting.delete(id);
    this.#work(tasks.flatMap((task) => this.#open(task, bytes)));
  }

  /** What the object names, which is noted with it. */
  #open(task: Task, bytes: Uint8Array): Task[] {
    const tasks = below(task, bytes);
    const object = this.#objects.get(task.id);
    if (object !== undefined && tasks.length > 0) {
      const ids = tasks.map(({ id }) => id);
      const said = this.#borrowed.get(task.id);
      // Said by the writer of another feed: equal ones are taken because they are held already.
      const named = said !== undefined && equalIds(said, ids) ? said : ids;
      // Bytes that are met as two kinds, which takes a hostile writer, name what either names.
      const known = object.children;
      const children = known.length === 0 ? named : [...new Set([...known, ...named])];
      this.#objects.set(task.id, new CompactObject(object.id, object.data, children));
    }
    return tasks;
  }

  #check(id: ObjectId, bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    if (bytes.length > MAX_OBJECT_BYTES || this.#bytes > this.#most.bytes) {
      throw new CxoFault("too-large", `a Root of more than ${this.#most.bytes} bytes`);
    }
    if (objectId(bytes) !== id) throw new CxoFault("wrong-hash", `not the object ${id}`);
  }

  /** Opens what is held alone, and queues the rest. */
  #work(tasks: Task[]): void {
    // The list grows while it is worked off.
    for (const task of tasks) {
      if (!this.#isNew(task)) continue;
      const bytes = this.#objects.get(task.id)?.bytes ?? this.#view.get(task.id);
      if (bytes !== undefined) { for (const next of this.#open(task, bytes)) tasks.push(next); }
      else this.#await(task);
    }
  }

  #isNew(task: Task): boolean {
    if (this.#view.has(task.id)) return false;
    const depth = task.kind === "refs-node" ? `${task.parent.degree}/${task.parent.depth}` : "";
    const kind = `${task.kind}${depth}`;
    const seen = this.#seen.get(kind) ?? new Set();
    if (seen.has(task.id)) return false;
    if (this.#seenCount >= this.#most.objects) {
      throw new CxoFault("too-large", `a Root of more than ${this.#most.objects} objects`);
    }
    this.#seen.set(kind, seen.add(task.id));
    this.#seenCount++;
    return true;
  }

  #await(task: Task): void {
    const tasks = this.#waiting.get(task.id);
    if (tasks !== undefined) return void tasks.push(task);
    this.#waiting.set(task.id, [task]);
    this.#queue.push(task.id);
  }

  #run(work: () => void): void {
    const fault = caught(work);
    if (!(fault instanceof CxoFault)) return;
    this.#fault = fault;
    this.#queue = [];
    this.#asked = 0;
    this.#waiting.clear();
    this.#outstanding.clear();
    this.#seen.clear();
  }
}

function equalIds(some: readonly ObjectId[], others: readonly ObjectId[]): boolean {
  return some.length === others.length && some.every((id, index) => id === others[index]);
}

/** What an object of that kind names. */
function below(task: Task, bytes: Uint8Array): Task[] {
  switch (task.kind) {
    case "registry":
      return [];
    case "node": {
      const id = orThrow(decodeTreeNode(bytes));
      return id === undefined ? [] : [{ kind: "refs", id }];
    }
    case "refs":
      return belowRefs(orThrow(decodeRefsTop(bytes)));
    case "refs-node":
      return belowRefs(orThrow(decodeRefsNode(bytes, task.parent)));
    case "entry": {
      const { sub, leaf } = orThrow(decodeTreeEntry(bytes));
      return leaf.length > 0 || sub === ZERO_ID ? [] : [{ kind: "node", id: sub }];
    }
  }
}

function belowRefs(part: RefsPart): Task[] {
  if (part.depth > 0) return part.ids.map((id) => ({ kind: "refs-node", id, parent: part }));
  return part.ids.filter((id) => id !== ZERO_ID).map((id) => ({ kind: "entry", id }));
}
