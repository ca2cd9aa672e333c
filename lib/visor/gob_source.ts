import { NO_BYTES } from "#kit";
import { GobFault, type GobFaultCode } from "./gob_fault.ts";
import { MAX_GOB_VALUES } from "./gob_types.ts";

const TWO_32 = 2 ** 32;
const floatView = new DataView(new ArrayBuffer(8));

/**
 * The primitives of one message, read from its front (visor.md 4.1). Every length is compared with the bytes
 * that are left before anything is made. Methods throw {@link GobFault} and nothing else.
 */
export class GobSource {
  readonly #bytes: Uint8Array;
  #offset = 0;
  #values = 0;
  /** The last integer, in two halves: most are small, and bigints are slow. */
  #high = 0;
  #low = 0;

  /** Reads these bytes, which must not change meanwhile. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  /** One octet. */
  byte(): number {
    return this.#bytes[this.#advance(1)] ?? 0;
  }

  /** An unsigned integer of up to 64 bits. */
  uint(): bigint {
    this.#readInteger();
    return this.#high === 0 ? BigInt(this.#low) : BigInt(this.#high) << 32n | BigInt(this.#low);
  }

  /** A signed one: the lowest bit is the sign. */
  int(): bigint {
    const folded = this.uint();
    return (folded & 1n) === 0n ? folded >> 1n : -(folded >> 1n) - 1n;
  }

  /** An unsigned integer of at most `most`, which is below 2^53; more is a fault of this code. */
  upTo(most: number, what: string, code: GobFaultCode = "invalid-value"): number {
    this.#readInteger();
    // Above 2^53 this is not exact, and refused anyway.
    const value = this.#high * TWO_32 + this.#low;
    if (value > most) throw new GobFault(code, `${what} of ${value}, at most ${most}`);
    return value;
  }

  /** A type id, negative before its description. */
  id(): number {
    const id = this.int();
    if (id === BigInt.asIntN(32, id)) return Number(id);
    throw new GobFault("bad-type", `type id ${id} has more than 32 bits`);
  }

  /** A count of things that take at least `least` bytes each, so no more than there are bytes for. */
  count(least: number): number {
    this.#readInteger();
    const count = this.#high * TWO_32 + this.#low;
    if (count * least <= this.left) return count;
    throw new GobFault("truncated", `count of ${count} with ${this.left} bytes left`);
  }

  /** A length, then as many octets: a view of the message. */
  octets(): Uint8Array {
    const length = this.count(1);
    const at = this.#advance(length);
    return length === 0 ? NO_BYTES : this.#bytes.subarray(at, at + length);
  }

  /** A 64-bit float, whose octets travel in reverse. */
  float(): number {
    floatView.setBigUint64(0, this.uint());
    return floatView.getFloat64(0, true);
  }

  /** Counts one value more of this message, which has {@link MAX_GOB_VALUES} at most. */
  countValue(): void {
    if (++this.#values <= MAX_GOB_VALUES) return;
    throw new GobFault("too-large", `more than ${MAX_GOB_VALUES} values in one message`);
  }

  /** Makes sure that nothing is left. */
  end(): void {
    if (this.left === 0) return;
    throw new GobFault("trailing-bytes", `${this.left} bytes after the value of a message`);
  }

  #readInteger(): void {
    const first = this.byte();
    this.#high = 0;
    this.#low = first;
    if (first < 128) return;
    const width = 256 - first;
    if (width > 8) throw new GobFault("invalid-value", `integer of ${width} bytes`);
    const start = this.#advance(width);
    const lead = this.#bytes[start] ?? 0;
    // Upstream never writes one longer than needed, so that this one is not what we take it for.
    if (lead === 0 || width === 1 && lead < 128) {
      throw new GobFault("invalid-value", "integer with a leading zero");
    }
    const end = start + width;
    const middle = Math.max(start, end - 4);
    this.#high = this.#bigEndian(start, middle);
    this.#low = this.#bigEndian(middle, end);
  }

  #bigEndian(from: number, to: number): number {
    let value = 0;
    for (let at = from; at < to; at++) value = value * 256 + (this.#bytes[at] ?? 0);
    return value;
  }

  #advance(count: number): number {
    if (count > this.left) {
      throw new GobFault("truncated", `${count} bytes wanted, ${this.left} left`);
    }
    const at = this.#offset;
    this.#offset += count;
    return at;
  }
}
