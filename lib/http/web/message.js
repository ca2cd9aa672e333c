// @ts-check
/** What a message and a conversation are; pure. */

/** @typedef {"failed" | "pending" | "queued" | "sent" | "received" | "read"} Mark */
/**
 * @typedef {object} Message
 * @property {string} peer the other side
 * @property {string} id empty while the server has not named it
 * @property {boolean} out
 * @property {string} text
 * @property {number} at milliseconds since 1970
 * @property {Mark} mark of an own message
 * @property {string | undefined} [error] why it failed
 * @property {string | undefined} [replyTo] id of the quoted message
 * @property {string | undefined} [quoteText]
 * @property {string | undefined} [quoteSender]
 * @property {boolean | undefined} [forwarded]
 * @property {string | undefined} [forwardFrom]
 * @property {boolean | undefined} [deleted]
 * @property {boolean | undefined} [seen] whether somebody here has looked at it
 */
/** @typedef {Pick<Message, "peer" | "id" | "out" | "text"> & Partial<Message>} NewMessage */
/**
 * @typedef {object} Conversation
 * @property {string} peer
 * @property {Message[]} messages oldest first
 * @property {Map<string, Message>} known by direction and id
 * @property {number} unread
 * @property {number} characters
 * @property {boolean} cut whether older messages were dropped
 */
/**
 * @typedef {{ kind: "added", message: Message, last: boolean }
 *   | { kind: "changed" | "removed", message: Message }
 *   | { kind: "cleared" | "conversation", peer: string }} Change
 */

/** @type {readonly Mark[]} */
const RANKS = ["failed", "pending", "queued", "sent", "received", "read"];

/** Whether a mark says more than another. @param {Mark} mark @param {Mark} other */
export function isAbove(mark, other) {
  return RANKS.indexOf(mark) > RANKS.indexOf(other);
}

/**
 * What tells a message from all others of its conversation. Peers choose ids, so the direction is part
 * of it: none can stand in the way of ours.
 *
 * @param {Pick<Message, "out" | "id" | "text"> & { at?: number }} message
 */
export function messageKey({ out, id, at, text }) {
  if (id !== "") return `${out ? "out" : "in"} ${id}`;
  return `${out ? "out" : "in"} at ${at ?? ""} ${text.length} ${text.slice(0, 200)}`;
}

/** @param {Conversation} conversation @returns {number} milliseconds, 0 when there is nothing */
export function lastAt({ messages }) {
  return messages.at(-1)?.at ?? 0;
}

/** @param {Message} message */
export function isUnread({ out, seen, deleted }) {
  return !out && !seen && !deleted;
}
