import assert from "node:assert/strict";
import fc from "fast-check";
import { utf8, utf8Text } from "#kit";
import {
  CxoFault,
  decodeTreeEntry,
  diffTrees,
  diffTreesSliced,
  encodeTreeEntry,
  encodeTreeNode,
  MAX_PATH_BYTES,
  MAX_PATH_SEGMENTS,
  MAX_WALK_OBJECTS,
  readTree,
  Tree,
  type TreeEntry,
  WALK_SLICE,
  Writer,
  ZERO_ID,
} from "#cxo";
import { faultCode, sound, vectors } from "./vectors.ts";
import { byBytes, fill, name, Pauses, Shelf } from "./walk_fixture.ts";

for (const { name, leaves, root_tree_node_hash } of vectors.trees) {
  Deno.test(`readTree gives the leaves of the vector ${name}`, () => {
    const shelf = new Shelf();
    const tree = new Tree();
    for (const { path, value_utf8 } of leaves ?? []) tree.put(path, utf8(value_utf8));
    shelf.publish(tree);
    const read = sound(readTree(root_tree_node_hash, shelf.source));
    assert.deepEqual(
      read.map(({ path, value }) => ({ path, value_utf8: utf8Text(value) })),
      leaves ?? [],
    );
  });
}

const segment = fc.constantFrom("a", "b", "a-b", "a0", "\uffee", "\u{1f600}");
const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const leaves = fc.array(fc.tuple(path, fc.constantFrom("", "1", "2")), { maxLength: 25 });

Deno.test("diffTrees is the difference of what readTree gives, sorted by path bytes", () => {
  fc.assert(
    fc.property(leaves, leaves, (first, second) => {
      const shelf = new Shelf();
      const [oldTree, newTree] = [new Tree(), new Tree()];
      const [old, now] = [fill(oldTree, first), fill(newTree, second)];
      const [before, after] = [shelf.publish(oldTree), shelf.publish(newTree)];
      const expected: (readonly [string, string | undefined])[] = [];
      for (const key of [...new Set([...old.keys(), ...now.keys()])].sort(byBytes)) {
        // A leaf without bytes disappears.
        const [was, is] = [old.get(key) || undefined, now.get(key) || undefined];
        if (was !== is) expected.push([key, is]);
      }
      const found = sound(diffTrees({ before, after }, shelf.source));
      assert.deepEqual(found.map((c) => [c.path, c.value && utf8Text(c.value)]), expected);
      for (const { id, value } of found) {
        const entry = id === undefined
          ? undefined
          : decodeTreeEntry(shelf.objects.get(id) ?? assert.fail());
        assert.deepEqual(entry === undefined ? undefined : sound(entry).leaf, value);
      }
    }),
    { numRuns: 150 },
  );
});

Deno.test("diffTrees finds appended messages at every size of list", () => {
  const shelf = new Shelf();
  const tree = new Tree();
  let before: string | undefined;
  for (let index = 0; index < 600; index++) {
    tree.put(name(index), utf8("m"));
    const after = shelf.publish(tree);
    const found = sound(diffTrees({ before, after }, shelf.source));
    assert.deepEqual(found.map((change) => change.path), [name(index)]);
    before = after;
  }
});

Deno.test("diffTrees looks at few objects of a long tree after one message", () => {
  const shelf = new Shelf();
  const tree = new Tree();
  for (let index = 0; index < 20_000; index++) tree.put(name(index), utf8("m"));
  const before = shelf.publish(tree);
  tree.put(name(20_000), utf8("new"));
  const after = shelf.publish(tree);
  assert.equal(sound(diffTrees({ before, after }, shelf.source)).length, 1);
  assert.ok(shelf.looks < 40, `${shelf.looks}`);
  shelf.looks = 0;
  assert.deepEqual(sound(diffTrees({ before: after, after }, shelf.source)), []);
  assert.equal(shelf.looks, 0);
});

