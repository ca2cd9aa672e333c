import { utf8Text } from "#kit";
import { GobFault } from "./gob_fault.ts";
import type { GobSource } from "./gob_source.ts";
import type { GobStruct, GobStructType, GobType, GobValue } from "./gob_types.ts";

/** Shared by all structs without a field: one costs a byte on the wire, and a map two hundred. */
const NO_FIELDS: GobStruct = new Map<string, GobValue>();

/**
 * Reads a value of this type (visor.md 4.3 and 4.4), every kind of it, since a newer sender may have fields of
 * any. It nests as deep as the type does.
 *
 * @throws {GobFault} for bytes that are none.
 */
export function readGobValue(source: GobSource, type: GobType): GobValue {
  source.countValue();
  switch (type.kind) {
    case "bool":
      return source.upTo(1, "bool") === 1;
    case "int":
      return source.int();
    case "uint":
      return source.uint();
    case "float":
      return source.float();
    case "complex":
      return [source.float(), source.float()];
    case "string":
      return utf8Text(source.octets());
    case "bytes":
    case "opaque":
      return source.octets();
    case "struct":
      return readFields(source, type);
    case "slice":
      return readElements(source, type.elem, source.count(1));
    case "array":
      return readElements(source, type.elem, arrayCount(source, type.length));
    case "map":
      return readPairs(source, type.key, type.elem);
  }
}

function readFields(source: GobSource, { fields }: GobStructType): GobStruct {
  let found: Map<string, GobValue> | undefined;
  for (let number = -1;;) {
    const delta = source.upTo(fields.length, "step to the next field");
    if (delta === 0) return found ?? NO_FIELDS;
    number += delta;
    const field = fields[number];
    if (field === undefined) throw new GobFault("invalid-value", `field ${number} is not declared`);
    found ??= new Map();
    found.set(field.name, readGobValue(source, field.type));
  }
}

function readElements(source: GobSource, elem: GobType, count: number): GobValue[] {
  const elements: GobValue[] = [];
  for (let index = 0; index < count; index++) elements.push(readGobValue(source, elem));
  return elements;
}

function arrayCount(source: GobSource, length: number): number {
  const count = source.count(1);
  if (count === length) return count;
  throw new GobFault("invalid-value", `${count} elements in an array of ${length}`);
}

function readPairs(source: GobSource, key: GobType, elem: GobType): GobValue[] {
  const count = source.count(2);
  const pairs: GobValue[] = [];
  for (let index = 0; index < count; index++) {
    pairs.push([readGobValue(source, key), readGobValue(source, elem)]);
  }
  return pairs;
}
