/** Leaves planted where others write (groups.md 10, item 6; traps 18, 23): the victims go on, and nobody copies them. */
import assert from "node:assert/strict";
import { encodeMessageLeaf, groupMessagePath, signMessage } from "#group";
import { equalBytes, utf8 } from "#kit";
import { MAX_LEAF_BYTES } from "../../lib/group/wire_json.ts";
import { attack, type AttackScene, shownOf } from "#support/group_attack.ts";
import type { HandLeaf } from "#support/group_hand.ts";

/** Publishes leaves one at a time, each in a tree of its own, and looks whether anybody has them then. */
async function plant(scene: AttackScene, leaves: readonly HandLeaf[]): Promise<void> {
  const { alice, bob, mallory, nodes } = scene;
  for (const leaf of leaves) {
    mallory.clear();
    await mallory.publish(leaf);
    for (const node of nodes) {
      const there = (await mallory.read(node)).get(leaf.path);
      assert.ok(there === undefined || !equalBytes(there, leaf.value), `${leaf.path} was copied`);
      assert.deepEqual(shownOf(node, mallory), [], leaf.path);
    }
    const ts = await alice.say(`after ${leaf.path}`);
    await scene.world.pass(1_000);
    assert.equal(bob.received.at(-1), `after ${leaf.path}`);
    const paths = [...(await mallory.read(alice)).keys()];
    assert.ok(paths.some((path) => path.startsWith(`msgs/${alice.key}/${ts}/`)));
  }
  await scene.talks();
}

Deno.test("a leaf in the place of a victim's folder, or within it, keeps no victim from writing", () =>
  attack(async (scene) => {
    const { alice, mallory, world } = scene;
    const ts = world.clock.wall();
    const { value } = mallory.message("planted", { ts });
    const paths = [
      "msgs",
      `msgs/${alice.key}`,
      `msgs/${alice.key}/x`,
      `msgs/${alice.key}/${ts}`,
      `msgs/${alice.key}/${ts}/1`,
      `msgs/${alice.key}/${ts}/1/2`,
      `msgs/${alice.key}/${ts + 60_000_000_000n}`,
      `msgs/${alice.key}/${ts}/x`,
      `msgs/${alice.key}/0${ts}/1`,
      `msgs/${alice.key}/-1/1`,
      `msgs/${alice.key}/${"9".repeat(20)}/1`,
      `msgs/${alice.key}/${ts}/${"9".repeat(21)}`,
      "msgsX/y",
      "mirror/x",
    ];
    await plant(scene, paths.map((path) => ({ path, value })));
    await plant(scene, paths.map((path) => ({ path, value: utf8("junk") })));
  }));

Deno.test("leaves of the attacker's own at paths of another form are neither shown nor copied", () =>
  attack(async (scene) => {
    const { mallory, world } = scene;
    const ts = world.clock.wall();
    const { value } = mallory.message("mine", { ts });
    const { key } = mallory;
    await plant(
      scene,
      [
        `msgs/${key}/${ts}`,
        `msgs/${key}/${ts}/1/1`,
        `msgs/${key.toUpperCase()}/${ts}/1`,
        `msgs/${key}/${ts + 1n}/1`,
        `msgs/${key}/0${ts}/1`,
        `msgs/${key}/${ts}/`.padEnd(400, "1"),
        `msgs/${key}/${ts}/1${"/deep".repeat(6)}`,
        `Msgs/${key}/${ts}/1`,
      ].map((path) => ({ path, value })),
    );
  }));

Deno.test("the victim's own next path, taken before by a well-signed leaf of the attacker, stays free", () =>
  attack(async (scene) => {
    const { alice, mallory, world } = scene;
    // The victim's clock stands still until it writes, so the path of its next message is known.
    const ts = world.clock.wall() + 1_000_000_000n;
    const planted = mallory.message("planted", { ts });
    for (const seq of [1, 2, 3, 4, 5]) {
      mallory.put({ path: groupMessagePath({ sender: alice.key, ts, seq }), value: planted.value });
    }
    await mallory.publish();
    assert.equal(await alice.say("at that time"), ts);
    await world.pass(1_000);
    assert.equal(scene.bob.received.at(-1), "at that time");
  }));

