import { CodedError, NO_BYTES } from "#kit";

/** Largest payload of one frame in bytes (messages.md 1). */
export const MAX_FRAME_PAYLOAD = 65_536;
/** Bytes of the big-endian length before every payload. */
export const FRAME_HEADER_LENGTH = 4;

/** A payload that must not be sent; texts of messages.md 1.1. */
export class FrameError extends CodedError {}

/**
 * Header and payload in one array, so that nothing can come between them.
 *
 * @throws {FrameError} `empty-payload` or `payload-too-large`.
 */
export function encodeFrame(payload: Uint8Array): Uint8Array {
  if (payload.length === 0) throw new FrameError("empty-payload", "skychat: empty payload");
  if (payload.length > MAX_FRAME_PAYLOAD) {
    throw new FrameError(
      "payload-too-large",
      `skychat: payload ${payload.length} > max ${MAX_FRAME_PAYLOAD}`,
    );
  }
  const frame = new Uint8Array(FRAME_HEADER_LENGTH + payload.length);
  new DataView(frame.buffer).setUint32(0, payload.length);
  frame.set(payload, FRAME_HEADER_LENGTH);
  return frame;
}

/** What a {@link FrameDecoder} found. After `fatal` it finds nothing any more. */
export type FrameEvent =
  | { readonly kind: "frame"; readonly payload: Uint8Array }
  | { readonly kind: "fatal"; readonly code: string; readonly message: string };

/** How lenient a {@link FrameDecoder} is. */
export interface FrameDecoderOptions {
  /** Largest payload in bytes; default {@link MAX_FRAME_PAYLOAD}. */
  readonly limit?: number;
  /** Pass over frames of no bytes instead of ending: for one-shot clients (messages.md 1.2). */
  readonly skipEmpty?: boolean;
}

const NO_EVENTS: readonly FrameEvent[] = [];
/** A kept buffer that is this many times larger than the frame it held is let go. */
const OVERSIZED = 8;

/**
 * Cuts a byte stream into frames: u32 big-endian length, then that many bytes (messages.md 1.2).
 *
 * A bad length is refused on its four bytes; memory grows with the bytes that arrived, never with
 * the length that was announced. There is no resynchronisation.
 *
 * Payloads are views: of the chunk, or of a buffer that is used again. They are valid until the next
 * {@link push}, so that a flood of large frames leaves no garbage behind.
 */
export class FrameDecoder {
  readonly #limit: number;
  readonly #skipEmpty: boolean;
  #buffer: Uint8Array = NO_BYTES;
  /** The buffer of the frame that the last push completed: its reader may still look at it. */
  #lent: Uint8Array = NO_BYTES;
  #held = 0;
  #dead = false;

  /** Strict, and at the limit of the specification, unless said otherwise. */
  constructor(options: FrameDecoderOptions = {}) {
    this.#limit = options.limit ?? MAX_FRAME_PAYLOAD;
    this.#skipEmpty = options.skipEmpty ?? false;
  }

  /** Bytes of an unfinished frame. More than none at the end of the stream: it was cut. */
  get pending(): number {
    return this.#held;
  }

  /** Takes a chunk, cut anywhere, and gives the frames it completed, valid until the next call. */
  push(chunk: Uint8Array): readonly FrameEvent[] {
    const events: FrameEvent[] = [];
    let rest = chunk;
    while (rest.length > 0 && !this.#dead) {
      rest = this.#held > 0 ? this.#fill(rest, events) : this.#cut(rest, events);
    }
    return events.length === 0 ? NO_EVENTS : events;
  }

  /** Reads one frame where it lies, or holds what there is of it. Returns what is left. */
  #cut(bytes: Uint8Array, events: FrameEvent[]): Uint8Array {
    const length = lengthOf(bytes, bytes.length);
    if (length !== undefined && this.#refuse(length, events)) return NO_BYTES;
    if (length === undefined || bytes.length < FRAME_HEADER_LENGTH + length) {
      return this.#hold(bytes, bytes.length);
    }
    const end = FRAME_HEADER_LENGTH + length;
    emit(bytes.subarray(FRAME_HEADER_LENGTH, end), events);
    return bytes.subarray(end);
  }

  /** Adds to the held frame just what it needs, and gives it once it is whole. */
  #fill(bytes: Uint8Array, events: FrameEvent[]): Uint8Array {
    if (this.#held < FRAME_HEADER_LENGTH) {
      const rest = this.#hold(bytes, FRAME_HEADER_LENGTH - this.#held);
      const length = lengthOf(this.#buffer, this.#held);
      if (length === undefined || this.#refuse(length, events)) return rest;
      return length === 0 ? this.#release(events, rest) : rest;
    }
    const end = FRAME_HEADER_LENGTH + (lengthOf(this.#buffer, this.#held) ?? 0);
    const rest = this.#hold(bytes, end - this.#held);
    return this.#held < end ? rest : this.#release(events, rest);
  }

  /** Gives the held frame out and goes on in the buffer that nobody looks at any more. */
  #release(events: FrameEvent[], rest: Uint8Array): Uint8Array {
    emit(this.#buffer.subarray(FRAME_HEADER_LENGTH, this.#held), events);
    const free = this.#lent.length > this.#held * OVERSIZED ? NO_BYTES : this.#lent;
    this.#lent = this.#buffer;
    this.#buffer = free;
    this.#held = 0;
    return rest;
  }

  #hold(bytes: Uint8Array, wanted: number): Uint8Array {
    const count = Math.min(bytes.length, wanted);
    const needed = this.#held + count;
    if (needed > this.#buffer.length) {
      const room = Math.min(Math.max(needed, 2 * this.#buffer.length), this.#limit);
      const grown = new Uint8Array(Math.max(needed, room));
      grown.set(this.#buffer.subarray(0, this.#held));
      this.#buffer = grown;
    }
    this.#buffer.set(bytes.subarray(0, count), this.#held);
    this.#held = needed;
    return bytes.subarray(count);
  }

  #refuse(length: number, events: FrameEvent[]): boolean {
    if (length > this.#limit) {
      events.push({
        kind: "fatal",
        code: "frame-too-large",
        message: `skychat: frame ${length} > max ${this.#limit} ` +
          "(peer running old unframed protocol?)",
      });
    } else if (length === 0 && !this.#skipEmpty) {
      const message = "skychat: zero-length frame";
      events.push({ kind: "fatal", code: "zero-length-frame", message });
    } else {
      return false;
    }
    this.#dead = true;
    this.#held = 0;
    this.#buffer = this.#lent = NO_BYTES;
    return true;
  }
}

function lengthOf(bytes: Uint8Array, available: number): number | undefined {
  if (available < FRAME_HEADER_LENGTH) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
}

/** Frames of no bytes come this far only where they are passed over. */
function emit(payload: Uint8Array, events: FrameEvent[]): void {
  if (payload.length > 0) events.push({ kind: "frame", payload });
}
