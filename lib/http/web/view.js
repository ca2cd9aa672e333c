// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="es2023" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** Puts things on the page. Whatever a peer wrote is set as text and never as markup. */

/** Messages kept on the page; older ones are taken off. */
const MAX_SHOWN = 500;

/** Shown messages by id. @type {Map<string, HTMLElement>} */
const shown = new Map();
/** Last status by message id, also for messages that come after it. @type {Map<string, string>} */
const statuses = new Map();

/** @type {Readonly<Record<string, string>>} */
const TICKS = { received: "✓✓ received", read: "✓✓ read" };

/**
 * The element with this id; the page always has it.
 *
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`Cannot show the page: #${id} is missing`);
  return found;
}

/** @param {"live" | "lost"} state */
export function showState(state) {
  const line = element("state", HTMLElement);
  line.dataset.state = state;
  line.textContent = state === "live" ? "live" : "not connected, retrying…";
}

/**
 * @param {Record<string, unknown>} status
 * @param {(peer: string) => void} onPick called with the key of a peer that was chosen
 */
export function showStatus(status, onPick) {
  const key = textOf(status.visor_pk);
  element("own-key", HTMLElement).textContent = key || "unknown";
  element("copy-key", HTMLButtonElement).disabled = key === "";
  const up = Number(status.app_uptime_sec) || 0;
  element("summary", HTMLElement).textContent = `Up ${Math.floor(up / 60)} min, ` +
    `${Number(status.inbound_msg_count) || 0} in, ${Number(status.outbound_msg_count) || 0} out`;
  const peers = Array.isArray(status.peers) ? status.peers.map(textOf) : [];
  element("no-peers", HTMLElement).hidden = peers.length > 0;
  const list = element("peers", HTMLElement);
  if (list.dataset.peers === peers.join()) return;
  list.dataset.peers = peers.join();
  list.replaceChildren(...peers.map((peer) => peerItem(peer, onPick)));
}

/**
 * @param {string} peer
 * @param {(peer: string) => void} onPick
 */
function peerItem(peer, onPick) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = peer;
  button.setAttribute("aria-label", `Write to ${peer}`);
  button.addEventListener("click", () => onPick(peer));
  const item = document.createElement("li");
  item.append(button);
  return item;
}

/**
 * Shows one event of the stream; one that is shown already, after a reconnect, changes nothing.
 *
 * @param {Record<string, unknown>} event
 */
export function showEvent(event) {
  if (event.channel === "dm-status") return showDelivery(textOf(event.id), textOf(event.status));
  const isMessage = event.dir === "in" || event.dir === "out" || event.history === "true";
  if (!isMessage) return;
  const out = event.dir === "out" || event.sender === "self";
  const peer = textOf(out ? event.to ?? event.peer : event.sender);
  const key = textOf(event.id) || [event.ts, peer, out, event.message].join();
  if (shown.has(key)) return;
  const item = messageItem({ out, peer, text: textOf(event.message) });
  const list = element("messages", HTMLElement);
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  list.append(item);
  remember(shown, key, item)?.remove();
  element("no-messages", HTMLElement).hidden = true;
  applyDelivery(item, statuses.get(key));
  if (atEnd) list.scrollTop = list.scrollHeight;
}

/** @param {{ out: boolean, peer: string, text: string }} message */
function messageItem({ out, peer, text }) {
  const who = document.createElement("span");
  who.textContent = `${out ? "to" : "from"} ${peer.slice(0, 8)}…`;
  who.title = peer;
  const ticks = document.createElement("span");
  ticks.className = "ticks";
  ticks.textContent = out ? "✓ sent" : "";
  const line = document.createElement("div");
  line.className = "who";
  line.append(who, ticks);
  const body = document.createElement("p");
  body.className = "text";
  body.dir = "auto";
  body.textContent = text;
  const item = document.createElement("li");
  item.className = `message ${out ? "out" : "in"}`;
  item.append(line, body);
  return item;
}

/**
 * @param {string} id
 * @param {string} status
 */
function showDelivery(id, status) {
  // A late receipt must not turn "read" back into "received".
  if (statuses.get(id) === "read" && status === "received") return;
  remember(statuses, id, status);
  const item = shown.get(id);
  if (item !== undefined) applyDelivery(item, status);
}

/**
 * @param {HTMLElement} item
 * @param {string | undefined} status
 */
function applyDelivery(item, status) {
  const ticks = item.querySelector(".ticks");
  const body = item.querySelector(".text");
  if (status === "deleted") {
    item.classList.add("deleted");
    if (body !== null) body.textContent = "message deleted";
  } else if (ticks !== null && status !== undefined && Object.hasOwn(TICKS, status)) {
    ticks.textContent = TICKS[status] ?? "";
  }
}

/** @param {string} text empty when all is well */
export function showSendResult(text) {
  element("send-result", HTMLElement).textContent = text;
}

/**
 * Adds an entry; returns the value of the oldest one when that had to go for it.
 *
 * @template T
 * @param {Map<string, T>} map
 * @param {string} key
 * @param {T} value
 * @returns {T | undefined}
 */
function remember(map, key, value) {
  map.delete(key);
  map.set(key, value);
  if (map.size <= MAX_SHOWN) return undefined;
  const [oldest] = map;
  if (oldest === undefined) return undefined;
  map.delete(oldest[0]);
  return oldest[1];
}

/** @param {unknown} value */
function textOf(value) {
  return typeof value === "string" ? value : "";
}
