import { equalBytes } from "#kit";
import { type CxoObject, NO_CHILDREN, type ObjectId } from "./object_id.ts";
import { bytesOfText, type ByteText, byteText } from "./tree_objects.ts";

/**
 * Byte arrays up to this size are kept as text. An array of 100 bytes takes 600, most of it outside of the
 * heap, and a feed has one such value for each message.
 */
const MAX_TEXT_BYTES = 1_024;

/** Bytes as they are kept for long: small ones as text. */
export type CompactBytes = Uint8Array | ByteText;

/** Bytes to be kept: a copy of small ones, the array itself of others. */
export function compact(bytes: Uint8Array): CompactBytes {
  return bytes.length > MAX_TEXT_BYTES ? bytes : byteText(bytes);
}

/** The bytes; small ones are made anew for each call. */
export function expanded(data: CompactBytes): Uint8Array {
  return typeof data === "string" ? bytesOfText(data) : data;
}

/** Whether both are the same bytes. */
export function sameBytes(a: CompactBytes, b: CompactBytes): boolean {
  if (typeof a === "string" || typeof b === "string") return a === b;
  return equalBytes(a, b);
}

/** An object whose bytes are kept so; they are made anew for each look at them. */
export class CompactObject implements CxoObject {
  readonly id: ObjectId;
  readonly data: CompactBytes;
  readonly children: readonly ObjectId[];

  constructor(id: ObjectId, data: CompactBytes, children: readonly ObjectId[] = NO_CHILDREN) {
    this.id = id;
    this.data = data;
    this.children = children;
  }

  get bytes(): Uint8Array {
    return expanded(this.data);
  }
}
