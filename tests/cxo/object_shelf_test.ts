import assert from "node:assert/strict";
import fc from "fast-check";
import { utf8 } from "#kit";
import {
  type CxoObject,
  encodeTreeEntry,
  NO_CHILDREN,
  objectOf,
  ObjectShelf,
  readTree,
  REGISTRY,
  Tree,
  TreeError,
  ZERO_ID,
} from "#cxo";
import { sound } from "./vectors.ts";

/** An object with these bytes that names these objects, whatever the bytes say. */
function thing(text: string, children: readonly string[] = NO_CHILDREN): CxoObject {
  return objectOf(utf8(text), children);
}

/** Ids of the objects that can be reached: what is to be held. */
function reachable(roots: Iterable<string>, known: ReadonlyMap<string, CxoObject>): Set<string> {
  const marked = new Set<string>();
  const left = [...roots];
  for (let id = left.pop(); id !== undefined; id = left.pop()) {
    const object = known.get(id);
    if (object === undefined || marked.has(id)) continue;
    marked.add(id);
    left.push(...object.children);
  }
  return marked;
}

function assertHolds(shelf: ObjectShelf, wanted: Set<string>, known: Map<string, CxoObject>): void {
  const held = [...known.keys()].filter((id) => shelf.has(id));
  assert.deepEqual(new Set(held), wanted);
  assert.equal(shelf.size, wanted.size);
  let bytes = 0;
  for (const id of wanted) {
    assert.deepEqual(shelf.get(id), known.get(id)?.bytes);
    bytes += known.get(id)?.bytes.length ?? 0;
  }
  assert.equal(shelf.bytes, bytes);
}

const segment = fc.constantFrom("a", "b", "c");
const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const step = fc.oneof(
  fc.record({ kind: fc.constant("put" as const), path, value: fc.constantFrom("1", "2") }),
  fc.record({ kind: fc.constant("delete" as const), path }),
  fc.record({ kind: fc.constantFrom("publish" as const, "abandon" as const), seed: fc.nat() }),
  fc.record({ kind: fc.constantFrom("release" as const, "again" as const), at: fc.nat() }),
);
/** With the writer that makes it: equal trees of two writers share their objects. */
const history = fc.array(fc.tuple(fc.boolean(), step), { maxLength: 60 });

/** The same objects in another order. */
function shuffled(objects: readonly CxoObject[], seed: number): CxoObject[] {
  const keyed = objects.map((object, index) => ({ object, key: (seed * (index + 7)) % 1_009 }));
  return keyed.sort((a, b) => a.key - b.key).map(({ object }) => object);
}

/** A shelf beside everything that was ever made and the roots that are wanted. */
class Model {
  readonly shelf = new ObjectShelf();
  readonly known = new Map<string, CxoObject>();
  readonly roots: string[] = [];

