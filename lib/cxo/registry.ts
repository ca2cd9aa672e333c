import { NO_BYTES, utf8 } from "#kit";
import { Writer } from "./encoder.ts";
import { type CxoObject, objectOf } from "./object_id.ts";

/** Registered name of the type of one child in a tree (cxo.md 5.2). */
const TREE_ENTRY = "cxo.treestore.TreeEntry";
/** Registered name of the type of an inner node of a tree. */
const TREE_NODE = "cxo.treestore.TreeNode";

const REFERENCE_NONE = 0;
const REFERENCE_ONE = 1;
const REFERENCE_LIST = 2;

const KIND_UINT8 = 8;
const KIND_POINTER = 22;
const KIND_LIST = 23;
const KIND_STRING = 24;
const KIND_STRUCT = 25;

/** The parts of a schema that are not empty. */
interface Schema {
  readonly reference?: number;
  readonly kind: number;
  readonly name?: string;
  readonly fields?: readonly Uint8Array[];
  readonly element?: Uint8Array;
}

function encodeSchema(schema: Schema): Uint8Array {
  const { reference = REFERENCE_NONE, kind, name = "", fields = [], element = NO_BYTES } = schema;
  // The zero is the length of an array type, and the tree store has none.
  const writer = new Writer().u32(reference).u32(kind).text(name).u32(0);
  return writer.list(fields, (field) => writer.bytes(field)).bytes(element).finish();
}

function encodeField(name: string, schema: Uint8Array, tag = ""): Uint8Array {
  return new Writer().bytes(utf8(name)).bytes(utf8(tag)).u32(0).bytes(schema).finish();
}

/** A field that points to objects of a registered type, which stands there in its short form. */
function encodeReference(name: string, reference: number, target: string): Uint8Array {
  const element = encodeSchema({ kind: KIND_STRUCT, name: target });
  const schema = encodeSchema({ reference, kind: KIND_POINTER, element });
  return encodeField(name, schema, `skyobject:"schema=${target}"`);
}

const text = encodeSchema({ kind: KIND_STRING, name: "string" });
const uint8 = encodeSchema({ kind: KIND_UINT8, name: "uint8" });

const treeEntry = encodeSchema({
  kind: KIND_STRUCT,
  name: TREE_ENTRY,
  fields: [
    encodeField("Name", text),
    encodeReference("Sub", REFERENCE_ONE, TREE_NODE),
    encodeField("Leaf", encodeSchema({ kind: KIND_LIST, element: uint8 })),
  ],
});

const treeNode = encodeSchema({
  kind: KIND_STRUCT,
  name: TREE_NODE,
  fields: [encodeReference("Children", REFERENCE_LIST, TREE_ENTRY)],
});

/** The schema of a child in a tree; its id is what a Dynamic would name. */
export const TREE_ENTRY_SCHEMA: CxoObject = objectOf(treeEntry);

/** The schema of an inner node; its id stands in every Root of the tree store. */
export const TREE_NODE_SCHEMA: CxoObject = objectOf(treeNode);

/**
 * The one Registry that the tree store and skychat use: 564 bytes, built from the rules of cxo.md 5.2.
 * It is served like any object, and Roots that name another are refused.
 */
export const REGISTRY: CxoObject = objectOf(encodeRegistry());

function encodeRegistry(): Uint8Array {
  const types = [{ name: TREE_ENTRY, schema: treeEntry }, { name: TREE_NODE, schema: treeNode }];
  const writer = new Writer();
  return writer.list(types, ({ name, schema }) => writer.text(name).bytes(schema)).finish();
}
