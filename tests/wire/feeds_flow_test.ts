/** Who follows a feed gets every message once and in order, whatever the line does meanwhile. */
import type { FeedNode } from "#support/feed_node.ts";
import { assertHeard, inWorld, startMany } from "#support/feed_scene.ts";

const MINUTE = 60_000;

const SHAPES = {
  "two nodes": { count: 2, follows: () => true },
  "five nodes that all follow each other": { count: 5, follows: () => true },
  "a line of five": {
    count: 5,
    follows: (who: number, whom: number) => Math.abs(who - whom) === 1,
  },
};

for (const stored of [false, true]) {
  for (const [shape, { count, follows }] of Object.entries(SHAPES)) {
    const how = `${shape}, ${stored ? "with" : "without"} history`;

    Deno.test(`messages arrive once and in order: ${how}`, () =>
      inWorld(async (world) => {
        const { nodes, stop } = await startMany(world, { count, follows, stored });
        const said = new Map<FeedNode, string[]>(nodes.map((node) => [node, []]));
        await world.pass(2_000);
        for (let round = 0; round < 12; round++) {
          await sayOne(nodes, said, round);
          await world.pass([0, 100, 350, 1_000][round % 4] ?? 0);
        }
        await world.pass(2_000);
        assertHeard(nodes, said, follows);
        // Heartbeats and idle minutes bring nothing new.
        await world.pass(4 * MINUTE);
        assertHeard(nodes, said, follows);
        await stop();
      }));

    for (const cut of ["cut off", "half open"] as const) {
      Deno.test(`what was said while one was ${cut} arrives once: ${how}`, () =>
        inWorld(async (world) => {
          const { nodes, stop } = await startMany(world, { count, follows, stored });
          const said = new Map<FeedNode, string[]>(nodes.map((node) => [node, []]));
          const middle = nodes[count >> 1];
          if (middle === undefined) throw new Error("there is a middle");
          await world.pass(2_000);
          await sayOne(nodes, said, 0);
          await world.pass(1_000);
          if (cut === "cut off") world.cut(middle);
          else world.hold(middle);
          for (let round = 1; round < 7; round++) {
            await sayOne(nodes, said, round);
            await world.pass(MINUTE / 2);
          }
          if (cut === "cut off") world.heal(middle);
          else world.release(middle);
          await world.pass(MINUTE);
          await sayOne(nodes, said, 7);
          await world.pass(2_000);
          assertHeard(nodes, said, follows);
          await stop();
        }));
    }
  }
}

async function sayOne(
  nodes: readonly FeedNode[],
  said: ReadonlyMap<FeedNode, string[]>,
  round: number,
): Promise<void> {
  for (const [index, node] of nodes.entries()) {
    const text = `${round} of ${index}`;
    await node.say(text);
    said.get(node)?.push(text);
  }
}
