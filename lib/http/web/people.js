// @ts-check
/** Who is who: names, who is connected, blocked, or waits to be let in; pure. */
import { shortKey, textOf } from "./text.js";

/** @param {unknown} value @returns {Set<string>} */
function keys(value) {
  return new Set(Array.isArray(value) ? value.map(textOf) : []);
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

  /** @param {string} key */
  nameOf(key) {
    if (key !== "" && key === this.self) return this.names.get(key) ?? "You";
    return this.names.get(key) ?? shortKey(key);
  }

  /** @param {Record<string, unknown>} status of `/status` */
  readStatus(status) {
    this.self = textOf(status.visor_pk);
    this.connected = keys(status.peers);
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
