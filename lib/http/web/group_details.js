// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="es2023" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** Who is in a group and how it stands; and what its admins decide. */
import { get, post } from "./api.js";
import { avatar } from "./conversations.js";
import { choose, close, copy, copyRow, form, isShown, messageOf, show, tell } from "./dialogs.js";
import { button, make, words } from "./dom.js";
import { groupPath } from "./groups.js";
import { keyIn, preview, shortKey, textOf } from "./text.js";

/** @typedef {import("./groups.js").Group} Group */
/** @typedef {"add" | "remove" | "ban" | "unban" | "mute" | "unmute" | "promote" | "demote"} MemberAction */

const KINDS = {
  public: "Public: what members write is not encrypted further.",
  private: "Private: messages are encrypted for the members.",
  channel: "A channel: only admins write.",
};

/** How this node stands with a group, where that is not good. @type {Readonly<Record<string, string>>} */
const TROUBLES = {
  pending: "No member has been reached yet.",
  awaiting_approval: "An admin has to add this node.",
  banned: "This node is banned.",
  revoked: "This node is no member.",
};

/** What each decision is called, and what it means. @type {Readonly<Record<Exclude<MemberAction, "add">, readonly [string, string]>>} */
const DECISIONS = {
  remove: ["Remove from the group", "Nothing more reaches them, and they can be added again."],
  ban: ["Ban", "They are put out, and stay out until the ban is lifted and they are added again."],
  unban: ["Lift the ban", "That does not bring them back: they have to be added."],
  mute: ["Mute", "What they write from now on is shown to nobody."],
  unmute: ["Unmute", "What they write is shown again."],
  promote: ["Make an admin", "They can add, remove, ban and mute members, and make admins."],
  demote: ["Take admin rights", "They stay a member."],
};

export class GroupDetails {
  #people;
  #hooks;
  #peer = "";
  #link = "";
  #problem = "";
  #drawn = "";
  #body = make("div", "details");

  /**
   * @param {import("./people.js").People} people
   * @param {{ onOpen: (peer: string) => void, onLeft: () => void, refresh: () => Promise<unknown> }} hooks `refresh` reads how the groups are
   */
  constructor(people, hooks) {
    this.#people = people;
    this.#hooks = hooks;
  }

