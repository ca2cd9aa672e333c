// @ts-check
import {
  awaited,
  isAbove,
  isUnread,
  keysOf,
  knownAs,
  quietest,
  register,
  unregister,
} from "./message.js";
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
   *   the time in milliseconds since 1970; how far a message is known to have come; until when a conversation was read, in milliseconds; peer, space, one of {@link keysOf} those to leave out
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
      room: 0,
    };
    this.conversations.set(peer, made);
    if (this.conversations.size > MAX_CONVERSATIONS) {
      const others = [...this.conversations.values()].filter((one) =>
        one !== made && one.peer !== this.open
      );
      this.conversations.delete(quietest(others)?.peer ?? "");
    }
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
    if (keysOf(given).some((key) => this.#hidden.has(`${given.peer} ${key}`))) return undefined;
    const conversation = this.conversation(given.peer);
    const known = knownAs(conversation, given) ?? awaited(conversation, given);
    if (known !== undefined) {
      this.#tie(conversation, known, given);
      this.#raise(known, given.mark ?? "sent");
      return known;
    }
    const message = this.#complete(conversation, given);
    const last = this.#insert(conversation, message);
    // What just came was looked at nowhere, however its author dated it.
    const mayBeAnswered = given.at !== undefined && given.seen !== false;
    if (mayBeAnswered && (given.out || !last)) this.#countAnswered(conversation);
    return message;
  }

  /** The message that this is, if it is known. @param {NewMessage} given */
  known(given) {
    const conversation = this.conversations.get(given.peer);
    return conversation && knownAs(conversation, given);
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
    const twin = conversation.known.get(`out ${id}`);
    if (twin !== undefined && twin !== message) {
      this.remove(message);
      this.#raise(twin, mark);
      return;
    }
    this.#adopt(conversation, message, id);
    this.#raise(message, mark);
  }

  /** @param {Message} message @param {string} error */
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
    unregister(conversation, message);
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
    if (before !== undefined && before.peer !== peer) {
      before.room = 0;
      this.#bound(before);
    }
    this.conversation(peer);
  }

  /** Takes over what is new about a message. @param {Conversation} conversation @param {Message} message @param {NewMessage} given */
  #tie(conversation, message, { id, ts }) {
    if (id !== "") this.#adopt(conversation, message, id);
    else if (message.id !== "") {
      // The record has none: the event's was minted by the server, and would tell the peer nothing.
      message.id = "";
      register(conversation, message);
    }
    if (ts !== undefined && message.ts === undefined) this.#date(conversation, message, ts);
  }

  /** Without an id, but with a time, it is one that has none. @param {Conversation} conversation @param {Message} message @param {string} id */
  #adopt(conversation, message, id) {
    if (message.id !== "" || message.ts !== undefined || id === "") return;
    message.id = id;
    register(conversation, message);
    this.#raise(message, this.#marks.get(`${message.peer} ${id}`) ?? message.mark);
  }

  /** Puts a message where the server's time has it, not this browser's. @param {Conversation} conversation @param {Message} message @param {string} ts */
  #date(conversation, message, ts) {
    const { messages } = conversation;
    message.ts = ts;
    register(conversation, message);
    const at = Date.parse(ts) || message.at;
    const place = messages.indexOf(message);
    const fits = (messages[place - 1]?.at ?? 0) <= at && at <= (messages[place + 1]?.at ?? at);
    if (!fits) this.remove(message);
    message.at = at;
    if (fits) this.#onChange({ kind: "changed", message });
    else this.#insert(conversation, message);
  }

  /** @param {Conversation} conversation @param {NewMessage} given @returns {Message} */
  #complete({ messages }, given) {
    const newest = messages.at(-1)?.at ?? 0;
    const at = given.at ?? Math.max(this.#now(), newest);
    const { peer, id, out } = given;
    const early = out ? this.#marks.get(`${peer} ${id}`) ?? this.#markOf(peer, id) : undefined;
    const mark = early ?? given.mark ?? "sent";
    const seen = out || (given.seen ?? at <= this.#seenUntil(peer));
    return { ...given, at, mark, keys: [], seen };
  }

  /**
   * @param {Conversation} conversation
   * @param {Message} message
   * @returns {boolean} whether it is the newest
   */
  #insert(conversation, message) {
    const { messages } = conversation;
    let at = messages.length;
    while (at > 0 && (messages[at - 1]?.at ?? 0) > message.at) at--;
    const last = at === messages.length;
    messages.splice(at, 0, message);
    register(conversation, message);
    conversation.characters += message.text.length;
    if (isUnread(message)) conversation.unread++;
    this.#bound(conversation);
    this.#onChange({ kind: "added", message, last });
    return last;
  }

  /** What is stored before an own message was looked at somewhere else. @param {Conversation} conversation */
  #countAnswered(conversation) {
    if (conversation.unread === 0) return;
    const answer = conversation.messages.findLastIndex(({ out, mark }) =>
      out && mark !== "pending"
    );
    for (let at = answer; at >= 0 && conversation.unread > 0; at--) {
      const message = conversation.messages[at];
      if (message !== undefined) this.#count(message, false);
    }
  }

  /** @param {Conversation} conversation */
  #bound(conversation) {
    const { peer, room } = conversation;
    const most = peer === this.open ? MAX_MESSAGES + room : MAX_IDLE_MESSAGES;
    while (conversation.messages.length > most || conversation.characters > MAX_CHARACTERS) {
      const oldest = conversation.messages.shift();
      if (oldest === undefined) return;
      conversation.cut = true;
      conversation.characters -= oldest.text.length;
      unregister(conversation, oldest);
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
}

/** @param {Map<string, unknown>} map @param {number} most */
function dropFirst(map, most) {
  if (map.size <= most) return;
  const [first] = map.keys();
  if (first !== undefined) map.delete(first);
}
