// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="es2023" />
/// <reference lib="dom" />
/** What can be done in a group: writing, taking back, founding one and joining one. */
import { post, Refusal, remove, sendToGroup } from "./api.js";
import { button, make, words } from "./dom.js";
import { choose, close, copy, copyRow, form, messageOf, show, tell } from "./dialogs.js";
import { groupPath, groupPeer } from "./groups.js";
import { groupMessageId, nanosOf } from "./incoming.js";
import { preview, textOf } from "./text.js";

/** @typedef {import("./message.js").Message} Message */

/** @type {readonly (readonly [string, string])[]} */
const KINDS = [
  ["public", "Public: not encrypted further"],
  ["private", "Private: encrypted"],
  ["channel", "Channel: only admins write"],
];

export class GroupActions {
  #state;
  #people;
  #sync;
  #hooks;

  /**
   * @param {import("./state.js").ChatState} state
   * @param {import("./people.js").People} people
   * @param {import("./group_sync.js").GroupSync} sync
   * @param {{ onOpen: (peer: string) => void, refresh: () => Promise<unknown> }} hooks `refresh` reads which groups run
   */
  constructor(state, people, sync, hooks) {
    this.#state = state;
    this.#people = people;
    this.#sync = sync;
    this.#hooks = hooks;
  }

  /** @param {string} peer @param {string} text */
  async send(peer, text) {
    const { selfInGroups: sender } = this.#people;
    const message = this.#state.add({ peer, sender, id: "", out: true, text, mark: "pending" });
    if (message === undefined) return;
    try {
      const { nanos, kept } = await sendToGroup(groupPath(peer), text);
      this.#state.name(message, { id: groupMessageId(sender, nanos), mark: "sent" });
      if (!kept) tell("Sent, but it could not be kept on disk");
    } catch (error) {
      // Its event came all the same: it was sent, and only the answer was lost.
      if (message.id !== "") return;
      const lost = !(error instanceof Refusal);
      this.#state.fail(message, lost ? "skychat did not answer: it may be sent" : error.message);
      await this.#hooks.refresh().catch(() => {});
    }
  }

  /** Sends a failed message again, as a new one. @param {Message} message */
  async again(message) {
    this.#state.remove(message);
    await this.send(message.peer, message.text);
  }

  /** @param {Message} message */
  menu(message) {
    const { id, mark, out, sender = "", text } = message;
    const isSent = mark !== "failed" && mark !== "pending";
    choose("Message", [
      { label: "Copy text", run: () => copy(text, "Text") },
      ...(out ? [] : [{ label: "Copy the author’s key", run: () => copy(sender, "Key") }]),
      ...(out && isSent && id !== ""
        ? [{ label: "Take back for everybody", run: () => this.#takeBack(message), danger: true }]
        : []),
      ...(mark === "failed"
        ? [{ label: "Discard", run: () => this.#state.remove(message), danger: true }]
        : []),
    ], `${out ? "You" : this.#people.nameOf(sender)}: ${preview(text, 80)}`);
  }

  /** @param {Message} message */
  async #takeBack({ peer, id }) {
    try {
      await remove(`${groupPath(peer)}/message?ts=${nanosOf(id)}`);
      this.#sync.retract(peer, id);
    } catch (error) {
      tell(messageOf(error));
    }
  }

  /** Reads what was written before the oldest message that is here. @param {string} peer */
  async readOlder(peer) {
    try {
      await this.#sync.readOlder(peer);
    } catch (error) {
      tell(messageOf(error));
    }
  }

  start() {
    choose("Groups", [
      { label: "Create a group…", run: () => this.create() },
      { label: "Join by an invite link…", run: () => this.join() },
    ], "A node takes part in one group at a time.");
  }

  create() {
    form({
      title: "Create a group",
      fields: [
        { name: "name", label: "Name" },
        { name: "kind", label: "Kind; it stays as it is", options: KINDS },
        {
          name: "address",
          label: "Where members reach this node, if it is not where it listens",
          hint: "host:port",
          mayBeEmpty: true,
        },
      ],
      confirm: "Create",
      run: async ({ name, kind, address = "" }) => {
        const made = await post("group", { name, kind, address: address.trim() });
        await this.#enter(textOf(made?.info?.id));
        showCreated(made);
      },
    });
  }

  join() {
    form({
      title: "Join a group",
      fields: [{ name: "link", label: "Invite link", hint: "skychat:invite:…" }],
      confirm: "Join",
      run: async ({ link = "" }) => {
        const info = await post("group/join", { invite: link.trim() });
        await this.#enter(textOf(info?.id));
        const { selfInGroups } = this.#people;
        showJoined(this.#people.nameOf(groupPeer(textOf(info?.id))), selfInGroups);
      },
    });
  }

  /** @param {string} id */
  async #enter(id) {
    // The group began, whether or not its name can be read now.
    await this.#hooks.refresh().catch(() => {});
    this.#hooks.onOpen(groupPeer(id));
  }
}

/** @param {any} made answer of `POST /group` */
function showCreated(made) {
  show("The group runs", [
    copyRow("Invite link", textOf(made?.invite)),
    make(
      "p",
      "note",
      "A link lets nobody in by itself: whoever joins tells an admin their key, who adds it.",
    ),
    copyRow("Start this node with", textOf(made?.start?.owner)),
    copyRow("A member’s node begins with", textOf(made?.start?.member)),
    make(
      "p",
      "note",
      "After a restart the group runs again where the node was started with its line.",
    ),
    done(),
  ]);
}

/** @param {string} name @param {string} self */
function showJoined(name, self) {
  show("One step is left", [
    make("p", "note", "Members of ", words("", name), " refuse this node until an admin adds it."),
    copyRow("Your key, for an admin", self),
    done(),
  ]);
}

function done() {
  return make("div", "row", button("primary", "Done", close));
}
