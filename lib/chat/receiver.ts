import type { LinkEnd } from "#net";
import { encodeFrame, FrameDecoder, type FrameEvent } from "#session";
import { errorText, quoteForLog } from "#kit";
import type { ChatLink } from "./chat_link.ts";
import type { ChatState } from "./chat_state.ts";
import { decideInbound, type InboundEffect, type InboundFacts } from "./inbound.ts";
import { MAX_LINES_PER_LINK } from "./limits.ts";
import { newMessageId } from "./message_id.ts";

/**
 * Frames handled before readers of events get a turn. Half of what a reader of `/sse` may have
 * queued: a burst that arrives at once then costs a reader that keeps up nothing.
 */
const FRAMES_PER_TURN = 32;

/** The receiving half of one connection: frames in, effects out. */
export class Receiver {
  readonly #link: ChatLink;
  readonly #state: ChatState;
  readonly #facts: InboundFacts;
  readonly #decoder = new FrameDecoder();
  readonly #onReplyFailure = (error: unknown) => this.#logReplyFailure(error);
  #fault: LinkEnd | undefined;
  #lastReply: Promise<void> | undefined;
  #framesThisTurn = 0;
  #linesLeft = MAX_LINES_PER_LINK;

  constructor(link: ChatLink, state: ChatState) {
    const { peer } = link;
    this.#link = link;
    this.#state = state;
    this.#facts = {
      peer,
      isBlocked: () => state.isBlocked(peer),
      isUnapproved: () => state.isUnapproved(peer),
      seenBefore: (message) => state.duplicates.seenBefore(peer.hex, message),
      mintId: () => newMessageId(state.random),
      wall: () => state.clock.wall(),
    };
  }

  /** Reads until the connection ends, and says why it did. */
  async run(): Promise<LinkEnd> {
    const end = await this.#link.serve((bytes) => this.#receive(bytes));
    return this.#fault ?? end;
  }

  #receive(bytes: Uint8Array): void | Promise<void> {
    return this.#handle(this.#decoder.push(bytes), 0);
  }

  /** Handles events from an index on; a promise only when others are to get a turn in between. */
  #handle(events: readonly FrameEvent[], from: number): void | Promise<void> {
    for (let index = from; index < events.length; index++) {
      const event = events[index];
      if (event === undefined) return;
      if (event.kind === "fatal") return this.#endOn(event);
      for (const effect of decideInbound(event.payload, this.#facts)) this.#perform(effect);
      if (++this.#framesThisTurn < FRAMES_PER_TURN) continue;
      this.#framesThisTurn = 0;
      return Promise.resolve().then(() => this.#handle(events, index + 1));
    }
  }

  #perform(effect: InboundEffect): void {
    const { counters, events, receipts, store } = this.#state;
    const peer = this.#link.peer.hex;
    switch (effect.kind) {
      case "reply":
        return this.#reply(effect.payload);
      case "status":
        return events.publishStatus(effect.event);
      case "release":
        receipts.release(peer, effect.id);
        return;
      case "forget":
        store?.forget(peer, effect.id, peer).catch((error) => this.#logStoreFailure(error));
        return;
      case "message":
        counters.inbound_msg_count++;
        counters.last_rx = effect.event.wall;
        store?.append(effect.event);
        return events.publishMessage(effect.event);
      case "log":
        return this.#log(effect.level, effect.text);
    }
  }

  /** Writes without waiting: reading pauses by itself while too much is unwritten (`Link.serve`). */
  #reply(payload: Uint8Array): void {
    try {
      this.#lastReply = this.#link.write(encodeFrame(payload)).catch(this.#onReplyFailure);
    } catch (error) {
      // An id of invalid UTF-8 grows when it is echoed and may no longer fit into a frame.
      this.#logReplyFailure(error);
    }
  }

  /** Ends the connection, after the receipts of what came before the fault are written. */
  async #endOn(fault: Extract<FrameEvent, { kind: "fatal" }>): Promise<void> {
    this.#fault = { code: fault.code, message: fault.message };
    this.#log("info", `${fault.message} from ${this.#link.peer.hex}`);
    await this.#lastReply;
    this.#link.close(fault.message);
  }

  #logReplyFailure(error: unknown): void {
    const reason = quoteForLog(errorText(error));
    this.#log("info", `skychat/dm: ack to ${this.#link.peer.hex} failed: ${reason}`);
  }

  #logStoreFailure(error: unknown): void {
    const reason = quoteForLog(errorText(error));
    this.#log("info", `skychat/dm: history of ${this.#link.peer.hex} refused: ${reason}`);
  }

  #log(level: "debug" | "info", text: string): void {
    if (this.#linesLeft === 0) return;
    this.#linesLeft--;
    const last = this.#linesLeft === 0 ? " (further lines of this connection are left out)" : "";
    this.#state.log[level](text + last);
  }
}
