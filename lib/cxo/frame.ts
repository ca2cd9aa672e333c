import { NO_BYTES } from "#kit";

/** Largest announced length of a CXO frame in bytes (cxo.md 2.3). */
export const MAX_CXO_FRAME = 67_108_864;
/** Bytes before the body of a frame: u32 big-endian length, then seq and rseq, little-endian. */
export const CXO_HEADER_BYTES = 12;
/** Memory is taken in pieces of this many bytes while a frame arrives (ours). */
export const FRAME_PIECE_BYTES = 65_536;

/** What the length counts besides the body: seq and rseq. */
const COUNTED_HEADER_BYTES = 8;
const LEAST_LENGTH = COUNTED_HEADER_BYTES + 1;

/** One frame: a message with its sequence numbers. */
export interface CxoFrame {
  /** Number of this message on its side of the connection; from 1, 32 bits, wraps (cxo.md 4.1). */
  readonly seq: number;
  /** The request this answers, or 0. */
  readonly rseq: number;
  /** Type byte and fields: see `decodeMessage`. */
  readonly body: Uint8Array;
}

/** What a {@link CxoFrameDecoder} found. After `fatal` it finds nothing any more. */
export type CxoFrameEvent =
  | { readonly kind: "frame"; readonly frame: CxoFrame }
  | {
    readonly kind: "fatal";
    readonly code: "frame-too-short" | "frame-too-large";
    readonly message: string;
  };

/**
 * Header and body in one array.
 *
 * @throws {RangeError} for a body of no bytes, or one that no peer would take.
 */
export function encodeCxoFrame({ seq, rseq, body }: CxoFrame): Uint8Array {
  const length = COUNTED_HEADER_BYTES + body.length;
  if (length < LEAST_LENGTH || length > MAX_CXO_FRAME) {
    throw new RangeError(`Cannot frame a body of ${body.length} bytes: 1 to ${MAX_CXO_FRAME - 8}`);
  }
  const bytes = new Uint8Array(CXO_HEADER_BYTES + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length);
  view.setUint32(4, seq, true);
  view.setUint32(8, rseq, true);
  bytes.set(body, CXO_HEADER_BYTES);
  return bytes;
}

/**
 * Cuts a byte stream into CXO frames (cxo.md 2.3), however it is cut: a Go peer writes header and body
 * apart.
 *
 * A bad length is refused on its four bytes. Memory follows the bytes that arrived, one piece ahead at
 * most, never the length that was announced. Bodies are copies: an object kept from one holds on to
 * nothing else.
 */
export class CxoFrameDecoder {
  #limit: number;
  readonly #header = new Uint8Array(CXO_HEADER_BYTES);
  readonly #view = new DataView(this.#header.buffer);
  #headerHeld = 0;
  #pieces: Uint8Array[] = [];
  #bodyHeld = 0;
  #dead = false;

  /** Refuses frames that announce more than `limit` bytes; at most and by default the protocol's. */
  constructor({ limit = MAX_CXO_FRAME }: { readonly limit?: number } = {}) {
    this.#limit = Math.min(limit, MAX_CXO_FRAME);
  }

  /** Refuses from the next frame on what announces more. */
  set limit(bytes: number) {
    this.#limit = Math.min(bytes, MAX_CXO_FRAME);
  }

  /** Bytes of an unfinished frame. More than none at the end of the stream: it was cut. */
  get pending(): number {
    return this.#headerHeld + this.#bodyHeld;
  }

  /** Takes a chunk, which may be used again afterwards, and gives the frames it completed. */
  push(chunk: Uint8Array): CxoFrameEvent[] {
    const events: CxoFrameEvent[] = [];
    let rest = chunk;
    while (rest.length > 0 && !this.#dead) {
      rest = this.#headerHeld < CXO_HEADER_BYTES
        ? this.#fillHeader(rest, events)
        : this.#fillBody(rest, events);
    }
    return events;
  }

  #fillHeader(bytes: Uint8Array, events: CxoFrameEvent[]): Uint8Array {
    const count = Math.min(bytes.length, CXO_HEADER_BYTES - this.#headerHeld);
    this.#header.set(bytes.subarray(0, count), this.#headerHeld);
    this.#headerHeld += count;
    return this.#headerHeld >= 4 && this.#refuse(events) ? NO_BYTES : bytes.subarray(count);
  }

  #fillBody(bytes: Uint8Array, events: CxoFrameEvent[]): Uint8Array {
    const wanted = this.#view.getUint32(0) - COUNTED_HEADER_BYTES - this.#bodyHeld;
    const part = bytes.subarray(0, wanted);
    if (part.length < wanted || this.#bodyHeld > 0) this.#hold(part, wanted);
    if (part.length === wanted) this.#release(part, events);
    return bytes.subarray(part.length);
  }

  /** Copies a part of a body into the pieces; `wanted` is what the body lacks. */
  #hold(part: Uint8Array, wanted: number): void {
    let rest = part;
    while (rest.length > 0) {
      const used = this.#bodyHeld % FRAME_PIECE_BYTES;
      let piece = this.#pieces.at(-1);
      if (piece === undefined || used === 0) {
        const missing = wanted - (part.length - rest.length);
        piece = new Uint8Array(Math.min(FRAME_PIECE_BYTES, missing));
        this.#pieces.push(piece);
      }
      const count = Math.min(rest.length, piece.length - used);
      piece.set(rest.subarray(0, count), used);
      this.#bodyHeld += count;
      rest = rest.subarray(count);
    }
  }

  /** Gives out the whole body: `last` itself when nothing of it had to be held. */
  #release(last: Uint8Array, events: CxoFrameEvent[]): void {
    const body = this.#bodyHeld === 0 ? last.slice() : joined(this.#pieces, this.#bodyHeld);
    const [seq, rseq] = [this.#view.getUint32(4, true), this.#view.getUint32(8, true)];
    events.push({ kind: "frame", frame: { seq, rseq, body } });
    this.#forget();
  }

  #refuse(events: CxoFrameEvent[]): boolean {
    const length = this.#view.getUint32(0);
    if (length >= LEAST_LENGTH && length <= this.#limit) return false;
    events.push({
      kind: "fatal",
      code: length < LEAST_LENGTH ? "frame-too-short" : "frame-too-large",
      message: `cxo: frame of ${length} bytes, ${LEAST_LENGTH} to ${this.#limit} are taken`,
    });
    this.#dead = true;
    this.#forget();
    return true;
  }

  #forget(): void {
    this.#headerHeld = this.#bodyHeld = 0;
    this.#pieces = [];
  }
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const [only] = pieces;
  if (only !== undefined && only.length === length) return only;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}
