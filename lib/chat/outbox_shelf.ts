import type { PublicKey } from "#crypto";
import type { ChatLink, LinkNetwork } from "./chat_link.ts";
import { type OutboxLoad, type QueuedMessage, sizeOf } from "./outbox_plan.ts";
import type { PendingReceipt } from "./receipts.ts";

/** A queued message and what is going on with it. */
export class QueuedItem {
  readonly peer: PublicKey;
  readonly bytes: number;
  message: QueuedMessage;
  /** False until it is on disk for the first time: before, nobody was promised anything. */
  stored: boolean;
  /** What it was written over last. */
  network: LinkNetwork = "tcp-direct";
  /** The attempt under way. */
  flight: { readonly link: ChatLink; readonly receipt: PendingReceipt } | "starting" | undefined;

  constructor(message: QueuedMessage, options: { peer: PublicKey; stored: boolean }) {
    this.message = message;
    this.peer = options.peer;
    this.stored = options.stored;
    this.bytes = sizeOf(message);
  }
}

/** Queued messages in memory, in the order of queueing, by id and by recipient. */
export class OutboxShelf {
  readonly #items = new Map<string, QueuedItem>();
  /** No empty sets. */
  readonly #byPeer = new Map<string, Set<QueuedItem>>();
  #bytes = 0;

  /** Every item, oldest first. */
  items(): Iterable<QueuedItem> {
    return this.#items.values();
  }

  /** The messages of a recipient, oldest first. */
  of(peer: string): Iterable<QueuedItem> {
    return this.#byPeer.get(peer) ?? [];
  }

  /** The item of this id. */
  get(id: string): QueuedItem | undefined {
    return this.#items.get(id);
  }

  /** Whether this very item is still here. */
  has(item: QueuedItem): boolean {
    return this.#items.get(item.message.id) === item;
  }

  /** The oldest item of a recipient that may still be sent, or of those that will do. */
  next(peer: string, willDo: (item: QueuedItem) => boolean = () => true): QueuedItem | undefined {
    for (const item of this.of(peer)) {
      if (item.message.unconfirmed !== true && willDo(item)) return item;
    }
    return undefined;
  }

  /** What is here, with `more` bytes added. */
  load(peer: string, more: number): OutboxLoad {
    return {
      entries: this.#items.size,
      ofPeer: this.#byPeer.get(peer)?.size ?? 0,
      bytes: this.#bytes + more,
    };
  }

  /** Puts an item at the end. */
  add(item: QueuedItem): void {
    this.#items.set(item.message.id, item);
    const others = this.#byPeer.get(item.peer.hex);
    if (others === undefined) this.#byPeer.set(item.peer.hex, new Set([item]));
    else others.add(item);
    this.#bytes += item.bytes;
  }

  /** Takes an item out. */
  remove(item: QueuedItem): void {
    if (!this.has(item)) return;
    this.#items.delete(item.message.id);
    const others = this.#byPeer.get(item.peer.hex);
    others?.delete(item);
    if (others?.size === 0) this.#byPeer.delete(item.peer.hex);
    this.#bytes -= item.bytes;
  }
}
