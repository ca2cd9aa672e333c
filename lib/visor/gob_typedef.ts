import { GobReader } from "./gob_reader.ts";
import type { GobField, GobReceived, GobRecord, GobStructType, GobType } from "./gob_types.ts";

/** A type as a typedef gives it: with the ids of what it is made of. */
export type GobDescription =
  | {
    readonly kind: "struct";
    readonly name: string;
    readonly fields: readonly { readonly name: string; readonly id: number }[];
  }
  | Extract<GobType, { kind: "opaque" }>
  | { readonly kind: "slice"; readonly name: string; readonly elem: number }
  | {
    readonly kind: "array";
    readonly name: string;
    readonly elem: number;
    readonly length: number;
  }
  | { readonly kind: "map"; readonly name: string; readonly key: number; readonly elem: number };

const INT: GobType = { kind: "int" };
const COMMON = struct({ name: "name", type: { kind: "string" } }, { name: "id", type: INT });
const common: GobField = { name: "common", type: COMMON };
const key: GobField = { name: "key", type: INT };
const elem: GobField = { name: "elem", type: INT };
const length: GobField = { name: "length", type: INT };
/** Each has a name and an id, as `common` has. */
const fields: GobField = { name: "fields", type: { kind: "slice", name: "", elem: COMMON } };

/** The body of a typedef, itself a struct (visor.md 4.4). Its field names are not on the wire. */
export const TYPEDEF: GobStructType = struct(
  { name: "array", type: struct(common, elem, length) },
  { name: "slice", type: struct(common, elem) },
  { name: "struct", type: struct(common, fields) },
  { name: "map", type: struct(common, key, elem) },
  { name: "gob", type: struct(common) },
  { name: "binary", type: struct(common) },
  { name: "text", type: struct(common) },
);

function struct(...fields: readonly GobField[]): GobStructType {
  return { kind: "struct", name: "", fields };
}

/** A typedef to encode: the description of type `id`. */
export function typedefOf(id: number, described: GobDescription): GobRecord {
  const common = { name: described.name, id };
  switch (described.kind) {
    case "struct":
      return { struct: { common, fields: described.fields.map(({ name, id }) => ({ name, id })) } };
    case "opaque":
      return { [described.flavour]: { common } };
    case "slice":
      return { slice: { common, elem: described.elem } };
    case "array":
      return { array: { common, elem: described.elem, length: described.length } };
    case "map":
      return { map: { common, key: described.key, elem: described.elem } };
  }
}

/**
 * Understands a value of {@link TYPEDEF}: the id that it says it describes, and the description; undefined
 * when it has none of the seven alternatives, or several.
 */
export function readTypedef(
  value: GobReceived["value"],
): { readonly id: number; readonly described: GobDescription } | undefined {
  const reader = new GobReader({ type: TYPEDEF, value });
  const present = TYPEDEF.fields.flatMap(({ name: alternative }) => {
    const inner = reader.struct(alternative);
    return inner === undefined ? [] : { alternative, inner };
  });
  const [only] = present;
  if (only === undefined || present.length > 1) return undefined;
  const head = only.inner.struct("common");
  const described = describe(only.alternative, head?.text("name") ?? "", only.inner);
  return { id: head?.int("id") ?? 0, described };
}

function describe(alternative: string, name: string, inner: GobReader): GobDescription {
  switch (alternative) {
    case "array":
      return { kind: "array", name, elem: inner.int("elem"), length: inner.int("length") };
    case "slice":
      return { kind: "slice", name, elem: inner.int("elem") };
    case "map":
      return { kind: "map", name, key: inner.int("key"), elem: inner.int("elem") };
    case "struct": {
      const fields = inner.structs("fields");
      const parts = fields.map((field) => ({ name: field.text("name"), id: field.int("id") }));
      return { kind: "struct", name, fields: parts };
    }
    case "gob":
    case "binary":
      return { kind: "opaque", flavour: alternative, name };
    default:
      return { kind: "opaque", flavour: "text", name };
  }
}