Deno.test("a leaf without bytes is passed over, and a leaf with bytes is one whatever its Sub (trap 14)", () => {
  const shelf = new Shelf();
  const root = shelf.node([{ name: "empty" }, {
    name: "leaf",
    sub: "11".repeat(32),
    leaf: utf8("x"),
  }]);
  assert.deepEqual(sound(readTree(root, shelf.source)).map((leaf) => leaf.path), ["leaf"]);
});

Deno.test("children in any order are given sorted, and of one name the last counts", () => {
  const shelf = new Shelf();
  const [one, two] = [utf8("1"), utf8("2")];
  const root = shelf.node([{ name: "z", leaf: one }, { name: "a", leaf: one }, {
    name: "z",
    leaf: two,
  }]);
  const read = sound(readTree(root, shelf.source));
  assert.deepEqual(read.map(({ path, value }) => path + utf8Text(value)), ["a1", "z2"]);
});

Deno.test("of several kinds of one name the last counts too", () => {
  const shelf = new Shelf();
  const [leaf, sub] = [utf8("1"), shelf.node([{ name: "below", leaf: utf8("2") }])];
  const read = (...entries: Partial<TreeEntry>[]) =>
    sound(readTree(shelf.node(entries), shelf.source)).map((found) => found.path);
  assert.deepEqual(read({ leaf }, { sub }), ["x/below"]);
  assert.deepEqual(read({ sub }, { leaf }), ["x"]);
  assert.deepEqual(read({ leaf }, {}), []);
  assert.deepEqual(read({ sub }, {}), []);
});

Deno.test("what is missing is a fault", () => {
  const shelf = new Shelf();
  const tree = new Tree();
  fill(tree, [["a/b", "1"], ["c", "2"]]);
  const root = shelf.publish(tree);
  for (const [id, bytes] of [...shelf.objects]) {
    shelf.objects.delete(id);
    assert.equal(faultCode(readTree(root, shelf.source)), "missing-object");
    shelf.objects.set(id, bytes);
  }
});

Deno.test("a source that goes in circles ends at the depth of a path", () => {
  const shelf = new Shelf();
  const refs = new Writer().u32(0).u32(16).u32(1).u32(1).hex("ee".repeat(32)).finish();
  const node = "aa".repeat(32);
  const circle = new Map([
    [node, encodeTreeNode("dd".repeat(32))],
    ["dd".repeat(32), refs],
    ["ee".repeat(32), encodeTreeEntry({ name: "x", sub: node, leaf: new Uint8Array() })],
  ]);
  assert.equal(faultCode(readTree(node, (id) => circle.get(id))), "too-large");
  assert.equal(shelf.looks, 0);
});

Deno.test("paths end at their bounds", () => {
  const shelf = new Shelf();
  const deep = (segments: number, text: string) => {
    let root = shelf.node([{ name: text, leaf: utf8("x") }]);
    for (let level = 1; level < segments; level++) root = shelf.node([{ name: text, sub: root }]);
    return readTree(root, shelf.source);
  };
  assert.equal(sound(deep(MAX_PATH_SEGMENTS, "s")).length, 1);
  assert.equal(faultCode(deep(MAX_PATH_SEGMENTS + 1, "s")), "too-large");
  assert.equal(sound(deep(1, "s".repeat(MAX_PATH_BYTES))).length, 1);
  assert.equal(faultCode(deep(2, "s".repeat(MAX_PATH_BYTES / 2))), "too-large");
});

Deno.test("a small graph that unfolds without end is stopped by what it gives or costs", () => {
  const shelf = new Shelf();
  const names = Array.from({ length: 60 }, (_, index) => `n${index}`);
  let root = shelf.node([{ name: "leaf", leaf: new Uint8Array(60_000).fill(1) }]);
  for (let level = 0; level < 3; level++) {
    root = shelf.node(names.map((text) => ({ name: text, sub: root })));
  }
  assert.equal(faultCode(readTree(root, shelf.source)), "too-large");
  assert.ok(shelf.looks < 50_000);
});

