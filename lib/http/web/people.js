// @ts-check
/** Who is who: names, who is connected, blocked, or waits to be let in; pure. */
import { shortKey, textOf } from "./text.js";

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
  /** Whose feeds are followed. @type {Set<string>} */
  followed = new Set();

  /** @param {string} key */
  nameOf(key) {
    if (key !== "" && key === this.self) return this.names.get(key) ?? "You";
    return this.names.get(key) ?? shortKey(key);
  }

  /** @param {Record<string, unknown>} status of `/status` */
  readStatus(status) {
    this.self = textOf(status.visor_pk);
    const { publishes, followed, connected } = feedsOf(status.cxo);
    this.publishes = publishes;
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
