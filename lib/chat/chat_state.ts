import type { PublicKey } from "#crypto";
import type { EventHub, MessageEvent } from "#events";
import type { Clock, Log, Random } from "#kit";
import type { LiveCounters } from "./counters.ts";
import type { DuplicateMemory } from "./duplicate_memory.ts";
import type { ChatLimits } from "./limits.ts";
import type { PeerTable } from "./peer_table.ts";
import type { ReceiptBook } from "./receipts.ts";

/** Where messages are kept, if anywhere. A refusal rejects; it is logged and never fatal. */
export interface ChatStore {
  /** Keeps a message, inbound or outbound. */
  append(message: MessageEvent): Promise<void>;
  /** Removes the message with this id from the conversation with `peer` if `author` wrote it. */
  forget(peer: string, id: string, author: string): Promise<void>;
}

/** What the receiving and the sending half of direct chat share. */
export interface ChatState {
  readonly self: PublicKey;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly events: EventHub;
  readonly store: ChatStore | undefined;
  readonly isBlocked: (peer: PublicKey) => boolean;
  readonly isUnapproved: (peer: PublicKey) => boolean;
  readonly limits: ChatLimits;
  readonly table: PeerTable;
  readonly receipts: ReceiptBook;
  readonly duplicates: DuplicateMemory;
  readonly counters: LiveCounters;
}
