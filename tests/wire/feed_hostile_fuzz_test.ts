/** Sound object graphs with a defect in some place, drawn at random with a fixed seed. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeTreeEntry, encodeTreeEntry, encodeTreeNode, Tree, Writer, ZERO_ID } from "#cxo";
import { utf8, utf8Text } from "#kit";
import type { Heard } from "#support/feed_peer.ts";
import type { FeedLine } from "#support/feed_peer.ts";
import { type HostilePublisher, type HostileScene, underAttack } from "#support/feed_hostile.ts";

const SEED = 20_260_912;
const WAYS = ["flip", "last", "cut", "extend", "swap", "empty", "zero"] as const;

/** One defect: which object, what is wrong with it, and where. */
interface Defect {
  readonly object: number;
  readonly way: typeof WAYS[number];
  readonly at: number;
}

const defects = fc.array(
  fc.record({ object: fc.nat(200), way: fc.constantFrom(...WAYS), at: fc.nat(10_000) }),
  { minLength: 1, maxLength: 2 },
);

/** Bytes with a defect. */
function damaged(bytes: Uint8Array, { way, at }: Defect, other: Uint8Array): Uint8Array {
  const place = at % Math.max(1, bytes.length);
  switch (way) {
    case "flip":
      return bytes.with(place, (bytes[place] ?? 0) ^ (1 << at % 8));
    // In an entry that is the text: everything else of it stays sound.
    case "last":
      return bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ (1 + at % 15));
    case "cut":
      return bytes.slice(0, place);
    case "extend":
      return new Uint8Array([...bytes, ...bytes.subarray(0, place)]);
    case "swap":
      return other;
    case "empty":
      return new Uint8Array();
    case "zero":
      return bytes.slice().fill(0, place, place + 32);
  }
}

/** Plays a graph and checks what holds for every one of them. */
async function played(
  scene: HostileScene,
  { allowed, mayComplete }: { allowed: () => ReadonlySet<string>; mayComplete: boolean },
): Promise<void> {
  const { evil, goodGoesOn, victim, world } = scene;
  scene.allowed = 10;
  await world.pass(3_000);
  await goodGoesOn();
  const shown = victim.shown.filter(({ from }) => from === evil.key).map(({ text }) => text);
  const permitted = allowed();
  assert.deepEqual(shown.filter((text) => !permitted.has(text)), [], "shown, but never signed");
  const figures = victim.feeds.figures.peers.find(({ feed }) => feed === evil.key);
  // A defect may make two texts equal, but only where it was signed.
  if (mayComplete) return;
  assert.equal(new Set(shown).size, shown.length, "shown twice");
  assert.equal(figures?.seq, undefined, "a Root that lacks an object is complete");
}

Deno.test("answers with defects complete no Root and show nothing that was not signed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 60 }),
      defects,
      async (messages, list) => {
        const texts = Array.from({ length: messages }, (_, index) => `evil ${index}`);
        const tree = new Tree();
        for (const [index, text] of texts.entries()) tree.put(`msgs/${1_000 + index}`, utf8(text));
        const { root, objects } = tree.publish();
        const broken = new Map<string, Uint8Array>();
        for (const defect of list) {
          const victim = objects[defect.object % objects.length];
          // Of the same length, so most often of the same kind.
          const alike = objects.filter(({ bytes }) => bytes.length === victim?.bytes.length);
          const other = alike[defect.at % alike.length]?.bytes ?? new Uint8Array();
          if (victim === undefined) continue;
          const bytes = damaged(victim.bytes, defect, other);
          if (bytes.toHex() !== victim.bytes.toHex()) broken.set(victim.id, bytes);
        }
        fc.pre(broken.size > 0);
        await underAttack({
          onFollowed: (line, evil) => {
            for (const { id, bytes } of objects) evil.objects.set(id, broken.get(id) ?? bytes);
            line.send(evil.root(root));
          },
        }, (scene) => played(scene, { allowed: () => new Set(texts), mayComplete: false }));
      },
    ),
    { seed: SEED, numRuns: 30 },
  );
});

Deno.test("signed graphs with defects in them end in order, whatever they are", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 40 }), defects, async (messages, list) => {
      await underAttack({
        onFollowed: (line, evil) => line.send(evil.root(builtWith(evil, { messages, list }))),
      }, (scene) => played(scene, { allowed: () => leavesOf(scene.evil), mayComplete: true }));
    }),
    { seed: SEED, numRuns: 30 },
  );
});

Deno.test("messages with defects end a line at worst", async () => {
  const talk = fc.array(
    fc.record({ type: fc.integer({ min: 0, max: 20 }), body: fc.uint8Array({ maxLength: 300 }) }),
    { minLength: 1, maxLength: 20 },
  );
  await fc.assert(
    fc.asyncProperty(talk, async (bodies) => {
      const say = (line: FeedLine) => {
        for (const { type, body } of bodies) line.sendBody(Uint8Array.of(type, ...body), type % 4);
      };
      await underAttack({
        onFollowed: say,
        onMessage: (heard: Heard, line) => {
          if (heard.message.type !== "RqObject") return false;
          say(line);
          return true;
        },
      }, (scene) => played(scene, { allowed: () => new Set(), mayComplete: false }));
    }),
    { seed: SEED, numRuns: 25 },
  );
});

/** A tree built from below, each object of which may get a defect before its id is taken. */
function builtWith(
  evil: HostilePublisher,
  { messages, list }: { messages: number; list: readonly Defect[] },
): string {
  let count = 0;
  let before: Uint8Array = new Uint8Array(32);
  const total = messages + Math.ceil(messages / 16) + 6;
  const put = (bytes: Uint8Array): string => {
    const defect = list.find(({ object }) => object % total === count);
    count++;
    const made = defect === undefined ? bytes : damaged(bytes, defect, before);
    before = bytes;
    return evil.put(made);
  };
  const node = (ids: string[]): string => {
    const groups = Array.from(
      { length: Math.ceil(ids.length / 16) },
      (_, at) => ids.slice(16 * at, 16 * at + 16),
    );
    const deep = groups.length > 1;
    const listed = deep
      ? groups.map((group) => put(new Writer().u32(group.length).fixed(idsOf(group)).finish()))
      : ids;
    const head = new Writer().u32(deep ? 1 : 0).u32(16).u32(ids.length);
    return put(encodeTreeNode(put(head.fixed(idsOf(listed)).finish())));
  };
  const leaves = Array.from(
    { length: messages },
    (_, index) =>
      put(encodeTreeEntry({ name: `${1_000 + index}`, sub: ZERO_ID, leaf: utf8(`evil ${index}`) })),
  );
  const msgs = put(encodeTreeEntry({ name: "msgs", sub: node(leaves), leaf: new Uint8Array() }));
  return node([msgs]);
}

function idsOf(ids: readonly string[]): Uint8Array {
  const writer = new Writer();
  return writer.list(ids, (id) => writer.hex(id)).finish();
}

/** Texts of everything that could be an entry. */
function leavesOf(evil: HostilePublisher): Set<string> {
  const texts = new Set<string>();
  for (const bytes of evil.objects.values()) {
    const entry = decodeTreeEntry(bytes);
    if ("leaf" in entry) texts.add(utf8Text(entry.leaf));
  }
  return texts;
}
