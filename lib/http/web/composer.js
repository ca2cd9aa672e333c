// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="es2023" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** Where a message is written. Each conversation has a draft of its own. */
import { element } from "./dom.js";
import { preview } from "./text.js";

/** Drafts kept. */
const MOST_DRAFTS = 100;

/** @typedef {import("./message.js").Message} Message */

const form = element("composer", HTMLFormElement);
const field = element("message", HTMLTextAreaElement);
const button = element("send", HTMLButtonElement);
const hint = element("hint", HTMLElement);
const quoted = element("quoted", HTMLElement);

export class Composer {
  #onSend;
  #peer = "";
  /** @type {Message | undefined} */
  #replyTo;
  /** @type {Map<string, string>} */
  #drafts = new Map();

  /** @param {(text: string, replyTo: Message | undefined) => void} onSend */
  constructor(onSend) {
    this.#onSend = onSend;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    field.addEventListener("input", () => this.#fit());
    field.addEventListener("keydown", (event) => this.#key(event));
    element("no-quote", HTMLButtonElement).addEventListener("click", () => this.reply(undefined));
  }

  /** @param {string} peer */
  open(peer) {
    if (peer === this.#peer) return;
    this.#drafts.delete(this.#peer);
    if (field.value.trim() !== "") this.#drafts.set(this.#peer, field.value);
    const [oldest] = this.#drafts.keys();
    if (this.#drafts.size > MOST_DRAFTS && oldest !== undefined) this.#drafts.delete(oldest);
    this.#peer = peer;
    field.value = this.#drafts.get(peer) ?? "";
    this.reply(undefined);
    this.#fit();
  }

  focus() {
    field.focus();
  }

  /** Quotes a message, or none any more. @param {Message | undefined} message @param {string} [author] */
  reply(message, author = "") {
    this.#replyTo = message;
    quoted.hidden = message === undefined;
    if (message === undefined) return;
    element("quoted-who", HTMLElement).textContent = author;
    element("quoted-text", HTMLElement).textContent = preview(message.text);
    field.focus();
  }

  /**
   * Says what becomes of a message that is sent now.
   *
   * @param {{ text: string, blocked: boolean }} situation
   */
  situation({ text, blocked }) {
    if (hint.textContent !== text) hint.textContent = text;
    hint.hidden = text === "";
    field.disabled = blocked;
    button.disabled = blocked;
  }

  #send() {
    const text = field.value.replace(/\s+$/, "");
    if (text.trim() === "") return;
    const replyTo = this.#replyTo;
    field.value = "";
    this.reply(undefined);
    this.#fit();
    field.focus();
    this.#onSend(text, replyTo);
  }

  #fit() {
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight + 2}px`;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key === "Escape" && this.#replyTo !== undefined) {
      event.stopPropagation();
      this.reply(undefined);
    }
    // While a word is composed, Enter chooses it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  }
}
