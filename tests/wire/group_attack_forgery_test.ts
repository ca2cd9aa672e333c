/** Messages that nobody signed, or that were signed for something else (groups.md 10, items 3, 4 and 5). */
import assert from "node:assert/strict";
import { fromHex, toHex } from "#kit";
import { encodeMessageLeaf, type GroupMessage, groupMessagePath, signMessage } from "#group";
import { attack, type AttackScene, shownOf } from "#support/group_attack.ts";
import { altered, type HandLeaf, HandMember } from "#support/group_hand.ts";
import { GROUP_ID, inGroupWorld, SECOND } from "#support/group_scene.ts";
import { secretOf } from "#support/feed_node.ts";

/** Order of secp256k1. */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** A leaf with another signature. */
function signedAs(message: GroupMessage, signature: Uint8Array): HandLeaf {
  const { sender, ts } = message;
  return {
    path: groupMessagePath({ sender, ts, seq: 1 }),
    value: encodeMessageLeaf({ ...message, signature }),
  };
}

/** The other signature of the same (r, s): with -s, and the parity of R turned over. */
function highTwin(signature: Uint8Array): Uint8Array {
  const s = ORDER - BigInt(`0x${toHex(signature.subarray(32, 64))}`);
  const twin = signature.slice();
  twin.set(fromHex(s.toString(16).padStart(64, "0")) ?? [], 32);
  twin[64] = (signature[64] ?? 0) ^ 1;
  return twin;
}

/** What alice published at a time, as the attacker reads it. */
async function leafAt({ alice, mallory }: AttackScene, ts: bigint): Promise<HandLeaf> {
  const [[path, value] = []] = [...await mallory.read(alice)]
    .filter(([each]) => each.startsWith(`msgs/${alice.key}/${ts}/`));
  assert.ok(path !== undefined && value !== undefined);
  return { path, value };
}

/** That the leaf shows nowhere, and that nobody copied it. */
async function refused(scene: AttackScene, leaf: HandLeaf, as: { key: string }): Promise<void> {
  const { mallory, nodes, talks } = scene;
  const before = nodes.map((node) => shownOf(node, as));
  await mallory.publish(leaf);
  for (const [index, node] of nodes.entries()) {
    assert.deepEqual(shownOf(node, as), before[index]);
    assert.ok(!(await mallory.read(node)).has(leaf.path), "it was not copied");
  }
  mallory.clear();
  await talks();
}

Deno.test("a message that nobody signed is shown to nobody, be it the member's own or a victim's", () =>
  attack(async (scene) => {
    const { alice, mallory, world } = scene;
    for (const author of [mallory, alice]) {
      const message = signMessage(author.secret, { ts: world.clock.wall(), text: "unsigned" });
      await refused(scene, signedAs(message, new Uint8Array(65)), author);
      const absent = altered(
        signedAs(message, new Uint8Array(65)),
        (json) => json.replace(/,"signature":"0*"/, ""),
      );
      await refused(scene, absent, author);
    }
  }));

Deno.test("a forged message of a victim is shown to nobody", () =>
  attack(async (scene) => {
    const { alice, mallory, world } = scene;
    const ts = world.clock.wall();
    const genuine = signMessage(alice.secret, { ts, text: "genuine" });
    // Another text under her signature.
    await refused(scene, signedAs({ ...genuine, text: "forged" }, genuine.signature), alice);
    // Her text under another's signature.
    const foreign = signMessage(mallory.secret, { ts, text: "genuine" });
    await refused(scene, signedAs(genuine, foreign.signature), alice);
    const wild = genuine.signature.map((byte, index) => index === 10 ? byte ^ 1 : byte);
    await refused(scene, signedAs(genuine, wild), alice);
  }));

Deno.test("a second signature of the same message, high S or another recovery id, counts for nothing", () =>
  attack(async (scene) => {
    const { mallory, world } = scene;
    const message = signMessage(mallory.secret, { ts: world.clock.wall(), text: "twice" });
    const { signature } = message;
    await refused(scene, signedAs(message, highTwin(signature)), mallory);
    for (const recid of [(signature[64] ?? 0) ^ 1, 4, 27, 255]) {
      await refused(
        scene,
        signedAs(message, Uint8Array.of(...signature.slice(0, 64), recid)),
        mallory,
      );
    }
    // And with the right one it is shown once.
    await mallory.publish(signedAs(message, signature));
    for (const node of scene.nodes) assert.deepEqual(shownOf(node, mallory), ["twice"]);
  }));

Deno.test("a forged copy that comes first does not keep the good one from being shown", () =>
  attack(async ({ alice, bob, mallory, world }) => {
    const carol = new HandMember(world, 8_911);
    await alice.act("add", carol);
    await world.pass(2_000);
    const ts = world.clock.wall();
    const genuine = signMessage(carol.secret, { ts, text: "genuine" });
    await mallory.publish(signedAs({ ...genuine, text: "forged" }, genuine.signature));
    assert.deepEqual(shownOf(bob, carol), []);
    await carol.dial(bob);
    await carol.publish(signedAs(genuine, genuine.signature));
    assert.deepEqual(shownOf(bob, carol), ["genuine"]);
    assert.deepEqual(shownOf(alice, carol), ["genuine"], "through the copy");
    await carol.close();
  }));

