// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="es2023" />
/// <reference lib="dom" />
/**
 * Brings together the stored messages of groups and those that come: each once, by its author and time,
 * and none that its author took back.
 */
import { get } from "./api.js";
import { groupPath, groupPeer, isGroup } from "./groups.js";
import {
  fromGroupEvent,
  fromGroupLine,
  fromGroupRecord,
  groupMessageId,
  nanosOf,
} from "./incoming.js";
import { textOf } from "./text.js";

/** Stored messages read at a time. */
const PAGE = 200;
/** Messages of one group that are kept at most when older ones are asked for. */
const MOST_ROOM = 20_000;
/** Live events kept until the group they belong to is known. */
const MOST_EARLY = 256;
/** Messages that were taken back and are remembered, for answers that still have them. */
const MOST_GONE = 1_000;

/** @typedef {import("./message.js").NewMessage} NewMessage */
/** @typedef {import("./message.js").Message} Message */
/** @typedef {Record<string, unknown>} Fields */
/** How far back a group was read, and whether there may be more. @typedef {{ before: bigint, more: boolean }} Reach */

export class GroupSync {
  #state;
  #people;
  #onMessage;
  /** Of groups that were read. @type {Map<string, Reach>} */
  #reach = new Map();
  /** The newest reading of each group: an older one that ends later is out of date. @type {Map<string, number>} */
  #rounds = new Map();
  /** @type {{ event: Fields, live: boolean }[]} */
  #early = [];
  /** @type {Set<string>} */
  #gone = new Set();
  /** Messages that came since the history was read: whether they are stored is not known. @type {Map<string, number>} */
  #news = new Map();
  /** Groups of which older messages are on their way. @type {Set<string>} */
  #reading = new Set();

  /**
   * @param {import("./state.js").ChatState} state
   * @param {import("./people.js").People} people
   * @param {(message: Message) => void} onMessage what came just now, by somebody else
   */
  constructor(state, people, onMessage) {
    this.#state = state;
    this.#people = people;
    this.#onMessage = onMessage;
  }

  /** Begins with groups that run now, ends with those that do not, and looks what became of news. */
  async meet() {
    this.#tidy();
    await Promise.all([...this.#people.groups.keys()].map(async (peer) => {
      if (!this.#reach.has(peer)) await this.readNewest(peer);
      else await this.#confirm(peer);
    }));
  }

