import { resumableSeqOf, type Subscription } from "#events";
import { type Clock, type Timer, utf8 } from "#kit";
import { EVENT_PIECE_CHARACTERS, PING_INTERVAL_MS, SEED_DEADLINE_MS } from "./limits.ts";
import { type ByteSource, StreamReply } from "./stream_reply.ts";

const CONNECTED = ": connected\n\n";
const PING = utf8(": ping\n\n");

/** What an event stream needs besides its events. */
export interface StreamOptions {
  clock: Clock;
  /** Called once when the stream is over, for whatever reason. */
  onEnd: () => void;
  /**
   * JSON texts that go before `: connected`. When they fail, or take longer than SEED_DEADLINE_MS, the
   * stream goes on without them.
   */
  seed?: Promise<readonly string[]> | undefined;
  /**
   * Whether each event carries its number as SSE id, so that a client resumes with Last-Event-ID; not an
   * event whose number may come again after a restart.
   */
  ids?: boolean;
}

/**
 * The answer to `GET /sse` and `/events`: the seed, `: connected`, the replay, live events, `: ping`
 * every 15 s (http-api.md 5.1, 5.2). All that came since the last write goes out as one piece, hence
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
 * Turns one subscription into pieces. It holds no events: while nobody asks, because the client takes
 * nothing, they wait, and are bounded, in the subscription.
 */
class EventFeed implements ByteSource {
  readonly #subscription: Subscription;
  readonly #options: StreamOptions;
  readonly #encoder: BatchEncoder;
  /** What goes out before live events; undefined while the seed is read, and when all of it went out. */
  #opening: Iterator<string> | undefined;
  #seeding: Timer | undefined;
  /** Whether events are due: not before the subscription says so, else each would go out alone. */
  #news = true;
  #pingDue = false;
  #ready: () => void = () => {};
  #timer: Timer;
  over = false;

  constructor(subscription: Subscription, options: StreamOptions) {
    this.#subscription = subscription;
    this.#options = options;
    this.#encoder = options.ids === true ? NUMBERED : PLAIN;
    this.#timer = this.#armPing();
    if (options.seed === undefined) this.#open([]);
    else this.#awaitSeed(options.seed);
  }

  take(): Uint8Array | undefined {
    if (this.over || this.#seeding !== undefined) return undefined;
    const opening = this.#opening?.next();
    if (opening !== undefined && !opening.done) return utf8(opening.value);
    // A stream lives for days; the texts it began with must not be held as long.
    this.#opening = undefined;
    if (this.#pingDue) {
      this.#pingDue = false;
      return PING;
    }
    if (!this.#news) return undefined;
    this.#news = false;
    const lines = this.#subscription.take();
    if (lines.length > 0) return this.#encoder.bytes(lines);
    if (this.#subscription.ended) this.close();
    return undefined;
  }

  whenReady(action: () => void): void {
    this.#ready = action;
    // Nothing can be taken before the seed, so news must not be asked for: it would come at once.
    if (this.#seeding === undefined) this.#subscription.whenNews(this.#onNews);
  }

  close(): void {
    if (this.over) return;
    this.over = true;
    this.#timer.cancel();
    this.#seeding?.cancel();
    this.#opening = undefined;
    this.#subscription.close();
    this.#options.onEnd();
    this.#ready();
  }

  readonly #onNews = (): void => {
    this.#news = true;
    this.#ready();
  };

  #awaitSeed(seed: Promise<readonly string[]>): void {
    const goOn = (lines: readonly string[]) => {
      if (this.over || this.#seeding === undefined) return;
      this.#seeding.cancel();
      this.#open(lines);
      this.#ready();
    };
    this.#seeding = this.#options.clock.after(SEED_DEADLINE_MS, () => goOn([]));
    seed.then(goOn, () => goOn([]));
  }

  #open(seed: readonly string[]): void {
    this.#seeding = undefined;
    this.#opening = openingPieces(seed, this.#subscription.backlog, this.#encoder);
  }

  #armPing(): Timer {
    return this.#options.clock.after(PING_INTERVAL_MS, () => {
      this.#pingDue = true;
      this.#timer = this.#armPing();
      this.#ready();
    });
  }
}

/** What a stream begins with, in pieces of a size that a slow client may hold up. */
function* openingPieces(
  seed: readonly string[],
  replay: readonly string[],
  encoder: BatchEncoder,
): Generator<string, void> {
  for (const lines of slices(seed)) yield PLAIN.text(lines);
  let connected = CONNECTED;
  for (const lines of slices(replay)) {
    yield connected + encoder.text(lines);
    connected = "";
  }
  if (connected !== "") yield connected;
}

/** Cuts a list before it exceeds EVENT_PIECE_CHARACTERS by more than one line. */
function* slices(lines: readonly string[]): Generator<readonly string[], void> {
  let to = 0;
  while (to < lines.length) {
    const from = to;
    let characters = 0;
    while (to < lines.length && characters < EVENT_PIECE_CHARACTERS) {
      characters += lines[to++]?.length ?? 0;
    }
    yield lines.slice(from, to);
  }
}

/** Makes SSE events of JSON texts: one of each, whatever it holds. */
class BatchEncoder {
  readonly #ids: boolean;
  /** Bytes of batches: readers in step get the same batch, and one of them has it encoded. */
  readonly #encoded = new WeakMap<readonly string[], Uint8Array>();

  /** With `ids`, events carry their number, where a client may resume after it. */
  constructor(ids: boolean) {
    this.#ids = ids;
  }

  bytes(lines: readonly string[]): Uint8Array {
    let bytes = this.#encoded.get(lines);
    if (bytes === undefined) {
      bytes = utf8(this.text(lines));
      this.#encoded.set(lines, bytes);
    }
    return bytes;
  }

  text(lines: readonly string[]): string {
    let text = "";
    for (const line of lines) {
      const seq = this.#ids ? resumableSeqOf(line) : undefined;
      if (seq !== undefined) text += `id: ${seq}\n`;
      // JSON has no line breaks; were there one all the same, it must not end the event.
      text += `data: ${line.replace(/[\r\n]/g, " ")}\n\n`;
    }
    return text;
  }
}

const PLAIN = new BatchEncoder(false);
const NUMBERED = new BatchEncoder(true);
