import assert from "node:assert/strict";
import fc from "fast-check";
import { toHex, utf8, utf8Text } from "#kit";
import {
  CxoFault,
  decodeTreeEntry,
  decodeTreeNode,
  encodeTreeEntry,
  MAX_OBJECT_BYTES,
  MAX_PATH_BYTES,
  MAX_PATH_SEGMENTS,
  readableText,
  Tree,
  TreeError,
  ZERO_ID,
} from "#cxo";
import { bytes, faultCode, named, sound, vectors } from "./vectors.ts";

const message = (index: number) =>
  `msgs/${String(1788912000000000000n + BigInt(index))}-${String(index).padStart(6, "0")}`;

function treeOf(leaves: Iterable<readonly [string, string]>): Tree {
  const tree = new Tree();
  for (const [path, value] of leaves) tree.put(path, utf8(value));
  return tree;
}

for (const vector of vectors.trees) {
  const leaves = (vector.leaves ?? []).map(({ path, value_utf8 }) => [path, value_utf8] as const);

  Deno.test(`Tree makes the objects of the vector ${vector.name}`, () => {
    const { root, objects } = treeOf(leaves).publish();
    assert.equal(root, vector.root_tree_node_hash);
    assert.equal(objects.at(-1)?.id, root);
    const ours = new Map(objects.map(({ id, bytes }) => [id, toHex(bytes)]));
    assert.equal(ours.size, vector.object_count);
    for (const { hash, hex, label } of vector.objects_in_creation_order) {
      assert.equal(ours.get(hash), hex, label);
    }
  });

  Deno.test(`Tree gives the vector ${vector.name} also backwards, with a publish after each`, () => {
    const tree = new Tree();
    for (const [path, value] of leaves.toReversed()) {
      tree.put(path, utf8(value));
      tree.publish();
    }
    assert.equal(tree.publish().root, vector.root_tree_node_hash);
  });

  Deno.test(`entries and nodes of the vector ${vector.name} decode and encode alike`, () => {
    for (const { label, hex } of vector.objects_in_creation_order) {
      if (label.startsWith("TreeEntry ")) {
        const entry = sound(decodeTreeEntry(bytes(hex)));
        assert.equal(readableText(entry.name), label.split("/").at(-1)?.replace("TreeEntry ", ""));
        assert.equal(toHex(encodeTreeEntry(entry)), hex);
      } else if (label.startsWith("TreeNode ")) {
        assert.equal(sound(decodeTreeNode(bytes(hex))), /[^0]/.test(hex) ? hex : undefined);
      }
    }
  });
}

Deno.test("a tree without a change has the same id and no new objects (heartbeat, trap 10)", () => {
  const tree = treeOf([["a", "1"]]);
  const { root } = tree.publish();
  assert.equal(tree.put("a", utf8("1")), false);
  assert.deepEqual(tree.publish(), { root, objects: [] });
});

Deno.test("unchanged subtrees keep their ids: a change makes only the objects above it", () => {
  const tree = treeOf([["a/x", "1"], ["b/y", "2"], ["b/c/z", "3"]]);
  tree.publish();
  tree.put("a/x", utf8("changed"));
  // Entry x, Refs and node of a, entry a, Refs and node of the root.
  assert.equal(tree.publish().objects.length, 6);
  assert.equal(
    tree.publish().root,
    treeOf([["a/x", "changed"], ["b/y", "2"], ["b/c/z", "3"]]).publish().root,
  );
});

Deno.test("children are sorted by bytes, not by UTF-16 units (trap 11)", () => {
  const [low, high] = ["\uffee", "\u{1f600}"];
  assert.ok(high < low, "the order of JavaScript is the other way round");
  const { objects } = treeOf([[high, "h"], [low, "l"]]).publish();
  const names = objects.slice(0, 2).map(({ bytes }) => sound(decodeTreeEntry(bytes)).name);
  assert.deepEqual(names.map(readableText), [low, high]);
});

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof TreeError) return `${thrown.code}: ${thrown.message}`;
    throw thrown;
  }
  return "taken";
}

