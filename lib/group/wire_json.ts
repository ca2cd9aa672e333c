import { PUBLIC_KEY_LENGTH, PublicKey, SIGNATURE_LENGTH } from "#crypto";
import { formatRfc3339, fromHex, NO_BYTES, parseRfc3339, utf8Text } from "#kit";
import { canonicalUuid } from "./group_id.ts";
import { parseJson, type WireObject, type WireValue } from "./json_text.ts";
import { LeafFault } from "./leaf_fault.ts";

/** Bytes of a leaf at most, on receipt (groups.md 4.4). */
export const MAX_LEAF_BYTES = 262_144;

/**
 * The time that means "none", 0001-01-01T00:00:00Z. It lies outside the 64 bits of every real time;
 * cut to 64 bits it is the a1b203eb3d1a0000 of groups.md 2.1.
 */
export const ZERO_TIME: bigint = -62_135_596_800_000_000_000n;

const ZERO_TIME_FORM = /^0001-01-01T00:00:00(?:\.0+)?Z$/;
const KEY_FORM = /^[0-9a-fA-F]{66}$/;
const KEY_DIGITS = 2 * PUBLIC_KEY_LENGTH;
const BASE64_FORM = /^[A-Za-z0-9+/]*={0,2}$/;
const MAX_U64 = 2n ** 64n - 1n;

/**
 * The fields of a JSON object, read as groups.md 2.1 asks: keys in any case, unknown ones ignored,
 * absent and `null` alike zero. Every method gives undefined for a field of another type or form.
 */
export class WireFields {
  readonly #fields: WireObject;

  /** Around a parsed object. */
  constructor(fields: WireObject) {
    this.#fields = fields;
  }

  /** A text, well-formed; absent is empty. */
  text(name: string): string | undefined {
    const value = this.#fields.get(name) ?? "";
    if (typeof value !== "string") return undefined;
    return value.isWellFormed() ? value : value.toWellFormed();
  }

  /** 66 lower-case hex digits, or empty for the zero key. Not checked to be a point of the curve. */
  digits(name: string): string | undefined {
    return digitsOf(this.#fields.get(name));
  }

  /** As {@link digits}, and a point of the curve. */
  key(name: string): string | undefined {
    return keyOrNone(this.digits(name));
  }

  /** 65 bytes; absent is 65 zeros. */
  signature(name: string): Uint8Array | undefined {
    const value = this.#fields.get(name);
    if (value === undefined) return new Uint8Array(SIGNATURE_LENGTH);
    const bytes = typeof value === "string" && value.length === 2 * SIGNATURE_LENGTH
      ? fromHex(value)
      : undefined;
    return bytes;
  }

  /** A UUID in canonical form, or empty when absent or zero. */
  uuid(name: string): string | undefined {
    const value = this.#fields.get(name);
    if (value === undefined) return "";
    const id = typeof value === "string" ? canonicalUuid(value) : undefined;
    return id !== undefined && /^[0-]+$/.test(id) ? "" : id;
  }

  /** Unix nanoseconds; absent is {@link ZERO_TIME}. */
  time(name: string): bigint | undefined {
    const value = this.#fields.get(name);
    if (value === undefined) return ZERO_TIME;
    if (typeof value !== "string") return undefined;
    return parseRfc3339(value) ?? (ZERO_TIME_FORM.test(value) ? ZERO_TIME : undefined);
  }

  /** Bytes in base64; absent is none. */
  bytes(name: string): Uint8Array | undefined {
    const value = this.#fields.get(name) ?? "";
    return typeof value === "string" ? base64Bytes(value) : undefined;
  }

  /** An integer from 0 to `most`, by default all 64 bits; absent is 0. */
  unsigned(name: string, most: bigint = MAX_U64): bigint | undefined {
    const number = this.signed(name);
    return number !== undefined && number >= 0n && number <= most ? number : undefined;
  }

  /** An integer of either sign, at most 20 digits; absent is 0. */
  signed(name: string): bigint | undefined {
    const value = this.#fields.get(name);
    if (value === undefined) return 0n;
    if (typeof value !== "object" || value === null || !("digits" in value)) return undefined;
    return /^-?[0-9]{1,20}$/.test(value.digits) ? BigInt(value.digits) : undefined;
  }

  /** An object; absent is an empty one. */
  object(name: string): WireFields | undefined {
    const value = this.#fields.get(name);
    if (value === undefined) return new WireFields(new Map());
    return value instanceof Map ? new WireFields(value) : undefined;
  }

  /** A list of objects; absent is an empty one. */
  objects(name: string): readonly WireFields[] | undefined {
    const items = this.#list(name);
    if (items === undefined || !items.every((item) => item instanceof Map)) return undefined;
    return items.map((item) => new WireFields(item));
  }

  /** A list of texts; absent is an empty one. */
  texts(name: string): readonly string[] | undefined {
    const items = this.#list(name);
    return items?.every((item) => typeof item === "string") === true ? items : undefined;
  }

  /** A list of keys, each as {@link key} has it; absent is an empty one. */
  keys(name: string): readonly string[] | undefined {
    const keys = this.#list(name)?.map((item) => keyOrNone(digitsOf(item)));
    return keys?.every((key) => key !== undefined) === true ? keys : undefined;
  }

  #list(name: string): readonly WireValue[] | undefined {
    const value = this.#fields.get(name) ?? [];
    return Array.isArray(value) ? value : undefined;
  }
}

