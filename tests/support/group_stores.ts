/** Stores without a disk for the nodes of a group. */
import { MemoryHistory } from "#store";
import { secretOf } from "./feed_node.ts";
import { UNLIMITED } from "./feed_scene.ts";
import type { GroupWorld } from "./group_scene.ts";

/** A store that refuses nothing, for the node of a port. */
export function groupHistoryOf({ clock }: GroupWorld, port: number): MemoryHistory {
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  return new MemoryHistory({ clock, log, self: secretOf(port).publicKey.hex, limits: UNLIMITED });
}
