import type { PublicKey } from "#crypto";
import type { MessageEvent } from "#events";
import { type Clock, errorText, type Log, quoteForLog, type Random } from "#kit";
import type { LinkEnd } from "#net";
import { type ChatLink, networkOf } from "./chat_link.ts";
import { type ChatState, isUsable, usableLink } from "./chat_state.ts";
import type { ChatStore } from "./chat_store.ts";
import { type ChatCounters, noTraffic } from "./counters.ts";
import { DuplicateMemory } from "./duplicate_memory.ts";
import { encodeDelete, encodeRead } from "./envelope.ts";
import { connect, type LinkState, linkState } from "./link_state.ts";
import { CHAT_LIMITS, type ChatLimits, CLOSE_DRAIN_MS, MAX_READ_IDS } from "./limits.ts";
import type { MeshPort } from "./mesh_port.ts";
import { MeshRoutes } from "./mesh_routes.ts";
import { messageTimes } from "./message_times.ts";
import type { SendOutcome, SendRequest } from "./outbound.ts";
import { Outbox } from "./outbox.ts";
import { carrierOf } from "./outbox_carrier.ts";
import { NO_OUTBOX, type OutboxLimits, type QueueTable } from "./outbox_plan.ts";
import { type EventStream, Outlet } from "./outlet.ts";
import { announceLink, PeerLines } from "./peer_lines.ts";
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
  readonly events: EventStream;
  /** Peers whose frames are swallowed unseen; nobody by default. */
  readonly isBlocked?: (peer: PublicKey) => boolean;
  /** Peers whose messages are marked as requests; nobody by default (http-api.md 4.12). */
  readonly isUnapproved?: (peer: PublicKey) => boolean;
  /** Where messages are kept; nowhere by default. */
  readonly store?: ChatStore;
  /**
   * When a message is acknowledged: `received`, at once (the default), or `stored`, after its commit
   * if the limits admit it (messages.md 4.1). Without a store the two are the same.
   */
  readonly ack?: "received" | "stored";
  /** Where messages for peers that are away are kept; nowhere by default. */
  readonly outbox?: QueueTable;
  /** How peers are reached that are not connected; undefined without a visor. */
  readonly mesh?: MeshPort | undefined;
  /** Bounds of the outbox that differ from the usual ones. */
  readonly outboxLimits?: Partial<OutboxLimits>;
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
  readonly #running = new Map<Receiver, Promise<unknown>>();
  /** Messages for peers that are away; undefined when there is no place for them. */
  readonly outbox: Outbox | undefined;
  #closed = false;

  /** Nothing is connected yet; a timer runs only while messages are queued, and with a visor. */
  constructor(options: DirectChatOptions) {
    const { clock, log, random, store } = options;
    const limits = { ...CHAT_LIMITS, ...options.limits };
    const lines = new PeerLines({ clock, log });
    this.#state = {
      self: options.self,
      clock,
      random,
      messageTime: messageTimes(clock),
      log,
      lines,
      store,
      outlet: new Outlet({ events: options.events, store }),
      acksStored: store !== undefined && options.ack === "stored",
      onReceipt: (peer, id) => this.outbox?.acknowledged(peer, id),
      isBlocked: options.isBlocked ?? (() => false),
      isUnapproved: options.isUnapproved ?? (() => false),
      limits,
      table: new PeerTable(limits, clock),
      receipts: new ReceiptBook({ clock, capacity: limits.pendingReceipts }),
      duplicates: new DuplicateMemory({ clock, limits }),
      counters: { ...noTraffic() },
      mesh: options.mesh && this.#routes(options.mesh, { clock, lines, limits }),
    };
    this.#sender = new Sender(this.#state);
    const table = options.outbox;
    this.outbox = table && new Outbox({
      table,
      carrier: carrierOf(this.#sender, this.#state),
      clock,
      random,
      log,
      ...(options.outboxLimits !== undefined && { limits: options.outboxLimits }),
    });
    for (const { hex } of this.outbox?.recipients() ?? []) this.#state.table.know(hex);
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
    const { lines, table } = this.#state;
    if (this.#closed) return await refuse(link, "shutting down");
    const { admitted, displaced } = table.add(link);
    displaced?.close("superseded: too many connections");
    const network = networkOf(link);
    if (!admitted) {
      lines.line("warn", `skychat: ${network} refusing ${link.peer.hex}: too many connections`);
      return await refuse(link, "too many connections");
    }
    // Whoever accepts or dials over TCP says so itself.
    if (network !== "tcp-direct" && link.direction === "in") announceLink(link, lines);
    const receiver = new Receiver(link, this.#state);
    const running = this.#run(receiver, link);
    this.#running.set(receiver, running);
    this.outbox?.deliver(link.peer);
    try {
      return await running;
    } finally {
      this.#running.delete(receiver);
    }
  }

  /**
   * Sends one message; an expected failure is an outcome, not an error (messages.md 7). With
   * `queueForMs`, a message that cannot be sent now is kept for later; where nothing can be kept, it
   * is not sent either.
   */
  send(request: SendRequest): Promise<SendOutcome> {
    this.#state.table.know(request.recipient.hex);
    return request.queueForMs === undefined
      ? this.#sender.send(request)
      : this.#sendOrQueue(request, request.queueForMs);
  }

  /**
   * Remembers a message that arrived in a process before this one, `ageMs` milliseconds ago, so that
   * its repetition is recognised (messages.md 6.1). To be called for the messages of the last
   * {@link DUPLICATE_WINDOW} milliseconds, oldest first, before the first connection.
   */
  remember(
    peer: string,
    message: { readonly id: string; readonly body: string; readonly ageMs: number },
  ): void {
    this.#state.duplicates.remember(peer, message);
  }

  /**
   * Counts, keeps and shows a message that came or went another way than over a connection, such as a
   * feed, in its turn with all others. A notice on the channel `system` is no message: it is not counted.
   *
   * @returns whether it is on disk, once that is known; undefined where nothing is kept.
   */
  surface(event: MessageEvent): Promise<boolean> | undefined {
    const { clock, counters, outlet } = this.#state;
    if (event.channel === "system") return outlet.message(event);
    if (event.direction === "in") {
      counters.inbound_msg_count++;
      counters.last_rx = clock.wall();
    } else {
      counters.outbound_msg_count++;
      counters.last_send = clock.wall();
    }
    return outlet.message(event);
  }

  /**
   * Takes back a message of a group, by whoever wrote it: forgets it in the store and in the replay
   * buffers, and tells local consumers, in its turn with all other news. What the disk refuses is
   * logged; resolves when all is done (groups.md 4.8, 6.3).
   */
  async retract(
    { groupId, sender, ts }: {
      readonly groupId: string;
      /** 66 hex digits. */
      readonly sender: string;
      /** The author's time, nanoseconds since 1970. */
      readonly ts: bigint;
    },
  ): Promise<void> {
    const { log, outlet } = this.#state;
    try {
      await outlet.retract({ groupId, deletedBy: sender, deletedTs: ts });
    } catch (error) {
      const reason = quoteForLog(errorText(error));
      log.warn(`skychat: group "${quoteForLog(groupId)}" history forget: ${reason}`);
    }
  }

  /** Present while so much waits for the disk that no more should come until it resolves. */
  get ready(): Promise<void> | undefined {
    return this.#state.outlet.ready;
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
    const { log, outlet, self } = this.#state;
    await this.#sender.sendControl(peer, [encodeDelete(id)]);
    await this.outbox?.cancel(id, peer.hex);
    try {
      await outlet.forget(peer.hex, { id, author: self.hex });
    } catch (error) {
      const reason = quoteForLog(errorText(error));
      log.warn(`skychat/dm: history forget ${peer.hex}: ${reason}`);
    }
    outlet.status({ id, peer: peer.hex, status: "deleted" });
  }

  /** Keys with a live connection, hex, sorted. */
  peers(): readonly string[] {
    return this.#state.table.peers((link) => isUsable(link, this.#state));
  }

  /** Whether there is a live connection to this key. */
  isConnected(peer: PublicKey): boolean {
    return usableLink(peer, this.#state) !== undefined;
  }

  /** How this node stands with a key (http-api.md 4.18). */
  linkState(peer: PublicKey): LinkState {
    return linkState(peer, this.#state);
  }

  /** Begins to connect to a key that is not connected: `skynet`, `dmsg` or `auto`. Nothing without a visor. */
  connect(peer: PublicKey, network: string): LinkState {
    return connect(peer, network, this.#state);
  }

  /**
   * Stops handling what peers send, lets commits and the receipts they are owed finish for at most
   * {@link CLOSE_DRAIN_MS} milliseconds, closes every connection, releases everybody who waits, and
   * resolves when all loops have ended.
   */
  async close(): Promise<void> {
    const { clock, lines, mesh, receipts, table } = this.#state;
    this.#closed = true;
    mesh?.close();
    receipts.close();
    for (const receiver of this.#running.keys()) receiver.stop();
    const enough = new AbortController();
    const late = clock.sleep(CLOSE_DRAIN_MS, enough.signal);
    const queue = this.outbox?.close();
    await Promise.race([this.#drained(), late]);
    for (const link of table.all()) link.close("shutting down");
    await Promise.allSettled([...this.#running.values()]);
    await Promise.race([queue, late]);
    enough.abort();
    lines.flush();
  }

  /** The ways to peers that are not connected. */
  #routes(
    port: MeshPort,
    { clock, limits, lines }: Pick<ChatState, "clock" | "limits" | "lines">,
  ): MeshRoutes {
    const connected = (peer: PublicKey) => this.isConnected(peer);
    return new MeshRoutes({
      ...{ port, clock, lines },
      lingerMs: limits.receiptWatch,
      attach: (link) => this.attach(link),
      onProven: (link) => this.outbox?.deliver(link.peer),
      onLost: (link, frames) => void this.#sender.resend(link, frames),
      queued: {
        waiting: () => (this.outbox?.recipients() ?? []).filter((peer) => !connected(peer)),
        networkFor: (peer) => connected(peer) ? undefined : this.outbox?.networkFor(peer),
      },
    });
  }

  /** Resolves when nothing waits for the disk, and the receipts that waited for it are written. */
  async #drained(): Promise<void> {
    await this.#state.outlet.passed();
    if (!this.#state.acksStored) return;
    await Promise.all(Array.from(this.#running.keys(), ({ replied }) => replied));
  }

  /** At once if that is possible and nothing for this peer is to go before it. */
  async #sendOrQueue(request: SendRequest, expiresInMs: number): Promise<SendOutcome> {
    const { counters, clock } = this.#state;
    const { recipient } = request;
    const plan = this.#sender.plan(request);
    if (plan.kind === "failed") {
      if (plan.code !== "empty") counters.outbound_fail_count++;
      return plan;
    }
    const { outbox } = this;
    const begun = clock.wall();
    let writtenAt: bigint | undefined;
    if (outbox !== undefined && this.isConnected(recipient) && !outbox.holds(recipient)) {
      const outcome = await this.#sender.attempt(request, plan, { dials: false });
      if (outcome.kind !== "no-connection" && outcome.kind !== "write-failed") return outcome;
      if (outcome.touched) writtenAt = begun;
    }
    const queued = await outbox?.queue({ ...request, id: plan.id, expiresInMs, writtenAt }) ??
      NO_OUTBOX;
    if (queued.kind === "unqueueable") counters.outbound_fail_count++;
    else if (!this.isConnected(recipient)) this.#state.mesh?.redial(recipient);
    return queued;
  }

  async #run(receiver: Receiver, link: ChatLink): Promise<LinkEnd> {
    const { counters, table } = this.#state;
    try {
      return await receiver.run();
    } finally {
      counters.inbound_drop_count++;
      table.remove(link);
      link.close();
      this.outbox?.linkLost(link);
    }
  }
}

async function refuse(link: ChatLink, reason: string): Promise<LinkEnd> {
  link.close(reason);
  return await link.closed;
}
