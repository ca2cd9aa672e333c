import { NO_BYTES } from "#kit";
import { GobFault } from "./gob_fault.ts";
import { GobSource } from "./gob_source.ts";

/** Memory that a message gets on its first bytes; it doubles as more arrive. */
const FIRST_BYTES = 65_536;

/**
 * Cuts a byte stream into message bodies (visor.md 4.2), however it is cut.
 *
 * A length is refused when it is known. Memory follows the bytes that arrived, not the length that was
 * announced, and every byte is copied a few times at most, also when they come one by one.
 */
export class GobMessages {
  readonly #limit: number;
  readonly #prefix = new Uint8Array(9);
  #prefixHeld = 0;
  /** Of the body that is arriving; undefined while its length is. */
  #length: number | undefined;
  #body: Uint8Array = NO_BYTES;
  #bodyHeld = 0;

  /** Refuses bodies of more than `limit` bytes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes of an unfinished message. */
  get pending(): number {
    return this.#prefixHeld + this.#bodyHeld;
  }

  /**
   * Gives each body that a chunk completes to `take`, as a copy: the chunk may be used again.
   *
   * @throws {GobFault} for a length that is none or too large, and whatever `take` throws.
   */
  push(chunk: Uint8Array, take: (body: Uint8Array) => void): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#length === undefined) {
        at = this.#readLength(chunk, at);
      } else {
        const end = Math.min(chunk.length, at + this.#length - this.#bodyHeld);
        this.#hold(chunk.subarray(at, end), this.#length);
        at = end;
        if (this.#bodyHeld === this.#length) take(this.#release());
      }
    }
  }

  #readLength(chunk: Uint8Array, from: number): number {
    let at = from;
    do {
      this.#prefix[this.#prefixHeld++] = chunk[at++] ?? 0;
    } while (at < chunk.length && this.#prefixHeld < this.#prefixLength());
    if (this.#prefixHeld < this.#prefixLength()) return at;
    const source = new GobSource(this.#prefix.subarray(0, this.#prefixHeld));
    const length = source.upTo(this.#limit, "message length", "too-large");
    if (length === 0) throw new GobFault("invalid-value", "message of no bytes");
    this.#length = length;
    return at;
  }

  /** One byte, and as many more as it says; one that says too many is refused alone. */
  #prefixLength(): number {
    const more = 256 - (this.#prefix[0] ?? 0);
    return more <= 8 ? 1 + more : 1;
  }

  #hold(part: Uint8Array, length: number): void {
    const needed = this.#bodyHeld + part.length;
    if (needed > this.#body.length) {
      // Never beyond the length, so that a complete body fills its array.
      const capacity = Math.min(length, Math.max(FIRST_BYTES, 2 * this.#body.length, needed));
      const grown = new Uint8Array(capacity);
      grown.set(this.#body.subarray(0, this.#bodyHeld));
      this.#body = grown;
    }
    this.#body.set(part, this.#bodyHeld);
    this.#bodyHeld = needed;
  }

  #release(): Uint8Array {
    const body = this.#body;
    this.#body = NO_BYTES;
    this.#bodyHeld = this.#prefixHeld = 0;
    this.#length = undefined;
    return body;
  }
}
