import assert from "node:assert/strict";
import fc from "fast-check";
import { utf8, utf8Text } from "#kit";
import {
  CxoFault,
  decodeRefsNode,
  decodeRefsTop,
  decodeTreeEntry,
  decodeTreeNode,
  encodeTreeEntry,
  encodeTreeNode,
  MAX_PATH_BYTES,
  readTree,
  type RefsPart,
  salvageLeaves,
  Tree,
  WALK_SLICE,
  Writer,
  ZERO_ID,
} from "#cxo";
import { sound } from "./vectors.ts";
import { byBytes, fill, name, Pauses, Shelf } from "./walk_fixture.ts";

/** The leaves that can be reached, by plain recursion; undefined stands for what is not there. */
function leavesThere(root: string, source: (id: string) => Uint8Array | undefined): string[] {
  const read = <T>(id: string, decode: (bytes: Uint8Array) => T | CxoFault): T | undefined => {
    const found = source(id);
    const value = found === undefined ? undefined : decode(found);
    return value instanceof CxoFault ? undefined : value;
  };
  const elements = (part: RefsPart): readonly string[] =>
    part.depth === 0 ? part.ids : part.ids.flatMap((id) => {
      const below = read(id, (bytes) => decodeRefsNode(bytes, part));
      return below === undefined ? [] : elements(below);
    });
  const leavesOf = (node: string, prefix: string): string[] => {
    const refs = read(node, decodeTreeNode);
    const top = refs === undefined ? undefined : read(refs, decodeRefsTop);
    return (top === undefined ? [] : elements(top)).flatMap((id) => {
      const entry = read(id, decodeTreeEntry);
      if (entry === undefined) return [];
      const path = prefix + entry.name;
      // A space sorts before every other character of these paths, as the end of a path does.
      if (entry.leaf.length > 0) return [`${path} ${utf8Text(entry.leaf)}`];
      return entry.sub === ZERO_ID ? [] : leavesOf(entry.sub, `${path}/`);
    });
  };
  return leavesOf(root, "");
}

const plain = fc.constantFrom("a", "b", "a-b", "a0").chain((first) =>
  fc.tuple(fc.constant(first), fc.nat(40)).map(([text, index]) => `${text}/${index}`)
);

Deno.test("salvageLeaves gives the leaves that are there, whatever is missing or malformed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(plain, fc.constantFrom("1", "2")), { maxLength: 80 }),
      fc.infiniteStream(fc.constantFrom("there", "there", "there", "missing", "odd")),
      async (pairs, fates) => {
        const shelf = new Shelf();
        const tree = new Tree();
        const model = fill(tree, pairs);
        const root = shelf.publish(tree);
        const whole = await salvageLeaves(root, shelf.source);
        assert.deepEqual(whole, sound(readTree(root, shelf.source)));
        assert.equal(whole.length, model.size);
        for (const id of [...shelf.objects.keys()]) {
          const fate = fates.next().value;
          if (fate === "missing") shelf.objects.delete(id);
          if (fate === "odd") shelf.objects.set(id, utf8("odd"));
        }
        const found = await salvageLeaves(root, shelf.source, () => Promise.resolve());
        assert.deepEqual(
          found.map(({ path, value }) => `${path} ${utf8Text(value)}`),
          leavesThere(root, shelf.source).sort(byBytes),
        );
      },
    ),
    { numRuns: 100 },
  );
});

Deno.test("salvageLeaves of nothing is nothing, and what is whole comes in slices", async () => {
  const shelf = new Shelf();
  assert.deepEqual(await salvageLeaves(undefined, shelf.source), []);
  assert.deepEqual(await salvageLeaves("aa".repeat(32), shelf.source), []);
  const tree = new Tree();
  for (let index = 0; index < 5_000; index++) tree.put(name(index), utf8("m"));
  const root = shelf.publish(tree);
  const pauses = new Pauses(shelf);
  assert.equal((await salvageLeaves(root, shelf.source, pauses.pause)).length, 5_000);
  assert.ok(pauses.count >= 3 && pauses.mostLooks <= WALK_SLICE, `${pauses.count}`);
});

Deno.test("salvageLeaves passes over Refs that do not add up and paths that are too long", async () => {
  const shelf = new Shelf();
  const entry = shelf.put(encodeTreeEntry({ name: "x", sub: ZERO_ID, leaf: utf8("x") }));
  const half = shelf.put(new Writer().u32(1).u32(1).hex(entry).finish());
  const top = shelf.put(new Writer().u32(1).u32(2).u32(3).u32(2).hex(half).hex(half).finish());
  const found = await salvageLeaves(shelf.put(encodeTreeNode(top)), shelf.source);
  assert.deepEqual(found.map((leaf) => [leaf.path, leaf.id]), [["x", entry]]);
  const below = shelf.node([{ name: "s".repeat(MAX_PATH_BYTES), leaf: utf8("x") }]);
  const root = shelf.node([{ name: "a", sub: below }, { name: "b", leaf: utf8("x") }]);
  assert.deepEqual((await salvageLeaves(root, shelf.source)).map((leaf) => leaf.path), ["b"]);
});

Deno.test("salvageLeaves ends with what it has at the bounds of a walk", async () => {
  const shelf = new Shelf();
  const names = Array.from({ length: 60 }, (_, index) => `n${index}`);
  let root = shelf.node([{ name: "leaf", leaf: new Uint8Array(60_000).fill(1) }]);
  for (let level = 0; level < 3; level++) {
    root = shelf.node(names.map((text) => ({ name: text, sub: root })));
  }
  const found = await salvageLeaves(root, shelf.source);
  assert.ok(found.length > 1_000 && found.length < 1_200, `${found.length}`);
  assert.ok(shelf.looks < 10_000);
});
