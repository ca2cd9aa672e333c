import type { Subscription } from "#events";
import { type Clock, type Timer, utf8 } from "#kit";
import { PING_INTERVAL_MS } from "./limits.ts";
import { type ByteSource, StreamReply } from "./stream_reply.ts";

/** Characters after which a long replay is cut into another piece, so that no write gets huge. */
const REPLAY_PIECE = 65_536;

const CONNECTED = ": connected\n\n";
const PING = utf8(": ping\n\n");

/**
 * The answer to `GET /sse` and `/events`: `: connected`, the replay, live events, `: ping` every
 * 15 s (http-api.md 5.1, 5.2). All that queued up while a client was being written to goes out as one
 * piece, hence one write. Closing the source, or cancelling the body, closes the subscription.
 *
 * @param options.onEnd called once when the stream is over, for whatever reason.
 */
export function eventStreamReply(
  subscription: Subscription,
  options: { clock: Clock; onEnd: () => void },
): Response {
  return new StreamReply(new EventFeed(subscription, options), {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    connection: "keep-alive",
    "x-accel-buffering": "no",
  });
}

/** Turns one subscription into pieces of a stream, when asked. */
class EventFeed implements ByteSource {
  readonly #subscription: Subscription;
  readonly #clock: Clock;
  readonly #onEnd: () => void;
  #replay: readonly string[] | undefined;
  #replayed = 0;
  #pending: Promise<void> | undefined;
  #lines: readonly string[] | undefined;
  #pingDue = false;
  #ended = false;
  #wake = () => {};
  #timer: Timer;

  constructor(subscription: Subscription, options: { clock: Clock; onEnd: () => void }) {
    this.#subscription = subscription;
    this.#clock = options.clock;
    this.#onEnd = options.onEnd;
    this.#timer = this.#armPing();
  }

  /** The next piece; waits while there is nothing; undefined at the end. */
  async next(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const replay = this.#nextReplay();
    if (replay !== undefined) return replay;
    while (this.#lines === undefined && !this.#pingDue && !this.#ended) {
      this.#pending ??= this.#subscription.next().then((lines) => {
        this.#lines = lines;
        this.#wake();
      });
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    if (this.#ended) return undefined;
    if (this.#pingDue) {
      this.#pingDue = false;
      return PING.slice();
    }
    const lines = this.#lines ?? [];
    this.#lines = undefined;
    this.#pending = undefined;
    if (lines.length > 0) return encodeEvents(lines);
    this.close();
    return undefined;
  }

  /** Ends the stream and the subscription. */
  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#timer.cancel();
    this.#subscription.close();
    this.#onEnd();
    this.#wake();
  }

  #nextReplay(): Uint8Array<ArrayBuffer> | undefined {
    const first = this.#replay === undefined;
    this.#replay ??= this.#subscription.backlog;
    const from = this.#replayed;
    let characters = 0;
    while (this.#replayed < this.#replay.length && characters < REPLAY_PIECE) {
      characters += this.#replay[this.#replayed++]?.length ?? 0;
    }
    const piece = eventText(this.#replay.slice(from, this.#replayed));
    if (this.#replayed === this.#replay.length) this.#replay = [], this.#replayed = 0;
    if (!first && piece === "") return undefined;
    return utf8(first ? CONNECTED + piece : piece).slice();
  }

  #armPing(): Timer {
    return this.#clock.after(PING_INTERVAL_MS, () => {
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
  const same = lines.length === lastBatch.length &&
    lines.every((line, index) => line === lastBatch[index]);
  if (!same) {
    lastBatch = lines;
    lastBytes = utf8(eventText(lines)).slice();
  }
  return lastBytes;
}

function eventText(lines: readonly string[]): string {
  let text = "";
  // JSON has no line breaks; were there one all the same, it must not end the event.
  for (const line of lines) text += `data: ${line.replace(/[\r\n]/g, " ")}\n\n`;
  return text;
}
