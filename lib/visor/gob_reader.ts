import { NO_BYTES, quoteForLog } from "#kit";
import { GobMismatch } from "./gob_fault.ts";
import type {
  GobFlavour,
  GobReceived,
  GobStruct,
  GobStructType,
  GobType,
  GobValue,
} from "./gob_types.ts";

/** Field name -> type of each struct type seen, so that a sender's thousand fields are walked once. */
const indexes = new WeakMap<GobStructType, ReadonlyMap<string, GobType>>();

/**
 * A struct of a peer, read by field name (visor.md 4.3). A field that was not on the wire, or that the sender
 * does not even declare, reads as its zero value. Every method throws {@link GobMismatch} when the sender
 * declares the field as another kind, whether it was on the wire or not.
 */
export class GobReader {
  readonly #types: ReadonlyMap<string, GobType>;
  readonly #values: GobStruct;

  /**
   * Over a received value, which must be a struct. With our own declaration in `local` the whole type is
   * compared at once, by {@link checkGobType}.
   *
   * @throws {GobMismatch} when it is something else.
   */
  constructor({ type, value }: GobReceived, local?: GobType) {
    if (local !== undefined) checkGobType(type, local);
    if (type.kind !== "struct" || !isGobStruct(value)) throw wrongKind("a struct", type);
    this.#types = indexOf(type);
    this.#values = value;
  }

  /** An unsigned integer of at most `max`, by default and at most 2^53 - 1. */
  uint(name: string, max: number = Number.MAX_SAFE_INTEGER): number {
    const field = this.#field(name);
    return field === undefined ? 0 : gobUint(field, max);
  }

  /** A signed integer within +-(2^53 - 1). */
  int(name: string): number {
    const field = this.#field(name);
    return field === undefined ? 0 : gobInt(field);
  }

  /** A string; invalid UTF-8 became U+FFFD. */
  text(name: string): string {
    const field = this.#field(name);
    return field === undefined ? "" : gobText(field);
  }

  /** Octets: a view of the message that they came in. */
  bytes(name: string): Uint8Array {
    const field = this.#field(name);
    return field === undefined ? NO_BYTES : octetsOf(field, { kind: "bytes" });
  }

  /** A bool. */
  flag(name: string): boolean {
    const field = this.#field(name);
    if (field === undefined) return false;
    const { type, value } = field;
    if (type.kind !== "bool" || typeof value !== "boolean") throw wrongKind("bool", type);
    return value;
  }

  /** Octets of an opaque value of this flavour (visor.md 4.5); none for the zero value. */
  opaque(name: string, flavour: GobFlavour): Uint8Array {
    const field = this.#field(name);
    if (field === undefined) return NO_BYTES;
    return octetsOf(field, { kind: "opaque", flavour, name: "" });
  }

  /** A struct inside of this one; undefined when it was not on the wire, as for a null pointer. */
  struct(name: string): GobReader | undefined {
    const field = this.#field(name);
    if (field === undefined) return undefined;
    if (field.type.kind !== "struct") throw wrongKind("a struct", field.type);
    return this.#values.has(name) ? new GobReader(field) : undefined;
  }

  /** The structs of a slice of such. */
  structs(name: string): GobReader[] {
    const field = this.#field(name);
    if (field === undefined) return [];
    const { type, value } = field;
    if (type.kind !== "slice" || !Array.isArray(value)) throw wrongKind("a slice", type);
    return value.map((element) => new GobReader({ type: type.elem, value: element }));
  }

  /** A field that the sender declares, with its zero value when it was not on the wire. */
  #field(name: string): GobReceived | undefined {
    const type = this.#types.get(name);
    return type && { type, value: this.#values.get(name) ?? zeroOf(type) };
  }
}

/**
 * An unsigned integer of at most `max`, for a value that is no struct.
 *
 * @throws {GobMismatch} when it is something else.
 */
export function gobUint(received: GobReceived, max: number = Number.MAX_SAFE_INTEGER): number {
  return integerOf(received, "uint", max);
}

