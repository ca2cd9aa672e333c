import assert from "node:assert/strict";
import fc from "fast-check";
import { toHex } from "#kit";
import {
  CxoFault,
  decodeRefsNode,
  decodeRefsTop,
  MAX_REFS_DEGREE,
  MAX_REFS_ELEMENTS,
  objectId,
  REFS_DEGREE,
  refsDepth,
  RefsList,
  type RefsPart,
  Writer,
  ZERO_ID,
} from "#cxo";
import { faultCode, sound, vectors } from "./vectors.ts";

const element = (index: number) => objectId(new Writer().u32(index).finish());

function listOf(ids: readonly string[]): RefsList {
  const list = new RefsList();
  ids.forEach((id, index) => list.insert(index, id));
  return list;
}

const range = (count: number) => Array.from({ length: count }, (_, index) => element(index));

for (const vector of vectors.refs_boundaries) {
  Deno.test(`RefsList of ${vector.elements} elements is that of the vectors`, () => {
    const { id, objects } = listOf(range(vector.elements)).seal();
    assert.equal(id, vector.refs_hash);
    assert.equal(objects.length, vector.stored_objects);
    const top = objects.at(-1)?.bytes;
    assert.equal(top?.length, vector.refs_object_size);
    if (top) assert.equal(toHex(top.subarray(0, 16)), vector.refs_object_header_hex);
  });
}

Deno.test("appending and sealing one by one gives the same ids as building at once", () => {
  const list = new RefsList();
  const boundaries = new Map(vectors.refs_boundaries.map((v) => [v.elements, v.refs_hash]));
  let most = 0;
  for (let count = 1; count <= 4097; count++) {
    list.insert(count - 1, element(count - 1));
    const { id, objects } = list.seal();
    // One object for each level, and at times one that became full.
    assert.ok(objects.length <= 2 * refsDepth(count, REFS_DEGREE) + 1, `${count}`);
    most = Math.max(most, objects.length);
    if (boundaries.has(count)) assert.equal(id, boundaries.get(count));
    if (count % 97 === 0) assert.equal(id, listOf(range(count)).seal().id);
  }
  assert.ok(most >= 4);
});

Deno.test("any sequence of changes and seals gives what building at once gives", () => {
  const change = fc.record({
    kind: fc.constantFrom("insert", "insert", "insert", "set", "remove", "seal"),
    at: fc.nat(),
    id: fc.nat(1000).map(element),
  });
  const start = fc.constantFrom(0, 15, 16, 17, 255, 256, 257, 300);
  fc.assert(
    fc.property(start, fc.array(change, { maxLength: 20 }), (count, changes) => {
      const model = range(count);
      const list = listOf(model);
      list.seal();
      for (const { kind, at, id } of changes) {
        if (kind === "insert") {
          model.splice(at % (model.length + 1), 0, id);
          list.insert(at % model.length, id);
        } else if (kind === "seal") list.seal();
        else if (model.length > 0) {
          const place = at % model.length;
          if (kind === "set") model[place] = id;
          else model.splice(place, 1);
          if (kind === "set") list.set(place, id);
          else list.remove(place);
        }
      }
      assert.equal(list.seal().id, listOf(model).seal().id);
    }),
    { numRuns: 150 },
  );
});

function readAll(ids: readonly string[], degree: number): string[] {
  const stored = new Map(build(ids, degree).map((bytes) => [objectId(bytes), bytes]));
  const read = (part: RefsPart): readonly string[] => {
    if (part.depth === 0) return part.ids;
    const nodes = part.ids.map((id) =>
      sound(decodeRefsNode(stored.get(id) ?? assert.fail(), part))
    );
    assert.equal(nodes.reduce((sum, { count }) => sum + count, 0), part.count);
    return nodes.flatMap(read);
  };
  return [...read(sound(decodeRefsTop([...stored.values()].at(-1) ?? assert.fail())))];
}