Deno.test("a sub-tree of ours that is a leaf of the attacker's, and the other way round, harm nobody", () =>
  attack(async (scene) => {
    const { alice, mallory, world } = scene;
    const ts = await alice.say("there");
    await world.pass(1_000);
    const [path = ""] = [...(await mallory.read(alice)).keys()]
      .filter((each) => each.startsWith(`msgs/${alice.key}/${ts}/`));
    assert.notEqual(path, "");
    const { value } = mallory.message("planted", { ts });
    await plant(scene, [
      { path: `msgs/${alice.key}/${ts}`, value },
      { path: `${path}/below`, value },
    ]);
    // Another value at a path that is known.
    mallory.clear();
    await mallory.publish({ path, value });
    for (const node of scene.nodes) {
      assert.notDeepEqual((await mallory.read(node)).get(path), value);
    }
    await scene.talks();
  }));

Deno.test("an empty leaf is passed over, wherever it stands", () =>
  attack(async (scene) => {
    const { alice, mallory, world } = scene;
    const ts = world.clock.wall();
    const paths = [
      "msgs",
      `msgs/${alice.key}`,
      `msgs/${alice.key}/${ts}/1`,
      `msgs/${mallory.key}/${ts}/1`,
      "roster/00001",
      "keys/00001",
    ];
    for (const path of paths) {
      await mallory.publishEmpty(path);
      await scene.talks();
    }
    assert.ok(mallory.lines.every(({ isClosed }) => !isClosed), "it is no reason to hang up");
  }));

Deno.test("a leaf of 256 KiB is shown and copied, and one byte more is not", () =>
  attack(async (scene) => {
    const { mallory, world } = scene;
    const ts = world.clock.wall();
    const leafOf = (length: number, at: bigint): HandLeaf => {
      const sized = (text: string) =>
        encodeMessageLeaf(signMessage(mallory.secret, { ts: at, text }));
      const value = sized("x".repeat(length - sized("").length - ',"text":""'.length));
      assert.equal(value.length, length);
      return { path: groupMessagePath({ sender: mallory.key, ts: at, seq: 1 }), value };
    };
    assert.equal(MAX_LEAF_BYTES, 262_144);
    const most = leafOf(MAX_LEAF_BYTES, ts);
    const more = leafOf(MAX_LEAF_BYTES + 1, ts + 1n);
    await mallory.publish(most, more);
    for (const node of scene.nodes) {
      assert.deepEqual(shownOf(node, mallory).map(({ length }) => length > 0), [true]);
      const leaves = await mallory.read(node);
      assert.deepEqual([leaves.has(most.path), leaves.has(more.path)], [true, false]);
    }
    await scene.talks();
  }));

Deno.test("leaves that are no JSON, or JSON of another shape, harm nobody", () =>
  attack(async (scene) => {
    const { mallory, world } = scene;
    const ts = world.clock.wall();
    const path = groupMessagePath({ sender: mallory.key, ts, seq: 1 });
    const values = [
      utf8("{"),
      utf8("null"),
      utf8("[]"),
      utf8('{"sender_pk":"00"}'),
      utf8(`{"sender_pk":"${mallory.key}","ts":"0001-01-01T00:00:00Z","text":"x"}`),
      utf8(`${"[".repeat(100_000)}${"]".repeat(100_000)}`),
      Uint8Array.of(0xff, 0xfe, 0x00),
      utf8("SKG1"),
    ];
    const folders = ["roster/00001", "admin/00001", "mod/00001", "keys/00001", "roster/x/y"];
    for (const value of values) {
      await plant(scene, [path, ...folders].map((each) => ({ path: each, value })));
    }
  }));
