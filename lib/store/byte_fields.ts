import { fromHex, toHex, utf8, utf8Text } from "#kit";

/** Thrown by {@link FieldReader} where the bytes end early or make no sense. */
export class FieldError extends RangeError {}

/**
 * Writes the fields of a stored value one after the other. Texts of lower-case hex digits, which ids
 * and keys are, take half their length.
 */
export class FieldWriter {
  #bytes = new Uint8Array(128);
  #length = 0;

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
    const packed = /^(?:[0-9a-f]{2})+$/.test(value) ? fromHex(value) : undefined;
    const bytes = packed ?? utf8(value);
    return this.number(1 + 2 * bytes.length + (packed === undefined ? 0 : 1)).raw(bytes);
  }

  /** A copy with nothing behind it: a view would be stored with its whole buffer. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
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
