import type { CxoMessage } from "#cxo";
import type { Clock, Timer } from "#kit";
import type { FeedLine, Heard } from "./feed_peer.ts";

const REQUEST_LIMIT_MS = 59_000;
const IDLE_CLOSE_MS = 90_000;
const IDLE_CHECK_MS = 30_000;

/** What a {@link GoLine} hands on. */
export interface GoLineOptions {
  readonly clock: Clock;
  /** Sends RqList after 30 s without anything from the other side: newer than v1.3.94. */
  readonly probes: boolean;
  /** Sub, Unsub, Root, RqObject, RqPreview. */
  readonly onMessage: (heard: Heard, line: GoLine) => void;
  readonly onClosed: (line: GoLine) => void;
}

/** A line with the manners of the deployed Go node (cxo.md 2.4, 4.7). */
export class GoLine {
  readonly line: FeedLine;
  /** Feeds that go both ways over it. */
  readonly feeds = new Set<string>();
  /** Why we hung up; empty when the other side did. */
  reason = "";
  readonly #options: GoLineOptions;
  readonly #timers = new Set<Timer>();
  #heardAt: number;

  constructor(line: FeedLine, options: GoLineOptions) {
    const { clock, onClosed } = options;
    this.line = line;
    this.#options = options;
    this.#heardAt = clock.now();
    line.onHeard = () => this.#heardAt = clock.now();
    line.onMessage = (heard) => this.#onMessage(heard);
    void line.closed.then(() => {
      for (const timer of this.#timers) timer.cancel();
      onClosed(this);
    });
  }

  get isClosed(): boolean {
    return this.line.isClosed;
  }

  /** Applies the 90 s rule from now on: to be called after Syn and Ack. */
  watch(): void {
    this.after(IDLE_CHECK_MS, () => {
      const silence = this.#options.clock.now() - this.#heardAt;
      if (silence >= IDLE_CLOSE_MS) return this.hangUp("idle for 90 s");
      if (silence >= IDLE_CHECK_MS && this.#options.probes) this.line.send({ type: "RqList" });
      this.watch();
    });
  }

  /** A request with the limit of 59 s. */
  async ask(message: CxoMessage): Promise<CxoMessage | "closed" | "timeout"> {
    const late = Promise.withResolvers<"timeout">();
    const timer = this.after(REQUEST_LIMIT_MS, () => late.resolve("timeout"));
    const answer = await Promise.race([this.line.ask(message), late.promise]);
    timer.cancel();
    return answer;
  }

  /** Calls it, unless the line ends before. */
  after(ms: number, action: () => void): Timer {
    if (this.isClosed) return { cancel: () => {} };
    const timer = this.#options.clock.after(ms, () => {
      this.#timers.delete(timer);
      action();
    });
    this.#timers.add(timer);
    return {
      cancel: () => {
        timer.cancel();
        this.#timers.delete(timer);
      },
    };
  }

  hangUp(reason: string): void {
    if (!this.isClosed) this.reason = reason;
    this.line.close();
  }

  #onMessage(heard: Heard): void {
    const { message, seq } = heard;
    switch (message.type) {
      case "RqList":
        return void this.line.send({ type: "Err", text: "not a public server" }, seq);
      case "RqPeers":
        this.line.send({ type: "Err", text: "not in swarm" }, seq);
        return this.hangUp("RqPeers");
      case "Ping":
      case "Pong":
      case "Syn":
      case "Ack":
        return this.hangUp(`fatal: ${message.type}`);
      case "Ok":
      case "Err":
      case "List":
      case "Object":
      case "Peers":
        return;
      default:
        this.#options.onMessage(heard, this);
    }
  }
}