Deno.test("paths are refused with the texts of the specification", () => {
  const tree = treeOf([["a/b", "1"]]);
  const before = tree.publish();
  const put = (path: string) => refusal(() => tree.put(path, utf8("x")));
  for (const path of ["", "/"]) {
    assert.equal(put(path), "invalid-path: treestore: cannot Put at empty path (root)");
  }
  for (const path of ["/a", "a//b", "a///", "//"]) {
    assert.equal(put(path), "invalid-path: treestore: invalid path (empty segment)", path);
  }
  assert.equal(
    put("a/b/c"),
    "path-conflict: treestore: path a/b/c conflicts with existing leaf",
  );
  assert.equal(put("a"), "path-conflict: treestore: path a conflicts with existing sub-tree");
  assert.equal(put("a/b/c/d").split(":")[0], "path-conflict");
  assert.deepEqual(tree.publish(), { root: before.root, objects: [] });
  assert.equal(put("a/c/"), "taken");
  assert.equal(utf8Text(tree.get("a/c") ?? bytes("")), "x");
});

Deno.test("what no reader takes is not written", () => {
  const tree = new Tree();
  const code = (path: string, value = utf8("x")) =>
    refusal(() => tree.put(path, value)).split(":")[0];
  assert.equal(code("x".repeat(MAX_PATH_BYTES + 1)), "too-large");
  assert.equal(code("x/".repeat(MAX_PATH_SEGMENTS + 1)), "too-large");
  assert.equal(code("x/".repeat(MAX_PATH_SEGMENTS)), "taken");
  assert.equal(code("big", new Uint8Array(MAX_OBJECT_BYTES - 42)), "too-large");
  assert.equal(code("big", new Uint8Array(MAX_OBJECT_BYTES - 43)), "taken");
});

Deno.test("deleting the last leaf of a node removes the node", () => {
  const tree = treeOf([["a", "1"], ["b/c/d", "2"], ["b/e", "3"]]);
  tree.publish();
  assert.equal(tree.delete("b/c/d"), true);
  assert.equal(tree.delete("b/c/d"), false);
  assert.equal(tree.delete(""), false);
  assert.equal(tree.publish().root, treeOf([["a", "1"], ["b/e", "3"]]).publish().root);
  assert.equal(tree.delete("b"), true);
  assert.equal(tree.put("b", utf8("leaf now")), true);
  assert.equal(tree.delete("b") && tree.delete("a"), true);
  assert.equal(tree.publish().root, named(vectors.trees, "empty").root_tree_node_hash);
});

const segment = fc.constantFrom("a", "b", "a-b", "\uffee", "\u{1f600}", "0", "z");
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ put: path, value: fc.string({ maxLength: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ delete: path }) },
  { weight: 2, arbitrary: fc.constant("publish" as const) },
);

Deno.test("any history of puts and deletes gives the tree of what is left", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const tree = new Tree();
      const model = new Map<string, string>();
      const stored = new Map<string, Uint8Array>();
      const publish = () => {
        const { root, objects } = tree.publish();
        for (const { id, bytes } of objects) stored.set(id, bytes);
        return root;
      };
      for (const done of steps) {
        if (done === "publish") publish();
        else if ("put" in done) {
          if (refusal(() => tree.put(done.put, utf8(done.value))) === "taken") {
            model.set(done.put, done.value);
          }
        } else {
          tree.delete(done.delete);
          for (const key of model.keys()) {
            if (`${key}/`.startsWith(`${done.delete}/`)) model.delete(key);
          }
        }
      }
      const root = publish();
      const fresh = treeOf(model).publish();
      assert.equal(root, fresh.root);
      assert.ok(fresh.objects.every(({ id }) => stored.has(id)), "every object was given out");
      for (const [key, value] of model) assert.equal(utf8Text(tree.get(key) ?? bytes("")), value);
    }),
    { numRuns: 150 },
  );
});

Deno.test("one more message makes as few objects after 20,000 as the tree is deep", () => {
  const tree = new Tree();
  for (let index = 1; index <= 20_000; index++) tree.put(message(index), utf8("m"));
  tree.publish();
  tree.put(message(20_001), utf8("m"));
  // Entry, 3 Refs nodes, Refs and node of msgs, entry msgs, Refs and node of the root.
  assert.ok(tree.publish().objects.length <= 9);
});

Deno.test("decodeTreeEntry refuses names that are no segment", () => {
  for (const name of ["", "a/b"]) {
    const entry = encodeTreeEntry({ name, sub: ZERO_ID, leaf: utf8("x") });
    assert.equal(faultCode(decodeTreeEntry(entry)), "invalid-value");
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (hostile) => {
    const entry = decodeTreeEntry(hostile);
    if (!(entry instanceof CxoFault)) assert.deepEqual(encodeTreeEntry(entry), hostile);
  }));
});
