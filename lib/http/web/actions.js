// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="es2023" />
/// <reference lib="dom" />
/** What can be done to a message, a person, and the settings. */
import { get, post, Refusal, sendMessage, takeBack } from "./api.js";
import { ask, choose, copy, messageOf, settings, tell } from "./dialogs.js";
import { Remembered } from "./memory.js";
import { choices, notifies, tellsRead } from "./receipts.js";
import { keyIn, preview } from "./text.js";

/** @typedef {import("./message.js").Message} Message */

/** Messages that are not to be shown again: replays may still have them. */
export const hidden = new Remembered("hidden");

export class Actions {
  #state;
  #people;
  #hooks;
  /** Ids of own messages whose deletion was asked for here. @type {Set<string>} */
  #deleting = new Set();

  /**
   * @param {import("./state.js").ChatState} state
   * @param {import("./people.js").People} people
   * @param {{ onReply: (message: Message) => void, onOpen: (peer: string) => void, onClose: () => void, redraw: () => void }} hooks
   */
  constructor(state, people, hooks) {
    this.#state = state;
    this.#people = people;
    this.#hooks = hooks;
  }

  /** @param {string} peer @param {string} text @param {string} [replyTo] */
  async send(peer, text, replyTo) {
    const message = this.#state.add({ peer, id: "", out: true, text, mark: "pending", replyTo });
    // A person who is known to be away gets it later; the line above the field said so.
    const away = !this.#people.publishes && !this.#people.connected.has(peer);
    if (message !== undefined) await this.#transmit(message, away && this.#people.persistent);
  }

  /** Sends a failed message again, as a new one. @param {Message} message @param {boolean} queue */
  async again(message, queue) {
    this.#state.remove(message);
    const { peer, text, replyTo } = message;
    const fresh = this.#state.add({ peer, id: "", out: true, text, mark: "pending", replyTo });
    if (fresh !== undefined) await this.#transmit(fresh, queue);
  }