  /** @param {string} peer the conversation of a group @param {string} [problem] what went wrong before */
  open(peer, problem = "") {
    if (!this.#people.groups.has(peer)) return tell("This group does not run on this node");
    if (peer !== this.#peer) this.#link = "";
    this.#peer = peer;
    this.#problem = problem;
    this.#draw();
    show(this.#people.nameOf(peer), [this.#body]);
    void this.#readLink(peer);
  }

  /** Shows what has changed, while it is looked at. */
  refresh() {
    if (!isShown(this.#body)) return;
    if (this.#people.groups.has(this.#peer)) this.#draw();
    else close();
  }

  #draw() {
    const group = this.#people.groups.get(this.#peer);
    if (group === undefined) return;
    const { names, selfInGroups: self } = this.#people;
    const sets = [group.admins, group.muted, group.followed, group.trouble, names];
    const drawn = JSON.stringify([
      ...[group, self, this.#link, this.#problem],
      ...sets.map((set) => [...set]),
    ]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const active = document.activeElement;
    const focused = active instanceof HTMLElement && this.#body.contains(active)
      ? active.dataset.name
      : undefined;
    this.#body.replaceChildren(...this.#parts(group));
    const again = [...this.#body.querySelectorAll("button")]
      .find(({ dataset }) => focused !== undefined && dataset.name === focused);
    again?.focus();
  }

  /** @param {string} peer */
  async #readLink(peer) {
    try {
      const answer = await get(`${groupPath(peer)}/invite`);
      if (peer === this.#peer) this.#link = textOf(answer?.invite);
    } catch (error) {
      if (peer === this.#peer) this.#problem ||= messageOf(error);
    }
    this.refresh();
  }

  /** @param {Group} group */
  #parts(group) {
    const isAdmin = group.admins.has(this.#people.selfInGroups);
    const problem = make("p", "problem", this.#problem);
    problem.setAttribute("role", "alert");
    const members = [...new Set([...group.members, ...group.admins])];
    return [
      problem,
      make("p", "note", standing(group)),
      ...(this.#link === "" ? [] : [copyRow("Invite link", this.#link)]),
      make("h3", "", `Members (${group.members.length})`),
      make("ul", "people", ...members.map((key) => this.#row(group, key))),
      ...(group.banned.length === 0 ? [] : [
        make("h3", "", `Banned (${group.banned.length})`),
        make("ul", "people", ...group.banned.map((key) => this.#row(group, key))),
      ]),
      make("div", "choices", ...this.#choices(group, isAdmin)),
    ];
  }

  /** @param {Group} group @param {boolean} isAdmin */
  #choices(group, isAdmin) {
    const { readOnly } = group;
    const made = [
      ...(isAdmin
        ? [
          choice("Add a member…", () => this.#add()),
          choice(
            readOnly ? "Let everybody write…" : "Make it read-only…",
            () => this.#askReadOnly(!readOnly),
          ),
        ]
        : []),
      ...(isAdmin && group.sealed ? [choice("Change the key…", () => this.#askRotate())] : []),
      choice("Leave the group…", () => this.#askLeave()),
      choice("Close", close),
    ];
    made.at(-1)?.classList.add("quiet");
    made.at(-2)?.classList.add("danger");
    return made;
  }

  /** @param {Group} group @param {string} key */
  #row(group, key) {
    const { selfInGroups: self } = this.#people;
    const tags = [
      ...(key === group.owner ? ["founder"] : group.admins.has(key) ? ["admin"] : []),
      ...(group.muted.has(key) ? ["muted"] : []),
    ].map((text) => make("span", "crowd", text));
    const top = make("span", "top", words("name", this.#people.nameOf(key)), ...tags);
    const what = make("span", "what", top, words("line", linkText(group, key, self)));
    const item = button("conversation", "", () => this.#personMenu(group, key));
    item.append(avatar(key, this.#people), what);
    item.dataset.name = key;
    item.title = key;
    return make("li", "", item);
  }

  /** @param {Group} group @param {string} key */
  #personMenu(group, key) {
    const { selfInGroups: self } = this.#people;
    const isAdmin = group.admins.has(self);
    choose(this.#people.nameOf(key), [
      { label: "Copy key", run: () => copy(key, "Key") },
      ...(key === self ? [] : [{ label: "Write to them", run: () => this.#hooks.onOpen(key) }]),
      ...(isAdmin ? decisionsOn(group, key) : []).map((action) => ({
        label: `${DECISIONS[action][0]}…`,
        run: () => this.#askDecision(action, key),
        danger: action === "remove" || action === "ban",
      })),
      { label: "Back to the group", run: () => this.open(this.#peer) },
    ], key);
  }

  /** @param {Exclude<MemberAction, "add">} action @param {string} key */
  #askDecision(action, key) {
    const [label, meaning] = DECISIONS[action];
    this.#confirm(`${label}: ${preview(this.#people.nameOf(key), 64)}?`, {
      ...{ label, meaning },
      run: () => post(`${groupPath(this.#peer)}/members/${action}`, { pk: key }),
    });
  }

  /** @param {boolean} on */
  #askReadOnly(on) {
    this.#confirm(on ? "Make the group read-only?" : "Let everybody write?", {
      label: on ? "Make it read-only" : "Let everybody write",
      meaning: on ? "Only admins write from then on." : "All members can write again.",
      run: () => post(`${groupPath(this.#peer)}/readonly`, { read_only: on }),
    });
  }

  #askRotate() {
    this.#confirm("Change the key of the group?", {
      label: "Change the key",
      meaning: "What is written from then on is encrypted with a new key, which all members get.",
      run: () => post(`${groupPath(this.#peer)}/rotate-key`, {}),
    });
  }

  #askLeave() {
    this.#confirm("Leave the group?", {
      label: "Leave",
      meaning: "This node takes no part in it any more. What others have of it stays with them.",
      run: async () => {
        await post(`${groupPath(this.#peer)}/leave`, {});
        this.#hooks.onLeft();
      },
    });
  }

  #add() {
    const peer = this.#peer;
    form({
      title: "Add a member",
      fields: [{ name: "key", label: "Their key, or an address tcp://key@host:port" }],
      confirm: "Add",
      note: "With an address members can reach them; else their node has to reach a member.",
      run: async ({ key = "" }) => {
        const pk = keyIn(key);
        if (pk === undefined) {
          return "That is no key: 66 hexadecimal digits, starting with 02 or 03";
        }
        const addr = /@(.+)$/.exec(key.trim())?.[1];
        await post(`${groupPath(peer)}/members/add`, { pk, ...(addr && { addr }) });
        await this.#settled(peer);
        tell(`${shortKey(pk)} is a member`);
      },
    });
  }

  /**
   * Asks, acts, and shows the group again, with the server's words where it refused.
   *
   * @param {string} title
   * @param {{ label: string, meaning: string, run: () => Promise<unknown> }} decision
   */
  #confirm(title, { label, meaning, run }) {
    const peer = this.#peer;
    choose(title, [{
      label,
      danger: true,
      run: async () => {
        try {
          await run();
          await this.#settled(peer);
        } catch (error) {
          this.open(peer, messageOf(error));
        }
      },
    }], meaning);
  }

  /** @param {string} peer */
  async #settled(peer) {
    await this.#hooks.refresh().catch(() => {});
    if (this.#people.groups.has(peer)) this.open(peer);
  }
}

/** What an admin can decide about somebody. @param {Group} group @param {string} key @returns {Exclude<MemberAction, "add">[]} */
function decisionsOn({ admins, banned, members, muted, owner }, key) {
  if (key === owner) return [];
  if (banned.includes(key)) return ["unban"];
  return [
    admins.has(key) ? "demote" : "promote",
    muted.has(key) ? "unmute" : "mute",
    ...(members.includes(key) ? /** @type {const} */ (["remove"]) : []),
    "ban",
  ];
}

/** @param {Group} group */
function standing({ epoch, kind, readOnly, sealed, status }) {
  return [
    KINDS[kind],
    sealed && epoch !== undefined ? `The key in use is number ${epoch}.` : "",
    readOnly ? "It is read-only: only admins write." : "",
    TROUBLES[status] ?? "",
  ].filter((text) => text !== "").join(" ");
}

/** How a member is linked to this node. @param {Group} group @param {string} key @param {string} self */
function linkText({ banned, followed, members, trouble }, key, self) {
  if (key === self) return "this node";
  if (banned.includes(key)) return "banned";
  if (!members.includes(key)) return "not a member";
  return followed.has(key) ? "connected" : trouble.get(key) || "not connected";
}

/** @param {string} text @param {() => void} onClick */
function choice(text, onClick) {
  const made = button("choice", text, onClick);
  made.dataset.name = text;
  return made;
}
