/** The vectors of cxo.md 10, typed as far as these tests look at them. */
import { fromHex } from "#kit";
import { CxoFault } from "#cxo";
import text from "../vectors/cxo.json" with { type: "json" };

/** One object of a tree. */
export interface VectorObject {
  label: string;
  hash: string;
  size: number;
  hex: string;
}

/** One tree with its objects. */
export interface VectorTree {
  name: string;
  leaves: { path: string; value_utf8: string }[] | null;
  root_tree_node_hash: string;
  object_count: number;
  objects_in_creation_order: VectorObject[];
}

/** One Root. */
export interface VectorRoot {
  name: string;
  tree: string;
  refs: { hash: string; schema: string }[];
  descriptor: string;
  reg: string;
  pub: string;
  nonce: number;
  seq: number;
  time: string;
  prev: string;
  encoded_hex: string;
  hash: string;
  sig_hex: string;
}

interface Vectors {
  keys: Record<"publisher" | "subscriber_node", { secret: string; public: string }>;
  encoder: { name: string; fields: [string, unknown][]; hex: string }[];
  registry: { encoded_hex: string; ref: string; schemas: { encoded_hex: string; ref: string }[] };
  trees: VectorTree[];
  refs_boundaries: {
    elements: number;
    refs_hash: string;
    refs_object_header_hex?: string;
    refs_object_size?: number;
    stored_objects: number;
  }[];
  roots: VectorRoot[];
  fill: { root: string; requests: number; order: string[]; note?: string }[];
  messages: { name: string; type: number; body_hex: string; fields: Record<string, unknown> }[];
  frames: { name: string; seq: number; rseq: number; hex: string }[];
  transcript: { dir: string; seq: number; rseq: number; note: string; hex: string }[];
  negative: {
    messages: { name: string; body_hex: string }[];
    roots: { name: string; feed: string; value_hex: string; sig_hex: string }[];
  };
}

// The file's own types are those of its values; the ones above are those of its documentation.
export const vectors: Vectors = text as unknown as Vectors;

/** Bytes of hex that a test knows to be hex. */
export function bytes(hex: string): Uint8Array {
  const found = fromHex(hex);
  if (found === undefined) throw new Error(`not hex: ${hex.slice(0, 40)}`);
  return found;
}

/** The value, when a test knows that there is one. */
export function sound<T>(value: T | CxoFault): T {
  if (value instanceof CxoFault) throw value;
  return value;
}

/** The code of a fault, undefined for a value. */
export function faultCode(value: unknown): string | undefined {
  return value instanceof CxoFault ? value.code : undefined;
}

/** The element of a list by its name. */
export function named<T extends { name: string }>(list: readonly T[], name: string): T {
  const found = list.find((element) => element.name === name);
  if (found === undefined) throw new Error(`no vector ${name}`);
  return found;
}