Deno.test("a small graph that unfolds into many objects without a leaf is stopped", () => {
  const shelf = new Shelf();
  const names = Array.from({ length: 1024 }, (_, index) => `n${index}`);
  const inner = shelf.node(names.map((text) => ({ name: text })));
  const root = shelf.node(names.map((text) => ({ name: text, sub: inner })));
  assert.equal(faultCode(readTree(root, shelf.source)), "too-large");
  assert.equal(shelf.looks, MAX_WALK_OBJECTS);
});

Deno.test("counts of Refs nodes that do not add up are a fault", () => {
  const shelf = new Shelf();
  const entry = shelf.put(encodeTreeEntry({ name: "x", sub: ZERO_ID, leaf: utf8("x") }));
  const half = shelf.put(new Writer().u32(1).u32(1).hex(entry).finish());
  const top = shelf.put(new Writer().u32(1).u32(2).u32(3).u32(2).hex(half).hex(half).finish());
  assert.equal(faultCode(readTree(shelf.put(encodeTreeNode(top)), shelf.source)), "invalid-value");
});

Deno.test("a tree with one changed byte gives leaves or a fault", () => {
  const tree = new Tree();
  fill(tree, [["a/b", "1"], ["c", "2"], ["d/e/f", "3"]]);
  const shelf = new Shelf();
  const root = shelf.publish(tree);
  const ids = [...shelf.objects.keys()];
  fc.assert(fc.property(fc.constantFrom(...ids), fc.nat(), fc.nat(255), (id, at, byte) => {
    const read = readTree(root, (wanted) => {
      const bytes = shelf.objects.get(wanted)?.slice();
      if (bytes !== undefined && wanted === id) bytes[at % bytes.length] = byte;
      return bytes;
    });
    assert.ok(read instanceof CxoFault || read.length <= 3);
  }));
});

Deno.test("diffTreesSliced gives what diffTrees gives, and pauses after every slice", async () => {
  const shelf = new Shelf();
  const tree = new Tree();
  const before = shelf.publish(tree);
  for (let index = 0; index < 5_000; index++) {
    tree.put(name(index), utf8(`${index}`));
    tree.put(`group/${index % 70}/${index}`, utf8("g"));
  }
  const after = shelf.publish(tree);
  for (const pair of [{ before, after }, { before: after, after: before }]) {
    const pauses = new Pauses(shelf);
    const sliced = await diffTreesSliced(pair, shelf.source, pauses.pause);
    assert.deepEqual(sliced, diffTrees(pair, shelf.source));
    assert.equal(sound(sliced).length, 10_000);
    assert.ok(pauses.count > 5 && pauses.count < 20, `${pauses.count}`);
    assert.ok(pauses.mostLooks <= WALK_SLICE, `${pauses.mostLooks}`);
  }
});

Deno.test("diffTreesSliced does not pause for what is short", async () => {
  const shelf = new Shelf();
  const tree = new Tree();
  fill(tree, [["a/b", "1"], ["c", "2"]]);
  const pauses = new Pauses(shelf);
  const pair = { before: undefined, after: shelf.publish(tree) };
  assert.equal(sound(await diffTreesSliced(pair, shelf.source, pauses.pause)).length, 2);
  assert.equal(pauses.count, 0);
});

Deno.test("diffTreesSliced gives the fault, and passes on what a pause throws", async () => {
  const shelf = new Shelf();
  const tree = new Tree();
  for (let index = 0; index < 5_000; index++) tree.put(name(index), utf8("m"));
  const pair = { before: undefined, after: shelf.publish(tree) };
  const end = new Error("closing");
  await assert.rejects(diffTreesSliced(pair, shelf.source, () => Promise.reject(end)), end);
  const emptied = await diffTreesSliced(pair, shelf.source, () => {
    shelf.objects.clear();
    return Promise.resolve();
  });
  assert.equal(faultCode(emptied), "missing-object");
});
