import { ByteQueue, CodedError } from "#kit";

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

/**
 * Cuts a byte stream into frames: u32 big-endian length, then that many bytes (messages.md 1.2).
 *
 * A bad length is refused on its four bytes; memory grows with the bytes that arrived, never with
 * the length that was announced. There is no resynchronisation.
 */
export class FrameDecoder {
  readonly #queue = new ByteQueue();
  readonly #limit: number;
  readonly #skipEmpty: boolean;
  #dead = false;

  constructor(options: FrameDecoderOptions = {}) {
    this.#limit = options.limit ?? MAX_FRAME_PAYLOAD;
    this.#skipEmpty = options.skipEmpty ?? false;
  }

  /** Bytes of an unfinished frame. More than none at the end of the stream: it was cut. */
  get pending(): number {
    return this.#queue.length;
  }

  /** Takes a chunk, cut anywhere, and gives the frames it completed. Owns the chunk afterwards. */
  push(chunk: Uint8Array): readonly FrameEvent[] {
    if (this.#dead) return NO_EVENTS;
    this.#queue.push(chunk);
    let events: FrameEvent[] | undefined;
    for (let event = this.#next(); event !== undefined; event = this.#next()) {
      (events ??= []).push(event);
    }
    return events ?? NO_EVENTS;
  }

  #next(): FrameEvent | undefined {
    for (;;) {
      const length = this.#dead ? undefined : this.#queue.peekUint32();
      if (length === undefined) return undefined;
      if (length > this.#limit) return this.#fail("frame-too-large", tooLarge(length, this.#limit));
      if (length > 0) return this.#takeFrame(length);
      if (!this.#skipEmpty) return this.#fail("zero-length-frame", "skychat: zero-length frame");
      this.#queue.take(FRAME_HEADER_LENGTH);
    }
  }

  #takeFrame(length: number): FrameEvent | undefined {
    const frame = this.#queue.take(FRAME_HEADER_LENGTH + length);
    return frame && { kind: "frame", payload: frame.subarray(FRAME_HEADER_LENGTH) };
  }

  #fail(code: string, message: string): FrameEvent {
    this.#dead = true;
    this.#queue.clear();
    return { kind: "fatal", code, message };
  }
}

function tooLarge(length: number, limit: number): string {
  return `skychat: frame ${length} > max ${limit} (peer running old unframed protocol?)`;
}
