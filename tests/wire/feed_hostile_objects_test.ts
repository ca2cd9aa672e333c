/** Object graphs that no honest publisher sends, beside a feed that must not notice. */
import assert from "node:assert/strict";
import { encodeTreeEntry, encodeTreeNode, type TreeEntry, Writer, ZERO_ID } from "#cxo";
import { utf8 } from "#kit";
import { type HostilePublisher, underAttack } from "#support/feed_hostile.ts";

const MINUTE = 60_000;
const SECRET = "must not be shown";
const FORGED = { name: "note", leaf: utf8("never signed") };
const LEAF: Partial<TreeEntry> = { name: "note", leaf: utf8(SECRET) };

/** Trees for each of which a line is dropped: the id of the root node. */
const DROPPED: Readonly<Record<string, (evil: HostilePublisher) => string>> = {
  "bytes that are no TreeNode": (evil) => evil.put(utf8("no node")),
  "a TreeNode of 33 bytes": (evil) => evil.put(new Uint8Array(33)),
  "a Refs object as its node": (evil) => refsOf(evil, { count: 1, ids: [evil.entry(LEAF)] }),
  "a TreeNode as its list": (evil) => evil.put(encodeTreeNode(evil.node([LEAF]))),
  "trap 13: a Refs node in the place of a top": (evil) => {
    return listed(evil, evil.put(idsOf(1, [evil.entry(LEAF)])));
  },
  "trap 13: a Refs top in the place of a node": (evil) => {
    const top = refsOf(evil, { count: 1, ids: [evil.entry(LEAF)] });
    return listed(evil, refsOf(evil, { depth: 1, degree: 16, count: 17, ids: [top, top] }));
  },
  "trap 14: an empty list": (evil) => listed(evil, refsOf(evil, { count: 0, ids: [] })),
  "Refs of degree 1": (evil) => {
    const ids = [evil.entry(LEAF)];
    return listed(evil, refsOf(evil, { degree: 1, count: 1, ids }));
  },
  "Refs of degree 2^31": (evil) => {
    const ids = [evil.entry(LEAF)];
    return listed(evil, refsOf(evil, { degree: 2 ** 31, count: 1, ids }));
  },
  "Refs that claim 2^32 - 1 elements": (evil) => {
    const ids = [evil.entry(LEAF)];
    return listed(evil, refsOf(evil, { depth: 7, degree: 16, count: 2 ** 32 - 1, ids }));
  },
  "Refs that claim a million elements and list none": (evil) =>
    listed(evil, refsOf(evil, { depth: 1, degree: 1_024, count: 1_000_000, ids: [] })),
  "Refs deeper than their count": (evil) => {
    const ids = [evil.entry(LEAF)];
    return listed(evil, refsOf(evil, { depth: 3, degree: 16, count: 1, ids }));
  },
  "Refs one level deeper than their count asks for": (evil) => {
    const ids = [evil.put(idsOf(1, [evil.entry(LEAF)]))];
    return listed(evil, refsOf(evil, { depth: 1, degree: 16, count: 1, ids }));
  },
  "Refs flatter than their count": (evil) => {
    const ids = Array.from({ length: 17 }, (_, index) => evil.entry({ ...LEAF, name: `${index}` }));
    return listed(evil, refsOf(evil, { depth: 0, degree: 16, count: 17, ids }));
  },
  "Refs that list more than they count": (evil) => {
    const ids = [evil.entry(LEAF), evil.entry({ name: "b", leaf: utf8(SECRET) })];
    return listed(evil, refsOf(evil, { count: 1, ids }));
  },
  "Refs whose nodes do not add up": (evil) => {
    const node = evil.put(idsOf(1, [evil.entry(LEAF)]));
    return listed(evil, refsOf(evil, { depth: 1, degree: 16, count: 32, ids: [node, node] }));
  },
  "a name with a slash": (evil) => evil.node([{ ...LEAF, name: "a/b" }]),
  "an empty name": (evil) => evil.node([{ ...LEAF, name: "" }]),
  "a name of 4097 bytes": (evil) => evil.node([{ ...LEAF, name: "n".repeat(4_097) }]),
  "a path of 2 names that is too long": (evil) => {
    const sub = evil.node([{ ...LEAF, name: "n".repeat(2_100) }]);
    return evil.node([{ name: "m".repeat(2_100), sub }]);
  },
  "a chain of 1,000 nodes": (evil) => chain(evil, 1_000),
  "a chain of 33 nodes": (evil) => chain(evil, 33),
  "a node that is there 2^40 times": (evil) => {
    let sub = evil.node([LEAF]);
    for (let depth = 0; depth < 20; depth++) {
      sub = evil.node(["a", "b", "c", "d"].map((name) => ({ name, sub })));
    }
    return sub;
  },
  "a node that is there 2^40 times, and no leaf": (evil) => {
    let sub = evil.node([{ name: "empty" }]);
    for (let depth = 0; depth < 20; depth++) {
      sub = evil.node(["a", "b", "c", "d"].map((name) => ({ name, sub })));
    }
    return sub;
  },
  "trailing bytes after an entry": (evil) => {
    const entry = new Uint8Array([...evil.objects.get(evil.entry(LEAF)) ?? [], 0]);
    return listed(evil, refsOf(evil, { count: 1, ids: [evil.put(entry)] }));
  },
};

