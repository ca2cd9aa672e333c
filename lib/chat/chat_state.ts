import type { PublicKey } from "#crypto";
import type { Clock, Log, Random } from "#kit";
import { type ChatLink, networkOf } from "./chat_link.ts";
import type { ChatStore } from "./chat_store.ts";
import type { LiveCounters } from "./counters.ts";
import type { DuplicateMemory } from "./duplicate_memory.ts";
import type { ChatLimits } from "./limits.ts";
import { isDirectOnly } from "./mesh_networks.ts";
import type { MeshRoutes } from "./mesh_routes.ts";
import type { Outlet } from "./outlet.ts";
import type { PeerLines } from "./peer_lines.ts";
import type { PeerTable } from "./peer_table.ts";
import type { ReceiptBook } from "./receipts.ts";

/** What the receiving and the sending half of direct chat share. */
export interface ChatState {
  readonly self: PublicKey;
  readonly clock: Clock;
  readonly random: Random;
  /** The time of a new message (`messageTimes`). */
  readonly messageTime: (text: string) => bigint;
  readonly log: Log;
  /** For everything that peers can cause. */
  readonly lines: PeerLines;
  readonly store: ChatStore | undefined;
  /** The way of messages and statuses to the store and to local consumers. */
  readonly outlet: Outlet;
  /** Whether messages are acknowledged after their commit. */
  readonly acksStored: boolean;
  /** Told about every receipt, whether somebody waits for it or not. */
  readonly onReceipt: (peer: string, id: string) => void;
  readonly isBlocked: (peer: PublicKey) => boolean;
  readonly isUnapproved: (peer: PublicKey) => boolean;
  readonly limits: ChatLimits;
  readonly table: PeerTable;
  readonly receipts: ReceiptBook;
  readonly duplicates: DuplicateMemory;
  readonly counters: LiveCounters;
  /** Ways to peers that are not connected; undefined without a visor. */
  readonly mesh: MeshRoutes | undefined;
}

/** Whether messages for which a network was asked for may go over a connection that is in the table. */
export function isUsable(
  link: ChatLink,
  { mesh }: Pick<ChatState, "mesh">,
  wanted?: string,
): boolean {
  if (mesh === undefined) return true;
  if (isDirectOnly(wanted) && networkOf(link) !== "tcp-direct") return false;
  return !mesh.isDoubtful(link);
}

/** The connection to a peer that is used now, for messages for which a network was asked for. */
export function usableLink(
  peer: PublicKey,
  state: ChatState,
  wanted?: string,
): ChatLink | undefined {
  return state.table.newest(peer.hex, (link) => isUsable(link, state, wanted));
}
