import { failure, type NoiseRead } from "./failure.ts";

/** Bytes of the big-endian length before every frame. */
export const FRAME_PREFIX_LENGTH = 2;
/** Largest frame on the wire in bytes, prefix included (noise.md 5). */
export const MAX_FRAME_LENGTH = 4096;
/** Largest value of the prefix: bytes of a frame's body (noise.md 5). */
export const MAX_FRAME_BODY_LENGTH: number = MAX_FRAME_LENGTH - FRAME_PREFIX_LENGTH;

/**
 * Puts the length before a handshake message.
 *
 * @throws {RangeError} above 4094 bytes.
 */
export function encodeNoiseFrame(body: Uint8Array): Uint8Array {
  if (body.length > MAX_FRAME_BODY_LENGTH) {
    throw new RangeError(`Cannot frame ${body.length} bytes: at most ${MAX_FRAME_BODY_LENGTH}`);
  }
  const frame = new Uint8Array(FRAME_PREFIX_LENGTH + body.length);
  new DataView(frame.buffer).setUint16(0, body.length);
  frame.set(body, FRAME_PREFIX_LENGTH);
  return frame;
}

/**
 * Cuts a byte stream into frame bodies: be16 length, then that many bytes (noise.md 5).
 *
 * Push a chunk, then call {@link next} until it returns undefined. Whole frames are read in place;
 * only a frame that is cut between two chunks is copied, into one buffer of 4096 bytes.
 */
export class NoiseFrameDecoder {
  readonly #partial: Uint8Array = new Uint8Array(MAX_FRAME_LENGTH);
  #held = 0;
  #chunk: Uint8Array | undefined;
  #offset = 0;

  /** Bytes of an unfinished frame. More than none at the end of the stream: it was cut. */
  get pending(): number {
    return this.#held + (this.#chunk === undefined ? 0 : this.#chunk.length - this.#offset);
  }

  /** Takes the next chunk, once {@link next} has used up the one before. */
  push(chunk: Uint8Array): void {
    if (this.#chunk !== undefined) throw new Error("Cannot take a chunk: call next() to the end");
    this.#chunk = chunk;
    this.#offset = 0;
  }

  /**
   * The next body, valid until the next call; a failure as soon as two prefix bytes announce more
   * than 4094; undefined when the chunk is used up.
   */
  next(): NoiseRead | undefined {
    const chunk = this.#chunk;
    if (chunk === undefined) return undefined;
    if (this.#held > 0) return this.#nextFromPartial(chunk);
    const left = chunk.length - this.#offset;
    const length = prefixOf(chunk, this.#offset);
    if (length !== undefined && length > MAX_FRAME_BODY_LENGTH) return tooLong(length);
    if (length === undefined || left < FRAME_PREFIX_LENGTH + length) {
      this.#hold(chunk, left);
      this.#chunk = undefined;
      return undefined;
    }
    const start = this.#offset + FRAME_PREFIX_LENGTH;
    this.#offset = start + length;
    return { ok: true, bytes: chunk.subarray(start, start + length) };
  }

  /** Completes the held frame with just as many bytes of the chunk as it needs. */
  #nextFromPartial(chunk: Uint8Array): NoiseRead | undefined {
    const wanted = this.#wanted();
    this.#hold(chunk, Math.min(wanted - this.#held, chunk.length - this.#offset));
    if (this.#held < wanted) {
      this.#chunk = undefined;
      return undefined;
    }
    const length = prefixOf(this.#partial, 0) ?? 0;
    if (length > MAX_FRAME_BODY_LENGTH) return tooLong(length);
    if (this.#held < FRAME_PREFIX_LENGTH + length) return this.#nextFromPartial(chunk);
    this.#held = 0;
    return {
      ok: true,
      bytes: this.#partial.subarray(FRAME_PREFIX_LENGTH, FRAME_PREFIX_LENGTH + length),
    };
  }

  /** Held bytes at which something can be decided: the whole prefix, or the whole frame. */
  #wanted(): number {
    if (this.#held < FRAME_PREFIX_LENGTH) return FRAME_PREFIX_LENGTH;
    return FRAME_PREFIX_LENGTH + (prefixOf(this.#partial, 0) ?? 0);
  }

  #hold(chunk: Uint8Array, count: number): void {
    this.#partial.set(chunk.subarray(this.#offset, this.#offset + count), this.#held);
    this.#held += count;
    this.#offset += count;
  }
}

function prefixOf(bytes: Uint8Array, offset: number): number | undefined {
  const high = bytes[offset];
  const low = bytes[offset + 1];
  return high === undefined || low === undefined ? undefined : high << 8 | low;
}

function tooLong(length: number): NoiseRead {
  return failure(
    "frame-too-long",
    `noise prefix value ${length}B exceeds maximum ${MAX_FRAME_BODY_LENGTH}B`,
  );
}
