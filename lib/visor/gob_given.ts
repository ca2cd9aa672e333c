import type { GobSink } from "./gob_sink.ts";
import type { GobGiven, GobRecord, GobStructType, GobType } from "./gob_types.ts";

/**
 * Writes a value of this type (visor.md 4.3 and 4.4).
 *
 * @throws {TypeError} for a value of another shape.
 * @throws {RangeError} for a number that is no integer of 64 bits, or an array of another length.
 */
export function writeGobValue(sink: GobSink, type: GobType, value: GobGiven): void {
  switch (type.kind) {
    case "bool":
      if (typeof value !== "boolean") throw unfit(type, value);
      return sink.byte(value ? 1 : 0);
    case "int":
    case "uint":
      return writeInteger(sink, type.kind, value);
    case "float":
      if (typeof value !== "number") throw unfit(type, value);
      return sink.float(value);
    case "complex":
      return writeComplex(sink, value);
    case "string":
      if (typeof value !== "string") throw unfit(type, value);
      return sink.text(value);
    case "bytes":
    case "opaque":
      if (!(value instanceof Uint8Array)) throw unfit(type, value);
      return sink.octets(value);
    case "struct":
      return writeFields(sink, type, value);
    case "slice":
    case "array":
      return writeElements(sink, type, value);
    case "map":
      return writePairs(sink, type, value);
  }
}

function writeInteger(sink: GobSink, kind: "int" | "uint", value: GobGiven): void {
  if (typeof value !== "bigint" && typeof value !== "number") throw unfit({ kind }, value);
  const wide = BigInt(value);
  const fits = kind === "int" ? BigInt.asIntN(64, wide) : BigInt.asUintN(64, wide);
  if (wide !== fits) throw new RangeError(`gob: ${wide} is no ${kind} of 64 bits`);
  if (kind === "int") sink.int(wide);
  else sink.uint(wide);
}

function writeComplex(sink: GobSink, value: GobGiven): void {
  const [real, imaginary, more] = Array.isArray(value) ? value : [];
  if (typeof real !== "number" || typeof imaginary !== "number" || more !== undefined) {
    throw unfit({ kind: "complex" }, value);
  }
  sink.float(real);
  sink.float(imaginary);
}

/** Fields of zero value are left out; a struct inside is not, however empty (visor.md 4.3). */
function writeFields(sink: GobSink, type: GobStructType, value: GobGiven): void {
  const given = fieldsOf(type, value);
  let [last, used] = [-1, 0];
  type.fields.forEach((field, number) => {
    const inner = given.get(field.name);
    if (inner === undefined) return;
    used++;
    if (isZero(field.type, inner)) return;
    sink.uint(number - last);
    last = number;
    writeGobValue(sink, field.type, inner);
  });
  sink.byte(0);
  if (used === given.size) return;
  const known = new Set(type.fields.map(({ name }) => name));
  const unknown = [...given.keys()].find((name) => !known.has(name));
  if (unknown !== undefined) throw new TypeError(`gob: ${type.name} has no field ${unknown}`);
}

function fieldsOf(type: GobType, value: GobGiven): ReadonlyMap<string, GobGiven | undefined> {
  if (value instanceof Map) return value;
  if (typeof value === "object" && !Array.isArray(value) && !(value instanceof Uint8Array)) {
    return new Map(Object.entries(value as GobRecord));
  }
  throw unfit(type, value);
}

function writeElements(
  sink: GobSink,
  type: Extract<GobType, { kind: "slice" | "array" }>,
  value: GobGiven,
): void {
  if (!Array.isArray(value)) throw unfit(type, value);
  if (type.kind === "array" && value.length !== type.length) {
    throw new RangeError(`gob: ${value.length} elements for an array of ${type.length}`);
  }
  sink.uint(value.length);
  for (const element of value) writeGobValue(sink, type.elem, element);
}

function writePairs(
  sink: GobSink,
  type: Extract<GobType, { kind: "map" }>,
  value: GobGiven,
): void {
  if (!Array.isArray(value)) throw unfit(type, value);
  sink.uint(value.length);
  for (const pair of value) {
    if (!Array.isArray(pair) || pair.length !== 2) throw unfit(type, pair);
    writeGobValue(sink, type.key, pair[0]);
    writeGobValue(sink, type.elem, pair[1]);
  }
}

/** Whether a field holds the zero value, as far as the specification says which that is. */
function isZero(type: GobType, value: GobGiven): boolean {
  switch (type.kind) {
    case "struct":
    case "array":
      return false;
    case "complex":
      return Array.isArray(value) && value.every((part) => Object.is(part, 0));
    case "opaque":
      return value instanceof Uint8Array && value.every((octet) => octet === 0);
    default:
      return value === false || value === 0n || value === "" || Object.is(value, 0) ||
        (value instanceof Uint8Array || Array.isArray(value)) && value.length === 0;
  }
}

function unfit(type: GobType, value: GobGiven): TypeError {
  return new TypeError(`gob: a ${type.kind} cannot be written from a ${typeof value}`);
}
