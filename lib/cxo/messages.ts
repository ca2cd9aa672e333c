import { utf8Text } from "#kit";
import { PUBLIC_KEY_LENGTH, SIGNATURE_LENGTH } from "#crypto";
import { decodeWhole, type Reader, Writer } from "./encoder.ts";
import { CxoFault } from "./fault.ts";
import { ID_BYTES, type KeyHex, MAX_OBJECT_BYTES, type ObjectId } from "./object_id.ts";

/** The protocol version of a Syn (cxo.md 4.2). */
export const CXO_PROTOCOL = 3;
/** Most keys of a List and most entries of a Peers that we read (ours). */
export const MAX_LISTED = 65_536;
/** Longest text or metadata field of a node message in bytes that we read (ours). */
export const MAX_FIELD_BYTES = 65_536;
/** Longest encoded Root in bytes; one of the tree store has 193 (ours). */
export const MAX_ROOT_BYTES = 65_536;

/** One entry of a Peers answer. */
export interface CxoPeer {
  /** Node id. */
  readonly key: KeyHex;
  /** Opaque. */
  readonly metadata: Uint8Array;
  /** `host:port` or empty. */
  readonly tcp: string;
  /** `host:port` or empty. */
  readonly udp: string;
}

/** A pushed Root, or the answer to RqPreview: unchecked, see `acceptRoot`. */
export interface RootMessage {
  /** The type. */
  readonly type: "Root";
  /** Whose feed. */
  readonly feed: KeyHex;
  /** Which head of the feed. */
  readonly nonce: bigint;
  /** Its place in the chain of that head. */
  readonly seq: bigint;
  /** The encoded Root. */
  readonly value: Uint8Array;
  /** 65 bytes over the SHA-256 of the value. */
  readonly signature: Uint8Array;
}

/** The sixteen node messages of cxo.md 4.2. Byte fields of decoded ones are views of the body. */
export type CxoMessage =
  | { readonly type: "Ping" | "Pong" | "Ok" | "RqList" }
  | { readonly type: "Syn"; readonly protocol: number; readonly nodeId: KeyHex }
  | { readonly type: "Ack"; readonly nodeId: KeyHex }
  | { readonly type: "Err"; readonly text: string }
  | { readonly type: "Sub" | "Unsub" | "RqPreview" | "RqPeers"; readonly feed: KeyHex }
  | { readonly type: "List"; readonly feeds: readonly KeyHex[] }
  | RootMessage
  | { readonly type: "RqObject"; readonly id: ObjectId }
  | { readonly type: "Object"; readonly value: Uint8Array }
  | { readonly type: "Peers"; readonly feed: KeyHex; readonly peers: readonly CxoPeer[] };

/** Name of a node message. */
export type CxoMessageType = CxoMessage["type"];

/** The type bytes of the wire are the places in this list, from 1. */
const TYPES: readonly CxoMessageType[] = [
  "Ping",
  "Pong",
  "Syn",
  "Ack",
  "Ok",
  "Err",
  "Sub",
  "Unsub",
  "RqList",
  "List",
  "Root",
  "RqObject",
  "Object",
  "RqPreview",
  "RqPeers",
  "Peers",
];

/**
 * Type byte and fields: the body of a frame.
 *
 * @throws {RangeError} for keys and ids of a wrong length.
 */
export function encodeMessage(message: CxoMessage): Uint8Array {
  const writer = new Writer().u8(TYPES.indexOf(message.type) + 1);
  switch (message.type) {
    case "Syn":
      writer.u16(message.protocol);
      return key(writer, message.nodeId).finish();
    case "Ack":
      return key(writer, message.nodeId).finish();
    case "Err":
      return writer.text(message.text).finish();
    case "Sub":
    case "Unsub":
    case "RqPreview":
    case "RqPeers":
      return key(writer, message.feed).finish();
    case "List":
      return writer.list(message.feeds, (feed) => key(writer, feed)).finish();
    case "Root":
      return writeRoot(writer, message).finish();
    case "RqObject":
      return writer.fixed(sized(Uint8Array.fromHex(message.id), ID_BYTES)).finish();
    case "Object":
      return writer.bytes(message.value).finish();
    case "Peers":
      key(writer, message.feed);
      return writer.list(message.peers, (peer) => writePeer(writer, peer)).finish();
    default:
      return writer.finish();
  }
}

/**
 * Reads the body of a frame; it must be consumed exactly (cxo.md 3).
 *
 * Texts become U+FFFD where they are not UTF-8. Keys are not checked to be points of the curve.
 */
export function decodeMessage(body: Uint8Array): CxoMessage | CxoFault {
  return decodeWhole(body, (reader) => {
    const number = reader.u8();
    const type = TYPES[number - 1];
    if (type === undefined) throw new CxoFault("invalid-value", `message type ${number}`);
    return readFields(type, reader);
  });
}

function readFields(type: CxoMessageType, reader: Reader): CxoMessage {
  const readKey = () => reader.hex(PUBLIC_KEY_LENGTH);
  switch (type) {
    case "Syn":
      return { type, protocol: reader.u16(), nodeId: readKey() };
    case "Ack":
      return { type, nodeId: readKey() };
    case "Err":
      return { type, text: readText(reader) };
    case "Sub":
    case "Unsub":
    case "RqPreview":
    case "RqPeers":
      return { type, feed: readKey() };
    case "List":
      return { type, feeds: reader.list(readKey, { most: MAX_LISTED, least: PUBLIC_KEY_LENGTH }) };
    case "Root":
      return readRoot(reader);
    case "RqObject":
      return { type, id: reader.hex(ID_BYTES) };
    case "Object":
      return { type, value: reader.bytes({ most: MAX_OBJECT_BYTES }) };
    case "Peers":
      return { type, feed: readKey(), peers: readPeers(reader) };
    default:
      return { type };
  }
}

function key(writer: Writer, digits: KeyHex): Writer {
  return writer.fixed(sized(Uint8Array.fromHex(digits), PUBLIC_KEY_LENGTH));
}

function sized(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length === length) return bytes;
  throw new RangeError(`Cannot encode ${bytes.length} bytes where ${length} belong`);
}

function writeRoot(writer: Writer, message: RootMessage): Writer {
  key(writer, message.feed).u64(message.nonce).u64(message.seq).bytes(message.value);
  return writer.fixed(sized(message.signature, SIGNATURE_LENGTH));
}

function readRoot(reader: Reader): RootMessage {
  return {
    type: "Root",
    feed: reader.hex(PUBLIC_KEY_LENGTH),
    nonce: reader.u64(),
    seq: reader.u64(),
    value: reader.bytes({ most: MAX_ROOT_BYTES }),
    signature: reader.fixed(SIGNATURE_LENGTH),
  };
}

function writePeer(writer: Writer, peer: CxoPeer): void {
  key(writer, peer.key).bytes(peer.metadata).text(peer.tcp).text(peer.udp);
}

function readPeers(reader: Reader): CxoPeer[] {
  const readPeer = () => ({
    key: reader.hex(PUBLIC_KEY_LENGTH),
    metadata: reader.bytes({ most: MAX_FIELD_BYTES }),
    tcp: readText(reader),
    udp: readText(reader),
  });
  // Behind the key stand three lengths of four bytes each.
  return reader.list(readPeer, { most: MAX_LISTED, least: PUBLIC_KEY_LENGTH + 12 });
}

function readText(reader: Reader): string {
  return utf8Text(reader.bytes({ most: MAX_FIELD_BYTES }));
}
