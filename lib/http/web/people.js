// @ts-check
/** Who is who: names, groups, who is connected, blocked, or waits to be let in; pure. */
import { groupIdOf, groupOf, groupPeer, isGroup } from "./groups.js";
import { preview, shortKey, textOf } from "./text.js";

/** @param {unknown} value @returns {Set<string>} */
function keys(value) {
  return new Set(Array.isArray(value) ? value.map(textOf) : []);
}

/** What `/status` says of feeds, where there are any. @param {any} cxo */
function feedsOf(cxo) {
  /** @type {{ pk?: unknown, connected?: unknown }[]} */
  const peers = Array.isArray(cxo?.peers) ? cxo.peers : [];
  const live = peers.filter(({ connected }) => connected === true);
  return {
    publishes: typeof cxo === "object" && cxo !== null,
    followed: keys(peers.map(({ pk }) => pk)),
    connected: keys(live.map(({ pk }) => pk)),
  };
}

export class People {
  /** The own key; empty until it is known. */
  self = "";
  /** The own key in groups and feeds: under a visor another one, which peers there know this node by. */
  selfInGroups = "";
  /** Names by key. @type {Map<string, string>} */
  names = new Map();
  /** @type {Set<string>} */
  connected = new Set();
  /** @type {Set<string>} */
  blocked = new Set();
  /** Who waits to be let in. @type {Set<string>} */
  requests = new Set();
  approval = false;
  /** Whether there is an address book, and privacy settings. */
  canName = true;
  canBlock = true;
  /** Whether messages are kept on disk, and so may wait for their recipient. */
  persistent = false;
  /** Whether messages go to the own feed, for everybody who follows it. */
  publishes = false;
  /** Whether a visor dials people who are not connected. */
  dials = false;
  /** Whose feeds are followed. @type {Set<string>} */
  followed = new Set();

  /** Groups that run, by their conversation. @type {Map<string, import("./groups.js").Group>} */
  groups = new Map();

  /** @param {string} key of a person, or the conversation of a group */
  nameOf(key) {
    if (isGroup(key)) return this.groupNameOf(key);
    const own = key !== "" && (key === this.self || key === this.selfInGroups);
    return this.names.get(key) ?? (own ? "You" : shortKey(key));
  }

  /** What a message to one person asks for, which must not go to the group of this node. */
  networkFor() {
    if (this.publishes) return "";
    return this.dials ? "auto" : "tcp-direct";
  }

  /** Whoever made a link chose the name in it. @param {string} peer */
  groupNameOf(peer) {
    return preview(this.groups.get(peer)?.name ?? "", 64) || shortKey(groupIdOf(peer));
  }

  /** @param {unknown} list of `/group` */
  readGroups(list) {
    const groups = (Array.isArray(list) ? list : []).map(groupOf).filter(({ id }) => id !== "");
    this.groups = new Map(groups.map((group) => [groupPeer(group.id), group]));
  }

  /** @param {Record<string, unknown>} status of `/status` */
  readStatus(status) {
    this.self = textOf(status.visor_pk);
    this.selfInGroups = textOf(status.tcp_pk) || this.self;
    const { publishes, followed, connected } = feedsOf(status.cxo);
    this.publishes = publishes;
    this.dials = status.visor_connected === true;
    this.followed = followed;
    this.connected = new Set([...keys(status.peers), ...connected]);
    this.persistent = status.persistence_enabled === true;
  }

  /** @param {Record<string, unknown>} privacy of `/privacy` */
  readPrivacy(privacy) {
    this.approval = privacy.approval === true;
    this.blocked = keys(privacy.blocked);
    this.requests = keys(privacy.requests);
  }

  /** @param {Record<string, unknown>} contacts of `/contacts` */
  readContacts(contacts) {
    this.names = new Map(Object.entries(contacts ?? {}).map(([key, name]) => [key, textOf(name)]));
  }
}
