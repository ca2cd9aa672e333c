import { utf8Text } from "#kit";
import { decodeWhole, Writer } from "./encoder.ts";
import { CxoFault } from "./fault.ts";
import { ID_BYTES, MAX_OBJECT_BYTES, type ObjectId, ZERO_ID } from "./object_id.ts";

/** Longest path in bytes (ours). */
export const MAX_PATH_BYTES = 4_096;
/** Most segments of a path (ours; groups use four). */
export const MAX_PATH_SEGMENTS = 32;

/** What an entry takes beside its name and its leaf: two lengths and an id. */
export const ENTRY_OVERHEAD_BYTES: number = 4 + ID_BYTES + 4;

/**
 * Bytes as text, one character of 0 to 255 for each. JavaScript compares such texts in byte order, as
 * names must be sorted; its order for real text differs outside the basic plane.
 */
export type ByteText = string;

/** One child of an inner node (cxo.md 6.2). */
export interface TreeEntry {
  /** The name: the bytes of one segment. */
  readonly name: ByteText;
  /** The TreeNode below, or zero. */
  readonly sub: ObjectId;
  /** The value; if it is not empty, this is a leaf whatever `sub` says. */
  readonly leaf: Uint8Array;
}

/** The encoding of a child. */
export function encodeTreeEntry({ name, sub, leaf }: TreeEntry): Uint8Array {
  return new Writer().bytes(bytesOfText(name)).hex(sub).bytes(leaf).finish();
}

/** Reads a child. A name that is no segment is a fault; the leaf is a view of the bytes. */
export function decodeTreeEntry(bytes: Uint8Array): TreeEntry | CxoFault {
  return decodeWhole(bytes, (reader) => {
    const name = byteText(reader.bytes({ most: MAX_PATH_BYTES }));
    if (name === "" || name.includes("/")) {
      throw new CxoFault("invalid-value", "a name in the tree is empty or has a slash");
    }
    const sub = reader.hex(ID_BYTES);
    return { name, sub, leaf: reader.bytes({ most: MAX_OBJECT_BYTES }) };
  });
}

/** The encoding of an inner node: the id of its Refs. */
export function encodeTreeNode(children: ObjectId): Uint8Array {
  return new Writer().hex(children).finish();
}

/** Reads an inner node: the id of its Refs, or undefined when it has no children. */
export function decodeTreeNode(bytes: Uint8Array): ObjectId | undefined | CxoFault {
  const children = decodeWhole(bytes, (reader) => reader.hex(ID_BYTES));
  return children === ZERO_ID ? undefined : children;
}

/** Most arguments of one call. */
const PIECE = 4_096;

/** Bytes as {@link ByteText}: in one call where that is possible, which is faster and gives a flat text. */
export function byteText(bytes: Uint8Array): ByteText {
  if (bytes.length <= PIECE) return Reflect.apply(String.fromCharCode, undefined, bytes);
  let text = "";
  for (let start = 0; start < bytes.length; start += PIECE) {
    text += byteText(bytes.subarray(start, start + PIECE));
  }
  return text;
}

/** The bytes of a {@link ByteText}. */
export function bytesOfText(text: ByteText): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes;
}

/** Bytes as the text that people read; what is not UTF-8 becomes U+FFFD. */
export function readableText(text: ByteText): string {
  return utf8Text(bytesOfText(text));
}