  /** Reads what every group has now. */
  async readAll() {
    this.#tidy();
    await Promise.all([...this.#people.groups.keys()].map((peer) => this.readNewest(peer)));
  }

  /**
   * Reads the newest messages. Those that were stored before and are not there any more were taken back.
   *
   * @param {string} peer
   */
  async readNewest(peer) {
    if (!this.#people.groups.has(peer)) return;
    this.#state.conversation(peer);
    const round = (this.#rounds.get(peer) ?? 0) + 1;
    this.#rounds.set(peer, round);
    if (!this.#people.persistent) return void this.#reach.set(peer, { before: 0n, more: false });
    this.#news.delete(peer);
    const records = await get(`${groupPath(peer)}/history?limit=${PAGE}`) ?? [];
    if (this.#rounds.get(peer) !== round || !this.#people.groups.has(peer)) return;
    const there = this.#addStored(peer, records);
    // Of what is older than a full page nothing is known.
    const oldest = records.length < PAGE ? -1 : there[0]?.at ?? Infinity;
    const kept = new Set(there);
    for (const message of [...this.#state.conversation(peer).messages]) {
      if (message.stored && message.at > oldest && !kept.has(message)) this.#state.remove(message);
    }
    this.#reach.set(peer, { before: oldestOf(records), more: records.length >= PAGE });
  }

  /** Whether there may be messages that were not read. @param {string} peer */
  mayHaveOlder(peer) {
    const conversation = this.#state.conversations.get(peer);
    return this.#reach.get(peer)?.more === true && (conversation?.room ?? 0) < MOST_ROOM;
  }

  /** Reads older messages of the open group. @param {string} peer */
  async readOlder(peer) {
    const reach = this.#reach.get(peer);
    if (reach === undefined || !this.mayHaveOlder(peer) || this.#reading.has(peer)) return;
    this.#reading.add(peer);
    try {
      const before = this.#boundary(peer, reach);
      const path = `${groupPath(peer)}/history?limit=${PAGE}&before=${before}`;
      const records = await get(path) ?? [];
      if (this.#reach.get(peer) !== reach) return;
      this.#state.conversation(peer).room += PAGE;
      this.#addStored(peer, records);
      const oldest = oldestOf(records);
      reach.more = records.length >= PAGE && oldest < before;
      reach.before = oldest;
    } finally {
      this.#reading.delete(peer);
    }
  }

  /**
   * Takes in an event of the live stream.
   *
   * @param {Fields} event
   * @param {boolean} live whether it is news
   */
  take(event, live) {
    const { groups, selfInGroups: self } = this.#people;
    if (groups.size === 0) {
      this.#early.push({ event, live });
      if (this.#early.length > MOST_EARLY) this.#early.shift();
      return;
    }
    const peer = groupPeer(textOf(event.group_id));
    if (groups.has(peer)) this.#show(fromGroupLine(event, { peer, self }), live);
  }

  /** Takes in an event that was missed. @param {Fields} event of `/events` */
  takeMissed(event) {
    const { groups, selfInGroups: self } = this.#people;
    const peer = groupPeer(textOf(event.group_id));
    const given = groups.has(peer) ? fromGroupEvent(event, { peer, self }) : undefined;
    if (given !== undefined) this.#show(given, true);
  }

  /** A message was taken back by its author. @param {Fields} event of the live stream */
  takeRetraction({ group_id, deleted_by, deleted_ts_nano }) {
    const id = groupMessageId(textOf(deleted_by), textOf(deleted_ts_nano));
    this.retract(groupPeer(textOf(group_id)), id);
  }

  /** @param {string} peer @param {string} id */
  retract(peer, id) {
    this.#gone.add(`${peer} ${id}`);
    const [first] = this.#gone;
    if (this.#gone.size > MOST_GONE && first !== undefined) this.#gone.delete(first);
    const message = this.#state.find(peer, id);
    if (message !== undefined) this.#state.remove(message);
  }

  /** @param {NewMessage} given @param {boolean} live */
  #show(given, live) {
    if (this.#gone.has(`${given.peer} ${given.id}`)) return;
    const known = this.#state.known(given) !== undefined;
    // By its author's clock it may be older than what was read last, and it is news all the same.
    const shown = this.#state.add(live ? { ...given, seen: false } : given);
    if (!live || known || shown === undefined) return;
    this.#news.set(shown.peer, (this.#news.get(shown.peer) ?? 0) + 1);
    if (!shown.out) this.#onMessage(shown);
  }

  #tidy() {
    const { groups } = this.#people;
    for (const peer of this.#reach.keys()) if (!groups.has(peer)) this.#reach.delete(peer);
    for (const peer of [...this.#state.conversations.keys()]) {
      if (isGroup(peer) && !groups.has(peer) && peer !== this.#state.open) this.#state.clear(peer);
    }
    if (groups.size === 0) return;
    for (const { event, live } of this.#early.splice(0)) this.take(event, live);
  }

  /** Finds news in the history, so that it is noticed when they go. @param {string} peer */
  async #confirm(peer) {
    const count = Math.min(this.#news.get(peer) ?? 0, PAGE);
    if (count === 0 || !this.#people.persistent) return;
    this.#news.delete(peer);
    this.#addStored(peer, await get(`${groupPath(peer)}/history?limit=${count}`) ?? []);
  }

  /** @param {string} peer @param {readonly Fields[]} records oldest first @returns {Message[]} */
  #addStored(peer, records) {
    const { selfInGroups: self } = this.#people;
    return records.flatMap((record) => {
      const given = fromGroupRecord(record, { peer, self });
      const gone = this.#gone.has(`${peer} ${given.id}`);
      const message = gone ? undefined : this.#state.add(given);
      if (message === undefined) return [];
      message.stored = true;
      return [message];
    });
  }

  /**
   * Before which time the next older messages are: just above the oldest that was read, as others may have
   * the same time; or the oldest that is still here, where some were dropped.
   *
   * @param {string} peer @param {Reach} reach
   */
  #boundary(peer, { before }) {
    const conversation = this.#state.conversation(peer);
    const first = conversation.messages.find(({ id }) => id !== "");
    const dropped = conversation.cut && first !== undefined ? BigInt(nanosOf(first.id) || 0) : 0n;
    conversation.cut = false;
    return (dropped > before ? dropped : before) + 1n;
  }
}

/** @param {readonly Fields[]} records oldest first */
function oldestOf(records) {
  return BigInt(textOf(records[0]?.ts_nano) || 0);
}
