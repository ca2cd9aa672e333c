import type { PublicKey } from "#crypto";
import type { Clock, Log, Random } from "#kit";
import type { ChatStore } from "./chat_store.ts";
import type { LiveCounters } from "./counters.ts";
import type { DuplicateMemory } from "./duplicate_memory.ts";
import type { ChatLimits } from "./limits.ts";
import type { Outlet } from "./outlet.ts";
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
}
