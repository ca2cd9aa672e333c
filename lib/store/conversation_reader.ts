import type { Conversation, Conversations } from "./conversations.ts";
import type { DamageLog } from "./damage_log.ts";
import { everyRecordRange, recordPlace, recordsRange } from "./keyspace.ts";
import { decodeRecord } from "./record_codec.ts";
import type { PlacedRecord } from "./search_source.ts";
import { placesByTime } from "./time_index.ts";
import { type WholeRow, wholeRows } from "./whole_rows.ts";

/** A record as it lies on disk. */
export interface StoredRecord extends PlacedRecord {
  /** Bytes of its value. */
  readonly length: number;
}

/** What whole conversations are read with. */
export interface ConversationReaderParts {
  readonly kv: Deno.Kv;
  readonly conversations: Conversations;
  readonly damage: DamageLog;
  /** Resolves when every commit that runs now has ended and is counted; rejects where none can. */
  readonly settled: () => Promise<void>;
}

/** A conversation that is being read, as it was counted before. */
interface Reading {
  readonly conversation: Conversation;
  readonly count: number;
  readonly removed: number;
  /** Records found. */
  good: number;
}

/**
 * Reads conversations as a whole and compares what it finds with what was counted when it was
 * written. A damaged page can end a listing early without any error, and one unreadable row fails a
 * listing of five hundred; both are told, and what else can be read is found in other ways.
 */
export class ConversationReader {
  readonly #parts: ConversationReaderParts;

  constructor(parts: ConversationReaderParts) {
    this.#parts = parts;
  }

  /**
   * Every record of a conversation that can be read, in the order of keys, but found by the rows of
   * time last. Returns the number of those that cannot.
   */
  async *read(conversation: Conversation): AsyncGenerator<StoredRecord, number> {
    const reading = begin(conversation);
    try {
      const range = recordsRange(conversation.id);
      for await (const row of wholeRows(this.#parts.kv, range, { keyParts: 3 })) {
        const record = this.#decoded(row, conversation);
        if (record === undefined) continue;
        reading.good++;
        yield record;
      }
    } catch {
      // What was not reached is looked for below, and told where it stays away.
    }
    return yield* this.#finish(reading);
  }

  /** Every record of all conversations, one conversation after the other. */
  async *everything(): AsyncGenerator<StoredRecord> {
    const { kv, conversations } = this.#parts;
    const unread = new Map(conversations.all().map((one) => [one, begin(one)]));
    const strangers = new Set<number>();
    let current: Reading | undefined;
    try {
      for await (const row of wholeRows(kv, everyRecordRange(), { keyParts: 3 })) {
        const id = recordPlace(row.key).conversation;
        const conversation = conversations.byId(id);
        if (conversation !== current?.conversation && current !== undefined) {
          unread.delete(current.conversation);
          yield* this.#finish(current);
          current = undefined;
        }
        if (conversation === undefined) strangers.add(id);
        current ??= conversation && unread.get(conversation);
        const record = conversation && this.#decoded(row, conversation);
        if (record === undefined) continue;
        if (current !== undefined) current.good++;
        yield record;
      }
    } catch {
      // Each conversation that is left is read by itself.
    }
    if (current !== undefined) {
      unread.delete(current.conversation);
      yield* this.#finish(current);
    }
    for (const { conversation, count } of unread.values()) {
      if (count > 0) yield* this.read(conversation);
    }
    for (const id of strangers) await this.#tellStranger(id);
  }

  /** Looks for what is missing; returns how much of it stays so. */
  async *#finish(reading: Reading): AsyncGenerator<StoredRecord, number> {
    const { conversation, count, removed } = reading;
    const gone = () => conversation.removed - removed;
    const missing = () => count - gone() - reading.good;
    const isSuspect = () => missing() > 0 || reading.good > conversation.sums.count + gone();
    const { damage } = this.#parts;
    const place = placeOf(conversation);
    if (!isSuspect()) {
      damage.whole(place);
      return 0;
    }
    if (missing() > 0) {
      for await (const record of this.#elsewhere(conversation)) {
        reading.good++;
        yield record;
      }
    }
    if (!await this.#isSettled() || !isSuspect()) return 0;
    const lost = Math.max(0, missing());
    damage.found(
      place,
      lost > 0 ? `${lost} of ${count} messages cannot be read` : "it has messages nobody counted",
    );
    return lost;
  }

  /** Records that the order of time knows and a listing does not show. */
  async *#elsewhere(conversation: Conversation): AsyncGenerator<StoredRecord> {
    const { kv } = this.#parts;
    const seen = new Set<bigint>();
    try {
      for await (const row of wholeRows(kv, recordsRange(conversation.id), { keyParts: 3 })) {
        if (this.#decoded(row, conversation) !== undefined) seen.add(recordPlace(row.key).at);
      }
    } catch {
      // Fails where the listing before it failed.
    }
    for (const { at } of await placesByTime(kv, conversation.id)) {
      if (seen.has(at)) continue;
      const range = recordsRange(conversation.id, { from: at, to: at + 1n });
      try {
        for await (const row of wholeRows(kv, range, { keyParts: 3 })) {
          const record = this.#decoded(row, conversation);
          if (record !== undefined) yield record;
        }
      } catch {
        // This is the one.
      }
    }
  }

  #decoded({ key, value }: WholeRow, { peer }: Conversation): StoredRecord | undefined {
    const { at } = recordPlace(key);
    const record = decodeRecord(value, { peer, key: at });
    return record && { peer, key: at, record, length: value.length };
  }

  /** A conversation without its row has lost its name. */
  async #tellStranger(id: number): Promise<void> {
    const { kv, conversations, damage } = this.#parts;
    if (!await this.#isSettled() || conversations.byId(id) !== undefined) return;
    for await (const _ of kv.list(recordsRange(id), { limit: 1 })) {
      damage.found(`conversation number ${id}`, "nobody knows whose messages these are");
    }
  }

  async #isSettled(): Promise<boolean> {
    return await this.#parts.settled().then(() => true, () => false);
  }
}

/** What the log and the figures call a conversation. */
export function placeOf({ peer }: Conversation): string {
  return `conversation with ${peer}`;
}

function begin(conversation: Conversation): Reading {
  const { sums: { count }, removed } = conversation;
  return { conversation, count, removed, good: 0 };
}