for (const [what, make] of Object.entries(DROPPED)) {
  Deno.test(`a tree with ${what}: the line is dropped, and nothing of it is kept`, () =>
    underAttack({
      onFollowed: (line, evil) => line.send(evil.root(make(evil))),
    }, async ({ evil, goodGoesOn, held, victim, world }) => {
      // Each of those that unfold costs half a second of work a line.
      await world.pass(what.includes("2^40") ? 1_500 : MINUTE);
      assert.ok(evil.lines.length > 1 && evil.lines.length < 9, `${evil.lines.length} lines`);
      assert.ok(evil.lines.every(({ isClosed }) => isClosed), "it was dropped");
      await goodGoesOn();
      assert.equal(held(), 0);
      assert.deepEqual(victim.received.filter((text) => !text.startsWith("good")), []);
    }));
}

Deno.test("a sound object that is not the one asked for: the line is dropped, and it is not shown", () =>
  underAttack({
    onFollowed: (line, evil) => line.send(evil.root(evil.node([LEAF]))),
    onMessage: ({ message, seq }, line, evil) => {
      if (message.type !== "RqObject" || message.id !== evil.entry(LEAF)) return false;
      line.send({ type: "Object", value: encodeTreeEntry({ ...FORGED, sub: ZERO_ID }) }, seq);
      return true;
    },
  }, async ({ evil, held, victim, world }) => {
    await world.pass(MINUTE);
    assert.ok(evil.lines.length > 2 && evil.lines.length < 9);
    assert.ok(evil.lines.every(({ isClosed }) => isClosed));
    assert.equal(held(), 0);
    assert.deepEqual(victim.received.filter((text) => !text.startsWith("good")), []);
  }));

Deno.test("answers of a wrong type to Sub end the line, and it is dialled with pauses", () =>
  underAttack({
    onMessage: ({ message, seq }, line) => {
      if (message.type !== "Sub") return false;
      line.send({ type: "Object", value: utf8("no Ok") }, seq);
      return true;
    },
  }, async ({ evil, world }) => {
    await world.pass(MINUTE);
    assert.ok(evil.lines.length > 2 && evil.lines.length < 9);
  }));

for (const type of ["Ok", "List", "Root", "Ack"] as const) {
  Deno.test(`${type} in answer to RqObject: the Root is given up, and the good feed goes on`, () =>
    underAttack({
      onFollowed: (line, evil) => line.send(evil.root(evil.node([LEAF]))),
      onMessage: ({ message, seq }, line, evil) => {
        if (message.type !== "RqObject") return false;
        if (type === "Ok") line.send({ type }, seq);
        if (type === "List") line.send({ type, feeds: [evil.key] }, seq);
        if (type === "Root") line.send(evil.root(undefined), seq);
        if (type === "Ack") line.send({ type, nodeId: evil.key }, seq);
        return true;
      },
    }, async (scene) => {
      // It subscribes again at once, then after 2, 4, 8, ... s (cxo.md 6.5), and each time says why.
      scene.allowed = 6;
      await scene.world.pass(MINUTE);
      assert.equal(scene.held(), 0);
      assert.ok(!scene.victim.received.includes(SECRET));
    }));
}

Deno.test("a node of names that are not UTF-8, have NUL or are long: shown once each, and replayed never", () =>
  underAttack({
    onFollowed: (line, evil) => {
      const names = [
        "\u0000",
        "\u00ff\u00fe",
        "a\u0000b",
        "n".repeat(4_096),
        "\u00c3\u00a9",
        "\r\n",
      ];
      const entries = names.map((name, index) => ({ name, leaf: utf8(`evil ${index}`) }));
      line.send(evil.root(evil.node(entries)));
    },
  }, async ({ evil, victim, world }) => {
    await world.pass(MINUTE);
    const shown = victim.received.filter((text) => text.startsWith("evil")).sort();
    assert.deepEqual(shown, Array.from({ length: 6 }, (_, index) => `evil ${index}`));
    assert.equal(evil.lines.length, 1);
    assert.ok(victim.logs.every((line) => [...line].every((char) => char >= " ")));
  }));

Deno.test("trap 14: empty leaves are passed over", () =>
  underAttack({
    onFollowed: (line, evil) =>
      line.send(evil.root(evil.node([{ name: "empty" }, { name: "full", leaf: utf8("evil") }]))),
  }, async ({ evil, victim, world }) => {
    await world.pass(MINUTE);
    assert.deepEqual(victim.received.filter((text) => !text.startsWith("good")), ["evil"]);
    assert.equal(evil.lines.length, 1);
  }));

Deno.test("a list of the same entry a million times is opened once", () =>
  underAttack({
    onFollowed: (line, evil) => {
      const ids = Array<string>(1_024).fill(evil.entry({ name: "a", sub: evil.node([LEAF]) }));
      const node = evil.put(idsOf(1_024, ids));
      const wide = listed(
        evil,
        evil.refs({ depth: 1, degree: 1_024, count: 1_048_576, ids: Array(1_024).fill(node) }),
      );
      line.send(evil.root(evil.node(["a", "b", "c"].map((name) => ({ name, sub: wide })))));
    },
  }, async ({ evil, held, victim, world }) => {
    await world.pass(5_000);
    assert.equal(victim.received.filter((text) => text === SECRET).length, 3);
    assert.ok(held() < 20);
    assert.equal(evil.lines.length, 1);
  }));

/** A TreeNode of this list. */
function listed(evil: HostilePublisher, refs: string): string {
  return evil.put(encodeTreeNode(refs));
}

function refsOf(
  evil: HostilePublisher,
  part: { depth?: number; degree?: number; count: number; ids: string[] },
): string {
  return evil.refs({ depth: 0, degree: 16, ...part });
}

function idsOf(count: number, ids: readonly string[]): Uint8Array {
  const writer = new Writer().u32(count);
  return writer.list(ids, (id) => writer.hex(id)).finish();
}

function chain(evil: HostilePublisher, length: number): string {
  let sub = evil.node([LEAF]);
  for (let depth = 0; depth < length; depth++) sub = evil.node([{ name: "c", sub }]);
  return sub;
}
