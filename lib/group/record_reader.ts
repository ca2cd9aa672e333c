import { CodedError, parseRfc3339 } from "#kit";
import { parseJson, type WireObject, type WireValue } from "./json_text.ts";

/** Go's zero time, which stands for "never" (groups.md 2.1). */
export const ZERO_TIME_TEXT = "0001-01-01T00:00:00Z";
const LARGEST_UINT64 = 2n ** 64n - 1n;

/** A document that is no record of a group; the text says where, and never quotes the document. */
export class RecordError extends CodedError {
  /** An error with that text. */
  constructor(message: string, options?: ErrorOptions) {
    super("group-record-invalid", message, options);
  }
}

/**
 * Reads the JSON object that a record is, from a text whose length the caller has bounded.
 *
 * @throws {RecordError} when it is none.
 */
export function readRecordText(text: string): RecordReader {
  const value = parseJson(text);
  if (value === undefined) throw new RecordError("it is not JSON");
  return new RecordReader(value, "");
}

/** A whole number of 64 bits as it is to stand in JSON, even where a double would change it. */
export function exactNumber(value: bigint): unknown {
  return (JSON as typeof JSON & { rawJSON(text: string): unknown }).rawJSON(String(value));
}

/** Reads the fields of one JSON object and names the field that is not what it should be. */
export class RecordReader {
  readonly #fields: WireObject;
  readonly #name: string;

  /**
   * @param name of the object, for error texts; "" for the document itself.
   * @throws {RecordError} when `value` is no object.
   */
  constructor(value: WireValue | undefined, name: string) {
    if (!(value instanceof Map)) {
      throw new RecordError(name === "" ? "it is no JSON object" : `${name} is no object`);
    }
    this.#fields = value;
    this.#name = name;
  }

  /** Names of all fields that are not null. */
  get names(): readonly string[] {
    return [...this.#fields.keys()];
  }

  /** Whether the field is there and not null. */
  has(key: string): boolean {
    return this.#fields.has(key);
  }

  /** A text that `test` takes. */
  text<T extends string = string>(
    key: string,
    test: (text: string) => text is T = isText,
  ): T {
    const value = this.#fields.get(key);
    if (typeof value === "string" && test(value)) return value;
    throw this.error(key);
  }

  /** A public key: 66 hex digits, lower case. Whether it is a point is not looked at. */
  publicKey(key: string): string {
    return this.text(key, isKeyText);
  }

  /** A time in nanoseconds; undefined for the zero time and where there is none. */
  time(key: string): bigint | undefined {
    if (!this.has(key)) return undefined;
    const text = this.text(key);
    const time = parseRfc3339(text);
    if (time === undefined && text !== ZERO_TIME_TEXT) throw this.error(key);
    return time;
  }

  /** A time that must be there. */
  moment(key: string): bigint {
    const time = this.time(key);
    if (time === undefined) throw this.error(key);
    return time;
  }

  /** A whole number from 0 to `most`, by default 2^53 - 1; 0 where there is none. */
  count(key: string, most: number = Number.MAX_SAFE_INTEGER): number {
    return Number(this.uint64(key, BigInt(most)));
  }

  /** A whole number from 0 to `most`, by default 2^64 - 1; 0 where there is none. */
  uint64(key: string, most: bigint = LARGEST_UINT64): bigint {
    const value = this.#fields.get(key) ?? { digits: "0" };
    const digits = typeof value === "object" && "digits" in value ? value.digits : "";
    const number = /^\d{1,20}$/.test(digits) ? BigInt(digits) : undefined;
    if (number === undefined || number > most) throw this.error(key);
    return number;
  }

  /** Bytes in base64. */
  bytes(key: string): Uint8Array {
    try {
      return Uint8Array.fromBase64(this.text(key));
    } catch {
      throw this.error(key);
    }
  }

  /** The elements of a list, each read by `read`; none where there is no list. */
  list<T>(key: string, read: (value: WireValue, name: string) => T): T[] {
    const value = this.#fields.get(key) ?? [];
    if (!Array.isArray(value)) throw this.error(key);
    return value.map((element, index) => read(element, `${this.#path(key)}[${index}]`));
  }

  /** Another object in it. */
  object(key: string): RecordReader {
    return new RecordReader(this.#fields.get(key), this.#path(key));
  }

  /** What is thrown when a field is not what it should be. */
  error(key: string): RecordError {
    return new RecordError(`${this.#path(key)} is missing or malformed`);
  }

  #path(key: string): string {
    return this.#name === "" ? key : `${this.#name}.${key}`;
  }
}

function isText<T extends string>(text: string): text is T {
  return typeof text === "string";
}

/** Whether a text has the form of a public key as groups write it. */
export function isKeyText(text: WireValue): text is string {
  return typeof text === "string" && /^0[23][0-9a-f]{64}$/.test(text);
}
