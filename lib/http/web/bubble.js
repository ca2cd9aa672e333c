// deno-lint-ignore-file skychat/globals -- runs in a browser, where there is no Clock
// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="es2023" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** One message as it is seen. Whatever a peer wrote is set as text and never as markup. */
import { button, make, words } from "./dom.js";
import { dayOf, linkPieces, preview, shortened } from "./text.js";

/** @typedef {import("./message.js").Message} Message */
/**
 * @typedef {object} BubbleActions
 * @property {(message: Message) => void} menu
 * @property {(message: Message) => void} retry
 * @property {(message: Message) => void} later sends it once the peer is back
 * @property {(message: Message) => void} quoted shows the message that is quoted
 * @property {(message: Message) => Message | undefined} find the message that is quoted
 * @property {(key: string) => string} nameOf
 * @property {(message: Message) => boolean} canWait whether it can wait for its recipient
 * @property {(message: Message) => boolean} isStranger whether its author is no member of the group
 */

/** @type {Readonly<Record<import("./message.js").Mark, readonly [string, string]>>} */
const MARKS = {
  failed: ["!", "not sent"],
  pending: ["…", "being sent"],
  queued: ["⏳", "waits until they are connected"],
  sent: ["·", "sent"],
  received: ["✓", "received"],
  read: ["✓✓", "read"],
};

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DATE_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const YEAR = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });
const SHORT_DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/**
 * @param {Message} message
 * @param {BubbleActions} actions
 * @returns {HTMLLIElement}
 */
export function bubble(message, actions) {
  const item = make("li", `message ${message.out ? "out" : "in"}`);
  item.tabIndex = -1;
  if (message.deleted) {
    item.classList.add("deleted");
    item.append(
      make("div", "bubble", make("p", "text", "Message deleted"), foot(message, actions)),
    );
    return item;
  }
  const more = button("more", "⋯", () => actions.menu(message));
  more.tabIndex = -1;
  more.setAttribute("aria-label", "What to do with this message");
  const box = make("div", "bubble");
  if (message.sender && !message.out) {
    const author = words("author", actions.nameOf(message.sender));
    author.title = message.sender;
    box.append(author);
  }
  if (message.forwarded) box.append(forwardLine(message));
  if (message.replyTo || message.quoteText) box.append(quote(message, actions));
  box.append(body(message.text), foot(message, actions));
  item.append(box, more);
  if (message.mark === "failed") item.append(failure(message, actions));
  return item;
}

/** @param {Message} message */
function forwardLine({ forwardFrom }) {
  const line = make("p", "forwarded", "↪ Forwarded");
  if (forwardFrom) line.append(" from ", words("", preview(forwardFrom, 64)));
  return line;
}

/** @param {Message} message @param {BubbleActions} actions */
function quote(message, actions) {
  const original = message.replyTo ? actions.find(message) : undefined;
  const text = original === undefined
    ? message.quoteText || "An earlier message"
    : original.deleted
    ? "Message deleted"
    : original.text;
  const author = original === undefined
    ? message.quoteSender
    : original.out
    ? "You"
    : original.peer;
  const box = button("quote", "", () => actions.quoted(message));
  box.disabled = original === undefined;
  if (author) box.append(words("who", author === "You" ? author : actions.nameOf(author)));
  box.append(words("", preview(text)));
  return box;
}

/** @param {string} text */
function body(text) {
  const line = make("p", "text");
  line.dir = "auto";
  const short = shortened(text);
  fill(line, short);
  if (short.length === text.length) return line;
  const rest = button("show-all", "Show all of it", () => {
    fill(line, text);
    rest.remove();
  });
  return make("div", "", line, rest);
}

/** @param {HTMLElement} line @param {string} text */
function fill(line, text) {
  line.replaceChildren(
    ...linkPieces(text).map(({ text: shown, href }) => {
      if (href === undefined) return document.createTextNode(shown);
      const link = make("a", "", shown);
      link.href = href;
      link.target = "_blank";
      link.rel = "noopener noreferrer";
      return link;
    }),
  );
}

/** @param {Message} message @param {BubbleActions} actions */
function foot(message, actions) {
  const { at, out, mark, deleted, ahead } = message;
  const time = make("time", "", TIME.format(at));
  time.dateTime = new Date(at).toISOString();
  time.title = DATE_TIME.format(at);
  const line = make("span", "foot", time);
  if (ahead) line.prepend(aside("clock ahead", "Its author’s clock is ahead of this node’s"));
  if (actions.isStranger(message)) {
    line.prepend(aside("not a member", "Its author is no member of this group"));
  }
  if (!out || deleted) return line;
  const [sign, meaning] = MARKS[mark];
  const shown = make("span", `mark ${mark}`, sign);
  shown.setAttribute("role", "img");
  shown.setAttribute("aria-label", meaning);
  shown.title = meaning;
  line.append(shown);
  return line;
}

/** @param {string} text @param {string} meaning */
function aside(text, meaning) {
  const made = make("span", "aside", text);
  made.title = meaning;
  return made;
}

/** @param {Message} message @param {BubbleActions} actions */
function failure(message, actions) {
  const line = make("p", "failure", words("", message.error || "Not sent"));
  const row = make("span", "row", button("", "Retry", () => actions.retry(message)));
  if (actions.canWait(message)) {
    row.append(button("", "Send when they are back", () => actions.later(message)));
  }
  return make("div", "failed-box", line, row);
}

/** @param {number} at @returns {HTMLLIElement} */
export function dayLine(at) {
  const item = make("li", "day", make("span", "", dayName(at)));
  item.dataset.day = String(dayOf(at));
  return item;
}

/** @param {number} at */
function dayName(at) {
  const ago = dayOf(Date.now()) - dayOf(at);
  if (ago === 0) return "Today";
  if (ago === 1) return "Yesterday";
  return ago > 0 && ago < 300 ? DAY.format(at) : YEAR.format(at);
}

/** When, for the list of conversations: the time today, else the day. @param {number} at */
export function shortTime(at) {
  return dayOf(Date.now()) === dayOf(at) ? TIME.format(at) : SHORT_DAY.format(at);
}
