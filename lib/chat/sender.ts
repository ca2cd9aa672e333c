import type { PublicKey } from "#crypto";
import type { MessageEvent } from "#events";
import { CodedError, concat, errorText, quoteForLog } from "#kit";
import { encodeFrame, MAX_FRAME_PAYLOAD } from "#session";
import { type ChatLink, type LinkNetwork, type MeshNetwork, networkOf } from "./chat_link.ts";
import { type ChatState, isUsable, usableLink } from "./chat_state.ts";
import type { DialPurpose } from "./dial_pools.ts";
import { isDirectOnly, isNobodyThere } from "./mesh_networks.ts";
import type { Reached } from "./mesh_routes.ts";
import { newMessageId } from "./message_id.ts";
import {
  awayText,
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

/** What came of two attempts in a row that both failed. */
export function bothFailed(first: Undelivered, second: Undelivered): Undelivered {
  const told = first.kind === "write-failed" ? first : second;
  if (told.kind === "no-connection") return told;
  // A queued message must not be repeated for ever if any of the two may have arrived.
  return { ...told, touched: first.touched || second.touched };
}

/** How something is to be sent. */
interface Way {
  /** The network that was asked for. */
  readonly network: string | undefined;
  /** Why a peer that is not connected is dialled; undefined: it is not. */
  readonly purpose: DialPurpose | undefined;
}

/** What could not be written to the connections that are there. */
interface Failed {
  readonly peer: PublicKey;
  readonly bytes: Uint8Array;
  readonly failed: Undelivered;
  /** A network that is known to lead nowhere. */
  readonly tried?: MeshNetwork;
}

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
    const outcome = await this.attempt(request, plan, { dials: true });
    if (outcome.kind !== "no-connection" && outcome.kind !== "write-failed") return outcome;
    counters.outbound_fail_count++;
    return failure(request, outcome);
  }

  /** What to write for a request. */
  plan(request: SendRequest): OutboundPlan {
    return planSend(request, () => newMessageId(this.#state.random));
  }

  /**
   * Sends what is ready, without counting a failure: the caller may know another way. Without `dials` only
   * over a connection that is there.
   */
  async attempt(
    { network, recipient }: Pick<SendRequest, "network" | "recipient">,
    plan: SendPlan,
    { dials }: { dials: boolean },
  ): Promise<SendOutcome | Undelivered> {
    const { receipts } = this.#state;
    const receipt = plan.receipt === "none" ? undefined : receipts.expect(recipient.hex, plan.id);
    const purpose = dials ? "send" : undefined;
    const delivery = await this.#carry(recipient, plan.frame, { network, purpose });
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
    if (this.#state.mesh === undefined) return;
    void this.#carry(peer, frames, { network: undefined, purpose: "aside" });
  }

  /**
   * Sends again, over another network, what was written on a skynet connection at whose other end nobody was.
   * Its author was told that it was sent, so all that is left is to say what became of it.
   */
  async resend(dead: ChatLink, frames: readonly Uint8Array[]): Promise<void> {
    const { counters, lines, table } = this.#state;
    const { peer } = dead;
    table.remove(dead);
    if (frames.length === 0) return;
    const bytes = concat(...frames);
    const first = await this.deliver(peer, bytes);
    const delivery = first.kind === "written" ? first : await this.#dialAndWrite(
      { peer, bytes, failed: first, tried: "skynet" },
      { network: undefined, purpose: "send" },
    );
    const again = delivery.kind === "written";
    if (again) counters.outbound_fallback_count += frames.length;
    else counters.outbound_fail_count += frames.length;
    const what = again
      ? `sent again over ${networkOf(delivery.link)}`
      : `lost: ${delivery.dialled ?? "no other connection"}`;
    lines.line(
      again ? "info" : "warn",
      `skychat/dm: ${frames.length} sent to ${peer.hex} over skynet, where nobody was: ${what}`,
    );
  }

  /** Writes to a connection that is there, or else to one that is dialled for it (visor.md 7.5). */
  async #carry(peer: PublicKey, bytes: Uint8Array, way: Way): Promise<Delivery> {
    const { mesh } = this.#state;
    const first = await this.deliver(peer, bytes, way.network);
    // One that has too much unwritten lives on: its peer does not read, and would not from another one.
    const connected = usableLink(peer, this.#state, way.network) !== undefined;
    const dials = !connected && way.purpose !== undefined && !isDirectOnly(way.network);
    const delivery = first.kind === "written" || !dials
      ? first
      : await this.#dialAndWrite({ peer, bytes, failed: first }, way);
    if (delivery.kind === "written") mesh?.wrote(delivery.link, bytes);
    return delivery;
  }

  /**
   * Dials the network that was asked for and then the other one, until something is written over one: a
   * connection that cannot be written to is as good as none.
   */
  async #dialAndWrite(
    { peer, bytes, failed, tried }: Failed,
    { network, purpose = "send" }: Way,
  ): Promise<Delivery> {
    const { mesh } = this.#state;
    if (mesh === undefined) return failed;
    const reasons: string[] = [];
    let [except, last] = [tried, failed];
    for (;;) {
      const reached = await mesh.reach(peer, { wanted: network || "skynet", purpose, except });
      if (reached.kind === "unreached") return { ...last, dialled: dialText(reasons, reached) };
      const next = await this.deliver(peer, bytes);
      if (next.kind === "written") {
        const rescued = next.rescued || last.kind === "write-failed";
        return { ...next, rescued, fallback: reached.fallback };
      }
      if (next.kind === "no-connection") reasons.push("the connection ended at once");
      else if (last.kind === "write-failed") reasons.push(next.reason);
      last = bothFailed(last, next);
      if (except !== undefined) return { ...last, dialled: dialText(reasons) };
      except = reached.network;
    }
  }

  /**
   * Writes to the newest link of a peer, of those that will do for the network that was asked for. A link that
   * fails is closed and the next one tried; one that merely has too much unwritten already is left alone.
   * Counts nothing.
   */
  async deliver(peer: PublicKey, bytes: Uint8Array, wanted?: string): Promise<Delivery> {
    const { clock, limits, table } = this.#state;
    const tried = new Set<ChatLink>();
    let [reason, touched] = ["", false];
    // A peer that keeps opening links which fail must not keep a send busy for ever.
    while (tried.size < limits.linksPerPeer) {
      const link = table.newest(
        peer.hex,
        (each) => !tried.has(each) && isUsable(each, this.#state, wanted),
      );
      if (link === undefined) break;
      const startedAt = clock.now();
      try {
        await link.write(bytes);
        return { kind: "written", link, startedAt, rescued: tried.size > 0 };
      } catch (error) {
        reason = quoteForLog(errorText(error));
        tried.add(link);
        if (isOverloaded(error)) continue;
        touched ||= !isNobodyThere(link, errorText(error));
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

/** Why dialling did not help. */
function dialText(
  reasons: readonly string[],
  last?: Extract<Reached, { kind: "unreached" }>,
): string {
  const all = last === undefined || last.reason === "" ? reasons : [...reasons, last.reason];
  const text = all.join("; ") || "no other network of the visor is in use";
  return last?.away ? awayText(text) : text;
}

function failure(request: SendRequest, delivery: Undelivered): SendOutcome {
  const message = delivery.kind === "write-failed"
    ? writeFailedText(delivery.reason, delivery.dialled)
    : noConnectionText(request.recipient, request.network, delivery.dialled);
  return { kind: "failed", code: delivery.kind, message };
}
