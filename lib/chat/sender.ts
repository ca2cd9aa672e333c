import type { PublicKey } from "#crypto";
import type { MessageEvent } from "#events";
import { CodedError, concat, errorText } from "#kit";
import { encodeFrame, MAX_FRAME_PAYLOAD } from "#session";
import type { ChatLink } from "./chat_link.ts";
import type { ChatState } from "./chat_state.ts";
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

type Delivery =
  | {
    readonly kind: "written";
    readonly link: ChatLink;
    /** Clock reading just before the write that succeeded. */
    readonly startedAt: number;
    /** Whether another link failed before. */
    readonly rescued: boolean;
  }
  | { readonly kind: "no-connection" }
  | { readonly kind: "write-failed"; readonly reason: string };

/** The sending half: writes frames to peers, waits for receipts, counts. */
export class Sender {
  readonly #state: ChatState;

  constructor(state: ChatState) {
    this.#state = state;
  }

  /** Sends a message (messages.md 7). Never rejects. */
  async send(request: SendRequest): Promise<SendOutcome> {
    const { counters, random, receipts } = this.#state;
    const { recipient } = request;
    const plan = planSend(request, () => newMessageId(random));
    if (plan.kind === "failed") {
      if (plan.code !== "empty") counters.outbound_fail_count++;
      return plan;
    }
    const receipt = plan.receipt === "none" ? undefined : receipts.expect(recipient.hex, plan.id);
    const delivery = await this.#deliver(recipient, plan.frame);
    if (delivery.kind !== "written") {
      receipt?.abandon();
      counters.outbound_fail_count++;
      return failure(request, delivery);
    }
    if (delivery.rescued) counters.outbound_retry_count++;
    this.#record(recipient, plan);
    if (receipt === undefined) return { kind: "sent", id: plan.id };
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
    const delivery = await this.#deliver(peer, concat(...fitting.map(encodeFrame)));
    if (delivery.kind !== "written") {
      this.#state.log.debug(`skychat/dm: control frame to ${peer.hex} not sent: ${delivery.kind}`);
    }
  }

  /**
   * Writes to the newest link of a peer. A link that fails is closed and the next one tried; one
   * that merely has too much unwritten already is left alone.
   */
  async #deliver(peer: PublicKey, bytes: Uint8Array): Promise<Delivery> {
    const { clock, limits, table } = this.#state;
    const tried = new Set<ChatLink>();
    let reason = "";
    // A peer that keeps opening links which fail must not keep a send busy for ever.
    while (tried.size < limits.linksPerPeer) {
      const link = table.newest(peer.hex, tried);
      if (link === undefined) break;
      const startedAt = clock.now();
      try {
        await link.write(bytes);
        return { kind: "written", link, startedAt, rescued: tried.size > 0 };
      } catch (error) {
        reason = errorText(error);
        tried.add(link);
        if (!isOverloaded(error)) this.#discard(link, `write failed: ${reason}`);
      }
    }
    return tried.size === 0 ? { kind: "no-connection" } : { kind: "write-failed", reason };
  }

  #discard(link: ChatLink, reason: string): void {
    this.#state.table.remove(link);
    link.close(reason);
  }

  #record(recipient: PublicKey, plan: Extract<OutboundPlan, { kind: "send" }>): void {
    const { clock, counters, events, self, store } = this.#state;
    const wall = clock.wall();
    counters.outbound_msg_count++;
    counters.last_send = wall;
    const event: MessageEvent = {
      direction: "out",
      id: plan.id,
      network: "tcp-direct",
      sender: self.hex,
      to: recipient.hex,
      text: plan.text,
      length: plan.length,
      ...(plan.replyTo !== "" && { replyTo: plan.replyTo }),
      channel: "dm",
      wall,
    };
    store?.append(event);
    events.publishMessage(event);
  }

  /** Silence means that the connection is dead though nobody noticed: closing it lets it be redialled. */
  #watch(link: ChatLink, receipt: PendingReceipt): void {
    const { limits, log, table } = this.#state;
    receipt.startTimer(limits.receiptWatch);
    receipt.outcome.then((outcome) => {
      if (outcome.kind !== "silence" || !table.remove(link)) return;
      const text = noReceiptText(link.peer, limits.receiptWatch / 1_000);
      log.warn(text);
      link.close(text);
    });
  }
}

/** Whether a write was refused by a link that lives on (`Link.write` of `#net`). */
function isOverloaded(error: unknown): boolean {
  return error instanceof CodedError && error.code === "backlog-full";
}

function failure(
  request: SendRequest,
  delivery: Exclude<Delivery, { kind: "written" }>,
): SendOutcome {
  const message = delivery.kind === "write-failed"
    ? writeFailedText(delivery.reason)
    : noConnectionText(request.recipient, request.network);
  return { kind: "failed", code: delivery.kind, message };
}