/**
 * A signed integer within +-(2^53 - 1), for a value that is no struct.
 *
 * @throws {GobMismatch} when it is something else.
 */
export function gobInt(received: GobReceived): number {
  return integerOf(received, "int", Number.MAX_SAFE_INTEGER);
}

/**
 * A string, for a value that is no struct.
 *
 * @throws {GobMismatch} when it is something else.
 */
export function gobText({ type, value }: GobReceived): string {
  if (type.kind !== "string" || typeof value !== "string") throw wrongKind("string", type);
  return value;
}

/**
 * Compares what a sender declares with our own declaration (visor.md 4.4): kinds and flavours are the same, a
 * struct has one field at least that we know, and so on inside. Names of types do not matter.
 *
 * @throws {GobMismatch} at the first difference.
 */
export function checkGobType(remote: GobType, local: GobType): void {
  if (local.kind === "opaque") {
    const same = remote.kind === "opaque" && remote.flavour === local.flavour;
    if (!same) throw wrongKind(labelOf(local), remote);
  } else if (local.kind === "struct") {
    if (remote.kind !== "struct") throw wrongKind(labelOf(local), remote);
    checkFields(remote, local);
  } else if (local.kind === "map" && remote.kind === "map") {
    checkGobType(remote.key, local.key);
    checkGobType(remote.elem, local.elem);
  } else if (local.kind === "slice" && remote.kind === "slice") {
    checkGobType(remote.elem, local.elem);
  } else if (local.kind === "array" && remote.kind === "array" && local.length === remote.length) {
    checkGobType(remote.elem, local.elem);
  } else if (local.kind !== remote.kind || local.kind === "array") {
    throw wrongKind(labelOf(local), remote);
  }
}

function checkFields(remote: GobStructType, local: GobStructType): void {
  const index = indexOf(remote);
  let common = 0;
  for (const { name, type } of local.fields) {
    const declared = index.get(name);
    if (declared === undefined) continue;
    common++;
    checkGobType(declared, type);
  }
  if (common > 0 || local.fields.length === 0) return;
  throw new GobMismatch(
    "no-common-field",
    `type mismatch: no fields matched decoding into ${labelOf(local)}, received ${labelOf(remote)}`,
  );
}

function indexOf(type: GobStructType): ReadonlyMap<string, GobType> {
  let index = indexes.get(type);
  if (index === undefined) {
    index = new Map(type.fields.map((field) => [field.name, field.type]));
    indexes.set(type, index);
  }
  return index;
}

function integerOf({ type, value }: GobReceived, kind: "int" | "uint", max: number): number {
  if (type.kind !== kind || typeof value !== "bigint") throw wrongKind(kind, type);
  if (value <= max && value >= -max) return Number(value);
  throw new GobMismatch("out-of-range", `${kind} ${value} is out of range, at most ${max}`);
}

function octetsOf({ type, value }: GobReceived, local: GobType): Uint8Array {
  checkGobType(type, local);
  if (!(value instanceof Uint8Array)) throw wrongKind(labelOf(local), type);
  return value;
}

function isGobStruct(value: GobValue): value is GobStruct {
  return value instanceof Map;
}

/** What a field that is not on the wire holds. Arrays and maps are never asked for. */
function zeroOf(type: GobType): GobValue {
  switch (type.kind) {
    case "bool":
      return false;
    case "int":
    case "uint":
      return 0n;
    case "float":
      return 0;
    case "string":
      return "";
    case "bytes":
    case "opaque":
      return NO_BYTES;
    case "struct":
      return new Map();
    default:
      return [];
  }
}

function wrongKind(local: string, remote: GobType): GobMismatch {
  const text = `decoding into local type ${local}, received remote type ${labelOf(remote)}`;
  return new GobMismatch("wrong-kind", text);
}

function labelOf(type: GobType): string {
  if (type.kind === "opaque") return `${type.flavour} opaque ${quoteForLog(type.name)}`.trim();
  return "name" in type ? `${type.kind} ${quoteForLog(type.name)}`.trim() : type.kind;
}
