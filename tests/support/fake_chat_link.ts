import { PublicKey } from "#crypto";
import { CodedError, utf8, utf8Text } from "#kit";
import { type ChatLink, DirectChat, type DirectChatOptions, type LinkNetwork } from "#chat";
import { EventHub } from "#events";
import { encodeFrame, FrameDecoder } from "#session";
import { ManualClock, settle } from "./manual_clock.ts";
import { SeededRandom } from "./seeded_random.ts";

/** The keys of the worked examples (messages.md 11). */
export const ALICE: PublicKey = PublicKey.parse(
  "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
);
export const BOB: PublicKey = PublicKey.parse(
  "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5",
);

type LinkEnd = Awaited<ChatLink["closed"]>;

/** A connection whose other end is the test. Everything written to it must be whole frames. */
export class FakeChatLink implements ChatLink {
  readonly peer: PublicKey;
  readonly direction: "in" | "out";
  readonly openedAt: number;
  readonly network: LinkNetwork;
  readonly closed: Promise<LinkEnd>;
  /** Payloads of the frames written, in order. */
  readonly payloads: string[] = [];
  /** Reasons that it was closed for by us. */
  readonly closeReasons: (string | undefined)[] = [];
  /** What the next writes do: succeed, fail with this text (and code), or never finish. */
  writing: "ok" | "hang" | { readonly fail: string; readonly code?: string } = "ok";
  /** Happens while a write succeeds. */
  onWrite: () => void = () => {};
  /** What handles the frames has thrown this. */
  failServing: (error: Error) => void = () => {};
  #onData: ((bytes: Uint8Array) => void | Promise<void>) | undefined;
  #settleEnd: (end: LinkEnd) => void;

  constructor(
    peer: PublicKey,
    options: { direction?: "in" | "out"; openedAt?: number; network?: LinkNetwork } = {},
  ) {
    const { promise, resolve } = Promise.withResolvers<LinkEnd>();
    this.peer = peer;
    this.direction = options.direction ?? "in";
    this.openedAt = options.openedAt ?? 0;
    this.network = options.network ?? "tcp-direct";
    this.closed = promise;
    this.#settleEnd = resolve;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.writing === "hang") return await new Promise(() => {});
    if (this.writing !== "ok") {
      throw new CodedError(this.writing.code ?? "write-failed", this.writing.fail);
    }
    const decoder = new FrameDecoder();
    for (const event of decoder.push(bytes.slice())) {
      if (event.kind === "fatal") throw new Error(`no frame: ${event.message}`);
      this.payloads.push(utf8Text(event.payload));
    }
    if (decoder.pending > 0) throw new Error("a write ended inside a frame");
    this.onWrite();
  }

  serve(onData: (bytes: Uint8Array) => void | Promise<void>): Promise<LinkEnd> {
    this.#onData = onData;
    const { promise, reject } = Promise.withResolvers<never>();
    this.failServing = reject;
    return Promise.race([this.closed, promise]);
  }

  close(reason?: string): void {
    this.closeReasons.push(reason);
    this.#settleEnd({ code: "closed", message: reason ?? "closed" });
  }

  /** The peer sends these bytes; resolves when they are handled. */
  async receive(bytes: Uint8Array): Promise<void> {
    await this.#onData?.(bytes.slice());
  }

  /** The peer sends one frame with this payload. */
  async receiveText(payload: string): Promise<void> {
    await this.receive(encodeFrame(utf8(payload)));
  }

  /** The peer closes the connection. */
  end(message = "EOF"): void {
    this.#settleEnd({ code: "eof", message });
  }
}

/** A node without a network: links are attached by the test. */
export interface ChatFixture {
  readonly chat: DirectChat;
  readonly events: EventHub;
  readonly clock: ManualClock;
  /** Log lines, each with its level. */
  readonly lines: string[];
  /** Attaches a new link of this peer. */
  attach(peer: PublicKey, options?: { direction?: "in" | "out" }): FakeChatLink;
  /** Everything published on `/sse` since the last call, parsed. */
  published(): Promise<Record<string, unknown>[]>;
}

/** Builds a {@link ChatFixture}; the node's own key is Bob's. */
export function chatFixture(options: Partial<DirectChatOptions> = {}): ChatFixture {
  const clock = options.clock instanceof ManualClock ? options.clock : new ManualClock();
  const events = new EventHub({ clock });
  const lines: string[] = [];
  const line = (level: string) => (text: string) => void lines.push(`${level} ${text}`);
  const log = {
    debug: line("DEBUG"),
    info: line("INFO"),
    warn: line("WARN"),
    error: line("ERROR"),
  };
  const reader = events.subscribeLegacy();
  const chat = new DirectChat({
    self: BOB,
    clock,
    random: new SeededRandom(7),
    log,
    events,
    ...options,
  });
  return {
    chat,
    events,
    clock,
    lines,
    attach(peer, { direction = "in" } = {}) {
      const link = new FakeChatLink(peer, { direction, openedAt: clock.now() });
      chat.attach(link);
      return link;
    },
    async published() {
      await settle();
      // A marker makes sure that there is something to read.
      events.publishStatus({ id: "marker", peer: "", status: "read" });
      const seen = (await reader.next()).map((text) => JSON.parse(text));
      return seen.filter(({ id }) => id !== "marker");
    },
  };
}