/** Reads the JSON object that is a leaf. */
export function readWire(bytes: Uint8Array): WireFields | LeafFault {
  if (bytes.length > MAX_LEAF_BYTES) {
    return new LeafFault("too-large", `leaf of ${bytes.length} bytes, at most ${MAX_LEAF_BYTES}`);
  }
  return readWireText(utf8Text(bytes));
}

/** Reads a JSON object from a text whose length the caller has bounded. */
export function readWireText(text: string): WireFields | LeafFault {
  const value = parseJson(text);
  return value instanceof Map ? new WireFields(value) : undecodable("no JSON object");
}

/** The fault of a leaf that cannot be read. */
export function undecodable(what: string): LeafFault {
  return new LeafFault("undecodable", `leaf does not decode: ${what}`);
}

/** A JSON text literal that escapes what the deployed encoder escapes (groups.md 2.1). */
export function wireText(text: string): string {
  const plain = JSON.stringify(text);
  return /[<>&\u2028\u2029]/.test(plain) ? plain.replace(/[<>&\u2028\u2029]/g, escaped) : plain;
}

/** A JSON literal of a time: RFC 3339 to the nanosecond. */
export function wireTime(nanos: bigint): string {
  return nanos === ZERO_TIME ? '"0001-01-01T00:00:00Z"' : `"${formatRfc3339(nanos)}"`;
}

/** A JSON literal of a key; the empty key is 66 zeros. */
export function wireKey(hex: string): string {
  return `"${hex.padEnd(KEY_DIGITS, "0")}"`;
}

/** A JSON literal of bytes in base64. */
export function wireBytes(bytes: Uint8Array): string {
  return `"${bytes.toBase64()}"`;
}

/** Hex digits that are points, oldest first: the same keys come again and again, and each costs a square root. */
const POINTS = new Set<string>();
const MAX_POINTS = 4_096;

/** Whether hex digits are a point of the curve. */
export function isPoint(hex: string): boolean {
  if (POINTS.has(hex)) return true;
  const bytes = fromHex(hex);
  if (bytes === undefined || PublicKey.fromBytes(bytes) === undefined) return false;
  POINTS.add(hex);
  const [oldest = ""] = POINTS;
  if (POINTS.size > MAX_POINTS) POINTS.delete(oldest);
  return true;
}

/** The 33 bytes of a key in hex; the empty key is zeros. */
export function keyBytes(hex: string): Uint8Array {
  return hex === "" ? new Uint8Array(PUBLIC_KEY_LENGTH) : Uint8Array.fromHex(hex);
}

function digitsOf(value: WireValue = ""): string | undefined {
  if (typeof value !== "string") return undefined;
  if (/^0*$/.test(value)) return "";
  return KEY_FORM.test(value) ? value.toLowerCase() : undefined;
}

function keyOrNone(digits: string | undefined): string | undefined {
  return digits === undefined || digits === "" || isPoint(digits) ? digits : undefined;
}

/** Base64 with padding; line breaks inside are skipped, as deployed readers do. */
function base64Bytes(text: string): Uint8Array | undefined {
  if (text === "") return NO_BYTES;
  const plain = /[\r\n]/.test(text) ? text.replace(/[\r\n]/g, "") : text;
  if (plain.length % 4 !== 0 || !BASE64_FORM.test(plain)) return undefined;
  return Uint8Array.fromBase64(plain);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
