import type { TreeLeaf } from "#cxo";
import type { Governance } from "./governance.ts";
import { openGovernance } from "./group_cipher.ts";
import type { GroupFeed } from "./group_feed.ts";
import type { GroupKeys } from "./group_keys.ts";
import { decodeRotation, verifyRotation } from "./key_rotation.ts";
import { LeafFault } from "./leaf_fault.ts";
import type { MessageIntake } from "./message_intake.ts";
import { decodeMutation, verifyMutation } from "./mutation.ts";

/** Where leaves that came back belong. */
export interface RecoveryTarget {
  /** Key of this node. */
  readonly self: string;
  readonly feed: GroupFeed;
  readonly governance: Governance;
  readonly intake: MessageIntake;
  /** Undefined in a public group. */
  readonly keys: GroupKeys | undefined;
}

/**
 * Takes back what a former process of this node published and a member still has (cxo.md 5.8): messages, own
 * ones and copies, and records that this node signed and that still hold.
 */
export async function recoverLeaves(
  leaves: readonly TreeLeaf[],
  target: RecoveryTarget,
): Promise<void> {
  const { feed, intake } = target;
  for (const { path, value } of leaves) {
    if (path.startsWith("msgs/")) intake.recover({ path, value });
    else if (isOwnRecord(path, value, target)) await feed.add(path, value);
  }
}

function isOwnRecord(
  path: string,
  value: Uint8Array,
  { governance, keys, self }: RecoveryTarget,
): boolean {
  const family = path.split("/", 1)[0];
  if (family === "keys") {
    const rotation = decodeRotation(value);
    return !(rotation instanceof LeafFault) && rotation.issuer === self &&
      verifyRotation(rotation) === undefined;
  }
  if (family !== "roster" && family !== "admin" && family !== "mod") return false;
  const json = openGovernance(keys?.ring.keys() ?? [], value);
  const mutation = json instanceof Uint8Array ? decodeMutation(json, family) : undefined;
  if (mutation === undefined || mutation instanceof LeafFault || mutation.issuer !== self) {
    return false;
  }
  if (verifyMutation(mutation) !== undefined) return false;
  return governance.take(mutation).kind !== "known" || !governance.isSuperseded(mutation);
}
