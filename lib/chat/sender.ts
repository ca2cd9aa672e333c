import type { PublicKey } from "#crypto";
import type { MessageEvent } from "#events";
import { CodedError, concat, errorText } from "#kit";
import { encodeFrame, MAX_FRAME_PAYLOAD } from "#session";
import { type ChatLink, type LinkNetwork, networkOf } from "./chat_link.ts";
import { type ChatState, isUsable } from "./chat_state.ts";
import { newMessageId } from "./message_id.ts";
import {
  noConnectionText,
  noReceiptText,
  type OutboundPlan,
  planSend,
  type SendOutcome,
  type SendRequest,
  writeFailedText,
} from "./outbound.ts";
import type { PendingReceipt } from "./receipts.ts";

/** A message that is ready to be written. */
export type SendPlan = Extract<OutboundPlan, { kind: "send" }>;

/** What became of the attempt to write something to a peer. */
export type Delivery =
  | {
    readonly kind: "written";
    readonly link: ChatLink;
    /** Clock reading just before the write that succeeded. */
    readonly startedAt: number;
    /** Whether another link failed before. */
    readonly rescued: boolean;
    /** Whether it took another network than the one asked for. */
    readonly fallback?: boolean;
  }
  | Undelivered;

/** Why nothing was written, as far as is known here. */
export type Undelivered =
  | {
    readonly kind: "no-connection";
    readonly touched: false;
    /** Why dialling did not help; undefined where nothing was dialled. */
    readonly dialled?: string;
  }
  | {
    readonly kind: "write-failed";
    readonly reason: string;
    /** The same. */
    readonly dialled?: string;
    /** Whether the peer may have got it nevertheless. */
    readonly touched: boolean;
  };

/** The sending half: writes frames to peers, waits for receipts, counts. */
export class Sender {
  readonly #state: ChatState;

  constructor(state: ChatState) {
    this.#state = state;
  }

  /** Sends a message (messages.md 7). Never rejects. */
  async send(request: SendRequest): Promise<SendOutcome> {
    const { counters } = this.#state;
    const plan = this.plan(request);
    if (plan.kind === "failed") {
      if (plan.code !== "empty") counters.outbound_fail_count++;
      return plan;
    }
    const outcome = await this.attempt(request, plan);
    if (outcome.kind !== "no-connection" && outcome.kind !== "write-failed") return outcome;
    counters.outbound_fail_count++;
    return failure(request, outcome);
  }

