import { PublicKey } from "#crypto";
import { type Clock, errorText, type Log, quoteForLog, type Random, type Timer } from "#kit";
import { type ChatLink, networkOf } from "./chat_link.ts";
import { MAX_OUTBOX_PAYLOAD, OUTBOX_RETRY_MS } from "./limits.ts";
import { isDirectOnly, isNobodyThere } from "./mesh_networks.ts";
import { newMessageId } from "./message_id.ts";
import { type OutboundPlan, planSend, shortKey } from "./outbound.ts";
import type { OutboxCarrier } from "./outbox_carrier.ts";
import { OutboxDisk } from "./outbox_disk.ts";
import {
  checkTimes,
  expiryOf,
  fullText,
  isExpired,
  listed,
  type ListedMessage,
  nextExpiryMs,
  nextStep,
  OUTBOX_LIMITS,
  type OutboxLimits,
  type QueuedMessage,
  type QueueOutcome,
  type QueueRequest,
  type QueueTable,
} from "./outbox_plan.ts";
import { OutboxShelf, QueuedItem } from "./outbox_shelf.ts";
import { PendingReceipt, type ReceiptOutcome } from "./receipts.ts";

/** Longest pause between two looks for expired messages, ms: one day, so that a clock that jumps is noticed. */
const LONGEST_SWEEP_PAUSE_MS = 86_400_000;
/** Shortest one, ms: a message that is just being sent is left alone and looked at again. */
const SHORTEST_SWEEP_PAUSE_MS = 1_000;

/** What an outbox is built from. */
export interface OutboxOptions {
  readonly table: QueueTable;
  readonly carrier: OutboxCarrier;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Bounds that differ from {@link OUTBOX_LIMITS}. */
  readonly limits?: Partial<OutboxLimits>;
}

/**
 * Messages that wait on disk until their recipient is connected, delivered once and in order.
 *
 * Each keeps its id, and the time of its first write is on disk before that write. So whatever is
 * lost, the message is either written again while the recipient knows the repetition, or not at all:
 * then it stays listed as unconfirmed.
 */
export class Outbox {
  readonly #disk: OutboxDisk;
  readonly #carrier: OutboxCarrier;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Log;
  readonly #limits: OutboxLimits;
  readonly #shelf = new OutboxShelf();
  /** Recipients that are being served, and by what. */
  readonly #pumps = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  #sweepTimer: Timer | undefined;

  /** Takes over what the table holds. Nothing is sent before {@link deliver} is called. */
  constructor(options: OutboxOptions) {
    this.#disk = new OutboxDisk(options);
    this.#carrier = options.carrier;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#log = options.log;
    this.#limits = { ...OUTBOX_LIMITS, ...options.limits };
    for (const message of options.table.list()) this.#load(message);
    this.#sweep();
  }

