import { PUBLIC_KEY_LENGTH, type SecretKey, sha256 } from "#crypto";
import { NO_BYTES, toHex, utf8 } from "#kit";
import { LeafFault } from "./leaf_fault.ts";
import { isUnsigned, signCanonical, verifyCanonical } from "./signing.ts";
import {
  keyBytes,
  readWire,
  undecodable,
  wireBytes,
  wireKey,
  wireText,
  wireTime,
  ZERO_TIME,
} from "./wire_json.ts";

/** The body of a liveness probe: never shown, never mirrored (groups.md 2.3). */
export const HEARTBEAT_TEXT = "__skychat_group_heartbeat__";

/** A message of a group as its leaf has it (groups.md 2.3). */
export interface GroupMessage {
  /** Who wrote it: 66 hex digits. */
  readonly sender: string;
  /** The author's clock, Unix nanoseconds. */
  readonly ts: bigint;
  /** The body, well-formed; empty in a private group. */
  readonly text: string;
  /** The sealed body of a private group, else empty. */
  readonly ciphertext: Uint8Array;
  /** The nonce of the sealed body, else empty. */
  readonly nonce: Uint8Array;
  /** 65 bytes: r, s, recovery id; zeros when unsigned. */
  readonly signature: Uint8Array;
}

/** What an author puts into a message: a text, or a sealed body with its nonce. */
export interface MessageContent {
  /** Unix nanoseconds, not before 1970. */
  readonly ts: bigint;
  /** The plain body; what is not well-formed in it is replaced before signing. */
  readonly text?: string;
  /** The sealed body. */
  readonly ciphertext?: Uint8Array;
  /** The nonce of the sealed body, 12 bytes. */
  readonly nonce?: Uint8Array;
}

const VERSION = 1;
const TIME_AT = 1 + PUBLIC_KEY_LENGTH;
const HEAD_BYTES = TIME_AT + 8;
const LENGTH_BYTES = 4;
const LATEST = 2n ** 63n - 1n;

/**
 * Signs a message as its author.
 *
 * @throws {RangeError} for a time before 1970 or beyond 64 bits.
 */
export function signMessage(secret: SecretKey, content: MessageContent): GroupMessage {
  const { ts, text = "", ciphertext = NO_BYTES, nonce = NO_BYTES } = content;
  if (ts < 0n || ts > LATEST) throw new RangeError(`Cannot sign a message dated ${ts}`);
  const sender = secret.publicKey.hex;
  const body = { sender, ts, text: text.toWellFormed(), ciphertext, nonce };
  return { ...body, signature: signCanonical(secret, messageDigest(body)) };
}

/** The JSON of a message in the key order of groups.md 2.3. */
export function encodeMessageLeaf(message: GroupMessage): Uint8Array {
  const { sender, ts, text, ciphertext, nonce, signature } = message;
  let json = `{"sender_pk":${wireKey(sender)},"ts":${wireTime(ts)}`;
  if (text !== "") json += `,"text":${wireText(text)}`;
  if (ciphertext.length > 0) json += `,"ciphertext":${wireBytes(ciphertext)}`;
  if (nonce.length > 0) json += `,"nonce":${wireBytes(nonce)}`;
  return utf8(`${json},"signature":"${toHex(signature)}"}`);
}

/** Reads a message leaf: shapes only, and that it names a sender and a time. */
export function decodeMessageLeaf(bytes: Uint8Array): GroupMessage | LeafFault {
  const fields = readWire(bytes);
  if (fields instanceof LeafFault) return fields;
  const sender = fields.digits("sender_pk");
  const ts = fields.time("ts");
  const text = fields.text("text");
  const ciphertext = fields.bytes("ciphertext");
  const nonce = fields.bytes("nonce");
  const signature = fields.signature("signature");
  if (sender === undefined) return undecodable("sender_pk");
  if (ts === undefined) return undecodable("ts");
  if (text === undefined) return undecodable("text");
  if (ciphertext === undefined || nonce === undefined) return undecodable("ciphertext or nonce");
  if (signature === undefined) return undecodable("signature");
  if (sender === "") return new LeafFault("missing-field", "group: leaf missing sender_pk");
  if (ts === ZERO_TIME) return new LeafFault("missing-field", "group: leaf missing ts");
  return { sender, ts, text, ciphertext, nonce, signature };
}

/**
 * SHA-256 of the canonical bytes of a message, the `digest1` of groups.md 2.2: what is signed, and
 * what tells two messages apart. It covers neither the signature nor the path.
 */
export function messageDigest(message: Omit<GroupMessage, "signature">): Uint8Array {
  const text = utf8(message.text);
  const parts = [text, message.ciphertext, message.nonce];
  const length = parts.reduce((sum, part) => sum + LENGTH_BYTES + part.length, HEAD_BYTES);
  const canonical = new Uint8Array(length);
  const view = new DataView(canonical.buffer);
  canonical[0] = VERSION;
  canonical.set(keyBytes(message.sender), 1);
  view.setBigUint64(TIME_AT, BigInt.asUintN(64, message.ts));
  let at = HEAD_BYTES;
  for (const part of parts) {
    view.setUint32(at, part.length);
    canonical.set(part, at + LENGTH_BYTES);
    at += LENGTH_BYTES + part.length;
  }
  return sha256(canonical);
}

/**
 * Checks that the sender signed a message; an unsigned one is refused, which deployed peers are not
 * that strict about (groups.md 2.3). Undefined when it holds.
 *
 * @param digest its {@link messageDigest}, for who has it already.
 */
export function verifyMessage(
  message: GroupMessage,
  digest: Uint8Array = messageDigest(message),
): LeafFault | undefined {
  if (isUnsigned(message.signature)) {
    return new LeafFault("unsigned", "group: leaf unsigned (legacy publisher)");
  }
  return verifyCanonical(message.sender, message.signature, digest)
    ? undefined
    : new LeafFault("bad-signature", "group: leaf bad signature");
}
