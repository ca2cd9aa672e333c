/** A founder, a member, and a member that attacks both. */
import assert from "node:assert/strict";
import { HandMember } from "./group_hand.ts";
import {
  type GroupNode,
  type GroupNodeOptions,
  type GroupWorld,
  inGroupWorld,
} from "./group_scene.ts";

/** Port of the attacker. */
export const MALLORY_PORT = 8_910;

/** Who takes part in an attack. */
export interface AttackScene {
  readonly world: GroupWorld;
  /** The founder. */
  readonly alice: GroupNode;
  readonly bob: GroupNode;
  /** Holds a seat, and means ill. */
  readonly mallory: HandMember;
  /** Both honest nodes. */
  readonly nodes: readonly [GroupNode, GroupNode];
  /** That both still hear each other and nothing else since. */
  talks(): Promise<void>;
}

/** Plays an attack, after which the honest members must hear each other as before. */
export function attack(
  play: (scene: AttackScene) => Promise<void>,
  options: GroupNodeOptions = {},
): Promise<void> {
  return inGroupWorld(async (world) => {
    const members = [MALLORY_PORT];
    const [alice, bob] = await world.mesh(2, { members, ...options });
    assert.ok(alice !== undefined && bob !== undefined);
    const mallory = new HandMember(world, MALLORY_PORT);
    await world.pass(4_000);
    await mallory.dial(alice, bob);
    let said = 0;
    const talks = async () => {
      const [before, there] = [alice.received.length, bob.received.length];
      await alice.say(`from alice ${++said}`);
      await bob.say(`from bob ${said}`);
      await world.pass(1_000);
      assert.deepEqual(alice.received.slice(before), [`from bob ${said}`]);
      assert.deepEqual(bob.received.slice(there), [`from alice ${said}`]);
    };
    // In a channel the second node may not write.
    if (options.kind !== "channel") await talks();
    const scene: AttackScene = { world, alice, bob, mallory, nodes: [alice, bob], talks };
    await play(scene);
    await mallory.close();
    await world.pass(1_000);
  });
}

/** Texts that the attacker's leaves made a node show. */
export function shownOf(node: GroupNode, author: { readonly key: string }): string[] {
  return node.events.filter(({ direction, sender }) => direction === "in" && sender === author.key)
    .map(({ text }) => text);
}
