// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="es2023" />
/// <reference lib="dom" />
/**
 * Brings together what is stored, what was missed and what comes: each message once, none left out.
 * What the live stream says waits until the rest was read, so that its replay finds everything known.
 */
import { eventsBetween, followEvents, get } from "./api.js";
import { fromEvent, fromLine, fromOutbox, fromRecord } from "./incoming.js";
import { isGroup } from "./groups.js";
import { textOf } from "./text.js";

/** Stored messages read at the start. */
const RECENT = 1_000;
/** Numbered events read at most after the connection was lost. */
const MISSED = 5_000;

/** @typedef {import("./message.js").NewMessage} NewMessage */

export class Sync {
  #state;
  #people;
  #groups;
  #hooks;
  /** Number of the newest event that is known; undefined before the first connection. @type {number | undefined} */
  #cursor;
  /** Live events that wait; undefined when none have to. @type {Record<string, unknown>[] | undefined} */
  #waiting = [];
  #round = 0;

  /**
   * @param {import("./state.js").ChatState} state
   * @param {import("./people.js").People} people
   * @param {import("./group_sync.js").GroupSync} groups
   * @param {{ onConnection: (state: "live" | "lost") => void, onMessage: (message: import("./message.js").Message) => void, onDeleted: (peer: string, id: string) => void, onReceipt: (peer: string, id: string, mark: "received" | "read") => void, refresh: () => Promise<Record<string, unknown>> }} hooks
   */
  constructor(state, people, groups, hooks) {
    this.#state = state;
    this.#people = people;
    this.#groups = groups;
    this.#hooks = hooks;
  }

  start() {
    followEvents(
      (event) => this.#waiting === undefined ? this.#take(event, true) : this.#waiting.push(event),
      (state) => {
        if (state === "open") return void this.#catchUp();
        this.#round++;
        this.#waiting = [];
        this.#hooks.onConnection("lost");
      },
    );
  }

  /**
   * Reads one conversation from disk.
   *
   * @param {string} peer
   */
  async readConversation(peer) {
    if (isGroup(peer)) return await this.#groups.readNewest(peer);
    if (!this.#people.persistent) return;
    for (const record of await get(`history?peer=${peer}&limit=${RECENT}`) ?? []) {
      this.#state.add(fromRecord(record));
    }
  }

  async #catchUp() {
    const round = ++this.#round;
    this.#waiting = [];
    const first = this.#cursor === undefined;
    try {
      const status = await this.#hooks.refresh();
      await this.#readStored();
      await this.#readMissed(status);
    } catch {
      // Half of it is better than none of it; the live stream follows in any case.
    }
    if (round !== this.#round) return;
    const waited = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const event of waited) this.#take(event, !first);
    this.#hooks.onConnection("live");
  }

  async #readStored() {
    await this.#groups.readAll().catch(() => {});
    if (!this.#people.persistent) return;
    const [peers, records, queued] = await Promise.all([
      get("history/peers"),
      get(`history?limit=${RECENT}`),
      get("outbox").catch(() => []),
    ]);
    for (const peer of peers ?? []) this.#state.conversation(textOf(peer));
    for (const record of records ?? []) this.#state.add(fromRecord(record));
    for (const entry of queued ?? []) this.#state.add(fromOutbox(entry));
  }

  /** @param {Record<string, unknown>} status */
  async #readMissed(status) {
    const newest = Number(status.events_seq) || 0;
    const cursor = this.#cursor;
    // At the start only what is stored, or replayed, counts: the rest was forgotten by somebody.
    if (cursor !== undefined) {
      const follows = status.events_durable === true && cursor <= newest;
      const since = Math.max(follows ? cursor : 0, newest - MISSED);
      for (const event of await eventsBetween(since, newest)) {
        if (textOf(event.group_id) !== "") this.#groups.takeMissed(event);
        else this.#show(fromEvent(event), true);
      }
    }
    this.#cursor = newest;
  }

  /**
   * @param {Record<string, unknown>} event of the live stream
   * @param {boolean} live whether it is news
   */
  #take(event, live) {
    if (event.channel === "dm-status") return this.#takeStatus(event);
    if (event.channel === "group-delete") return this.#groups.takeRetraction(event);
    // Stored messages are read with their ids instead.
    if (event.history === "true" || (event.dir !== "in" && event.dir !== "out")) return;
    // What somebody says in a group is nothing said to us: it has no place in their conversation.
    if (textOf(event.group_id) !== "") return this.#groups.take(event, live);
    const message = fromLine(event);
    if (message !== undefined && event.request === true) this.#people.requests.add(message.peer);
    this.#show(message, live);
  }

  /** @param {NewMessage | undefined} message @param {boolean} live */
  #show(message, live) {
    if (message === undefined) return;
    const known = this.#state.known(message) !== undefined;
    const shown = this.#state.add(message);
    if (live && !known && shown !== undefined && !shown.out) this.#hooks.onMessage(shown);
  }

  /** @param {Record<string, unknown>} event */
  #takeStatus(event) {
    const peer = textOf(event.peer);
    const id = textOf(event.id);
    const { status } = event;
    if (status === "deleted") this.#hooks.onDeleted(peer, id);
    else if (status === "received" || status === "read") {
      this.#state.receipt({ peer, id, mark: status });
      this.#hooks.onReceipt(peer, id, status);
    }
  }
}