/** Builds a list of any degree from the words of cxo.md 5.5, apart from the code under test. */
function build(ids: readonly string[], degree: number): Uint8Array[] {
  const objects: Uint8Array[] = [];
  let level = ids.map((id) => ({ id, count: 1 }));
  let depth = 0;
  for (; level.length > degree; depth++) {
    const above: typeof level = [];
    for (let at = 0; at < level.length; at += degree) {
      const group = level.slice(at, at + degree);
      const count = group.reduce((sum, node) => sum + node.count, 0);
      const writer = new Writer().u32(count);
      writer.list(group, ({ id }) => writer.hex(id));
      const bytes = writer.finish();
      objects.push(bytes);
      above.push({ id: objectId(bytes), count });
    }
    level = above;
  }
  const writer = new Writer().u32(depth).u32(degree).u32(ids.length);
  writer.list(level, ({ id }) => writer.hex(id));
  return [...objects, writer.finish()];
}

Deno.test("lists of any degree from 2 to 1024 are read in order", () => {
  for (const degree of [2, 3, 16, 1024]) {
    for (const count of [1, degree, degree + 1, 100, degree === 2 ? 65 : 1100]) {
      assert.deepEqual(readAll(range(count), degree), range(count), `${degree} ${count}`);
    }
  }
});

function top(depth: number, degree: number, { count, ids }: { count: number; ids: string[] }) {
  const writer = new Writer().u32(depth).u32(degree).u32(count);
  writer.list(ids, (id) => writer.hex(id));
  return decodeRefsTop(writer.finish());
}

Deno.test("decodeRefsTop refuses what no list can be", () => {
  const [a, b] = [element(1), element(2)];
  assert.ok(!(top(0, 16, { count: 1, ids: [a] }) instanceof CxoFault));
  assert.equal(faultCode(top(0, 16, { count: 0, ids: [] })), "invalid-value", "no elements");
  assert.equal(faultCode(top(0, 1, { count: 1, ids: [a] })), "invalid-value", "degree 1");
  assert.equal(faultCode(top(0, MAX_REFS_DEGREE + 1, { count: 1, ids: [a] })), "invalid-value");
  assert.equal(faultCode(top(1, 16, { count: 1, ids: [a] })), "invalid-value", "too deep");
  assert.equal(faultCode(top(0xffff_ffff, 2, { count: 1, ids: [a] })), "invalid-value");
  assert.equal(faultCode(top(0, 16, { count: 17, ids: [a] })), "invalid-value", "too flat");
  assert.equal(faultCode(top(0, 16, { count: 2, ids: [a] })), "invalid-value", "count");
  assert.equal(faultCode(top(1, 16, { count: 33, ids: [a, b] })), "invalid-value", "no room");
  assert.equal(faultCode(top(1, 16, { count: 17, ids: [a, ZERO_ID] })), "invalid-value", "blank");
  const huge = { count: MAX_REFS_ELEMENTS + 1, ids: [a] };
  assert.equal(faultCode(top(5, 16, huge)), "too-large");
});

Deno.test("a node is not a top: 8 bytes of head against 16, and only the depth tells (trap 13)", () => {
  const objects = listOf(range(17)).seal().objects;
  const [node, , head] = objects;
  const parent = sound(decodeRefsTop(head?.bytes ?? assert.fail()));
  assert.equal(sound(decodeRefsNode(node?.bytes ?? assert.fail(), parent)).count, 16);
  assert.ok(decodeRefsTop(node?.bytes ?? assert.fail()) instanceof CxoFault);
  assert.ok(decodeRefsNode(head?.bytes ?? assert.fail(), parent) instanceof CxoFault);
});

Deno.test("hostile Refs bytes give a part or a fault", () => {
  const parent: RefsPart = { depth: 2, degree: 1024, count: 2 ** 20, ids: [] };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), (hostile) => {
    for (const part of [decodeRefsTop(hostile), decodeRefsNode(hostile, parent)]) {
      assert.ok(part instanceof CxoFault || part.ids.length <= 4);
    }
  }));
});
