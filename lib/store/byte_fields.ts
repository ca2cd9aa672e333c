import { NO_BYTES, toHex, utf8Into, utf8Text } from "#kit";

/** Thrown by {@link FieldReader} where the bytes end early or make no sense. */
export class FieldError extends RangeError {}

/** What was read; undefined where the bytes end early or make no sense. */
export function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof FieldError) return undefined;
    throw error;
  }
}

/** Bytes in which most values are put together: an array of its own for each would cost a microsecond. */
const SCRATCH_BYTES = 65_536;
/** Most bytes of a number. */
const NUMBER_BYTES = 8;

/** Undefined while a writer has it. */
let scratch: Uint8Array | undefined;

/**
 * Writes the fields of a stored value one after the other, until {@link finish}. Texts of lower-case
 * hex digits, which ids and keys are, take half their length.
 */
export class FieldWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor() {
    this.#bytes = scratch ?? new Uint8Array(SCRATCH_BYTES);
    scratch = undefined;
  }

  /** One byte. */
  byte(value: number): this {
    this.#room(1)[this.#length++] = value;
    return this;
  }

  /** A whole number from 0 to 2^53 - 1: seven bits a byte, lowest first. */
  number(value: number): this {
    let rest = value;
    while (rest >= 128) {
      this.byte(128 + rest % 128);
      rest = Math.floor(rest / 128);
    }
    return this.byte(rest);
  }

  /** A signed 64-bit number, big-endian. */
  long(value: bigint): this {
    const bytes = this.#room(8);
    new DataView(bytes.buffer).setBigInt64(this.#length, value);
    this.#length += 8;
    return this;
  }

  /** Bytes with their number in front. */
  block(bytes: Uint8Array): this {
    return this.number(bytes.length).raw(bytes);
  }

  /** Bytes alone: for the last field. */
  raw(bytes: Uint8Array): this {
    this.#room(bytes.length).set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** A text, or none; half a surrogate pair becomes U+FFFD. */
  text(value: string | undefined): this {
    if (value === undefined) return this.byte(0);
    return /^(?:[0-9a-f]{2})+$/.test(value) ? this.#hex(value) : this.#utf8(value);
  }

  /** A text alone: for the last field. */
  rest(value: string): this {
    this.#length += utf8Into(value, this.#room(3 * value.length).subarray(this.#length));
    return this;
  }

  /** A copy with nothing behind it: a view would be stored with its whole buffer. Ends the writing. */
  finish(): Uint8Array {
    const value = this.#bytes.slice(0, this.#length);
    if (this.#bytes.length === SCRATCH_BYTES) scratch = this.#bytes;
    this.#bytes = NO_BYTES;
    return value;
  }

  #hex(digits: string): this {
    const length = digits.length / 2;
    this.number(2 + 2 * length).#room(length).subarray(this.#length).setFromHex(digits);
    this.#length += length;
    return this;
  }

  /** The number in front is known only afterwards, and so where the text begins. */
  #utf8(value: string): this {
    const bytes = this.#room(NUMBER_BYTES + 3 * value.length);
    const start = this.#length + NUMBER_BYTES;
    const length = utf8Into(value, bytes.subarray(start));
    this.number(1 + 2 * length);
    bytes.copyWithin(this.#length, start, start + length);
    this.#length += length;
    return this;
  }

  #room(more: number): Uint8Array {
    if (this.#length + more > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + more));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    return this.#bytes;
  }
}

/** Reads what {@link FieldWriter} wrote, in the same order. Every call may throw {@link FieldError}. */
export class FieldReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whether nothing is left. */
  get done(): boolean {
    return this.#position >= this.#bytes.length;
  }

  /** One byte. */
  byte(): number {
    const value = this.#bytes[this.#position++];
    if (value === undefined) throw new FieldError("Cannot read a field: the value ends early");
    return value;
  }

  /** The inverse of {@link FieldWriter.number}. */
  number(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 53; scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new FieldError("Cannot read a field: the number is too large");
  }

  /** The inverse of {@link FieldWriter.long}. */
  long(): bigint {
    const bytes = this.#take(8);
    return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigInt64(0);
  }

  /** The inverse of {@link FieldWriter.block}; a view. */
  block(): Uint8Array {
    return this.#take(this.number());
  }

  /** Everything that is left; a view. */
  rest(): Uint8Array {
    return this.#take(this.#bytes.length - this.#position);
  }

  /** The inverse of {@link FieldWriter.text}. */
  text(): string | undefined {
    const head = this.number();
    if (head === 0) return undefined;
    const bytes = this.#take(Math.floor((head - 1) / 2));
    return (head - 1) % 2 === 1 ? toHex(bytes) : utf8Text(bytes);
  }

  #take(length: number): Uint8Array {
    const end = this.#position + length;
    if (end > this.#bytes.length) throw new FieldError("Cannot read a field: the value ends early");
    const part = this.#bytes.subarray(this.#position, end);
    this.#position = end;
    return part;
  }
}
