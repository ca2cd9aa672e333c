// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="es2023" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** The list of conversations, and what a search finds. */
import { get } from "./api.js";
import { shortTime } from "./bubble.js";
import { element, lockSign, make, onceAFrame, words } from "./dom.js";
import { crowdText, groupIdOf, isGroup, presentIn } from "./groups.js";
import { lastAt } from "./message.js";
import { hueOf, initials, keyIn, preview, shortKey, textOf } from "./text.js";

/** Conversations on the page; the search finds the others. */
const MOST_SHOWN = 200;
/** Milliseconds of quiet before what was typed is searched for. */
const SEARCH_MS = 250;

const list = element("conversations", HTMLElement);
const hits = element("hits", HTMLElement);
const found = element("found", HTMLElement);
const none = element("no-conversations", HTMLElement);
const search = element("search", HTMLInputElement);

/** @typedef {import("./message.js").Conversation} Conversation */

export class ConversationList {
  #state;
  #people;
  #hooks;
  #asked = 0;
  drawSoon = onceAFrame(() => this.#draw());

  /**
   * @param {import("./state.js").ChatState} state
   * @param {import("./people.js").People} people
   * @param {{ onOpen: (peer: string) => void, onHit: (peer: string, hit: { out: boolean, text: string, ts: string }) => void, later: (action: () => void, ms: number) => void }} hooks
   */
  constructor(state, people, hooks) {
    this.#state = state;
    this.#people = people;
    this.#hooks = hooks;
    search.addEventListener("input", () => {
      this.drawSoon();
      const asked = ++this.#asked;
      hooks.later(() => asked === this.#asked && void this.#search(asked), SEARCH_MS);
    });
    search.addEventListener("keydown", (event) => this.#searchKey(event));
    for (const area of [list, hits]) {
      area.addEventListener("keydown", (event) => this.#arrow(event));
    }
  }

  focus() {
    const buttons = [...list.querySelectorAll("button")];
    (buttons.find((item) => item.ariaCurrent === "true") ?? buttons[0] ?? search).focus();
  }

  clearSearch() {
    search.value = "";
    this.#asked++;
    found.hidden = true;
    this.drawSoon();
  }

  #draw() {
    const typed = search.value.trim().toLowerCase();
    const shown = [...this.#state.conversations.values()]
      .filter(({ peer }) => this.#runs(peer) && this.#matches(peer, typed))
      .sort((a, b) => lastAt(b) - lastAt(a) || (a.peer < b.peer ? -1 : 1))
      .slice(0, MOST_SHOWN);
    const active = document.activeElement;
    const focused = active instanceof HTMLElement && list.contains(active)
      ? active.dataset.peer
      : "";
    list.replaceChildren(...shown.map((conversation) => this.#item(conversation)));
    const key = keyIn(search.value);
    if (key !== undefined && !this.#state.conversations.has(key)) {
      list.prepend(this.#startItem(key));
    }
    none.hidden = list.childElementCount > 0;
    none.textContent = typed === ""
      ? "No conversations yet. Start one with somebody’s key, or give them yours."
      : "Nobody of that name.";
    if (focused) {
      [...list.querySelectorAll("button")].find((item) => item.dataset.peer === focused)?.focus();
    }
  }

  /** Whether somebody can write there; a group that ended stays while it is open. @param {string} peer */
  #runs(peer) {
    return !isGroup(peer) || this.#people.groups.has(peer) || peer === this.#state.open;
  }

  /** @param {string} peer @param {string} typed */
  #matches(peer, typed) {
    return typed === "" || peer.includes(typed) || peer === keyIn(typed) ||
      this.#people.nameOf(peer).toLowerCase().includes(typed);
  }

  /** @param {Conversation} conversation */
  #item({ peer, messages, unread }) {
    const people = this.#people;
    const name = people.nameOf(peer);
    const last = messages.at(-1);
    const line = last === undefined
      ? "No messages yet"
      : last.deleted
      ? "Message deleted"
      : `${this.#authorOf(last)}${preview(last.text, 80)}`;
    const group = people.groups.get(peer);
    const top = make("span", "top", words("name", name));
    if (group?.sealed) top.prepend(lockSign());
    if (last !== undefined && last.at > 0) top.append(make("time", "", shortTime(last.at)));
    const bottom = make("span", "bottom", words("line", line));
    if (people.blocked.has(peer)) bottom.append(make("span", "tag", "blocked"));
    else if (people.requests.has(peer)) bottom.append(make("span", "tag", "request"));
    if (group !== undefined) bottom.append(crowd(group, people.selfInGroups));
    if (unread > 0) bottom.append(make("span", "badge", unread > 99 ? "99+" : String(unread)));
    const item = make(
      "button",
      "conversation",
      avatar(peer, people),
      make("span", "what", top, bottom),
    );
    item.type = "button";
    item.dataset.peer = peer;
    item.ariaCurrent = String(peer === this.#state.open);
    item.setAttribute(
      "aria-label",
      `${name}, ${whereText(peer, people)}${unread > 0 ? `, ${unread} unread` : ""}, ${line}`,
    );
    item.addEventListener("click", () => this.#hooks.onOpen(peer));
    return make("li", "", item);
  }

  /** @param {import("./message.js").Message} message */
  #authorOf({ out, sender }) {
    if (out) return "You: ";
    return sender ? `${preview(this.#people.nameOf(sender), 24)}: ` : "";
  }

  /** @param {string} key */
  #startItem(key) {
    const what = make("span", "what", make("span", "top", `Write to ${shortKey(key)}`));
    const item = make("button", "conversation start", avatar(key, this.#people), what);
    item.type = "button";
    item.addEventListener("click", () => this.#hooks.onOpen(key));
    return make("li", "", item);
  }

  /** @param {number} asked */
  async #search(asked) {
    const query = search.value.trim();
    if (query.length < 2 || keyIn(query) !== undefined) {
      found.hidden = true;
      return;
    }
    const answer = await get(`search?q=${encodeURIComponent(query)}`).catch(() => []);
    if (asked !== this.#asked) return;
    const direct = (answer ?? []).filter((/** @type {any} */ hit) => textOf(hit.peer) !== "");
    hits.replaceChildren(...direct.map((/** @type {any} */ hit) => this.#hit(hit)));
    found.hidden = direct.length === 0;
  }

  /** @param {Record<string, unknown>} hit */
  #hit(hit) {
    const peer = textOf(hit.peer);
    const ts = textOf(hit.ts);
    const text = textOf(hit.text);
    const out = hit.outgoing === true;
    const top = make("span", "top", words("name", this.#people.nameOf(peer)));
    top.append(make("time", "", shortTime(Date.parse(ts) || 0)));
    const line = `${out ? "You: " : ""}${preview(text, 120)}`;
    const item = make("button", "conversation", make("span", "what", top, words("line", line)));
    item.type = "button";
    item.addEventListener("click", () => this.#hooks.onHit(peer, { out, text, ts }));
    return make("li", "", item);
  }

  /** @param {KeyboardEvent} event */
  #searchKey(event) {
    if (event.key === "Escape") this.clearSearch();
    const first = list.querySelector("button") ?? hits.querySelector("button");
    if (first === null || (event.key !== "Enter" && event.key !== "ArrowDown")) return;
    event.preventDefault();
    if (event.key === "Enter") first.click();
    else first.focus();
  }

  /** @param {KeyboardEvent} event */
  #arrow(event) {
    const items = [...list.querySelectorAll("button"), ...hits.querySelectorAll("button")];
    const at = items.findIndex((item) => item === document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    (to < 0 ? search : items[Math.min(to, items.length - 1)])?.focus();
  }
}

/** How many of the members are there. @param {import("./groups.js").Group} group @param {string} self */
function crowd(group, self) {
  const made = make("span", "crowd", `${presentIn(group, self)}/${group.members.length}`);
  made.title = crowdText(group, self);
  return made;
}

/** @param {string} peer @param {import("./people.js").People} people */
function whereText(peer, people) {
  const group = people.groups.get(peer);
  if (group !== undefined) {
    return `${group.sealed ? "private group" : "group"}, ${crowdText(group, people.selfInGroups)}`;
  }
  return people.connected.has(peer) ? "connected" : "not connected";
}

/**
 * The picture of a person or a group: two letters on a colour, and a dot when connected.
 *
 * @param {string} peer
 * @param {import("./people.js").People} people
 */
export function avatar(peer, people) {
  const group = people.groups.get(peer);
  const letters = isGroup(peer)
    ? initials(group?.name ?? "", `  ${groupIdOf(peer)}`)
    : initials(people.names.get(peer) ?? "", peer);
  const made = make("span", "avatar", letters);
  made.ariaHidden = "true";
  made.style.setProperty("--hue", String(hueOf(peer)));
  made.classList.toggle("group", isGroup(peer));
  made.classList.toggle("connected", people.connected.has(peer) || !!group?.followed.size);
  return made;
}
