// @ts-check
import { isAbove, isUnread, lastAt, messageKey } from "./message.js";
/**
 * What the page knows: conversations and their messages, each once, whichever way they came. Pure, so
 * that it is tested without a browser. Every list is bounded: a page stays open for days.
 */

/** Messages of a conversation that are kept; older ones can be fetched again. */
export const MAX_MESSAGES = 1_000;
/** UTF-16 units of text of a conversation that are kept. */
export const MAX_CHARACTERS = 4 * 1_024 * 1_024;
/** Messages that a conversation keeps while another one is open. */
export const MAX_IDLE_MESSAGES = 200;
/** Conversations that are kept; the one that was quiet longest goes. */
export const MAX_CONVERSATIONS = 1_000;
/** Statuses kept for messages that come after them. */
const MAX_STATUSES = 2_000;

/** @typedef {import("./message.js").Mark} Mark */
/** @typedef {import("./message.js").Message} Message */
/** @typedef {import("./message.js").NewMessage} NewMessage */
/** @typedef {import("./message.js").Conversation} Conversation */
/** @typedef {import("./message.js").Change} Change */

export class ChatState {
  /** Conversations by key. @type {Map<string, Conversation>} */
  conversations = new Map();
  /** The one that is shown. */
  open = "";
  /** @type {(change: Change) => void} */
  #onChange;
  /** @type {(peer: string) => number} */
  #seenUntil;
  /** Marks that came before their message. @type {Map<string, Mark>} */
  #marks = new Map();
  /** Messages that are not to be shown again. @type {{ has(key: string): boolean }} */
  #hidden;
  /** @type {() => number} */
  #now;
  /** @type {(peer: string, id: string) => Mark | undefined} */
  #markOf;

  /**
   * @param {(change: Change) => void} onChange
   * @param {{ now: () => number, seenUntil?: (peer: string) => number, markOf?: (peer: string, id: string) => Mark | undefined, hidden?: { has(key: string): boolean } }} options
   *   the time in milliseconds since 1970; how far a message is known to have come; until when a conversation was read, in milliseconds; peer, space, {@link messageKey} of those to leave out
   */
  constructor(
    onChange,
    { now, seenUntil = () => 0, markOf = () => undefined, hidden = new Set() },
  ) {
    this.#onChange = onChange;
    this.#seenUntil = seenUntil;
    this.#hidden = hidden;
    this.#now = now;
    this.#markOf = markOf;
  }

  /** All unread messages. */
  get unread() {
    let sum = 0;
    for (const { unread } of this.conversations.values()) sum += unread;
    return sum;
  }

  /**
   * @param {string} peer
   * @returns {Conversation}
   */
  conversation(peer) {
    const found = this.conversations.get(peer);
    if (found !== undefined) return found;
    /** @type {Conversation} */
    const made = {
      peer,
      messages: [],
      known: new Map(),
      unread: 0,
      characters: 0,
      cut: false,
    };
    this.conversations.set(peer, made);
    if (this.conversations.size > MAX_CONVERSATIONS) this.#dropQuietest(made);
    this.#onChange({ kind: "conversation", peer });
    return made;
  }

  /**
   * Takes in a message; one that is known already only gets what is new about it.
   *
   * @param {NewMessage} given without `at` it is one that came just now
   * @returns {Message | undefined} undefined when it is one that is not to be shown
   */
  add(given) {
    if (given.id !== "" && this.#hidden.has(`${given.peer} ${messageKey(given)}`)) return undefined;
    const conversation = this.conversation(given.peer);
    const key = messageKey(given);
    const known = conversation.known.get(key) ?? this.#awaited(conversation, given);
    if (known !== undefined) {
      this.#adopt(conversation, known, given.id);
      this.#raise(known, given.mark ?? "sent");
      return known;
    }
    const message = this.#complete(conversation, given);
    this.#insert(conversation, message);
    if (given.at !== undefined) this.#countAnswered(conversation);
    return message;
  }

  /**
   * Gives an own message the id and the mark that the server answered with. When its event came
   * before, the two become one.
   *
   * @param {Message} message
   * @param {{ id: string, mark: Mark }} named
   */
  name(message, { id, mark }) {
    const conversation = this.conversation(message.peer);
    const twin = conversation.known.get(messageKey({ ...message, id }));
    if (twin !== undefined && twin !== message) {
      this.remove(message);
      this.#raise(twin, mark);
      return;
    }
    this.#adopt(conversation, message, id);
    this.#raise(message, mark);
  }

  /**
   * @param {Message} message
   * @param {string} error
   */
  fail(message, error) {
    message.mark = "failed";
    message.error = error;
    this.#onChange({ kind: "changed", message });
  }

  /**
   * What a receipt says. It concerns own messages to the peer that sent it, and no others.
   *
   * @param {{ peer: string, id: string, mark: Mark }} receipt
   */
  receipt({ peer, id, mark }) {
    const key = `out ${id}`;
    const message = this.conversations.get(peer)?.known.get(key);
    if (message !== undefined) return this.#raise(message, mark);
    const early = `${peer} ${id}`;
    const before = this.#marks.get(early);
    if (before === undefined || isAbove(mark, before)) {
      this.#marks.delete(early);
      this.#marks.set(early, mark);
    }
    dropFirst(this.#marks, MAX_STATUSES);
  }

  /** @param {Message} message */
  markDeleted(message) {
    if (message.deleted) return;
    message.deleted = true;
    message.text = "";
    message.quoteText = undefined;
    this.#count(message, true);
    this.#onChange({ kind: "changed", message });
  }

  /** @param {Message} message */
  remove(message) {
    const conversation = this.conversation(message.peer);
    const at = conversation.messages.indexOf(message);
    if (at < 0) return;
    conversation.messages.splice(at, 1);
    conversation.characters -= message.text.length;
    if (conversation.known.get(messageKey(message)) === message) {
      conversation.known.delete(messageKey(message));
    }
    this.#count(message, true);
    this.#onChange({ kind: "removed", message });
  }

  /** Forgets a whole conversation. @param {string} peer */
  clear(peer) {
    this.conversations.delete(peer);
    this.#onChange({ kind: "cleared", peer });
  }

  /**
   * Says that what a conversation holds was looked at.
   *
   * @param {string} peer
   * @returns {Message[]} received messages nobody had looked at
   */
  see(peer) {
    const conversation = this.conversations.get(peer);
    if (conversation === undefined || conversation.unread === 0) return [];
    const news = conversation.messages.filter((message) => isUnread(message));
    for (const message of news) message.seen = true;
    conversation.unread = 0;
    this.#onChange({ kind: "conversation", peer });
    return news;
  }

  /** @param {string} peer @param {string} id */
  find(peer, id) {
    const known = this.conversations.get(peer)?.known;
    return known?.get(`in ${id}`) ?? known?.get(`out ${id}`);
  }

  /** Shows another conversation; the one before keeps less. @param {string} peer */
  show(peer) {
    const before = this.conversations.get(this.open);
    this.open = peer;
    if (before !== undefined && before.peer !== peer) this.#bound(before);
    this.conversation(peer);
  }

  /**
   * An own message that waits for its id and has this text: its event came before the answer.
   *
   * @param {Conversation} conversation
   * @param {NewMessage} given
   */
  #awaited({ messages }, { out, id, text }) {
    if (!out || id === "") return undefined;
    return messages.slice(-50).find((one) =>
      one.out && one.id === "" && one.mark === "pending" && one.text === text
    );
  }

  /**
   * @param {Conversation} conversation
   * @param {Message} message
   * @param {string} id
   */
  #adopt(conversation, message, id) {
    if (message.id !== "" || id === "") return;
    if (conversation.known.get(messageKey(message)) === message) {
      conversation.known.delete(messageKey(message));
    }
    message.id = id;
    conversation.known.set(messageKey(message), message);
    this.#raise(message, this.#marks.get(`${message.peer} ${id}`) ?? message.mark);
  }

