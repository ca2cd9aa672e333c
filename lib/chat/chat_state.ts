import type { PublicKey } from "#crypto";
import type { MessageEvent } from "#events";
import type { Clock, Log, Random } from "#kit";
import type { LiveCounters } from "./counters.ts";
import type { DuplicateMemory } from "./duplicate_memory.ts";
import type { ChatLimits } from "./limits.ts";
import type { Outlet } from "./outlet.ts";
import type { PeerTable } from "./peer_table.ts";
import type { ReceiptBook } from "./receipts.ts";

/** What a store said to a message, at once; `Appended` of `#store` has this shape. */
export interface Stored {
  /** Number of the event on the durable stream. */
  readonly seq: number;
  /** Why the limits refuse it; undefined when it is kept. */
  readonly refusal: string | undefined;
  /** Resolves when it is on disk, or could not be written (false). Never rejects; keeps the order. */
  readonly committed: Promise<boolean>;
}

/** Where messages are kept, if anywhere; `History` of `#store` has this shape. */
export interface ChatStore {
  /** Keeps a message, inbound or outbound, in the order of the calls. */
  append(message: MessageEvent): Stored;
  /** Present while so much waits for the disk that reading from peers should pause until it resolves. */
  readonly ready: Promise<void> | undefined;
  /** Removes the message with this id from the conversation with `peer` if `author` wrote it. */
  forget(peer: string, id: string, author: string): Promise<boolean>;
}

/** What the receiving and the sending half of direct chat share. */
export interface ChatState {
  readonly self: PublicKey;
  readonly clock: Clock;
  readonly random: Random;
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
