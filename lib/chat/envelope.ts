import { utf8, utf8Text } from "#kit";

/** What a payload turned out to be (messages.md 2). Fields that were absent or null are empty. */
export type Classified =
  | {
    readonly kind: "text";
    /** The whole payload, untrimmed; invalid UTF-8 shows as U+FFFD. */
    readonly text: string;
    /** Bytes of the payload. */
    readonly length: number;
  }
  | {
    readonly kind: "message";
    readonly id: string;
    readonly body: string;
    readonly ack: boolean;
    readonly replyTo: string;
  }
  | { readonly kind: "receipt"; readonly status: "received" | "read"; readonly id: string }
  | { readonly kind: "delete"; readonly id: string }
  | { readonly kind: "pair-control"; readonly type: string }
  | { readonly kind: "file-request"; readonly fileId: string };

/** A message with an identity, as its sender writes it. */
export interface OutgoingMessage {
  /** Never empty in practice. */
  readonly id: string;
  /** The text; left out when empty. */
  readonly body: string;
  /** Ask for a `chat-ack`. */
  readonly ack?: boolean;
  /** Id of the quoted message. */
  readonly replyTo?: string | undefined;
}

/**
 * Says what a payload is, by its content alone. Whatever is not exactly one of the known objects is
 * text; nothing a peer sends makes this throw.
 */
export function classify(payload: Uint8Array): Classified {
  return envelopeOf(payload) ??
    { kind: "text", text: utf8Text(payload), length: payload.length };
}

/** A `chat-msg` (messages.md 3). Empty fields are left out, except for the id. */
export function encodeMessage(message: OutgoingMessage): Uint8Array {
  return utf8(JSON.stringify({
    type: "chat-msg",
    id: message.id,
    body: message.body || undefined,
    ack: message.ack || undefined,
    reply_to: message.replyTo || undefined,
  }));
}

/** A `chat-ack` (messages.md 4.1). */
export function encodeAck(id: string): Uint8Array {
  return encodeReference("chat-ack", id);
}

/** A `chat-read` (messages.md 4.2). */
export function encodeRead(id: string): Uint8Array {
  return encodeReference("chat-read", id);
}

/** A `chat-delete` (messages.md 4.6). */
export function encodeDelete(id: string): Uint8Array {
  return encodeReference("chat-delete", id);
}

function encodeReference(type: string, id: string): Uint8Array {
  return utf8(`{"type":"${type}","id":${JSON.stringify(id)}}`);
}

type JsonObject = { readonly [key: string]: unknown };

const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

function envelopeOf(payload: Uint8Array): Classified | undefined {
  let start = 0;
  let end = payload.length;
  while (start < end && isWhitespace(payload[start])) start++;
  while (end > start && isWhitespace(payload[end - 1])) end--;
  // Most messages are plain text, and this spares them the parser.
  if (payload[start] !== OPENING_BRACE || payload[end - 1] !== CLOSING_BRACE) return undefined;
  const object = parseObject(utf8Text(payload.subarray(start, end)));
  switch (object?.type) {
    case "chat-msg":
    case "chat-ack":
    case "chat-read":
    case "chat-delete":
      return chatFrame(object, object.type);
    case "pair-invite":
    case "pair-ack":
    case "pair-decline":
      if (textOf(object.from_pk) === undefined) return undefined;
      return { kind: "pair-control", type: object.type };
    case "file-request":
      return fileRequest(object);
    default:
      return undefined;
  }
}

/** Every chat frame has the same known keys, and each of them must have its JSON type. */
function chatFrame(
  object: JsonObject,
  type: "chat-msg" | "chat-ack" | "chat-read" | "chat-delete",
): Classified | undefined {
  const id = textOf(object.id);
  const body = textOf(object.body);
  const replyTo = textOf(object.reply_to);
  const ack = object.ack ?? false;
  if (id === undefined || body === undefined || replyTo === undefined) return undefined;
  if (typeof ack !== "boolean") return undefined;
  if (type === "chat-msg") return { kind: "message", id, body, ack, replyTo };
  if (type === "chat-delete") return { kind: "delete", id };
  return { kind: "receipt", status: type === "chat-ack" ? "received" : "read", id };
}

function fileRequest(object: JsonObject): Classified | undefined {
  const fileId = textOf(object.file_id);
  if (fileId === undefined || fileId === "") return undefined;
  if (textOf(object.file_name) === undefined) return undefined;
  return { kind: "file-request", fileId };
}

/** A text, or the empty one when absent or null; undefined when it has another JSON type. */
function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : undefined;
}

/** The object that a text starting with a brace is; undefined when it is not JSON. */
function parseObject(text: string): JsonObject | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** ASCII whitespace: tab, LF, VT, FF, CR, space. */
function isWhitespace(byte: number | undefined): boolean {
  return byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d);
}
