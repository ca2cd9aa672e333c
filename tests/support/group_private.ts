/** Nodes of a private group, and the keys that they hold. */
import assert from "node:assert/strict";
import { openStoredKey } from "../../lib/group/group_cipher.ts";
import { GROUP_ID, type GroupNode, type GroupNodeOptions, type GroupWorld } from "./group_scene.ts";

/** Nodes of a private group; the first is the founder's. */
export async function privateMesh(
  world: GroupWorld,
  count: number,
  options: GroupNodeOptions = {},
): Promise<GroupNode[]> {
  const nodes = await world.mesh(count, { kind: "private", ...options });
  await world.pass(5_000);
  return nodes;
}

/** Number of its current key. */
export function epochOf({ session }: GroupNode): bigint | undefined {
  return session.state.key?.epoch;
}

/** What a node wrote down of its keys. */
export function recordOf({ files }: GroupNode): { aes_key_sealed?: string; key_ring?: unknown[] } {
  const [, text = "{}"] = [...files.texts].find(([path]) => path.endsWith("/record.json")) ?? [];
  return JSON.parse(text);
}

/** Its current key; undefined where it has none. */
export function keyIn(node: GroupNode): Uint8Array | undefined {
  const { aes_key_sealed: sealed } = recordOf(node);
  return sealed === undefined
    ? undefined
    : openStoredKey(node.secret, Uint8Array.fromBase64(sealed), { groupId: GROUP_ID });
}

/** That all hold the same current key. */
export function assertOneKey(...nodes: readonly GroupNode[]): void {
  const [first] = nodes;
  assert.ok(first !== undefined && keyIn(first) !== undefined);
  for (const node of nodes) assert.deepEqual(keyIn(node), keyIn(first), `${node.port}`);
}