  publish(tree: Tree, { seed, keep }: { seed: number; keep: boolean }): void {
    const { root, objects } = tree.publish();
    for (const object of objects) this.known.set(object.id, object);
    // Superseded Roots take what they share with them: a publish may need what is gone.
    const added = shuffled([...reachable([root], this.known)].map((id) => this.#object(id)), seed);
    const cut = seed % (added.length + 1);
    this.shelf.add(added.slice(0, cut));
    if (keep) {
      this.roots.push(root);
      this.shelf.retain(root);
    }
    this.shelf.add(added.slice(cut));
    this.shelf.prune(added.map(({ id }) => id));
  }

  release(at: number): void {
    const [root] = this.roots.splice(at % Math.max(1, this.roots.length), 1);
    if (root !== undefined) this.shelf.release(root);
  }

  again(at: number): void {
    const root = this.roots[at % Math.max(1, this.roots.length)];
    if (root === undefined) return;
    this.roots.push(root);
    this.shelf.retain(root);
  }

  check(): void {
    assertHolds(this.shelf, reachable(this.roots, this.known), this.known);
  }

  #object(id: string): CxoObject {
    return this.known.get(id) ?? assert.fail(id);
  }
}

Deno.test("ObjectShelf holds what a mark and sweep from the retained Roots would", () => {
  fc.assert(
    fc.property(history, (steps) => {
      const model = new Model();
      const trees = [new Tree(), new Tree()] as const;
      for (const [second, done] of steps) {
        const tree = second ? trees[1] : trees[0];
        if (done.kind === "put") put(tree, done.path, done.value);
        else if (done.kind === "delete") tree.delete(done.path);
        else if ("seed" in done) model.publish(tree, { ...done, keep: done.kind === "publish" });
        else if (done.kind === "release") model.release(done.at);
        else model.again(done.at);
        model.check();
      }
      while (model.roots.length > 0) model.release(0);
      model.check();
      assert.deepEqual([model.shelf.size, model.shelf.bytes], [0, 0]);
      assertCountsNothing(model);
    }),
    { numRuns: 200 },
  );
});

function put(tree: Tree, path: string, value: string): void {
  try {
    tree.put(path, utf8(value));
  } catch (error) {
    if (!(error instanceof TreeError)) throw error;
  }
}

/** A count that was left behind would keep an object that nobody needs. */
function assertCountsNothing({ shelf, known }: Model): void {
  for (const object of known.values()) {
    shelf.add([{ ...object, children: NO_CHILDREN }]);
    shelf.prune([object.id]);
    assert.equal(shelf.has(object.id), false);
  }
}

Deno.test("children of published objects are what the objects name", () => {
  const tree = new Tree();
  for (let index = 0; index < 300; index++) put(tree, `msgs/${index}`, "m");
  put(tree, "empty", "");
  const { root, objects } = tree.publish();
  const known = new Map(objects.map((object) => [object.id, object]));
  assert.equal(reachable([root], known).size, known.size);
  for (const { bytes, children } of objects) {
    const hex = bytes.toHex();
    for (const child of children) assert.ok(hex.includes(child) && child !== ZERO_ID);
    if (children.length === 0) assert.equal(children, NO_CHILDREN);
  }
  assert.deepEqual(new Tree().publish().objects[0]?.children, []);
});

Deno.test("a superseded Root costs only what changed", () => {
  const tree = new Tree();
  for (let index = 0; index < 5_000; index++) put(tree, `msgs/${10_000 + index}`, "m");
  const shelf = new ObjectShelf();
  const first = tree.publish();
  shelf.add(first.objects);
  shelf.retain(first.root);
  const before = shelf.size;
  put(tree, "msgs/99999", "new");
  const second = tree.publish();
  shelf.add(second.objects);
  shelf.retain(second.root);
  assert.equal(shelf.size, before + second.objects.length);
  shelf.release(first.root);
  // The new entry is one more than before; all else that changed took the place of something.
  assert.equal(shelf.size, before + 1);
  assert.equal(sound(readTree(second.root, (id) => shelf.get(id))).length, 5_001);
  shelf.release(second.root);
  assert.deepEqual([shelf.size, shelf.bytes], [0, 0]);
});

Deno.test("an object that comes after what names it is counted, also when it is retained first", () => {
  const [leaf, other] = [thing("leaf"), thing("other")];
  const root = thing("root", [leaf.id, leaf.id]);
  const shelf = new ObjectShelf();
  shelf.retain(root.id);
  assert.equal(shelf.has(root.id), false);
  shelf.add([root]);
  shelf.add([leaf, other]);
  shelf.prune([other.id, leaf.id, root.id]);
  assert.deepEqual([shelf.has(leaf.id), shelf.has(other.id), shelf.size], [true, false, 2]);
  shelf.add([{ ...leaf, children: [other.id] }]);
  assert.equal(shelf.bytes, 8, "adding one that is held changes nothing");
  shelf.release(root.id);
  assert.equal(shelf.size, 0);
});

Deno.test("a chain of 200,000 objects is dropped without a deep stack", () => {
  const shelf = new ObjectShelf();
  let top = thing("end");
  shelf.add([top]);
  for (let index = 0; index < 200_000; index++) {
    top = { id: `${index}`, bytes: utf8("x"), children: [top.id] };
    shelf.add([top]);
  }
  shelf.retain(top.id);
  shelf.release(top.id);
  assert.equal(shelf.size, 0);
});

Deno.test("the Registry is always there and never counted", () => {
  const shelf = new ObjectShelf();
  assert.ok(shelf.has(REGISTRY.id));
  shelf.add([REGISTRY]);
  const root = thing("root", [REGISTRY.id]);
  shelf.add([root]);
  shelf.prune([root.id, REGISTRY.id]);
  assert.equal(shelf.get(REGISTRY.id), REGISTRY.bytes);
  assert.deepEqual([shelf.size, shelf.bytes], [0, 0]);
});

Deno.test("objects of every size come back as they were", () => {
  const shelf = new ObjectShelf();
  for (const size of [0, 1, 255, 1_023, 1_024, 1_025, 100_000]) {
    const leaf = Uint8Array.from({ length: size }, (_, index) => index * 7);
    const object = objectOf(encodeTreeEntry({ name: "x", sub: ZERO_ID, leaf }));
    shelf.add([object]);
    assert.deepEqual(shelf.get(object.id), object.bytes);
  }
});

Deno.test("clear forgets everything, and what is not retained cannot be released", () => {
  const shelf = new ObjectShelf();
  const object = thing("x");
  shelf.add([object]);
  shelf.retain(object.id);
  shelf.clear();
  assert.deepEqual([shelf.size, shelf.bytes, shelf.has(object.id)], [0, 0, false]);
  assert.throws(() => shelf.release(object.id), RangeError);
  shelf.add([thing("parent", [object.id]), object]);
  assert.throws(() => shelf.release(object.id), RangeError, "named is not retained");
});
