import type { PublicKey } from "#crypto";
import type { ChatLink, LinkNetwork } from "./chat_link.ts";
import { type ChatState, usableLink } from "./chat_state.ts";
import type { Delivery, Sender, SendPlan } from "./sender.ts";

/** What the outbox needs from the sending half and the table of links. */
export interface OutboxCarrier {
  /** Whether messages to this key, for a network if one was named, may be written now: connected and not blocked. */
  isOpen(peer: PublicKey, wanted: string | undefined): boolean;
  /** Whether a link is still in use. */
  isLive(link: ChatLink): boolean;
  /** Writes to a peer; counts nothing. */
  deliver(peer: PublicKey, frame: Uint8Array, wanted: string | undefined): Promise<Delivery>;
  /** Counts a message that was written. */
  count(delivery: Extract<Delivery, { kind: "written" }>): void;
  /** Stores a message that arrived, and shows it to local consumers. */
  publish(peer: PublicKey, plan: SendPlan, network: LinkNetwork): void;
  /** Gives up a link on which a receipt did not come. */
  dropSilent(link: ChatLink): void;
  /** Milliseconds to wait for a receipt. */
  readonly receiptWatch: number;
}

/** The carrier that a node has. */
export function carrierOf(sender: Sender, state: ChatState): OutboxCarrier {
  const { limits, table } = state;
  return {
    isOpen: (peer, wanted) =>
      usableLink(peer, state, wanted) !== undefined && !state.isBlocked(peer),
    isLive: (link) => table.has(link),
    deliver: (peer, frame, wanted) => sender.deliver(peer, frame, wanted),
    count: (delivery) => sender.count(delivery),
    publish: (peer, plan, network) => sender.publish(peer, plan, network),
    dropSilent: (link) => sender.dropSilent(link),
    receiptWatch: limits.receiptWatch,
  };
}
