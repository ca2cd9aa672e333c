import { NO_BYTES, toHex, utf8 } from "#kit";
import { caught, CxoFault } from "./fault.ts";

/** Bytes in which most values are put together: an array of its own for each would cost a microsecond. */
const SCRATCH_BYTES = 16_384;
/** Bytes of the first array of a writer that finds the scratch taken. */
const FIRST_CAPACITY = 128;

interface Buffer {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** Undefined while a writer has it. */
let scratch: Buffer | undefined = bufferOf(SCRATCH_BYTES);

/**
 * Writes the encoding of cxo.md section 3: little-endian, no tags, no padding. It grows as needed;
 * callers bound what they write.
 */
export class Writer {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  /** Nothing is written yet. */
  constructor() {
    ({ bytes: this.#bytes, view: this.#view } = scratch ?? bufferOf(FIRST_CAPACITY));
    scratch = undefined;
  }

  /** One byte, 0 or 1. */
  bool(value: boolean): this {
    return this.u8(value ? 1 : 0);
  }

  /** One byte. */
  u8(value: number): this {
    const at = this.#reserve(1);
    this.#view.setUint8(at, value);
    return this;
  }

  /** Two bytes. */
  u16(value: number): this {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  /** Four bytes. */
  u32(value: number): this {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  /** Eight bytes; a bigint, since nonces and nanoseconds pass 2^53. */
  u64(value: bigint): this {
    const at = this.#reserve(8);
    this.#view.setBigUint64(at, value, true);
    return this;
  }

  /** Eight bytes, two's complement. */
  i64(value: bigint): this {
    const at = this.#reserve(8);
    this.#view.setBigInt64(at, value, true);
    return this;
  }

  /** The bytes of a fixed array: no length before them. */
  fixed(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** A fixed array given in hex: a key or a hash. */
  hex(digits: string): this {
    const at = this.#reserve(digits.length / 2);
    const { written } = this.#bytes.subarray(at).setFromHex(digits);
    if (written !== digits.length / 2) throw new RangeError("hex digits are missing");
    return this;
  }

  /** A byte list: u32 count, then the bytes. */
  bytes(bytes: Uint8Array): this {
    return this.u32(bytes.length).fixed(bytes);
  }

  /** A string: u32 count of its UTF-8 bytes, then those. */
  text(text: string): this {
    return this.bytes(utf8(text));
  }

  /** A list: u32 count of elements, then what `write` writes for each. */
  list<T>(elements: readonly T[], write: (element: T) => void): this {
    this.u32(elements.length);
    elements.forEach((element) => write(element));
    return this;
  }

  /** What was written, in an array of exactly that length. The writer must not be used again. */
  finish(): Uint8Array {
    const written = this.#bytes.slice(0, this.#length);
    this.#giveBack();
    return written;
  }

  #giveBack(): void {
    if (this.#bytes.length === SCRATCH_BYTES) scratch = { bytes: this.#bytes, view: this.#view };
  }

  #reserve(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length));
      grown.set(this.#bytes.subarray(0, at));
      this.#giveBack();
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
}

function bufferOf(length: number): Buffer {
  const bytes = new Uint8Array(length);
  return { bytes, view: new DataView(bytes.buffer) };
}

/** How much a {@link Reader} takes of one list or byte list. */
export interface ReadBound {
  /** Most elements, or most bytes; more is a fault of code `too-large`. */
  readonly most: number;
}

/**
 * Reads the encoding of cxo.md section 3. Every declared length is checked against the bytes that are
 * left, and against a bound, before anything is allocated.
 *
 * Byte fields are views of the input. A method throws {@link CxoFault} and nothing else; use it inside
 * {@link decodeWhole}, which turns that into a value.
 */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  /** Reads from the start of these bytes, which must not change meanwhile. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  /** One byte, which must be 0 or 1. */
  bool(): boolean {
    const value = this.u8();
    if (value > 1) throw new CxoFault("invalid-value", `bool of value ${value}`);
    return value === 1;
  }

  /** One byte. */
  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  /** Two bytes. */
  u16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  /** Four bytes. */
  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  /** Eight bytes. */
  u64(): bigint {
    return this.#view.getBigUint64(this.#advance(8), true);
  }

  /** Eight bytes, two's complement. */
  i64(): bigint {
    return this.#view.getBigInt64(this.#advance(8), true);
  }

  /** A fixed array of `count` bytes. */
  fixed(count: number): Uint8Array {
    const at = this.#advance(count);
    return count === 0 ? NO_BYTES : this.#bytes.subarray(at, at + count);
  }

  /** A fixed array of `count` bytes, in lower-case hex: a key or a hash. */
  hex(count: number): string {
    return toHex(this.fixed(count));
  }

  /** A byte list. */
  bytes({ most }: ReadBound): Uint8Array {
    return this.fixed(this.#count(1, most));
  }

  /** A list whose elements take at least `least` bytes each. */
  list<T>(read: () => T, { most, least }: ReadBound & { readonly least: number }): T[] {
    const count = this.#count(least, most);
    const elements: T[] = [];
    for (let index = 0; index < count; index++) elements.push(read());
    return elements;
  }

  #count(least: number, most: number): number {
    const count = this.u32();
    if (count * least > this.left) {
      throw new CxoFault("truncated", `length ${count} with ${this.left} bytes left`);
    }
    if (count > most) throw new CxoFault("too-large", `length ${count}, at most ${most}`);
    return count;
  }

  #advance(count: number): number {
    const at = this.#offset;
    if (count > this.left) {
      throw new CxoFault("truncated", `${count} bytes wanted, ${this.left} left`);
    }
    this.#offset += count;
    return at;
  }
}

/**
 * Runs `read` over all of the bytes and gives its value, or the fault: its own, or that bytes are left.
 * Node messages must be consumed exactly; objects and Roots may be, and no writer leaves any.
 */
export function decodeWhole<T>(bytes: Uint8Array, read: (reader: Reader) => T): T | CxoFault {
  return caught(() => {
    const reader = new Reader(bytes);
    const value = read(reader);
    if (reader.left === 0) return value;
    throw new CxoFault("trailing-bytes", `${reader.left} bytes after the last field`);
  });
}
