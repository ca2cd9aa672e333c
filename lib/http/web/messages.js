// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="es2023" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** The messages of the open conversation. Only a window of them is on the page. */
import { bubble, dayLine } from "./bubble.js";
import { element, make, onceAFrame } from "./dom.js";
import { dayOf } from "./text.js";

/** Messages added to the page at a time. */
const PAGE = 100;
/** Messages on the page before the oldest go, while the newest are looked at. */
const MOST_SHOWN = 400;
/** Messages on the page before the oldest go in any case. */
const MOST_HELD = 1_000;
/** Pixels from the end that still count as the end. */
const NEAR = 60;
/** Milliseconds within which messages of one side belong together. */
const TOGETHER_MS = 5 * 60_000;

/** @typedef {import("./message.js").Message} Message */

const log = element("log", HTMLElement);
const older = element("older", HTMLButtonElement);
const newest = element("newest", HTMLButtonElement);
const list = element("messages", HTMLElement);

export class MessageLog {
  #actions;
  #rest;
  #onSeen;
  /** @type {readonly Message[]} */
  #all = [];
  /** Shown messages and their elements, oldest first. @type {Map<Message, HTMLElement>} */
  #shown = new Map();
  /** Messages that came since the last frame. @type {Message[]} */
  #coming = [];
  #missed = 0;
  /** Whether the end is to stay in view. */
  #following = true;
  #appendSoon = onceAFrame(() => this.#append());
  #redrawSoon = onceAFrame(() => this.#redraw());

