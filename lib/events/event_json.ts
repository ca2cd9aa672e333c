import { rfc3339 } from "#kit";
import { type GroupDelete, isAhead, type MessageEvent, type StatusEvent } from "./event.ts";
import { unwrapBody, unwrapGroupBody } from "./structured_body.ts";

/**
 * One `/sse` message: the keys of http-api.md 5.3 in alphabetical order, structured bodies unwrapped,
 * no channel. `ts` is the text that `/events` and the stored record have, so that a reader can tell that
 * they are one message; a message of a group has its author's time besides.
 */
export function legacyMessageLine(event: MessageEvent): string {
  const body = event.groupId === undefined ? unwrapBody(event.text) : unwrapGroupBody(event.text);
  const reply = body.kind === "reply" ? body : undefined;
  const forward = body.kind === "forward" ? body : undefined;
  const file = body.kind === "file" ? body : undefined;
  const line = oneLine({
    ahead: isAhead(event) || undefined,
    dir: event.direction,
    file_id: wellFormed(file?.id),
    file_name: wellFormed(file?.name),
    file_size: file?.size,
    forward_from: wellFormed(forward?.from),
    forwarded: forward === undefined ? undefined : true,
    group_id: wellFormed(event.groupId),
    id: event.id.toWellFormed(),
    len: event.length,
    listed: event.listed,
    message: body.text.toWellFormed(),
    msg_ts: timeText(event.sentAt),
    network: event.network,
    reply_to_id: wellFormed(event.replyTo),
    reply_to_preview: wellFormed(reply?.preview),
    reply_to_sender: wellFormed(reply?.sender),
    reply_to_ts: wellFormed(reply?.time),
    request: event.request || undefined,
    sender: event.sender,
    to: event.direction === "out" ? event.to : undefined,
    ts: rfc3339(event.wall),
  });
  return closed(line, nanoField("ts_nano", event.sentAt));
}

/** One `/sse` retraction in a group (groups.md 6.3). */
export function groupDeleteLine(event: GroupDelete): string {
  const line = oneLine({
    channel: "group-delete",
    group_id: event.groupId.toWellFormed(),
    deleted_by: event.deletedBy,
  });
  return closed(line, nanoField("deleted_ts_nano", event.deletedTs));
}

/** One `/sse` delivery status (http-api.md 5.3). */
export function statusLine(event: StatusEvent): string {
  return oneLine({
    channel: "dm-status",
    id: event.id.toWellFormed(),
    peer: event.peer,
    status: event.status,
  });
}

/**
 * One `/events` message: the keys and the order of http-api.md 6, text as it was sent; then, of a
 * message of a group, whether its author was listed and the author's time (groups.md 6.3). With `kept` false
 * it says that its number may come again after a restart.
 */
export function structuredMessageLine(
  event: MessageEvent,
  seq: number,
  { kept = true }: { kept?: boolean } = {},
): string {
  const line = oneLine({
    seq,
    id: event.id.toWellFormed(),
    ts: rfc3339(event.wall),
    channel: event.channel,
    transport: event.network,
    dir: event.direction,
    from: wellFormed(event.sender),
    to: wellFormed(event.to),
    group_id: wellFormed(event.groupId),
    text: event.text.toWellFormed(),
    reply_to_id: wellFormed(event.replyTo),
    len: event.length,
    request: event.request || undefined,
    listed: event.listed,
    ahead: isAhead(event) || undefined,
    msg_ts: timeText(event.sentAt),
  });
  return closed(line, nanoField("ts_nano", event.sentAt) + (kept ? "" : NOT_KEPT));
}

/** What a text ends with that has a passing number. Within a string its quotes would be escaped. */
const NOT_KEPT = ',"kept":false';

/**
 * The number at the start of an `/events` text, after which a client may resume; undefined when it has
 * none, or one that may come again after a restart.
 */
export function resumableSeqOf(line: string): number | undefined {
  if (line.endsWith(`${NOT_KEPT}}`)) return undefined;
  const digits = /^\{"seq":([0-9]{1,16})[,}]/.exec(line)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The group of an `/events` text; undefined when it has none. Nothing within a string looks like it. */
export function groupOfLine(line: string): string | undefined {
  const text = /,"group_id":("(?:[^"\\]|\\.)*")/.exec(line)?.[1];
  const group: unknown = text === undefined ? undefined : JSON.parse(text);
  return typeof group === "string" ? group : undefined;
}

/** The author's time in an `/events` text, to the nanosecond; undefined when it has none. */
export function sentAtOfLine(line: string): bigint | undefined {
  const digits = /,"ts_nano":(-?[0-9]{1,19})[,}]/.exec(line)?.[1];
  return digits === undefined ? undefined : BigInt(digits);
}

/**
 * What a reader of `/events` gets in place of events that are no longer kept: those with a number above
 * `after` and below `next`. Its own number is the last of them, so that a client that resumes after it
 * is not told again; with `kept` false it may come again after a restart.
 */
export function gapLine(
  { after, next, wall, kept = true }: { after: number; next: number; wall: bigint; kept?: boolean },
): string {
  const text = `${next - after - 1} events are no longer kept`;
  return oneLine({
    seq: next - 1,
    id: `gap-${after}`,
    ts: rfc3339(wall),
    channel: "system",
    transport: "",
    dir: "in",
    text,
    len: text.length,
    gap: { after, next },
    kept: kept ? undefined : false,
  });
}

/** What a seed event says of a stored message; a record of history.md 3 has this shape. */
export interface SeedSource {
  /** The other side of the conversation, 66 hex digits. */
  readonly peer: string;
  /** Author of a received message. */
  readonly from?: string;
  /** Whether this node sent it. */
  readonly outgoing: boolean;
  /** As it is stored: structured bodies still wrapped. */
  readonly text: string;
  /** RFC 3339 in UTC. */
  readonly timestamp: string;
}

/** One stored message for a new reader of `/sse` (http-api.md 5.3): all values are strings. */
export function seedLine(message: SeedSource): string {
  return oneLine({
    history: "true",
    message: message.text.toWellFormed(),
    peer: message.peer.toWellFormed(),
    sender: message.outgoing ? "self" : (message.from ?? message.peer).toWellFormed(),
    ts: message.timestamp.toWellFormed().replace(/\.[0-9]+/, ""),
  });
}

function timeText(time: bigint | undefined): string | undefined {
  return time === undefined ? undefined : rfc3339(time);
}

/** A field with an integer of 64 bits; a number of JavaScript would lose its last digits. */
function nanoField(name: string, value: bigint | undefined): string {
  return value === undefined ? "" : `,"${name}":${value}`;
}

/** The text of an object with further fields behind its own. */
function closed(line: string, fields: string): string {
  return fields === "" ? line : `${line.slice(0, -1)}${fields}}`;
}

/** Half a surrogate pair becomes U+FFFD; an empty text is left out of the JSON. */
function wellFormed(text: string | undefined): string | undefined {
  return text === undefined || text === "" ? undefined : text.toWellFormed();
}

/**
 * JSON without any character that some reader takes for the end of a line: JSON already escapes CR,
 * LF and NUL, and the two Unicode line separators are escaped here.
 */
function oneLine(value: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(value)
    .replace(/[\u2028\u2029]/g, (character) => character === "\u2028" ? "\\u2028" : "\\u2029");
}