  /** What to write for a request. */
  plan(request: SendRequest): OutboundPlan {
    return planSend(request, () => newMessageId(this.#state.random));
  }

  /** Sends what is ready, without counting a failure: the caller may know another way. */
  async attempt(
    { network, recipient }: Pick<SendRequest, "network" | "recipient">,
    plan: SendPlan,
  ): Promise<SendOutcome | Undelivered> {
    const { receipts } = this.#state;
    const receipt = plan.receipt === "none" ? undefined : receipts.expect(recipient.hex, plan.id);
    const delivery = await this.#carry(recipient, plan.frame, network);
    if (delivery.kind !== "written") {
      receipt?.abandon();
      return delivery;
    }
    this.count(delivery);
    const used = networkOf(delivery.link);
    this.publish(recipient, plan, used);
    if (receipt === undefined) return { kind: "sent", id: plan.id, network: used };
    if (plan.receipt === "watch") {
      this.#watch(delivery.link, receipt);
      return { kind: "receipt-asked", id: plan.id };
    }
    receipt.startTimer(plan.waitMs);
    const outcome = await receipt.outcome;
    if (outcome.kind !== "acked") return { kind: "timeout", id: plan.id, ms: plan.waitMs };
    return { kind: "acked", id: plan.id, ms: Math.round(outcome.at - delivery.startedAt) };
  }

  /**
   * Sends control frames without counting them; whether that worked is only logged. What does not
   * fit into a frame is left out: it names nothing that could have arrived here.
   */
  async sendControl(peer: PublicKey, payloads: readonly Uint8Array[]): Promise<void> {
    const fitting = payloads.filter(({ length }) => length <= MAX_FRAME_PAYLOAD);
    if (fitting.length === 0) return;
    const frames = concat(...fitting.map(encodeFrame));
    const delivery = await this.deliver(peer, frames);
    if (delivery.kind === "written") return;
    this.#state.log.debug(`skychat/dm: control frame to ${peer.hex} not sent: ${delivery.kind}`);
    // Whoever asked for it need not wait while somebody is dialled.
    if (this.#state.mesh !== undefined) void this.#carry(peer, frames, undefined);
  }

  /** Writes to a connection that is there, or else to one that is dialled for it (visor.md 7.5). */
  async #carry(
    peer: PublicKey,
    bytes: Uint8Array,
    network: string | undefined,
  ): Promise<Delivery> {
    const { mesh } = this.#state;
    const direct = network === "tcp-direct";
    const first = await this.deliver(peer, bytes, { direct: direct && mesh !== undefined });
    if (first.kind === "written" || mesh === undefined || direct) return first;
    const reached = await mesh.reach(peer, network || "skynet");
    if (reached.kind === "unreached") return { ...first, dialled: reached.reason };
    const second = await this.deliver(peer, bytes);
    const [rescued, { fallback }] = [first.kind === "write-failed", reached];
    if (second.kind === "written") return { ...second, rescued, fallback };
    const failed = second.kind === "write-failed";
    const dialled = failed ? second.reason : "the connection ended at once";
    if (first.kind === "write-failed") {
      return { ...first, touched: first.touched || second.touched, dialled };
    }
    return failed ? second : { ...second, dialled };
  }

  /**
   * Writes to the newest link of a peer. A link that fails is closed and the next one tried; one
   * that merely has too much unwritten already is left alone. Counts nothing.
   */
  async deliver(
    peer: PublicKey,
    bytes: Uint8Array,
    { direct = false }: { /** Only over tcp-direct. */ direct?: boolean } = {},
  ): Promise<Delivery> {
    const { clock, limits, table } = this.#state;
    const tried = new Set<ChatLink>();
    let [reason, touched] = ["", false];
    // A peer that keeps opening links which fail must not keep a send busy for ever.
    while (tried.size < limits.linksPerPeer) {
      const link = table.newest(
        peer.hex,
        (each) =>
          !tried.has(each) && isUsable(each, this.#state) &&
          (!direct || networkOf(each) === "tcp-direct"),
      );
      if (link === undefined) break;
      const startedAt = clock.now();
      try {
        await link.write(bytes);
        return { kind: "written", link, startedAt, rescued: tried.size > 0 };
      } catch (error) {
        reason = errorText(error);
        tried.add(link);
        if (isOverloaded(error)) continue;
        touched = true;
        this.#discard(link, `write failed: ${reason}`);
      }
    }
    if (tried.size === 0) return { kind: "no-connection", touched: false };
    return { kind: "write-failed", reason, touched };
  }

  /** Counts a message that was written. */
  count({ fallback, rescued }: Extract<Delivery, { kind: "written" }>): void {
    const { clock, counters } = this.#state;
    if (rescued) counters.outbound_retry_count++;
    if (fallback) counters.outbound_fallback_count++;
    counters.outbound_msg_count++;
    counters.last_send = clock.wall();
  }

  /** Stores a message of our own, which went over a network, and shows it to local consumers. */
  publish(recipient: PublicKey, plan: SendPlan, network: LinkNetwork): void {
    const { messageTime, outlet, self } = this.#state;
    const event: MessageEvent = {
      direction: "out",
      id: plan.id,
      ...(plan.bare && { localId: true }),
      network,
      sender: self.hex,
      to: recipient.hex,
      text: plan.text,
      length: plan.length,
      ...(plan.replyTo !== "" && { replyTo: plan.replyTo }),
      channel: "dm",
      wall: messageTime(plan.text),
    };
    outlet.message(event);
  }

  /** Gives up a link on which a receipt did not come, so that it can be redialled (messages.md 4.4). */
  dropSilent(link: ChatLink): void {
    const { limits, log, table } = this.#state;
    if (!table.remove(link)) return;
    const text = noReceiptText(link.peer, limits.receiptWatch / 1_000);
    log.warn(text);
    link.close(text);
  }

  #discard(link: ChatLink, reason: string): void {
    this.#state.table.remove(link);
    link.close(reason);
  }

  /** Silence means that the connection is dead though nobody noticed. */
  #watch(link: ChatLink, receipt: PendingReceipt): void {
    receipt.startTimer(this.#state.limits.receiptWatch);
    receipt.outcome.then(({ kind }) => {
      if (kind === "silence") this.dropSilent(link);
    });
  }
}

/** Whether a write was refused by a link that lives on (`Link.write` of `#net`). */
function isOverloaded(error: unknown): boolean {
  return error instanceof CodedError && error.code === "backlog-full";
}

function failure(request: SendRequest, delivery: Undelivered): SendOutcome {
  const message = delivery.kind === "write-failed"
    ? writeFailedText(delivery.reason, delivery.dialled)
    : noConnectionText(request.recipient, request.network, delivery.dialled);
  return { kind: "failed", code: delivery.kind, message };
}