  /**
   * @param {import("./bubble.js").BubbleActions} actions
   * @param {{ more: () => boolean, read: () => Promise<void> }} rest messages that are not here yet
   * @param {() => void} onSeen called when the end of the conversation is in view
   */
  constructor(actions, rest, onSeen) {
    this.#actions = actions;
    this.#rest = rest;
    this.#onSeen = onSeen;
    older.addEventListener("click", () => void this.#askOlder());
    newest.addEventListener("click", () => this.#toEnd());
    log.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    log.addEventListener("keydown", (event) => this.#key(event));
    // The keyboard of a phone takes half of the page: the newest message is to stay above it.
    new ResizeObserver(() => this.#following && this.#toEnd()).observe(log);
  }

  /** Whether the newest message is in view. */
  get atEnd() {
    return log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
  }

  /**
   * @param {readonly Message[]} messages the list that the state keeps
   * @param {number} unread how many of the newest are new
   */
  open(messages, unread) {
    this.#all = messages;
    this.#following = true;
    this.#draw(Math.max(PAGE, Math.min(unread + 10, MOST_SHOWN)));
    const news = unread > 0 ? messages.filter(({ out }) => !out).at(-unread) : undefined;
    const item = news && this.#shown.get(news);
    item?.before(make("li", "news", make("span", "", "New messages")));
    this.#toEnd();
  }

  /** Shows the same part anew. */
  redrawSoon() {
    this.#redrawSoon();
  }

  /** @param {Message} message @param {boolean} last whether it is the newest */
  added(message, last) {
    if (!last) return this.#redrawSoon();
    this.#coming.push(message);
    this.#appendSoon();
  }

  /** @param {Message} message */
  changed(message) {
    const item = this.#shown.get(message);
    if (item === undefined) return;
    const focused = item.contains(document.activeElement);
    const fresh = bubble(message, this.#actions);
    fresh.classList.toggle("same", item.classList.contains("same"));
    item.replaceWith(fresh);
    this.#shown.set(message, fresh);
    if (focused) fresh.focus();
    this.#settle();
  }

  /** @param {Message} message */
  removed(message) {
    const item = this.#shown.get(message);
    const before = item?.previousElementSibling;
    item?.remove();
    this.#shown.delete(message);
    // A day without a message needs no line.
    const after = before?.nextElementSibling ?? null;
    if (before?.classList.contains("day") && (after === null || after.classList.contains("day"))) {
      before.remove();
    }
  }

  /** Brings a message into view, and says so. @param {Message} message */
  reveal(message) {
    if (!this.#shown.has(message)) this.#draw(this.#all.length - this.#all.indexOf(message) + 10);
    const item = this.#shown.get(message);
    if (item === undefined) return;
    this.#following = false;
    item.scrollIntoView({ block: "center" });
    item.classList.remove("found");
    void item.offsetWidth;
    item.classList.add("found");
    item.focus({ preventScroll: true });
  }

  /** @param {number} count messages to show, counted from the newest */
  #draw(count) {
    this.#coming = [];
    this.#missed = 0;
    this.#shown.clear();
    list.replaceChildren(this.#build(this.#all.slice(-count), undefined));
    this.#bars();
  }

  /** Something came in between: draws the same part anew. */
  #redraw() {
    const from = log.scrollHeight - log.scrollTop;
    const [first] = this.#shown.keys();
    const at = first === undefined ? -1 : this.#all.indexOf(first);
    this.#draw(Math.max(PAGE, at < 0 ? 0 : this.#all.length - at));
    if (this.#following) this.#toEnd();
    else log.scrollTop = log.scrollHeight - from;
  }

  #append() {
    const coming = this.#coming.filter((message) => !this.#shown.has(message));
    this.#coming = [];
    if (coming.length > MOST_SHOWN && this.#following) this.#draw(PAGE);
    else if (coming.length > 0) {
      list.append(this.#build(coming, [...this.#shown.keys()].at(-1)));
      if (!this.#following) this.#missed += coming.filter(({ out }) => !out).length;
    }
    if (coming.at(-1)?.out) this.#following = true;
    if (this.#following || this.#shown.size > MOST_HELD) this.#trim();
    this.#settle();
  }

  /**
   * @param {readonly Message[]} messages
   * @param {Message | undefined} before the one that is shown above them
   */
  #build(messages, before) {
    const part = document.createDocumentFragment();
    for (const message of messages) {
      const newDay = before === undefined || dayOf(before.at) !== dayOf(message.at);
      if (newDay) part.append(dayLine(message.at));
      const item = bubble(message, this.#actions);
      const near = before !== undefined && message.at - before.at < TOGETHER_MS;
      const sameSide = before?.out === message.out && before?.sender === message.sender;
      item.classList.toggle("same", near && !newDay && sameSide);
      part.append(item);
      this.#shown.set(message, item);
      before = message;
    }
    return part;
  }

  async #askOlder() {
    const all = this.#all;
    const isFirst = () => {
      const [first] = this.#shown.keys();
      return first === undefined || first === all[0];
    };
    if (isFirst()) {
      older.disabled = true;
      await this.#rest.read();
      older.disabled = false;
    }
    if (all === this.#all && !isFirst()) this.#showOlder();
    else this.#bars();
  }

  #showOlder() {
    const [first] = this.#shown.keys();
    const at = first === undefined ? 0 : Math.max(0, this.#all.indexOf(first));
    const page = this.#all.slice(Math.max(0, at - PAGE), at);
    const shown = [...this.#shown];
    const from = log.scrollHeight - log.scrollTop;
    this.#shown.clear();
    const part = this.#build(page, undefined);
    for (const [message, item] of shown) this.#shown.set(message, item);
    const line = list.firstElementChild;
    if (line instanceof HTMLElement && line.dataset.day === String(dayOf(page.at(-1)?.at ?? 0))) {
      line.remove();
    }
    list.prepend(part);
    this.#bars();
    log.scrollTop = log.scrollHeight - from;
  }

  /** Takes the oldest off the page. */
  #trim() {
    if (this.#shown.size <= MOST_SHOWN) return;
    for (const [message] of [...this.#shown].slice(0, this.#shown.size - MOST_SHOWN / 2)) {
      this.#shown.delete(message);
    }
    const [first] = this.#shown;
    while (list.firstElementChild !== null && list.firstElementChild !== first?.[1]) {
      list.firstElementChild.remove();
    }
    if (first !== undefined) list.prepend(dayLine(first[0].at));
  }

  #settle() {
    if (this.#following) this.#toEnd();
    this.#bars();
  }

  #toEnd() {
    this.#following = true;
    this.#missed = 0;
    log.scrollTop = log.scrollHeight;
    this.#bars();
    this.#onSeen();
  }

  #scrolled() {
    this.#following = this.atEnd;
    if (this.#following) {
      this.#missed = 0;
      this.#onSeen();
    }
    this.#bars();
  }

  #bars() {
    const [first] = this.#shown.keys();
    const isFirst = first === undefined || first === this.#all[0];
    older.hidden = isFirst && !this.#rest.more();
    newest.hidden = this.#following;
    newest.textContent = this.#missed > 0 ? `${this.#missed} new ↓` : "↓";
    newest.setAttribute("aria-label", `To the newest message, ${this.#missed} new`);
  }

  /** Arrows go from message to message, Enter asks what to do with one. @param {KeyboardEvent} event */
  #key(event) {
    const items = [...this.#shown];
    const at = items.findIndex(([, item]) => item === document.activeElement);
    if (event.key === "Enter" && at >= 0) {
      event.preventDefault();
      const message = items[at]?.[0];
      if (message !== undefined && !message.deleted) this.#actions.menu(message);
    }
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = at < 0 ? items.length - 1 : Math.max(0, Math.min(items.length - 1, at + step));
    items[next]?.[1].focus();
  }
}
