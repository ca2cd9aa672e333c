// @ts-check
/** What a group is to the page: a conversation with a name of its own, and what the server says of it; pure. */
import { textOf } from "./text.js";

const PREFIX = "group:";

/** Words that stand at the place of an id and name no group unless a letter is encoded. */
const TAKEN = new Set(["join", "resolve", "catalog", "history"]);

/** @typedef {"public" | "private" | "channel"} GroupKind */
/**
 * @typedef {object} Group
 * @property {string} id
 * @property {string} name may be empty
 * @property {GroupKind} kind
 * @property {boolean} sealed whether messages are encrypted for the members
 * @property {number | undefined} epoch of the key, where there is one
 * @property {string} owner
 * @property {readonly string[]} members
 * @property {ReadonlySet<string>} admins
 * @property {ReadonlySet<string>} muted
 * @property {readonly string[]} banned
 * @property {ReadonlySet<string>} followed members whose messages come in
 * @property {ReadonlyMap<string, string>} trouble why others are not followed
 * @property {boolean} readOnly
 * @property {string} refusal why this node may not post; empty when it may
 * @property {string} status how this node stands with it
 */

/** The conversation of a group: no key looks like it. @param {string} id */
export function groupPeer(id) {
  return `${PREFIX}${id}`;
}

/** Whether a conversation is one of a group. @param {string} peer */
export function isGroup(peer) {
  return peer.startsWith(PREFIX);
}

/** @param {string} peer a conversation of a group */
export function groupIdOf(peer) {
  return peer.slice(PREFIX.length);
}

/** Where the routes of a group begin. @param {string} peer */
export function groupPath(peer) {
  const id = groupIdOf(peer);
  const encoded = encodeURIComponent(id);
  return `group/${TAKEN.has(id) ? `%${id.charCodeAt(0).toString(16)}${id.slice(1)}` : encoded}`;
}

/** A conversation in the address of the page. @param {string} peer */
export function hashOf(peer) {
  return isGroup(peer) ? `${PREFIX}${encodeURIComponent(groupIdOf(peer))}` : peer;
}

/** The group in an address; undefined when there is none. @param {string} hash without its sign */
export function groupInHash(hash) {
  if (!isGroup(hash)) return undefined;
  try {
    return groupPeer(decodeURIComponent(groupIdOf(hash)));
  } catch {
    return undefined;
  }
}

/** @param {any} info GroupInfo of `/group` @returns {Group} */
export function groupOf(info) {
  const kind = textOf(info?.kind);
  return {
    id: textOf(info?.id),
    name: textOf(info?.name),
    kind: kind === "private" || kind === "channel" ? kind : "public",
    sealed: info?.mode === "private",
    epoch: typeof info?.key_epoch === "number" ? info.key_epoch : undefined,
    owner: textOf(info?.owner_pk),
    members: texts(info?.members),
    admins: new Set(texts(info?.admins)),
    muted: new Set(texts(info?.muted)),
    banned: texts(info?.banned),
    followed: new Set(
      Object.entries(info?.peer_connected ?? {}).flatMap(([key, on]) => on === true ? [key] : []),
    ),
    trouble: new Map(
      Object.entries(info?.peer_trouble ?? {}).map(([key, text]) => [key, textOf(text)]),
    ),
    readOnly: info?.read_only === true,
    refusal: info?.can_post === false ? textOf(info.cannot_post_reason) || "You may not write" : "",
    status: textOf(info?.status),
  };
}

/** How many members are there: this node, and whom it follows. @param {Group} group @param {string} self */
export function presentIn({ members, followed }, self) {
  return members.filter((key) => key === self || followed.has(key)).length;
}

/** @param {Group} group @param {string} self */
export function crowdText(group, self) {
  const count = group.members.length;
  return `${count} ${count === 1 ? "member" : "members"}, ${presentIn(group, self)} connected`;
}

/** @param {unknown} value */
function texts(value) {
  return Array.isArray(value) ? value.map(textOf).filter((text) => text !== "") : [];
}
