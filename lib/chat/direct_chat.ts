import type { PublicKey } from "#crypto";
import type { EventHub } from "#events";
import type { Clock, Log, Random } from "#kit";
import type { LinkEnd } from "#net";
import type { ChatLink } from "./chat_link.ts";
import type { ChatState, ChatStore } from "./chat_state.ts";
import { type ChatCounters, noTraffic } from "./counters.ts";
import { DuplicateMemory } from "./duplicate_memory.ts";
import { encodeDelete, encodeRead } from "./envelope.ts";
import { CHAT_LIMITS, type ChatLimits, MAX_READ_IDS } from "./limits.ts";
import type { SendOutcome, SendRequest } from "./outbound.ts";
import { PeerTable } from "./peer_table.ts";
import { ReceiptBook } from "./receipts.ts";
import { Receiver } from "./receiver.ts";
import { Sender } from "./sender.ts";

/** What direct chat is built from. */
export interface DirectChatOptions {
  /** The key of this node, shown as the sender of its own messages. */
  readonly self: PublicKey;
  /** For durations and for the timestamps of events. */
  readonly clock: Clock;
  /** For message ids. */
  readonly random: Random;
  /** The texts are those of messages.md. */
  readonly log: Log;
  /** Where messages and statuses are published. */
  readonly events: EventHub;
  /** Peers whose frames are swallowed unseen; nobody by default. */
  readonly isBlocked?: (peer: PublicKey) => boolean;
  /** Peers whose messages are marked as requests; nobody by default (http-api.md 4.12). */
  readonly isUnapproved?: (peer: PublicKey) => boolean;
  /** Where messages are kept; nowhere by default. */
  readonly store?: ChatStore;
  /** Bounds that differ from {@link CHAT_LIMITS}. */
  readonly limits?: Partial<ChatLimits>;
}

/**
 * Direct messages over every live connection of this node: who is connected, what they send, what is
 * sent to them, which receipts are awaited. Connections come from outside, by {@link attach}.
 */
export class DirectChat {
  readonly #state: ChatState;
  readonly #sender: Sender;
  readonly #running = new Set<Promise<unknown>>();
  #closed = false;

  /** Nothing is connected yet, no timer runs. */
  constructor(options: DirectChatOptions) {
    const { clock } = options;
    const limits = { ...CHAT_LIMITS, ...options.limits };
    this.#state = {
      self: options.self,
      clock,
      random: options.random,
      log: options.log,
      events: options.events,
      store: options.store,
      isBlocked: options.isBlocked ?? (() => false),
      isUnapproved: options.isUnapproved ?? (() => false),
      limits,
      table: new PeerTable(limits),
      receipts: new ReceiptBook({ clock, capacity: limits.pendingReceipts }),
      duplicates: new DuplicateMemory({ clock, limits }),
      counters: { ...noTraffic() },
    };
    this.#sender = new Sender(this.#state);
  }

  /** The counters of `/status` at this moment (messages.md 9). */
  get counters(): ChatCounters {
    return { ...this.#state.counters };
  }

  /**
   * Uses an established connection until it ends, and says why it ended. A connection that finds the
   * table full is closed at once.
   */
  async attach(link: ChatLink): Promise<LinkEnd> {
    const { log, table } = this.#state;
    if (this.#closed) return await refuse(link, "shutting down");
    const { admitted, displaced } = table.add(link);
    displaced?.close("superseded: too many connections");
    if (!admitted) {
      log.warn(`skychat: tcp-direct refusing ${link.peer.hex}: too many connections`);
      return await refuse(link, "too many connections");
    }
    const running = this.#run(link);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /** Sends one message; an expected failure is an outcome, not an error (messages.md 7). */
  send(request: SendRequest): Promise<SendOutcome> {
    return this.#sender.send(request);
  }

  /** Tells a peer that its messages were seen: one `chat-read` each, best effort (messages.md 4.2). */
  async sendRead(peer: PublicKey, ids: readonly string[]): Promise<void> {
    const wanted = ids.filter((id) => id !== "").slice(0, MAX_READ_IDS);
    if (wanted.length > 0) await this.#sender.sendControl(peer, wanted.map(encodeRead));
  }

  /**
   * Retracts an own message: asks the peer to forget it (best effort), forgets it here, and says so
   * to local consumers (messages.md 4.6, http-api.md 4.8).
   */
  async sendDelete(peer: PublicKey, id: string): Promise<void> {
    const { events, self, store } = this.#state;
    await this.#sender.sendControl(peer, [encodeDelete(id)]);
    await store?.forget(peer.hex, id, self.hex);
    events.publishStatus({ id, peer: peer.hex, status: "deleted" });
  }

  /** Keys with a live connection, hex, sorted. */
  peers(): readonly string[] {
    return this.#state.table.peers();
  }

  /** Whether there is a live connection to this key. */
  isConnected(peer: PublicKey): boolean {
    return this.#state.table.newest(peer.hex) !== undefined;
  }

  /** Closes every connection, releases everybody who waits, and resolves when all loops have ended. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#state.receipts.close();
    for (const link of this.#state.table.all()) link.close("shutting down");
    await Promise.allSettled([...this.#running]);
  }

  async #run(link: ChatLink): Promise<LinkEnd> {
    const { counters, table } = this.#state;
    try {
      return await new Receiver(link, this.#state).run();
    } finally {
      counters.inbound_drop_count++;
      table.remove(link);
      link.close();
    }
  }
}

async function refuse(link: ChatLink, reason: string): Promise<LinkEnd> {
  link.close(reason);
  return await link.closed;
}
