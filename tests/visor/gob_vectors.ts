/** The gob streams of visor.md 12, and its way to write values as JSON. */
import { concat, fromHex, toHex } from "#kit";
import { GobFault, type GobReceived, type GobType, type GobValue } from "#visor";
import text from "../vectors/visor.json" with { type: "json" };

/** One message. */
export interface VectorMessage {
  readonly hex: string;
  readonly kind: "typedef" | "value" | "hello";
  readonly dir?: string;
  readonly typedef?: { readonly kind: string; readonly name: string; readonly id: number };
  readonly type_id?: number;
  readonly type?: string;
  readonly value?: unknown;
}

/** One direction of one connection. */
export interface VectorStream {
  readonly name: string;
  readonly messages: readonly VectorMessage[];
}

interface Case {
  readonly type?: string;
  readonly note?: string;
  readonly messages: readonly VectorMessage[];
}

interface Vectors {
  readonly values: readonly Case[];
  readonly decode_only: readonly Case[];
  readonly calls: readonly {
    readonly id: string;
    readonly request: readonly VectorMessage[];
    readonly reply: readonly VectorMessage[];
  }[];
  readonly sessions: readonly { readonly name: string; readonly frames: VectorMessage[] }[];
  readonly events: { readonly frames: readonly VectorMessage[] };
}

// The file's own types are those of its values; the ones above are those of its documentation.
const vectors = text as unknown as Vectors;

/** Every gob stream of the vectors, each direction for itself. */
export const STREAMS: readonly VectorStream[] = [
  ...vectors.values.map((one, index) => named(`values ${index}: ${one.type}, ${one.note}`, one)),
  ...vectors.decode_only.map((one, index) => named(`decode_only ${index}: ${one.note}`, one)),
  ...vectors.calls.flatMap(({ id, request, reply }) => [
    { name: `request of ${id}`, messages: request },
    { name: `reply of ${id}`, messages: reply },
  ]),
  ...[...vectors.sessions, { name: "events", ...vectors.events }].flatMap(({ name, frames }) =>
    ["app>visor", "visor>app"].map((dir) => ({
      name: `session ${name}, ${dir}`,
      messages: frames.filter((frame) => frame.dir === dir && frame.kind !== "hello"),
    }))
  ),
];

/** How many streams each part must have given, so that none goes missing unseen. */
export const PART_SIZES = {
  values: vectors.values.length,
  calls: vectors.calls.length,
  sessions: vectors.sessions.length,
};

function named(name: string, { messages }: Case): VectorStream {
  return { name, messages };
}

/** Bytes of hex that a test knows to be hex. */
export function bytes(hex: string): Uint8Array {
  const found = fromHex(hex.replaceAll(" ", ""));
  if (found === undefined) throw new Error(`not hex: ${hex.slice(0, 40)}`);
  return found;
}

/** A whole stream. */
export function wire({ messages }: VectorStream): Uint8Array {
  return concat(...messages.map(({ hex }) => bytes(hex)));
}

/** The values that must come out, as the vectors write them. */
export function expectedValues({ messages }: VectorStream): unknown[] {
  return messages.filter(({ kind }) => kind === "value").map(({ value }) => value);
}

/** The ids that the sender gave, in the order of its descriptions. */
export function idsOf({ messages }: VectorStream): number[] {
  return messages.flatMap(({ typedef }) => typedef?.id ?? []);
}

/** All must be values. */
export function sound(found: readonly (GobReceived | GobFault)[]): GobReceived[] {
  return found.map((one) => {
    if (one instanceof GobFault) throw one;
    return one;
  });
}

/** A value as the vectors write it. */
export function asJson({ type, value }: GobReceived): unknown {
  const part = (inner: GobType, of: GobValue | undefined) =>
    asJson({ type: inner, value: of ?? fail(inner) });
  switch (type.kind) {
    case "int":
    case "uint": {
      const small = typeof value === "bigint" && BigInt(Number(value)) === value &&
        Number.isSafeInteger(Number(value));
      return small ? Number(value) : String(value);
    }
    case "bytes":
      return { hex: value instanceof Uint8Array ? toHex(value) : fail(type) };
    case "opaque":
      return { opaque: value instanceof Uint8Array ? toHex(value) : fail(type) };
    case "struct":
      if (!(value instanceof Map)) return fail(type);
      return Object.fromEntries(
        type.fields.filter(({ name }) => value.has(name))
          .map((field) => [field.name, part(field.type, value.get(field.name))]),
      );
    case "slice":
    case "array":
      return Array.isArray(value) ? value.map((one) => part(type.elem, one)) : fail(type);
    case "map":
      return Array.isArray(value)
        ? value.map(([key, one]) => [part(type.key, key), part(type.elem, one)])
        : fail(type);
    default:
      return value;
  }
}

function fail(type: GobType): never {
  throw new Error(`a ${type.kind} has a value of another kind`);
}
