import { utf8 } from "#kit";

/** Room that is kept for the next value: the largest Write of visor.md 6.3 with its header fits. */
const KEPT_BYTES = 131_072;
const FIRST_CAPACITY = 256;

const integerView = new DataView(new ArrayBuffer(8));
const integerBytes = new Uint8Array(integerView.buffer);

/** The primitives of messages, written one after the other (visor.md 4.1). It grows as needed. */
export class GobSink {
  #bytes = new Uint8Array(FIRST_CAPACITY);
  #length = 0;

  /** Bytes written. */
  get length(): number {
    return this.#length;
  }

  /** What was written; only until the next write. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Forgets what was written, and keeps the memory unless it is large. */
  reset(): void {
    this.#length = 0;
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = new Uint8Array(FIRST_CAPACITY);
  }

  /** One octet. */
  byte(value: number): void {
    const at = this.#reserve(1);
    this.#bytes[at] = value;
  }

  /** An unsigned integer that fits 64 bits. */
  uint(value: number | bigint): void {
    if (value < 128) return this.byte(Number(value));
    integerView.setBigUint64(0, BigInt(value));
    const skipped = integerBytes.findIndex((byte) => byte !== 0);
    this.byte(256 - (8 - skipped));
    this.#put(integerBytes.subarray(skipped));
  }

  /** A signed one that fits 64 bits. */
  int(value: number | bigint): void {
    const wide = BigInt(value);
    this.uint(wide < 0n ? -wide * 2n - 1n : wide * 2n);
  }

  /** A 64-bit float, its octets in reverse. */
  float(value: number): void {
    integerView.setFloat64(0, value, true);
    this.uint(integerView.getBigUint64(0));
  }

  /** A length, then the octets. */
  octets(octets: Uint8Array): void {
    this.uint(octets.length);
    this.#put(octets);
  }

  /** A length, then the octets in UTF-8. */
  text(text: string): void {
    this.octets(utf8(text));
  }

  #put(octets: Uint8Array): void {
    const at = this.#reserve(octets.length);
    this.#bytes.set(octets, at);
  }

  #reserve(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
    }
    return at;
  }
}
