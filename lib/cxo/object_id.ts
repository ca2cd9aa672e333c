import { toHex } from "#kit";
import { sha256 } from "#crypto";

/**
 * Id of an object: 64 lower-case hex digits of the SHA-256 of its bytes (cxo.md 5.1). Text rather than
 * bytes, because ids are compared and looked up far more often than written.
 */
export type ObjectId = string;

/** Public key of a feed or a node: 66 lower-case hex digits. Not checked to be a point of the curve. */
export type KeyHex = string;

/** Bytes of an id. */
export const ID_BYTES = 32;

/** Largest encoded object in bytes (cxo.md 4.6). */
export const MAX_OBJECT_BYTES = 16_777_216;

/** The id that stands for "none". */
export const ZERO_ID: ObjectId = "0".repeat(2 * ID_BYTES);

/** One immutable object and the id it is stored under. */
export interface CxoObject {
  /** SHA-256 of the bytes. */
  readonly id: ObjectId;
  /** Its encoding. Not to be changed. */
  readonly bytes: Uint8Array;
  /** Ids of the objects that it names, as often as it names them; never the zero id. */
  readonly children: readonly ObjectId[];
}

/** The children of every object that names none: most do, so they share it. */
export const NO_CHILDREN: readonly ObjectId[] = Object.freeze([]);

/** Where objects are looked up: undefined for one that is not held. */
export type ObjectSource = (id: ObjectId) => Uint8Array | undefined;

/** The id of these bytes. */
export function objectId(bytes: Uint8Array): ObjectId {
  return toHex(sha256(bytes));
}

/** The bytes with their id, and what they name. */
export function objectOf(
  bytes: Uint8Array,
  children: readonly ObjectId[] = NO_CHILDREN,
): CxoObject {
  return { id: objectId(bytes), bytes, children };
}
