import type { Subscription } from "#events";
import { type Clock, type Timer, utf8 } from "#kit";
import type { EventPause } from "./event_pause.ts";
import { EVENT_PIECE_CHARACTERS, PING_INTERVAL_MS } from "./limits.ts";
import { type ByteSource, StreamReply } from "./stream_reply.ts";

const CONNECTED = ": connected\n\n";
const PING = utf8(": ping\n\n").slice();

/** What an event stream needs besides its events. */
export interface StreamOptions {
  clock: Clock;
  /** Shared by all streams of a server. */
  pause: EventPause;
  /** Called once when the stream is over, for whatever reason. */
  onEnd: () => void;
}

/**
 * The answer to `GET /sse` and `/events`: `: connected`, the replay, live events, `: ping` every
 * 15 s (http-api.md 5.1, 5.2). All that queued up since the last write goes out as one piece, hence
 * one write. Closing the source, or cancelling the body, closes the subscription.
 */
export function eventStreamReply(subscription: Subscription, options: StreamOptions): Response {
  return new StreamReply(new EventFeed(subscription, options), {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    connection: "keep-alive",
    "x-accel-buffering": "no",
  });
}

/**
 * Turns one subscription into pieces, when asked. While nobody asks, because the client takes
 * nothing, at most one batch is taken from the subscription: the rest queues up, and is bounded,
 * there.
 */
class EventFeed implements ByteSource {
  readonly #subscription: Subscription;
  readonly #options: StreamOptions;
  #replay: readonly string[] | undefined;
  #replayed = 0;
  #lines: readonly string[] = [];
  #characters = 0;
  /** `taking` while a batch is awaited, `over` once the subscription has ended. */
  #intake: "ready" | "taking" | "over" = "ready";
  #pausing = false;
  #pingDue = false;
  #ended = false;
  #asked: (() => void) | undefined;
  #timer: Timer;

  constructor(subscription: Subscription, options: StreamOptions) {
    this.#subscription = subscription;
    this.#options = options;
    this.#timer = this.#armPing();
  }

  async next(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const replay = this.#nextReplay();
    if (replay !== undefined) return replay;
    while (!this.#ready()) {
      const asked = Promise.withResolvers<void>();
      this.#asked = asked.resolve;
      this.#take();
      await asked.promise;
    }
    if (this.#ended) return undefined;
    if (this.#pingDue) {
      this.#pingDue = false;
      return PING;
    }
    if (this.#lines.length > 0) return this.#flush();
    this.close();
    return undefined;
  }

  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#timer.cancel();
    this.#subscription.close();
    this.#options.onEnd();
    this.#wake();
  }

  #ready(): boolean {
    if (this.#ended || this.#pingDue || this.#intake === "over") return true;
    if (this.#lines.length === 0) return false;
    return !this.#pausing || this.#characters >= EVENT_PIECE_CHARACTERS;
  }

  #wake(): void {
    if (!this.#ready()) return;
    this.#asked?.();
    this.#asked = undefined;
  }

  /** Takes what the subscription has, again and again during a pause, while somebody asks for it. */
  #take(): void {
    if (this.#intake !== "ready") return;
    this.#intake = "taking";
    this.#subscription.next().then(this.#onBatch);
  }

  readonly #onBatch = (lines: readonly string[]): void => {
    this.#intake = lines.length > 0 ? "ready" : "over";
    this.#lines = this.#lines.length === 0 ? lines : [...this.#lines, ...lines];
    for (const line of lines) this.#characters += line.length;
    this.#wake();
    if (this.#asked !== undefined) this.#take();
  };

  #flush(): Uint8Array<ArrayBuffer> {
    const lines = this.#lines;
    this.#lines = [];
    this.#characters = 0;
    if (!this.#pausing) {
      this.#pausing = true;
      this.#options.pause.whenOver(() => {
        this.#pausing = false;
        this.#wake();
      });
    }
    return encodeEvents(lines);
  }

  #nextReplay(): Uint8Array<ArrayBuffer> | undefined {
    const first = this.#replay === undefined;
    this.#replay ??= this.#subscription.backlog;
    const from = this.#replayed;
    let characters = 0;
    while (this.#replayed < this.#replay.length && characters < EVENT_PIECE_CHARACTERS) {
      characters += this.#replay[this.#replayed++]?.length ?? 0;
    }
    const piece = eventText(this.#replay.slice(from, this.#replayed));
    if (this.#replayed === this.#replay.length) this.#replay = [], this.#replayed = 0;
    if (!first && piece === "") return undefined;
    return utf8(first ? CONNECTED + piece : piece).slice();
  }

  #armPing(): Timer {
    return this.#options.clock.after(PING_INTERVAL_MS, () => {
      this.#pingDue = true;
      this.#timer = this.#armPing();
      this.#wake();
    });
  }
}

/** The last batch and its bytes: readers that keep up all get the same events at the same time. */
let lastBatch: readonly string[] = [];
let lastBytes = new Uint8Array(0);

function encodeEvents(lines: readonly string[]): Uint8Array<ArrayBuffer> {
  if (!isLastBatch(lines)) {
    lastBatch = lines;
    lastBytes = utf8(eventText(lines)).slice();
  }
  return lastBytes;
}

function isLastBatch(lines: readonly string[]): boolean {
  if (lines.length !== lastBatch.length) return false;
  for (let index = 0; index < lines.length; index++) {
    if (lines[index] !== lastBatch[index]) return false;
  }
  return true;
}

function eventText(lines: readonly string[]): string {
  let text = "";
  // JSON has no line breaks; were there one all the same, it must not end the event.
  for (const line of lines) text += `data: ${line.replace(/[\r\n]/g, " ")}\n\n`;
  return text;
}
