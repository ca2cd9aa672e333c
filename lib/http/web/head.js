// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="es2023" />
/// <reference lib="dom" />
/** What stands above the open conversation: whose it is, and what is to be known before one writes. */
import { avatar } from "./conversations.js";
import { element, lockSign } from "./dom.js";
import { crowdText, isGroup } from "./groups.js";

/** What becomes of messages to a group that this node has no part in yet. @type {Readonly<Record<string, string>>} */
const WAITING = {
  pending: "No member has been reached yet. What you write goes out once one is.",
  awaiting_approval:
    "Members refuse this node: an admin has to add it. What you write stays here until then.",
};

/**
 * @param {string} peer the open conversation
 * @param {import("./people.js").People} people
 * @param {import("./composer.js").Composer} composer
 */
export function showHead(peer, people, composer) {
  element("peer-name", HTMLElement).textContent = people.nameOf(peer);
  element("peer-picture", HTMLElement).replaceChildren(avatar(peer, people));
  const about = isGroup(peer) ? "More about this group" : "More about this person";
  element("menu", HTMLElement).setAttribute("aria-label", about);
  if (isGroup(peer)) showGroup(peer, people, composer);
  else showPerson(peer, people, composer);
}

/** @param {string} peer @param {import("./people.js").People} people @param {import("./composer.js").Composer} composer */
function showGroup(peer, people, composer) {
  const group = people.groups.get(peer);
  showState(group ? crowdText(group, people.selfInGroups) : "not running", !!group?.followed.size);
  if (group?.sealed) element("peer-state", HTMLElement).prepend(lockSign(), "private, ");
  element("request", HTMLElement).hidden = true;
  element("blocked", HTMLElement).hidden = true;
  const refusal = group === undefined ? "This group does not run on this node." : group.refusal;
  // Who was put out may be cut off before that is heard: what is left is that members refuse.
  const text = refusal || WAITING[group?.status ?? ""] || "";
  composer.situation({ blocked: refusal !== "", text });
}

/** @param {string} peer @param {import("./people.js").People} people @param {import("./composer.js").Composer} composer */
function showPerson(peer, people, composer) {
  const connected = people.connected.has(peer);
  const blocked = people.blocked.has(peer);
  const asks = people.requests.has(peer) && !blocked;
  showState(connected ? "connected" : "not connected", connected);
  element("request", HTMLElement).hidden = !asks;
  element("blocked", HTMLElement).hidden = !blocked;
  composer.situation({ blocked, text: blocked ? "" : situationText(people, connected) });
}

/** @param {string} text @param {boolean} on */
function showState(text, on) {
  const line = element("peer-state", HTMLElement);
  line.textContent = text;
  line.dataset.on = String(on);
}

/** What is to be known before something is written. @param {import("./people.js").People} people @param {boolean} connected */
function situationText(people, connected) {
  if (people.publishes) return "Goes to your feed: everybody who reaches it can read it.";
  if (connected) return "";
  return people.persistent
    ? "Not connected now. What you write waits here and goes out when they are."
    : "Not connected now. Messages cannot be sent.";
}
