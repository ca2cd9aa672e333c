import { toHex } from "#kit";
import { LeafFault } from "./leaf_fault.ts";
import {
  decodeMessageLeaf,
  type GroupMessage,
  messageDigest,
  verifyMessage,
} from "./message_leaf.ts";

const FORM = /^msgs\/([0-9a-f]{66})\/(0|[1-9][0-9]{0,18})\/([0-9]{1,20})$/;

/** Where a message stands: who wrote it, when by its author's clock, and its number there. */
export interface MessagePlace {
  /** 66 lower-case hex digits. */
  readonly sender: string;
  /** Unix nanoseconds. */
  readonly ts: bigint;
  /** Number of the leaf in the author's process, from 1; not signed. */
  readonly seq: bigint;
}

/** A message together with what a receiver needs to place it. */
export interface PlacedMessage {
  /** The leaf. */
  readonly message: GroupMessage;
  /** The number in its path. */
  readonly seq: bigint;
  /** Hex of its digest, by which copies are known. */
  readonly digest: string;
}

/** The path of a message in every feed that carries it (groups.md 1.5). */
export function groupMessagePath(
  place: { readonly sender: string; readonly ts: bigint; readonly seq: number | bigint },
): string {
  return `msgs/${place.sender}/${place.ts}/${place.seq}`;
}

/** Reads a message path; undefined unless it has exactly the form of groups.md 4.4. */
export function parseGroupMessagePath(path: string): MessagePlace | undefined {
  const [, sender, ts, seq] = FORM.exec(path) ?? [];
  if (sender === undefined || ts === undefined || seq === undefined) return undefined;
  return { sender, ts: BigInt(ts), seq: BigInt(seq) };
}

/**
 * Reads a message leaf and checks it against its path, all but the signature. For who knows that a
 * message with this digest was verified before: a copy of it needs no second recovery to be skipped.
 */
export function readMessageLeaf(path: string, value: Uint8Array): PlacedMessage | LeafFault {
  const read = placed(path, value);
  if (read instanceof LeafFault) return read;
  return { message: read.message, seq: read.seq, digest: toHex(read.digest) };
}

/**
 * Everything a receiver checks of a message leaf by itself: size, path, shape, that the path and the
 * leaf name the same sender and time, and the signature (groups.md 2.3, 4.3, 4.4).
 */
export function checkMessageLeaf(path: string, value: Uint8Array): PlacedMessage | LeafFault {
  const read = placed(path, value);
  if (read instanceof LeafFault) return read;
  const { message, seq, digest } = read;
  return verifyMessage(message, digest) ?? { message, seq, digest: toHex(digest) };
}

function placed(
  path: string,
  value: Uint8Array,
): { message: GroupMessage; seq: bigint; digest: Uint8Array } | LeafFault {
  const place = parseGroupMessagePath(path);
  if (place === undefined) return new LeafFault("bad-path", "no path of a message");
  const message = decodeMessageLeaf(value);
  if (message instanceof LeafFault) return message;
  if (message.sender !== place.sender) {
    return new LeafFault("bad-path", "the path names another sender than the leaf");
  }
  if (message.ts !== place.ts) {
    return new LeafFault("bad-path", "the path names another time than the leaf");
  }
  return { message, seq: place.seq, digest: messageDigest(message) };
}
