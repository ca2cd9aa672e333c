import type { GobGiven, GobStructType, GobType, GobValue } from "#visor";
import { STRING, UINT } from "../../lib/visor/visor_types.ts";

/** A call that an app has made. */
export interface MiniCall {
  /** Proc key of the app. */
  readonly app: string;
  readonly method: string;
  /** The argument: a number, a text, or an object of a struct's fields that were on the wire. */
  readonly argument: unknown;
}

/** Trouble with a connection as a visor reports it inside an answer. */
export interface MiniIoError {
  readonly text: string;
  readonly isNet?: boolean;
  readonly isTimeout?: boolean;
}

/** The result of a call: a value of a type. */
export interface MiniResult {
  readonly type: GobType;
  readonly value: GobGiven;
}

/** What a mini visor can be told to do with a call instead of what it is for. */
export type MiniReaction =
  /** Never answer. */
  | "hang"
  /** Close the connection of the app, as a visor that dies does. */
  | "die"
  /** Answer as usual, once this resolves: so that answers come in another order. */
  | { readonly after: Promise<unknown> }
  /** Fail the call: an error in the header. */
  | { readonly error: string }
  /** `Read` and `Write`: an error inside the answer, after some bytes. */
  | { readonly io: MiniIoError; readonly bytes?: Uint8Array; readonly count?: number }
  /** Answer with this. */
  | { readonly result: MiniResult }
  /** Send these bytes instead of an answer. */
  | { readonly raw: Uint8Array };

/** Fields that no client knows yet, of kinds that it must be able to skip (visor.md 4.4). */
const NEWER: GobStructType = {
  kind: "struct",
  name: "Newer",
  fields: [
    { name: "Hops", type: { kind: "slice", name: "", elem: UINT } },
    { name: "Labels", type: { kind: "map", name: "", key: STRING, elem: { kind: "float" } } },
    { name: "When", type: { kind: "opaque", flavour: "text", name: "Stamp" } },
  ],
};
const NEWER_VALUE: GobGiven = {
  Hops: [1, 2, 300],
  Labels: [["a", 0.5]],
  When: Uint8Array.of(1, 2, 3),
};
const extended = new Map<GobType, GobType>();

/** A type with fields before and after those that everybody knows, in other places too. */
function extend(type: GobType): GobType {
  if (type.kind !== "struct" || type.fields.length === 0) return type;
  let wider = extended.get(type);
  if (wider === undefined) {
    const fields = type.fields.map((field) => ({ name: field.name, type: extend(field.type) }));
    const [before, after] = [{ name: "Before", type: NEWER }, { name: "After", type: NEWER }];
    wider = { kind: "struct", name: type.name, fields: [before, ...fields.toReversed(), after] };
    extended.set(type, wider);
  }
  return wider;
}

/** A result as a visor newer than ours gives it. */
export function newerResult({ type, value }: MiniResult): MiniResult {
  const wider = extend(type);
  if (wider === type || !isRecord(value)) return { type, value };
  return { type: wider, value: { ...value, Before: NEWER_VALUE, After: NEWER_VALUE } };
}

function isRecord(value: GobGiven): value is Readonly<Record<string, GobGiven | undefined>> {
  return typeof value === "object" && !Array.isArray(value) && !(value instanceof Uint8Array) &&
    !(value instanceof Map);
}

/** A decoded value as tests compare it: numbers, texts, octets, and objects for structs. */
export function plain(value: GobValue): unknown {
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([name, field]) => [name, plain(field)]));
  }
  return value instanceof Uint8Array ? value.slice() : value;
}
