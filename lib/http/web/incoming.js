// @ts-check
/** What the server sends, as messages; pure. */
import { textOf, unwrapBody, unwrapGroupBody } from "./text.js";

/** How far ahead of its arrival a message is kept at most, nanoseconds (groups.md 2.8). */
const MAX_AHEAD = 300_000_000_000n;

/** @typedef {import("./message.js").NewMessage} NewMessage */
/** @typedef {Record<string, unknown>} Fields */

/** @param {Fields} fields @returns {Partial<NewMessage>} */
function extras(fields) {
  return {
    replyTo: textOf(fields.reply_to_id ?? fields.reply_to),
    quoteText: textOf(fields.reply_to_preview),
    quoteSender: textOf(fields.reply_to_sender),
    forwarded: fields.forwarded === true,
    forwardFrom: textOf(fields.forward_from),
  };
}

/** @param {unknown} ts @returns {Partial<NewMessage>} nothing when it is no time */
function timed(ts) {
  const at = Date.parse(textOf(ts));
  return Number.isNaN(at) ? {} : { at, ts: textOf(ts) };
}

/** @param {Fields} record of `/history` @returns {NewMessage} */
export function fromRecord(record) {
  return {
    peer: textOf(record.peer),
    id: textOf(record.id),
    out: record.outgoing === true,
    text: textOf(record.text),
    ...timed(record.timestamp),
    ...extras(record),
  };
}

/** @param {Fields} entry of `/outbox` @returns {NewMessage} */
export function fromOutbox(entry) {
  return {
    peer: textOf(entry.to),
    id: textOf(entry.id),
    out: true,
    text: textOf(entry.text),
    at: Date.parse(textOf(entry.queued_at)) || 0,
    mark: entry.state === "unconfirmed" ? "sent" : "queued",
    ...extras(entry),
  };
}

/** @param {Fields} event of `/sse` @returns {NewMessage | undefined} */
export function fromLine(event) {
  const id = textOf(event.id);
  const out = event.dir === "out";
  const peer = textOf(out ? event.to : event.sender);
  if (peer === "" || id === "") return undefined;
  return {
    peer,
    id,
    out,
    text: textOf(event.message),
    feed: event.network === "cxo",
    ...timed(event.ts),
    ...extras(event),
  };
}

/** @param {Fields} event of `/events` @returns {NewMessage | undefined} */
export function fromEvent(event) {
  const out = event.dir === "out";
  const peer = textOf(out ? event.to : event.from);
  if (peer === "" || event.channel === "system" || textOf(event.id) === "") return undefined;
  return {
    peer,
    id: textOf(event.id),
    out,
    feed: event.transport === "cxo",
    ...timed(event.ts),
    replyTo: textOf(event.reply_to_id),
    ...unwrapBody(textOf(event.text)),
  };
}

/** Whose a message of a group is: the conversation, and this node's key there. @typedef {{ peer: string, self: string }} Place */

/** @param {Fields} record of `/group/<id>/history` @param {Place} place @returns {NewMessage} */
export function fromGroupRecord(record, place) {
  const { sender_pk: sender, ts, ts_nano: nanos } = record;
  const { text } = record;
  return { ...ofGroup(place, { sender, ts, nanos, text }), ...extras(record) };
}

/** @param {Fields} event of `/sse` @param {Place} place @returns {NewMessage} */
export function fromGroupLine(event, place) {
  const { sender, message: text } = event;
  return { ...ofGroup(place, { sender, text, ...authored(event) }), ...extras(event) };
}

/** @param {Fields} event of `/events` @param {Place} place @returns {NewMessage | undefined} */
export function fromGroupEvent(event, place) {
  if (event.channel !== "group") return undefined;
  const { text, ...quoted } = unwrapGroupBody(textOf(event.text));
  return { ...ofGroup(place, { sender: event.from, text, ...authored(event) }), ...quoted };
}

/** What names a message in a group: who wrote it and when. @param {string} sender @param {string} nanos */
export function groupMessageId(sender, nanos) {
  return `${sender}@${nanos}`;
}

/** The author's time in a name of {@link groupMessageId}. @param {string} id */
export function nanosOf(id) {
  return id.slice(id.indexOf("@") + 1);
}

/**
 * @param {Place} place
 * @param {{ sender: unknown, ts: unknown, nanos: unknown, text: unknown, listed?: boolean, ahead?: boolean }} message
 * @returns {NewMessage}
 */
function ofGroup({ peer, self }, { sender: author, ts, nanos, text, ...marks }) {
  const sender = textOf(author);
  return {
    peer,
    sender,
    id: groupMessageId(sender, textOf(nanos)),
    out: sender === self,
    text: textOf(text),
    ...timed(ts),
    // Members write within one millisecond, and their order is that of the history.
    at: Number(nanos) / 1e6 || 0,
    ...marks,
  };
}

/**
 * When a message of a group was written. What is dated far ahead is kept with another time, under which
 * the history has it.
 *
 * @param {Fields} event
 */
function authored({ ts, msg_ts, ts_nano, listed, ahead }) {
  const marks = { listed: listed !== false, ahead: ahead === true };
  if (ahead !== true) return { ts: msg_ts, nanos: ts_nano, ...marks };
  const nanos = nanosIn(textOf(ts)) + MAX_AHEAD;
  const at = new Date(Number(nanos / 1_000_000n)).toISOString();
  return { ts: at, nanos: String(nanos), ...marks };
}

/** Nanoseconds since 1970 in a time of the server; 0 for what is none. @param {string} ts */
function nanosIn(ts) {
  const found = /^([0-9T:-]{19})(?:\.([0-9]{1,9}))?Z$/.exec(ts);
  const seconds = Date.parse(`${found?.[1]}Z`);
  if (found === null || Number.isNaN(seconds)) return 0n;
  return BigInt(seconds) * 1_000_000n + BigInt((found[2] ?? "").padEnd(9, "0"));
}
