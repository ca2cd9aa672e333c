import { resumableSeqOf, type Subscription } from "#events";
import { type Clock, NO_BYTES, type Timer, utf8, utf8Into } from "#kit";
import { EVENT_PIECE_CHARACTERS, PING_INTERVAL_MS, SEED_DEADLINE_MS } from "./limits.ts";
import { type ByteSource, StreamReply } from "./stream_reply.ts";

/** Characters from which on a piece is large. */
const LARGE_CHARACTERS = 16_384;
/** Bytes by which the memory for large ones grows: a piece of ASCII fits into the first step. */
const BUFFER_STEP = 73_728;
/** Characters that an event takes besides its JSON: a guess, so that the memory seldom has to grow. */
const EVENT_OVERHEAD = 32;
/** What goes after the JSON of an event. */
const AFTER = "\n\n";

/** Some lines in a row, cut into pieces. */
type Pieces = readonly (readonly string[])[];

const NO_PIECES: Pieces = [];

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
  /** Where texts are encoded that this reader shares with nobody. */
  #large = new BatchBuffer();
  /** Pieces of the batch that was taken last, and the one to go out next. */
  #batch: Pieces = NO_PIECES;
  #next = 0;
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
    // A stream lives for days; what it began with must not be held as long.
    this.#opening = undefined;
    if (this.#next < this.#batch.length) return this.#takePiece();
    if (this.#pingDue) {
      this.#pingDue = false;
      return PING;
    }
    if (!this.#news) return undefined;
    this.#news = false;
    const lines = this.#subscription.take();
    if (lines.length > 0) {
      // Most readers are in step, and one before has encoded what they all get.
      const known = this.#encoder.known(lines);
      if (known !== undefined) return known;
      this.#batch = this.#encoder.pieces(lines);
      this.#next = 0;
      return this.#takePiece();
    }
    if (this.#subscription.ended) this.close();
    return undefined;
  }

  #takePiece(): Uint8Array | undefined {
    const lines = this.#batch[this.#next++] ?? [];
    if (this.#next === this.#batch.length) this.#batch = NO_PIECES;
    return this.#encoder.shared(lines) ?? this.#large.encode(lines, this.#encoder);
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

/**
 * Encodes one batch after the other into the same memory. Hundreds of readers that catch up would leave
 * texts and arrays behind faster than they are collected.
 */
class BatchBuffer {
  #bytes: Uint8Array = NO_BYTES;
  #length = 0;

  /** Bytes that are good until the next call. */
  encode(lines: readonly string[], encoder: BatchEncoder): Uint8Array {
    this.#length = 0;
    this.#reserve(charactersOf(lines) + EVENT_OVERHEAD * lines.length);
    for (const line of lines) {
      this.#append(encoder.before(line));
      this.#append(oneLine(line));
      this.#append(AFTER);
    }
    return this.#bytes.subarray(0, this.#length);
  }

  #append(text: string): void {
    this.#reserve(3 * text.length);
    this.#length += utf8Into(text, this.#bytes.subarray(this.#length));
  }

  /** Makes room for so many bytes more. */
  #reserve(count: number): void {
    const room = this.#length + count;
    if (room <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.ceil(room / BUFFER_STEP) * BUFFER_STEP);
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

function charactersOf(lines: readonly string[]): number {
  let characters = 0;
  for (const line of lines) characters += line.length;
  return characters;
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
  /**
   * Bytes of what readers in step share: one of them has it encoded. Of a large piece only once a second
   * reader asks, because one that catches up alone needs it once; undefined until then.
   */
  readonly #encoded = new WeakMap<readonly string[], Uint8Array | undefined>();
  readonly #pieces = new WeakMap<readonly string[], Pieces>();

  /** With `ids`, events carry their number, where a client may resume after it. */
  constructor(ids: boolean) {
    this.#ids = ids;
  }

  /** A batch in pieces, the same for all readers that have it. */
  pieces(lines: readonly string[]): Pieces {
    let pieces = this.#pieces.get(lines);
    if (pieces === undefined) {
      pieces = [...slices(lines)];
      // A batch that is one piece stays what it is.
      if (pieces.length === 1) pieces = [lines];
      this.#pieces.set(lines, pieces);
    }
    return pieces;
  }

  /** The bytes of a whole batch that another reader had encoded as one piece. */
  known(lines: readonly string[]): Uint8Array | undefined {
    return this.#encoded.get(lines);
  }

  /** The bytes of a piece if others have use of them too. */
  shared(lines: readonly string[]): Uint8Array | undefined {
    let bytes = this.#encoded.get(lines);
    if (bytes !== undefined) return bytes;
    const first = !this.#encoded.has(lines);
    if (first && charactersOf(lines) >= LARGE_CHARACTERS) {
      this.#encoded.set(lines, undefined);
      return undefined;
    }
    bytes = utf8(this.text(lines));
    this.#encoded.set(lines, bytes);
    return bytes;
  }

  text(lines: readonly string[]): string {
    let text = "";
    for (const line of lines) text += this.before(line) + oneLine(line) + AFTER;
    return text;
  }

  /** What goes before the JSON of an event. */
  before(line: string): string {
    const seq = this.#ids ? resumableSeqOf(line) : undefined;
    return seq === undefined ? "data: " : `id: ${seq}\ndata: `;
  }
}

/** JSON has no line breaks; were there one all the same, it must not end the event. */
function oneLine(line: string): string {
  return line.replace(/[\r\n]/g, " ");
}

const PLAIN = new BatchEncoder(false);
const NUMBERED = new BatchEncoder(true);
