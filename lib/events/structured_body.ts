import { utf8, utf8Text } from "#kit";

/** Bytes kept of the channel name in a forward, on receipt as on send (messages.md 3.4). */
export const MAX_FORWARD_FROM = 64;

/** A text as people are to see it, with what was wrapped around it. */
export type VisibleBody =
  | { readonly kind: "plain"; readonly text: string }
  | {
    readonly kind: "reply";
    readonly text: string;
    readonly sender: string;
    readonly time: string;
    readonly preview: string;
  }
  | { readonly kind: "forward"; readonly text: string; readonly from: string };

/**
 * Unwraps an embedded quotation or forward (messages.md 3.4). Whatever is not exactly one of them
 * comes back untouched as `plain`; optional fields that are missing are empty.
 */
export function unwrapBody(raw: string): VisibleBody {
  const plain: VisibleBody = { kind: "plain", text: raw };
  const hasReply = raw.includes("skychat_reply");
  const hasForward = raw.includes("skychat_forward");
  if (!hasReply && !hasForward) return plain;
  const outer = parseObject(raw);
  if (outer === undefined) return plain;
  if (hasReply && isObject(outer.skychat_reply)) return replyOf(outer.skychat_reply) ?? plain;
  if (hasForward && isObject(outer.skychat_forward)) {
    return forwardOf(outer.skychat_forward) ?? plain;
  }
  return plain;
}

/** A file that a message of a group refers to; its bytes travel elsewhere (groups.md 2.3). */
export interface FileBody {
  /** Says which. */
  readonly kind: "file";
  /** `📎 <name>`, what people are to see. */
  readonly text: string;
  /** Never empty. */
  readonly id: string;
  /** Of the file, as its sender has it. */
  readonly name: string;
  /** Bytes, as the sender says. */
  readonly size: number;
}

/** {@link unwrapBody} for a message of a group, which can be a file as well. */
export function unwrapGroupBody(raw: string): VisibleBody | FileBody {
  const body = unwrapBody(raw);
  if (body.kind !== "plain" || !raw.includes("skychat_file")) return body;
  const inner = parseObject(raw)?.skychat_file;
  return (isObject(inner) ? fileOf(inner) : undefined) ?? body;
}

/** The longest beginning of a text that fits into `limit` UTF-8 bytes without splitting a character. */
export function cutToBytes(text: string, limit: number): string {
  const bytes = utf8(text);
  if (bytes.length <= limit) return text;
  let end = limit;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return utf8Text(bytes.subarray(0, end));
}

function replyOf(inner: JsonObject): VisibleBody | undefined {
  const text = optionalText(inner.text);
  const sender = optionalText(inner.to_sender);
  const time = optionalText(inner.to_ts);
  const preview = optionalText(inner.to_preview);
  if (
    text === undefined || sender === undefined || time === undefined || preview === undefined
  ) return undefined;
  return { kind: "reply", text, sender, time, preview };
}

function forwardOf(inner: JsonObject): VisibleBody | undefined {
  const text = optionalText(inner.text);
  const from = optionalText(inner.from);
  if (text === undefined || from === undefined) return undefined;
  return { kind: "forward", text, from: cutToBytes(from, MAX_FORWARD_FROM) };
}

function fileOf(inner: JsonObject): FileBody | undefined {
  const [id, name, size] = [optionalText(inner.id), optionalText(inner.name), inner.size ?? 0];
  if (id === undefined || id === "" || name === undefined) return undefined;
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) return undefined;
  return { kind: "file", text: `📎 ${name}`, id, name, size };
}

/** A text, or the empty one when absent or null; undefined when it has another JSON type. */
function optionalText(value: unknown): string | undefined {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : undefined;
}

type JsonObject = { readonly [key: string]: unknown };

function parseObject(raw: string): JsonObject | undefined {
  const text = raw.replace(/^[\t-\r ]+|[\t-\r ]+$/g, "");
  if (!text.startsWith("{")) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    return isObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
