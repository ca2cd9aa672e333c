import { NO_BYTES } from "./bytes.ts";

/**
 * Bytes that arrived and were not consumed yet, in one contiguous piece.
 *
 * Decoders push chunks as they come and take whole fields off the front. A chunk that arrives at an
 * empty queue is used in place, without a copy, so callers hand over ownership of what they push.
 */
export class ByteQueue {
  #bytes: Uint8Array = NO_BYTES;
  #start = 0;
  #end = 0;
  /** True once the buffer is ours: a pushed chunk's own buffer may be shared past its end. */
  #ownsSpare = false;

  /** Unconsumed bytes. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Appends a chunk and takes ownership of it. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    if (this.length === 0) {
      this.#bytes = chunk;
      this.#start = 0;
      this.#end = chunk.length;
      this.#ownsSpare = false;
      return;
    }
    if (this.#end + chunk.length > this.#bytes.length || !this.#ownsSpare) this.#grow(chunk.length);
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** The next `count` bytes without consuming them, or undefined when there are fewer. */
  peek(count: number): Uint8Array | undefined {
    if (this.length < count) return undefined;
    return this.#bytes.subarray(this.#start, this.#start + count);
  }

  /** Consumes `count` bytes, or returns undefined (consuming nothing) when there are fewer. */
  take(count: number): Uint8Array | undefined {
    const bytes = this.peek(count);
    if (bytes !== undefined) this.#start += count;
    return bytes;
  }

  /** Big-endian u16 at the front, without consuming it. */
  peekUint16(): number | undefined {
    const bytes = this.peek(2);
    return bytes && new DataView(bytes.buffer, bytes.byteOffset).getUint16(0);
  }

  /** Big-endian u32 at the front, without consuming it. */
  peekUint32(): number | undefined {
    const bytes = this.peek(4);
    return bytes && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  }

  /** Forgets everything and lets go of the memory. */
  clear(): void {
    this.#bytes = NO_BYTES;
    this.#start = 0;
    this.#end = 0;
    this.#ownsSpare = false;
  }

  #grow(extra: number): void {
    const capacity = Math.max(256, 2 ** Math.ceil(Math.log2(this.length + extra)));
    const grown = new Uint8Array(capacity);
    grown.set(this.#bytes.subarray(this.#start, this.#end));
    this.#bytes = grown;
    this.#end = this.length;
    this.#start = 0;
    this.#ownsSpare = true;
  }
}
