import { sha256 } from "#crypto";
import { concat, toHex, utf8 } from "#kit";

/** Folder of the messages in a feed (cxo.md 7.2). */
const FOLDER = "msgs/";
const NANOS_DIGITS = 19;
const COUNTER_DIGITS = 6;

/** The path of a message: when it was written, Unix nanoseconds, and its number in this process, from 1. */
export function messagePath(wall: bigint, counter: number): string {
  const nanos = wall.toString().padStart(NANOS_DIGITS, "0");
  return `${FOLDER}${nanos}-${String(counter).padStart(COUNTER_DIGITS, "0")}`;
}

/** When the message of a path was written, as its writer says; undefined for other paths. */
export function writtenAt(path: string): bigint | undefined {
  const nanos = /^msgs\/([0-9]{19})-[0-9]{6,16}$/.exec(path)?.[1];
  return nanos === undefined ? undefined : BigInt(nanos);
}

/** A path before which everything written earlier stands. */
export function pathAt(wall: bigint): string {
  return messagePath(wall, 0);
}

/** Digits of a message id (messages.md 3.1). */
const ID_DIGITS = 16;

/**
 * The id of the message in a leaf of a feed. Nothing on the wire has one; this is the same at every node and
 * after every restart, so that a message can be named.
 */
export function messageId(feed: string, path: string, value: Uint8Array): string {
  return toHex(sha256(concat(utf8(`${feed}/${path}/`), value))).slice(0, ID_DIGITS);
}
