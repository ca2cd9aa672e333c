// deno-lint-ignore-file skychat/globals -- runs in a browser, where there is no Clock
// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="es2023" />
/// <reference lib="dom" />
/** Tells the process what was looked at, and the person what came while they looked elsewhere. */
import { post } from "./api.js";
import { element, onceAFrame, words } from "./dom.js";
import { isGroup } from "./groups.js";
import { Remembered } from "./memory.js";
import { preview } from "./text.js";

/** Ids in one request; the server takes no more. */
const MOST_IDS = 256;
/** Milliseconds of quiet before the number of unread messages is reported. */
const REPORT_MS = 1_000;
/** Milliseconds between two notes that this page can notify; each is good for 45 s. */
const CAPABLE_MS = 30_000;

/** Until when each conversation was read. */
const seen = new Remembered("seen");
/** How far own messages came: the history does not say. */
const marks = new Remembered("marks");
/** Marks to be written with the next frame. @type {Map<string, import("./message.js").Mark>} */
const newMarks = new Map();
const writeMarks = onceAFrame(() => {
  marks.set([...newMarks]);
  newMarks.clear();
});
/** Choices of this browser. */
export const choices = new Remembered("choices");

/** @param {string} peer @returns {number} milliseconds since 1970 */
export function seenUntil(peer) {
  return Number(seen.get(peer)) || 0;
}

/** @param {string} peer @param {string} id @returns {"received" | "read" | undefined} */
export function markOf(peer, id) {
  const mark = marks.get(`${peer} ${id}`);
  return mark === "received" || mark === "read" ? mark : undefined;
}

/** @param {string} peer @param {string} id @param {"received" | "read"} mark */
export function rememberMark(peer, id, mark) {
  const key = `${peer} ${id}`;
  // A replay tells it again, and a late receipt takes nothing back.
  if (marks.get(key) === mark || marks.get(key) === "read" || newMarks.get(key) === "read") return;
  newMarks.set(key, mark);
  writeMarks();
}

/** Whether people are told that their messages were read. */
export function tellsRead() {
  return choices.get("receipts") !== false;
}

/** Whether messages are announced by the desktop. */
export function notifies() {
  return choices.get("notify") === true && "Notification" in globalThis &&
    Notification.permission === "granted";
}

export class Receipts {
  #state;
  #people;
  /** What the server was told. */
  #reported = -1;
  #reporting = 0;

  /** @param {import("./state.js").ChatState} state @param {import("./people.js").People} people */
  constructor(state, people) {
    this.#state = state;
    this.#people = people;
    setInterval(() => this.notifying(), CAPABLE_MS);
  }

  /** Takes the open conversation as read: its end is in view. */
  look() {
    const peer = this.#state.open;
    if (peer === "" || document.visibilityState !== "visible") return;
    const until = seenUntil(peer);
    const news = this.#state.see(peer);
    const newest = news.at(-1);
    if (newest === undefined) return;
    seen.set([[peer, Math.max(newest.at, until)]]);
    // Who is not let in, or blocked, learns nothing, and in a group nobody does.
    if (
      isGroup(peer) || !tellsRead() || this.#people.requests.has(peer) ||
      this.#people.blocked.has(peer)
    ) return;
    const ids = news.map(({ id }) => id).filter((id) => id !== "");
    for (let at = 0; at < ids.length; at += MOST_IDS) {
      void post("read-receipt", { pk: peer, ids: ids.slice(at, at + MOST_IDS) }).catch(() => {});
    }
  }

  /** Shows and reports how many messages are unread, once that has settled. */
  count() {
    const { unread } = this.#state;
    document.title = unread > 0 ? `(${unread}) skychat` : "skychat";
    clearTimeout(this.#reporting);
    this.#reporting = setTimeout(async () => {
      if (this.#reported === unread) return;
      this.#reported = unread;
      await post("unread", { unread }).catch(() => this.#reported = -1);
    }, REPORT_MS);
  }

  /** Says that this page can notify, when it can, and which conversation it shows. */
  notifying() {
    if (!notifies()) return;
    void post("notify-capable", { capable: true }).catch(() => {});
    const focused = document.visibilityState === "visible" && document.hasFocus();
    const key = this.#state.open;
    if (key !== "" && !isGroup(key)) void post("notify-focus", { key, focused }).catch(() => {});
  }

  /**
   * Announces a message: to a screen reader, and on the desktop when nobody looks.
   *
   * @param {import("./message.js").Message} message
   * @param {(peer: string) => void} onOpen
   */
  announce({ peer, sender, text, deleted }, onOpen) {
    const people = this.#people;
    if (deleted || people.blocked.has(sender ?? peer)) return;
    const place = people.nameOf(peer);
    const name = sender ? `${preview(people.nameOf(sender), 64)} in ${place}` : place;
    element("announcer", HTMLElement).replaceChildren(words("", `${name}: ${preview(text, 200)}`));
    if (!notifies() || (document.visibilityState === "visible" && document.hasFocus())) return;
    const note = new Notification(name, {
      body: preview(text, 200),
      tag: peer,
      icon: "./icon.svg",
    });
    note.addEventListener("click", () => {
      focus();
      onOpen(peer);
      note.close();
    });
  }
}
