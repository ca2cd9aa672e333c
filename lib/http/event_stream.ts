import type { Subscription } from "#events";
import { type Clock, type Timer, utf8 } from "#kit";
import { EVENT_PIECE_CHARACTERS, PING_INTERVAL_MS } from "./limits.ts";
import { type ByteSource, StreamReply } from "./stream_reply.ts";

const CONNECTED = ": connected\n\n";
const PING = utf8(": ping\n\n");

/** What an event stream needs besides its events. */
export interface StreamOptions {
  clock: Clock;
  /** Called once when the stream is over, for whatever reason. */
  onEnd: () => void;
}

/**
 * The answer to `GET /sse` and `/events`: `: connected`, the replay, live events, `: ping` every
 * 15 s (http-api.md 5.1, 5.2). All that came since the last write goes out as one piece, hence one
 * write. Closing the source, or cancelling the body, closes the subscription.
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
 * Turns one subscription into pieces. It holds no events: while nobody asks, because the client takes
 * nothing, they wait, and are bounded, in the subscription.
 */
class EventFeed implements ByteSource {
  readonly #subscription: Subscription;
  readonly #options: StreamOptions;
  #replay: readonly string[] | undefined;
  #replayed = 0;
  /** Whether events are due: not before the subscription says so, else each would go out alone. */
  #news = true;
  #pingDue = false;
  #ready: () => void = () => {};
  #timer: Timer;
  over = false;

  constructor(subscription: Subscription, options: StreamOptions) {
    this.#subscription = subscription;
    this.#options = options;
    this.#timer = this.#armPing();
  }

  take(): Uint8Array | undefined {
    if (this.over) return undefined;
    const replay = this.#nextReplay();
    if (replay !== undefined) return replay;
    if (this.#pingDue) {
      this.#pingDue = false;
      return PING;
    }
    if (!this.#news) return undefined;
    this.#news = false;
    const lines = this.#subscription.take();
    if (lines.length > 0) return encodeEvents(lines);
    if (this.#subscription.ended) this.close();
    return undefined;
  }

  whenReady(action: () => void): void {
    this.#ready = action;
    this.#subscription.whenNews(this.#onNews);
  }

  close(): void {
    if (this.over) return;
    this.over = true;
    this.#timer.cancel();
    this.#subscription.close();
    this.#options.onEnd();
    this.#ready();
  }

  readonly #onNews = (): void => {
    this.#news = true;
    this.#ready();
  };

  #nextReplay(): Uint8Array | undefined {
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
    return utf8(first ? CONNECTED + piece : piece);
  }

  #armPing(): Timer {
    return this.#options.clock.after(PING_INTERVAL_MS, () => {
      this.#pingDue = true;
      this.#timer = this.#armPing();
      this.#ready();
    });
  }
}

/** Bytes of batches: readers in step get the same batch, and one of them has it encoded. */
const encoded = new WeakMap<readonly string[], Uint8Array>();

function encodeEvents(lines: readonly string[]): Uint8Array {
  let bytes = encoded.get(lines);
  if (bytes === undefined) {
    bytes = utf8(eventText(lines));
    encoded.set(lines, bytes);
  }
  return bytes;
}

function eventText(lines: readonly string[]): string {
  let text = "";
  // JSON has no line breaks; were there one all the same, it must not end the event.
  for (const line of lines) text += `data: ${line.replace(/[\r\n]/g, " ")}\n\n`;
  return text;
}