  /** Queued messages in the order of queueing, ready for JSON. */
  list(): readonly ListedMessage[] {
    const wall = this.#clock.wall();
    return Array.from(this.#shelf.items(), ({ flight, message }) => {
      if (flight !== undefined) return listed(message, "sending");
      return listed(message, nextStep(message, wall) === "give-up" ? "unconfirmed" : "waiting");
    });
  }

  /** Keys for which something waits to be sent. */
  recipients(): readonly PublicKey[] {
    const peers = new Map(Array.from(this.#shelf.items(), ({ peer }) => [peer.hex, peer]));
    return [...peers.values()].filter((peer) => this.holds(peer));
  }

  /** Whether something for this key waits to be sent. */
  holds(peer: PublicKey): boolean {
    return this.#shelf.next(peer.hex) !== undefined;
  }

  /** The network to dial a key over for what waits; undefined where nothing waits that is dialled for. */
  networkFor(peer: PublicKey): string | undefined {
    const next = this.#shelf.next(peer.hex, ({ message }) => !isDirectOnly(message.network));
    return next && (next.message.network ?? "auto");
  }

  /** Queues a message; it is on disk when this resolves with `queued`. Never rejects. */
  async queue(request: QueueRequest): Promise<QueueOutcome> {
    const { recipient } = request;
    const id = request.id ?? newMessageId(this.#random);
    const plan = this.#plan(request, id);
    if (plan.kind === "failed" || plan.frame.length > MAX_OUTBOX_PAYLOAD) {
      const message = plan.kind === "failed"
        ? plan.message
        : `queue: message ${plan.frame.length} > max ${MAX_OUTBOX_PAYLOAD} bytes`;
      return { kind: "unqueueable", code: "too-large", message };
    }
    const full = fullText(this.#shelf.load(recipient.hex, plan.length), this.#limits);
    if (full !== undefined) return { kind: "unqueueable", code: "full", message: full };
    const wall = this.#clock.wall();
    const expires = expiryOf(wall, request.expiresInMs);
    const message: QueuedMessage = {
      id,
      to: recipient.hex,
      text: plan.text,
      ...(plan.replyTo !== "" && { replyTo: plan.replyTo }),
      ...(request.network !== undefined && { network: request.network }),
      queuedAt: String(wall),
      expiresAt: String(expires),
      ...(request.writtenAt !== undefined && { writtenAt: String(request.writtenAt) }),
    };
    const item = new QueuedItem(message, { peer: recipient, stored: false });
    this.#shelf.add(item);
    const failure = await this.#disk.put(item.message);
    if (failure !== undefined) {
      this.#shelf.remove(item);
      const text = `queue: the outbox cannot be written: ${failure}`;
      return { kind: "unqueueable", code: "no-store", message: text };
    }
    item.stored = true;
    this.#scheduleSweep();
    this.deliver(recipient);
    return { kind: "queued", id, expires };
  }

  /**
   * Takes a message out, unless it arrived already; false when there is none of that id, or none for
   * `peer` if that is given.
   */
  async cancel(id: string, peer?: string): Promise<boolean> {
    const item = this.#shelf.get(id);
    if (item === undefined || item.peer.hex !== (peer ?? item.peer.hex)) return false;
    await this.#remove(item);
    return true;
  }

  /** Sends what waits for this key, as long as it is connected. To be called when a link appears. */
  deliver(peer: PublicKey): void {
    const key = peer.hex;
    if (this.#pumps.has(key) || !this.holds(peer) || this.#stop.signal.aborted) return;
    // Begun a little later, so that a pump that has nothing to do does not end before it is noted.
    this.#pumps.set(key, Promise.resolve().then(() => this.#pump(peer)));
  }

  /** A receipt came: the message it is for arrived. Receipts of other peers or other ids do nothing. */
  acknowledged(peer: string, id: string): void {
    const item = this.#shelf.get(id);
    if (item?.peer.hex !== peer || item.message.writtenAt === undefined) return;
    const plan = this.#plan({ ...item.message, recipient: item.peer }, id);
    // Its event first: a repetition after a crash does less harm than a message without a trace.
    if (plan.kind === "send") this.#carrier.publish(item.peer, plan, item.network);
    void this.#remove(item);
  }

  /** A link ended: no receipt will come on it. */
  linkLost(link: ChatLink): void {
    for (const { flight } of this.#shelf.of(link.peer.hex)) {
      if (flight !== undefined && flight !== "starting" && flight.link === link) {
        flight.receipt.abandon();
      }
    }
  }

  /** Stops sending and resolves when what was begun is on disk. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#sweepTimer?.cancel();
    for (const { flight } of this.#shelf.items()) {
      if (flight !== undefined && flight !== "starting") flight.receipt.abandon();
    }
    await Promise.allSettled(this.#pumps.values());
    await this.#disk.settled();
  }

  #load(message: QueuedMessage): void {
    try {
      const peer = PublicKey.parse(message.to);
      checkTimes(message);
      this.#shelf.add(new QueuedItem(message, { peer, stored: true }));
    } catch (error) {
      const id = quoteForLog(message.id);
      this.#log.warn(`skychat/dm: queued message ${id} is unusable: ${errorText(error)}`);
    }
  }

  #plan(
    { recipient, replyTo, text }: Pick<QueueRequest, "recipient" | "replyTo" | "text">,
    id: string,
  ): OutboundPlan {
    const quoted = replyTo !== undefined && { replyTo };
    return planSend({ recipient, text, ...quoted, receipts: true }, () => id);
  }

  #isOpen({ message, peer }: QueuedItem): boolean {
    return this.#carrier.isOpen(peer, message.network);
  }

  async #pump(peer: PublicKey): Promise<void> {
    try {
      while (!this.#stop.signal.aborted) {
        const item = this.#shelf.next(peer.hex, (each) => this.#isOpen(each));
        // Whoever stores the next one calls again.
        if (item === undefined || !item.stored) return;
        const step = nextStep(item.message, this.#clock.wall());
        if (step === "expire") this.#expire(item);
        else if (step === "give-up") this.#giveUp(item);
        else if (!await this.#send(item)) {
          await this.#clock.sleep(OUTBOX_RETRY_MS, this.#stop.signal);
        }
      }
    } finally {
      this.#pumps.delete(peer.hex);
    }
  }

  /** One attempt; false when the next one is to wait. */
  async #send(item: QueuedItem): Promise<boolean> {
    const fresh = item.message.writtenAt === undefined;
    item.flight = "starting";
    try {
      if (fresh) {
        item.message = { ...item.message, writtenAt: String(this.#clock.wall()) };
        if (await this.#disk.put(item.message) !== undefined) {
          this.#unwrite(item);
          return false;
        }
      }
      return await this.#write(item, { fresh });
    } finally {
      item.flight = undefined;
    }
  }

  async #write(item: QueuedItem, { fresh }: { fresh: boolean }): Promise<boolean> {
    const carrier = this.#carrier;
    const plan = this.#plan({ ...item.message, recipient: item.peer }, item.message.id);
    if (!this.#shelf.has(item) || plan.kind === "failed") return true;
    const delivery = this.#stop.signal.aborted || !this.#isOpen(item)
      ? undefined
      : await carrier.deliver(item.peer, plan.frame, item.message.network);
    if (delivery?.kind !== "written") {
      // Nothing of it left this node, so the time in which it may be repeated has not begun.
      if (fresh && delivery?.touched !== true) await this.#takeBack(item);
      return delivery?.kind !== "write-failed" || delivery.touched || !this.#isOpen(item);
    }
    carrier.count(delivery);
    item.network = networkOf(delivery.link);
    const outcome = await this.#receipt(item, delivery.link);
    if (fresh && outcome.kind === "abandoned" && !carrier.isLive(delivery.link)) {
      const { message } = await delivery.link.closed;
      if (isNobodyThere(delivery.link, message)) await this.#takeBack(item);
    }
    if (outcome.kind === "silence" && this.#shelf.has(item)) {
      this.#giveUp(item);
      carrier.dropSilent(delivery.link);
    }
    return true;
  }

  /** Waits for the receipt of what was just written, as long as the link lives. */
  async #receipt(item: QueuedItem, link: ChatLink): Promise<ReceiptOutcome> {
    // It may have come, or the link may have gone, while the write was under way.
    if (!this.#shelf.has(item) || !this.#carrier.isLive(link) || this.#stop.signal.aborted) {
      return { kind: "abandoned" };
    }
    const receipt = new PendingReceipt({ clock: this.#clock, onSettled: () => {} });
    item.flight = { link, receipt };
    receipt.startTimer(this.#carrier.receiptWatch);
    return await receipt.outcome;
  }

  /** It has reached nobody for certain. */
  async #takeBack(item: QueuedItem): Promise<void> {
    if (!this.#shelf.has(item)) return;
    this.#unwrite(item);
    await this.#disk.put(item.message);
  }

  #unwrite(item: QueuedItem): void {
    const { writtenAt: _, ...message } = item.message;
    item.message = message;
  }

  /** It is not written again: a repetition might be shown twice. A late receipt still counts. */
  #giveUp(item: QueuedItem): void {
    item.message = { ...item.message, unconfirmed: true };
    void this.#disk.put(item.message);
  }

  #expire(item: QueuedItem): void {
    const { id, unconfirmed } = item.message;
    const how = unconfirmed === true ? "unconfirmed" : "undelivered";
    const peer = shortKey(item.peer);
    this.#log.warn(`skychat/dm: queued message ${id} to ${peer} expired ${how}`);
    void this.#remove(item);
  }

  /** Drops what is too old, except for what is just being sent, and comes back in time. */
  #sweep(): void {
    const wall = this.#clock.wall();
    for (const item of [...this.#shelf.items()]) {
      if (item.flight === undefined && isExpired(item.message, wall)) this.#expire(item);
    }
    this.#scheduleSweep();
  }

  #scheduleSweep(): void {
    this.#sweepTimer?.cancel();
    const messages = Array.from(this.#shelf.items(), ({ message }) => message);
    const due = nextExpiryMs(messages, this.#clock.wall());
    if (due === undefined || this.#stop.signal.aborted) return;
    const pause = Math.min(Math.max(due, SHORTEST_SWEEP_PAUSE_MS), LONGEST_SWEEP_PAUSE_MS);
    this.#sweepTimer = this.#clock.after(pause, () => this.#sweep());
  }

  async #remove(item: QueuedItem): Promise<void> {
    this.#shelf.remove(item);
    const { flight } = item;
    if (flight !== undefined && flight !== "starting") flight.receipt.acknowledge();
    await this.#disk.remove(item.message.id);
  }
}