  /**
   * @param {Conversation} conversation
   * @param {NewMessage} given
   * @returns {Message}
   */
  #complete({ messages }, given) {
    const newest = messages.at(-1)?.at ?? 0;
    const at = given.at ?? Math.max(this.#now(), newest);
    const { peer, id, out } = given;
    const early = out ? this.#marks.get(`${peer} ${id}`) ?? this.#markOf(peer, id) : undefined;
    const mark = early ?? given.mark ?? "sent";
    return { ...given, at, mark, seen: given.out || at <= this.#seenUntil(given.peer) };
  }

  /**
   * @param {Conversation} conversation
   * @param {Message} message
   */
  #insert(conversation, message) {
    const { messages, known } = conversation;
    let at = messages.length;
    while (at > 0 && (messages[at - 1]?.at ?? 0) > message.at) at--;
    const last = at === messages.length;
    messages.splice(at, 0, message);
    known.set(messageKey(message), message);
    conversation.characters += message.text.length;
    if (isUnread(message)) conversation.unread++;
    this.#bound(conversation);
    this.#onChange({ kind: "added", message, last });
  }

  /** What is stored before an own message was looked at somewhere else. @param {Conversation} conversation */
  #countAnswered(conversation) {
    if (conversation.unread === 0) return;
    const answer = conversation.messages.findLastIndex(({ out }) => out);
    for (let at = answer; at >= 0 && conversation.unread > 0; at--) {
      const message = conversation.messages[at];
      if (message !== undefined) this.#count(message, false);
    }
  }

  /** @param {Conversation} conversation */
  #bound(conversation) {
    const most = conversation.peer === this.open ? MAX_MESSAGES : MAX_IDLE_MESSAGES;
    while (conversation.messages.length > most || conversation.characters > MAX_CHARACTERS) {
      const oldest = conversation.messages.shift();
      if (oldest === undefined) return;
      conversation.cut = true;
      conversation.characters -= oldest.text.length;
      conversation.known.delete(messageKey(oldest));
      this.#count(oldest, false);
    }
  }

  /** Takes a message that goes out of the unread ones. @param {Message} message @param {boolean} tell */
  #count(message, tell) {
    const conversation = this.conversations.get(message.peer);
    if (conversation === undefined || message.out || message.seen) return;
    message.seen = true;
    conversation.unread = Math.max(0, conversation.unread - 1);
    if (tell) this.#onChange({ kind: "conversation", peer: message.peer });
  }

  /** A mark only ever rises: a late receipt must not turn "read" back. @param {Message} message @param {Mark} mark */
  #raise(message, mark) {
    if (!message.out || !isAbove(mark, message.mark)) return;
    message.mark = mark;
    message.error = undefined;
    this.#onChange({ kind: "changed", message });
  }

  /** @param {Conversation} made the newest, which has nothing in it yet */
  #dropQuietest(made) {
    let quietest;
    for (const conversation of this.conversations.values()) {
      if (conversation === made || conversation.peer === this.open) continue;
      if (quietest === undefined || lastAt(conversation) < lastAt(quietest)) {
        quietest = conversation;
      }
    }
    if (quietest !== undefined) this.conversations.delete(quietest.peer);
  }
}

/** @param {Map<string, unknown>} map @param {number} most */
function dropFirst(map, most) {
  if (map.size <= most) return;
  const [first] = map.keys();
  if (first !== undefined) map.delete(first);
}
