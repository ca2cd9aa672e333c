/** What was said in one group is not said in another that the same node takes part in (groups.md 10, item 4). */
import assert from "node:assert/strict";
import { MemoryFiles } from "#files";
import { HandMember } from "#support/group_hand.ts";
import { FIRST_PORT, type GroupNode, type GroupWorld, inGroupWorld } from "#support/group_scene.ts";
import { groupHistoryOf } from "#support/group_stores.ts";

const ELSEWHERE = "0b1c2d3e-4f50-4162-8374-95a6b7c8d9ea";
const MALLORY = 8_910;

/** Alice and Bob say something in one group and end it; what outlives that is in the options. */
async function talkedElsewhere(
  world: GroupWorld,
  options: (port: number) => Parameters<GroupWorld["start"]>[1],
): Promise<ReadonlyMap<string, Uint8Array>> {
  const nodes = await world.mesh(2, (index) => ({
    ...options(FIRST_PORT + index),
    id: ELSEWHERE,
    members: [MALLORY],
  }));
  const [alice, bob] = nodes;
  assert.ok(alice !== undefined && bob !== undefined);
  await world.pass(4_000);
  await alice.say("only for us");
  await bob.say("and by me");
  await world.pass(2_000);
  const mallory = new HandMember(world, MALLORY);
  await mallory.dial(bob);
  const leaves = new Map(
    [...await mallory.read(bob)].filter(([path]) => path.startsWith("msgs/")),
  );
  await mallory.close();
  for (const node of nodes) await world.stop(node);
  return leaves;
}

/** What nodes show, and which leaves Alice has, once somebody has carried the messages over. */
async function carriedOver(
  world: GroupWorld,
  { leaves, options }: {
    leaves: ReadonlyMap<string, Uint8Array>;
    options: (port: number) => Parameters<GroupWorld["start"]>[1];
  },
): Promise<{ nodes: readonly GroupNode[]; paths: readonly string[] }> {
  const nodes = await world.mesh(2, (index) => ({
    ...options(FIRST_PORT + index),
    members: [MALLORY],
  }));
  const [alice] = nodes;
  assert.ok(alice !== undefined);
  await world.pass(4_000);
  const mallory = new HandMember(world, MALLORY);
  await mallory.dial(...nodes);
  await mallory.publish(...Array.from(leaves, ([path, value]) => ({ path, value })));
  await world.pass(2_000);
  const paths = [...(await mallory.read(alice)).keys()].filter((path) => leaves.has(path));
  await mallory.close();
  return { nodes, paths };
}

Deno.test("messages of another group are known there by the hashes that were kept, own ones too", () =>
  inGroupWorld(async (world) => {
    const files = new Map([[FIRST_PORT, new MemoryFiles()], [FIRST_PORT + 1, new MemoryFiles()]]);
    const options = (port: number) => ({ files: files.get(port) ?? new MemoryFiles() });
    const leaves = await talkedElsewhere(world, options);
    assert.ok(leaves.size >= 2);
    const { nodes, paths } = await carriedOver(world, { leaves, options });
    for (const node of nodes) assert.deepEqual(node.received, []);
    assert.deepEqual(paths, [], "her feed does not say again what she said elsewhere");
  }));

Deno.test("messages of another group are known there by its journal in the store", () =>
  inGroupWorld(async (world) => {
    const kept = [FIRST_PORT, FIRST_PORT + 1].map((port) =>
      [port, { files: new MemoryFiles(), history: groupHistoryOf(world, port) }] as const
    );
    const options = (port: number) => new Map(kept).get(port) ?? {};
    const leaves = await talkedElsewhere(world, options);
    const { nodes, paths } = await carriedOver(world, { leaves, options });
    for (const node of nodes) assert.deepEqual(node.received, []);
    assert.deepEqual(paths, []);
  }));
