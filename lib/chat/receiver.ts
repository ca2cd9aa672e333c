import { type LinkEnd, RateLimiter } from "#net";
import { encodeFrame, FrameDecoder, type FrameEvent } from "#session";
import type { StatusEvent } from "#events";
import { errorText, quoteForLog } from "#kit";
import { type ChatLink, networkOf } from "./chat_link.ts";
import type { ChatState } from "./chat_state.ts";
import { decideInbound, type InboundEffect, type InboundFacts } from "./inbound.ts";
import { DELETE_RATE, MAX_LINES_PER_LINK } from "./limits.ts";
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
  readonly #deletes: RateLimiter;
  readonly #onReplyFailure = (error: unknown) => this.#logReplyFailure(error);
  #fault: LinkEnd | undefined;
  #lastReply: Promise<void> | undefined;
  #framesThisTurn = 0;
  #linesLeft = MAX_LINES_PER_LINK;
  #deletesIgnored = false;
  #stopped = false;
  #ended = false;
  /** Whether a whole frame came. */
  #spoke = false;
  /** Ends the pause under way. */
  #wake: (() => void) | undefined;

  constructor(link: ChatLink, state: ChatState) {
    const { peer } = link;
    this.#link = link;
    this.#state = state;
    this.#deletes = new RateLimiter({ clock: state.clock, capacity: 1 });
    this.#facts = {
      peer,
      network: networkOf(link),
      isBlocked: () => state.isBlocked(peer),
      isUnapproved: () => state.isUnapproved(peer),
      seenBefore: (message) => state.duplicates.seenBefore(peer.hex, message),
      mintId: () => newMessageId(state.random),
      timeOf: (text) => state.messageTime(text),
    };
  }

  /** Reads until the connection ends, and says why it did. */
  async run(): Promise<LinkEnd> {
    this.#link.closed.then(() => {
      this.#ended = true;
      this.#wake?.();
    });
    const end = await this.#link.serve((bytes) => this.#receive(bytes));
    return this.#fault ?? end;
  }

  /** Handles no further frame, as if it had not been read; receipts that are owed are still written. */
  stop(): void {
    this.#stopped = true;
  }

  /** Settles when the receipts so far are written or failed. */
  get replied(): Promise<void> {
    return this.#lastReply ?? Promise.resolve();
  }

  #receive(bytes: Uint8Array): void | Promise<void> {
    this.#state.mesh?.heard(this.#link);
    return this.#handle(this.#decoder.push(bytes), 0);
  }

  /** Handles events from an index on; a promise only when others are to get a turn in between. */
  #handle(events: readonly FrameEvent[], from: number): void | Promise<void> {
    for (let index = from; index < events.length; index++) {
      const event = events[index];
      if (event === undefined) return;
      if (event.kind === "fatal") return this.#endOn(event);
      if (this.#stopped) return;
      this.#hasSpoken();
      let pause: Promise<void> | undefined;
      for (const effect of decideInbound(event.payload, this.#facts)) {
        pause = this.#perform(effect) ?? pause;
      }
      pause ??= this.#state.outlet.ready;
      if (pause !== undefined) {
        return this.#paused(pause).then(() => this.#handle(events, index + 1));
      }
      if (++this.#framesThisTurn < FRAMES_PER_TURN) continue;
      this.#framesThisTurn = 0;
      return Promise.resolve().then(() => this.#handle(events, index + 1));
    }
  }

  /** Whoever is blocked keeps no place by speaking. */
  #hasSpoken(): void {
    if (this.#spoke || this.#facts.isBlocked()) return;
    this.#spoke = true;
    this.#state.table.spoke(this.#link);
  }

  /** Waits for something of this node's, but not longer than the connection lives. */
  #paused(pause: Promise<void>): Promise<void> {
    if (this.#ended) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
      pause.then(resolve);
    });
  }

  /** Returns what this connection, and no other, has to wait for before its next frame. */
  #perform(effect: InboundEffect): Promise<void> | undefined {
    const { outlet, receipts } = this.#state;
    switch (effect.kind) {
      case "reply":
        if (effect.repeated && this.#state.acksStored) {
          outlet.after(() => this.#reply(effect.payload));
        } else this.#reply(effect.payload);
        return;
      case "status":
        outlet.status(effect.event);
        return;
      case "release":
        receipts.release(this.#link.peer.hex, effect.id);
        this.#state.onReceipt(this.#link.peer.hex, effect.id);
        return;
      case "forget":
        return this.#mayDelete() ? this.#forget(effect.event) : undefined;
      case "message":
        this.#surface(effect);
        return;
      case "log":
        this.#log(effect.level, effect.text);
        return;
    }
  }

  #surface({ event, receipt }: Extract<InboundEffect, { kind: "message" }>): void {
    const { acksStored, counters, outlet } = this.#state;
    counters.inbound_msg_count++;
    counters.last_rx = event.wall;
    if (receipt !== undefined && acksStored) {
      return void outlet.message(event, () => this.#reply(receipt));
    }
    // First of all: whatever happens to the message here, its sender learns that it arrived.
    if (receipt !== undefined) this.#reply(receipt);
    void outlet.message(event);
  }

  /** Each deletion looks through a conversation: a tiny frame must not buy that without end. */
  #mayDelete(): boolean {
    if (this.#deletes.take(this.#link.peer.hex, DELETE_RATE)) return true;
    if (!this.#deletesIgnored) {
      this.#log("info", `skychat/dm: too many deletions from ${this.#link.peer.hex}: some ignored`);
    }
    this.#deletesIgnored = true;
    return false;
  }

  /** The message may still be on its way to the disk: removing it comes after that. */
  #forget(event: StatusEvent): Promise<void> | undefined {
    const { outlet } = this.#state;
    const forgetting = outlet.forget(event.peer, { id: event.id, author: event.peer });
    if (forgetting === undefined) return void outlet.status(event);
    return forgetting.catch((error) => this.#logStoreFailure(error))
      .then(() => outlet.status(event));
  }

  /** Writes without waiting: reading pauses by itself while too much is unwritten (`Link.serve`). */
  #reply(payload: Uint8Array): void {
    this.#lastReply = this.#link.write(encodeFrame(payload)).catch(this.#onReplyFailure);
  }

  /** Ends the connection, after the receipts of what came before the fault are written. */
  async #endOn(fault: Extract<FrameEvent, { kind: "fatal" }>): Promise<void> {
    this.#fault = { code: fault.code, message: fault.message };
    this.#log("info", `${fault.message} from ${this.#link.peer.hex}`);
    const owed = this.#state.outlet.passed();
    if (owed !== undefined) await this.#paused(owed);
    await this.#lastReply;
    this.#link.close(fault.message);
  }

  #logReplyFailure(error: unknown): void {
    const reason = quoteForLog(errorText(error));
    this.#log("info", `skychat/dm: ack to ${this.#link.peer.hex} failed: ${reason}`);
  }

  #logStoreFailure(error: unknown): void {
    const reason = quoteForLog(errorText(error));
    this.#log("info", `skychat/dm: history forget ${this.#link.peer.hex}: ${reason}`);
  }

  #log(level: "debug" | "info", text: string): void {
    if (this.#linesLeft === 0) return;
    this.#linesLeft--;
    const last = this.#linesLeft === 0 ? " (further lines of this connection are left out)" : "";
    this.#state.lines.line(level, text + last);
  }
}