  /** @param {Message} message @param {boolean} queue */
  async #transmit(message, queue) {
    try {
      const { peer: recipient, text, replyTo } = message;
      const named = await sendMessage({
        recipient,
        message: text,
        queue,
        network: this.#people.networkFor(),
        ...(replyTo ? { replyTo } : {}),
      });
      this.#people.requests.delete(recipient);
      this.#state.name(message, named);
    } catch (error) {
      // Its event came all the same: it was sent, and only the answer was lost.
      if (message.id !== "") return;
      const lost = !(error instanceof Refusal);
      this.#state.fail(message, lost ? "skychat did not answer: it may be sent" : plainly(error));
    }
  }

  /** @param {Message} message */
  menu(message) {
    if (message.deleted) return;
    const { peer, id, out, mark, text } = message;
    // What others may have copied from a feed cannot be taken back.
    const published = message.feed ?? this.#people.publishes;
    const named = id !== "";
    const sent = mark !== "queued" && mark !== "failed" && mark !== "pending";
    choose("Message", [
      ...(named && sent ? [{ label: "Reply", run: () => this.#hooks.onReply(message) }] : []),
      { label: "Copy text", run: () => copy(text, "Text") },
      ...(mark === "queued"
        ? [{ label: "Take back", run: () => this.#takeBack(message), danger: true }]
        : []),
      ...(out && named && sent && !published
        ? [{ label: "Delete for both", run: () => this.#deleteForBoth(message), danger: true }]
        : []),
      { label: "Forget here", run: () => this.#forget(message), danger: true },
    ], `${out ? "You" : this.#people.nameOf(peer)}: ${preview(text, 80)}`);
  }

  /** @param {Message} message */
  async #takeBack(message) {
    await guarded(async () => {
      if (await takeBack(message.id)) this.#state.remove(message);
      else tell("It is on its way already");
    });
  }

  /** @param {Message} message */
  async #deleteForBoth(message) {
    await guarded(async () => {
      this.#deleting.add(message.id);
      await post("delete", { pk: message.peer, id: message.id });
      this.#hide(message);
      this.#state.markDeleted(message);
    });
  }

  /** @param {Message} message */
  async #forget(message) {
    await guarded(async () => {
      if (message.id !== "") await post("history/forget", { pk: message.peer, id: message.id });
      if (message.mark === "queued") await takeBack(message.id);
      this.#hide(message);
      this.#state.remove(message);
    });
  }

  /** @param {Message} message */
  #hide(message) {
    hidden.set(message.keys.map((key) => [`${message.peer} ${key}`, 1]));
  }

  /**
   * A message was deleted. Peers delete their own ones; that one of ours is gone has to be true here.
   *
   * @param {string} peer
   * @param {string} id
   */
  async deleted(peer, id) {
    const known = this.#state.conversations.get(peer)?.known;
    const theirs = known?.get(`in ${id}`);
    if (theirs !== undefined) this.#hide(theirs);
    if (theirs !== undefined) this.#state.markDeleted(theirs);
    const own = known?.get(`out ${id}`);
    if (own === undefined || theirs !== undefined) return;
    if (this.#deleting.delete(id)) return;
    if (!this.#people.persistent) return;
    const stored = await get(`history?peer=${peer}&limit=1000`).catch(() => undefined);
    if (!Array.isArray(stored) || stored.some((record) => record.id === id)) return;
    this.#state.markDeleted(own);
  }

  /** @param {string} peer */
  personMenu(peer) {
    const people = this.#people;
    const blocked = people.blocked.has(peer);
    choose(people.nameOf(peer), [
      ...(people.canName ? [{ label: "Name…", run: () => this.rename(peer) }] : []),
      { label: "Copy key", run: () => copy(peer, "Key") },
      ...(people.canBlock
        ? [{
          label: blocked ? "Unblock" : "Block",
          run: () => this.block(peer, !blocked),
          danger: !blocked,
        }]
        : []),
      { label: "Forget conversation…", run: () => this.#askForget(peer), danger: true },
    ], peer);
  }

  /** @param {string} peer */
  rename(peer) {
    ask({
      title: "Name",
      label: "What to call them; nobody else sees it",
      value: this.#people.names.get(peer) ?? "",
      confirm: "Save",
      mayBeEmpty: true,
      run: async (name) => {
        await post("contacts", { pk: peer, name });
        this.#people.readContacts(await get("contacts"));
        this.#hooks.redraw();
      },
    });
  }

  /** @param {string} peer @param {boolean} blocked */
  async block(peer, blocked) {
    await this.#privacy("privacy/block", { pk: peer, blocked });
  }

  /** @param {string} peer */
  async accept(peer) {
    await this.#privacy("privacy/accept", { pk: peer });
  }

  /** @param {string} path @param {object} change */
  async #privacy(path, change) {
    await guarded(async () => {
      this.#people.readPrivacy(await post(path, change));
      this.#hooks.redraw();
    });
  }

  /** @param {string} peer */
  #askForget(peer) {
    choose("Forget this conversation?", [{
      label: "Forget all messages",
      danger: true,
      run: () =>
        guarded(async () => {
          await post("history/forget", { pk: peer, all: true });
          const messages = this.#state.conversations.get(peer)?.messages ?? [];
          const keys = messages.slice(-200).flatMap((one) => one.keys.slice(0, 1));
          hidden.set(keys.map((key) => [`${peer} ${key}`, 1]));
          this.#state.clear(peer);
          this.#hooks.onClose();
        }),
    }], "All of its messages go from this node. The other side keeps theirs.");
  }

  start() {
    ask({
      title: "Start a conversation",
      label: "Their key, or an address tcp://key@host:port",
      confirm: "Start",
      note: "Links are made by the node: start it with --tcp-peer to reach an address.",
      run: (text) => {
        const key = keyIn(text);
        if (key === undefined) {
          return "That is no key: 66 hexadecimal digits, starting with 02 or 03";
        }
        this.#hooks.onOpen(key);
      },
    });
  }

  settings() {
    const people = this.#people;
    settings(
      "Settings",
      [
        ...(people.canBlock
          ? [{
            label: "New people ask before they can write to me",
            on: people.approval,
            set: async (/** @type {boolean} */ approval) => {
              people.readPrivacy(await post("privacy", { approval }));
              this.#hooks.redraw();
            },
          }]
          : []),
        {
          label: "Tell people when I have read their messages",
          on: tellsRead(),
          set: (on) => choices.set([["receipts", on]]),
        },
        { label: "Notify me on this device", on: notifies(), set: setNotifies },
      ],
      people.persistent
        ? "History is kept on disk."
        : "History is off: messages go when skychat ends.",
    );
  }
}

/** @param {boolean} on */
async function setNotifies(on) {
  choices.set([["notify", on]]);
  if (!on) return;
  if (!("Notification" in globalThis)) throw new Error("This browser shows none for this address");
  if (await Notification.requestPermission() !== "granted") {
    throw new Error("The browser does not allow it");
  }
}

/** @param {() => Promise<void>} action */
async function guarded(action) {
  try {
    await action();
  } catch (error) {
    tell(messageOf(error));
  }
}

/** @param {Error} error */
function plainly(error) {
  return error.message.includes("no transport configured")
    ? "They are not connected"
    : error.message;
}