Deno.test("a message replayed under other numbers, times, paths and by other feeds is shown once", () =>
  attack(async (scene) => {
    const { alice, bob, mallory, nodes, world } = scene;
    const ts = await alice.say("once");
    await world.pass(1_000);
    const { path, value } = await leafAt(scene, ts);
    const sender = alice.key;
    const before = nodes.map(({ events }) => events.length);
    const copies = (await mallory.read(bob)).size;
    for (const seq of [2n, 77n, 10n ** 19n]) {
      mallory.put({ path: groupMessagePath({ sender, ts, seq }), value });
    }
    mallory.put({ path: groupMessagePath({ sender, ts: ts + 1n, seq: 1 }), value });
    mallory.put({ path: groupMessagePath({ sender: mallory.key, ts, seq: 1 }), value });
    mallory.put({ path: groupMessagePath({ sender: bob.key, ts, seq: 1 }), value });
    await mallory.publish({ path: `msgs/${sender.toUpperCase()}/${ts}/1`, value });
    assert.deepEqual(nodes.map(({ events }) => events.length), before);
    assert.equal((await mallory.read(bob)).size, copies, "no copy of what is known either");
    await mallory.publish({ path, value });
    assert.deepEqual(nodes.map(({ events }) => events.length), before);
    await scene.talks();
  }));

Deno.test("an own message that comes back under another path is neither shown nor published again", () =>
  attack(async (scene) => {
    const { alice, mallory, world } = scene;
    const ts = await alice.say("mine");
    await world.pass(1_000);
    const { value } = await leafAt(scene, ts);
    const [shown, { size }] = [alice.events.length, await mallory.read(alice)];
    await mallory.publish({ path: groupMessagePath({ sender: alice.key, ts, seq: 9 }), value });
    assert.equal(alice.events.length, shown);
    assert.equal((await mallory.read(alice)).size, size);
  }));

Deno.test("a message of another group is shown once, and marked where its sender is in no list", () =>
  inGroupWorld(async (world) => {
    // The signature does not cover the group (groups.md 10, item 4), so that is all there is to do.
    const [alice, bob] = await world.mesh(2, { members: [8_910] });
    assert.ok(alice !== undefined && bob !== undefined);
    const mallory = new HandMember(world, 8_910);
    const stranger = secretOf(8_950);
    await world.pass(4_000);
    await mallory.dial(alice, bob);
    const ts = world.clock.wall() - SECOND;
    const elsewhere = signMessage(stranger, { ts, text: "said elsewhere" });
    await mallory.publish(signedAs(elsewhere, elsewhere.signature));
    await mallory.publish({
      ...signedAs(elsewhere, elsewhere.signature),
      path: groupMessagePath({
        sender: stranger.publicKey.hex,
        ts,
        seq: 2,
      }),
    });
    for (const node of [alice, bob]) {
      const shown = node.events.filter(({ text }) => text === "said elsewhere");
      assert.deepEqual(shown.map(({ listed, groupId }) => [listed, groupId]), [[false, GROUP_ID]]);
    }
    await mallory.close();
  }));

Deno.test("two messages of one author and time are two messages", () =>
  attack(async ({ alice, bob, mallory, world }) => {
    const ts = world.clock.wall();
    await mallory.publish(
      mallory.message("one", { ts, seq: 1 }),
      mallory.message("two", { ts, seq: 2 }),
    );
    for (const node of [alice, bob]) assert.deepEqual(shownOf(node, mallory), ["one", "two"]);
  }));

Deno.test("a known decision under a false signature is not copied, and keeps nobody from copying the true one", () =>
  inGroupWorld(async (world) => {
    const members = [8_910];
    const [alice, bob] = await world.mesh(2, { members });
    assert.ok(alice !== undefined && bob !== undefined);
    await world.pass(4_000);
    await alice.act("mute", { key: secretOf(9_999).publicKey.hex });
    await world.pass(1_000);
    // Bob knows what was decided, but not any more who signed it how.
    const { files } = bob;
    await world.stop(bob);
    world.partition(bob.port);
    const again = await world.start(bob.port, { peers: [alice.port], members, files });
    assert.equal(again.roster.muted.size, 1);
    const mallory = new HandMember(world, 8_910);
    await mallory.dial(alice, again);
    const isDecision = ([path]: readonly [string, unknown]) => path.startsWith("mod/");
    const [[path, value] = ["", new Uint8Array()]] = [...await mallory.read(alice)].filter(
      isDecision,
    );
    const genuine = JSON.parse(new TextDecoder().decode(value));
    const digits: string = genuine.signature;
    const flipped = digits.startsWith("0") ? `1${digits.slice(1)}` : `0${digits.slice(1)}`;
    const text = new TextDecoder().decode(value).replace(digits, flipped);
    const forged = { path: "mod/90001", value: new TextEncoder().encode(text) };
    await mallory.publish(forged);
    assert.deepEqual([...await mallory.read(again)].filter(isDecision), []);
    await mallory.publish({ ...forged, path: "mod/90002" }, { path, value });
    const copies = [...await mallory.read(again)].filter(isDecision).map(([, copy]) => copy);
    assert.deepEqual(copies, [value]);
    await mallory.close();
  }));
