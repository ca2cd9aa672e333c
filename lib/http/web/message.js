// @ts-check
/** What a message and a conversation are; pure. */

/** @typedef {"failed" | "pending" | "queued" | "sent" | "received" | "read"} Mark */
/**
 * @typedef {object} Message
 * @property {string} peer the other side
 * @property {string} id empty while the server has not named it, and when the peer knows none
 * @property {boolean} out
 * @property {string} text
 * @property {number} at milliseconds since 1970
 * @property {string | undefined} [ts] when the server took it in, as it says so: the exact time; absent before
 * @property {string[]} keys what it is known by
 * @property {Mark} mark of an own message
 * @property {string | undefined} [error] why it failed
 * @property {string | undefined} [replyTo] id of the quoted message
 * @property {string | undefined} [quoteText]
 * @property {string | undefined} [quoteSender]
 * @property {boolean | undefined} [forwarded]
 * @property {string | undefined} [forwardFrom]
 * @property {boolean | undefined} [feed] whether it travelled in a feed, where that is known
 * @property {boolean | undefined} [deleted]
 * @property {boolean | undefined} [seen] whether somebody here has looked at it
 * @property {string | undefined} [sender] who wrote it, in a group
 * @property {boolean | undefined} [listed] false when the author was never a member of the group
 * @property {boolean | undefined} [ahead] whether its author dated it ahead of its arrival
 * @property {boolean | undefined} [stored] whether the history of its group had it
 */
/** @typedef {Pick<Message, "peer" | "id" | "out" | "text"> & Partial<Message>} NewMessage */
/**
 * @typedef {object} Conversation
 * @property {string} peer
 * @property {Message[]} messages oldest first
 * @property {Map<string, Message>} known by each of their {@link keysOf}
 * @property {number} unread
 * @property {number} characters
 * @property {boolean} cut whether older messages were dropped
 * @property {number} room messages kept besides the usual number, while it is open
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
 * What tells a message from all others of its conversation: its id, and the exact time under which a
 * message without one is stored. Peers choose ids, so the direction is part of it: none can stand in the
 * way of ours.
 *
 * @param {Pick<NewMessage, "out" | "id" | "text" | "ts">} message
 * @returns {string[]} the id first; none for what is only about to be sent
 */
export function keysOf({ out, id, ts, text }) {
  const side = out ? "out" : "in";
  const keys = id === "" ? [] : [`${side} ${id}`];
  if (ts) keys.push(`${side}@${ts} ${text.length} ${text.slice(0, 200)}`);
  return keys;
}

/** @param {Conversation} conversation @returns {number} milliseconds, 0 when there is nothing */
export function lastAt({ messages }) {
  return messages.at(-1)?.at ?? 0;
}

/** @param {Message} message */
export function isUnread({ out, seen, deleted }) {
  return !out && !seen && !deleted;
}

/**
 * The message that this is, if it is known: by its id where it has one; by the exact time where one of
 * the two was stored without.
 *
 * @param {Conversation} conversation
 * @param {NewMessage} given
 */
export function knownAs({ known }, given) {
  for (const key of keysOf(given)) {
    const found = known.get(key);
    if (found && (found.id === given.id || found.id === "" || given.id === "")) return found;
  }
  return undefined;
}

/** Makes a message known by what tells it from others. @param {Conversation} conversation @param {Message} message */
export function register(conversation, message) {
  unregister(conversation, message);
  message.keys = keysOf(message);
  for (const key of message.keys) conversation.known.set(key, message);
}

/** @param {Conversation} conversation @param {Message} message */
export function unregister({ known }, message) {
  for (const key of message.keys) if (known.get(key) === message) known.delete(key);
}

/**
 * An own message that waits for its id and has this text: its event came before the answer.
 *
 * @param {Conversation} conversation
 * @param {NewMessage} given
 */
export function awaited({ messages }, { out, id, text }) {
  if (!out || id === "") return undefined;
  return messages.slice(-50).find((one) =>
    one.out && one.id === "" && one.mark === "pending" && one.text === text
  );
}

/** @param {Iterable<Conversation>} conversations */
export function quietest(conversations) {
  let found;
  for (const one of conversations) if (!found || lastAt(one) < lastAt(found)) found = one;
  return found;
}
