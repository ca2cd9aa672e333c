import { type ConversationReader, placeOf, type StoredRecord } from "./conversation_reader.ts";
import type { Conversation, Conversations, OldRecord } from "./conversations.ts";
import type { DamageLog } from "./damage_log.ts";
import {
  type Key,
  type KeyRange,
  PIECE_BYTES,
  recordKey,
  recordPlace,
  recordsRange,
  timePlace,
  timeRange,
} from "./keyspace.ts";
import type { HistoryRecord } from "./record.ts";
import { decodeRecord } from "./record_codec.ts";
import type { PlacedRecord, RecordRef, SearchSource } from "./search_source.ts";
import { placesByTime } from "./time_index.ts";
import { parseTimestamp } from "./timestamp.ts";
import { StoreError } from "./store_error.ts";
import { LIST_BATCH, wholeRows } from "./whole_rows.ts";

/** Keys of one `getMany`; the most that Deno KV takes. */
const GET_BATCH = 10;
/** Records fetched at a time by their keys. */
const FETCH_BATCH = 200;

/** What records are read with. */
export interface RecordReaderParts {
  readonly kv: Deno.Kv;
  readonly conversations: Conversations;
  readonly damage: DamageLog;
  readonly whole: ConversationReader;
}

/** Reads records from the disk. What cannot be read is left out and told, and never hides the rest. */
export class RecordReader {
  readonly #kv: Deno.Kv;
  readonly #conversations: Conversations;
  readonly #damage: DamageLog;
  readonly #whole: ConversationReader;

  constructor({ kv, conversations, damage, whole }: RecordReaderParts) {
    this.#kv = kv;
    this.#conversations = conversations;
    this.#damage = damage;
    this.#whole = whole;
  }

  /** The newest `limit` of a conversation with a larger key than `after`, oldest first; <= 0 is all. */
  async newest(
    conversation: Conversation,
    { limit, after }: { limit: number; after: bigint | undefined },
  ): Promise<readonly HistoryRecord[]> {
    const records: HistoryRecord[] = [];
    const range = recordsRange(conversation.id, { from: afterKey(after) });
    try {
      for await (const { record } of this.#placed(range, { reverse: true, limit })) {
        records.push(record);
        if (records.length === limit) return records.reverse();
      }
    } catch {
      // One row of the listing cannot be read: the others can.
      return await this.#newestOfWhole(conversation, { limit, after });
    }
    if (records.length >= conversation.sums.count) return records.reverse();
    return await this.#newestOfWhole(conversation, { limit, after });
  }

  /**
   * The newest `limit` of all conversations by timestamp, oldest first; <= 0 is all. Keys are never
   * smaller than timestamps, so going back over the keys may stop at the smallest one wanted.
   */
  async recent(limit: number, after: bigint | undefined): Promise<readonly HistoryRecord[]> {
    if (limit <= 0) return await this.#allByTime(after);
    try {
      const found = await this.#newestByTime(limit, after);
      if (found.length >= Math.min(limit, this.#conversations.count)) return found;
    } catch {
      // The rows in the order of time cannot be listed; the records may be all the same.
    }
    return (await this.#allByTime(after)).slice(-limit);
  }

  async #newestByTime(
    limit: number,
    after: bigint | undefined,
  ): Promise<readonly HistoryRecord[]> {
    const found: TimedRecord[] = [];
    let oldest: bigint | undefined;
    for await (const refs of this.#newestRefs(Math.min(limit, FETCH_BATCH), after)) {
      const wanted = refs.filter(({ key }) => oldest === undefined || key >= oldest);
      const records = await this.get(wanted);
      records.forEach((record, index) => {
        const ref = wanted[index];
        if (record !== undefined && ref !== undefined) found.push(timed({ ...ref, record }));
      });
      if (wanted.length < refs.length) break;
      if (found.length < limit) continue;
      oldest = found.sort(byTime)[found.length - limit]?.time;
    }
    return found.sort(byTime).slice(-limit).map(({ record }) => record);
  }

  /**
   * Every record with a larger key than `after`, in pages, conversation by conversation. Throws at the
   * end where something is missing, so that nobody takes for whole what is not.
   */
  async *pages(after: bigint | undefined): AsyncGenerator<readonly HistoryRecord[]> {
    let missing = 0;
    for (const conversation of this.#conversations.sorted()) {
      const records = this.#whole.read(conversation);
      let page: HistoryRecord[] = [];
      let next = await records.next();
      for (; next.done !== true; next = await records.next()) {
        if (after !== undefined && next.value.key <= after) continue;
        page.push(next.value.record);
        if (page.length < LIST_BATCH) continue;
        yield page;
        page = [];
      }
      if (page.length > 0) yield page;
      missing += next.value;
    }
    if (missing === 0) return;
    throw new StoreError("damaged", `${missing} messages cannot be read: the store is damaged`);
  }

  /** What a search index reads; `expiry` is the time at and before which records are expired. */
  source(expiry: () => bigint | undefined): SearchSource {
    return {
      everything: () => paged(this.#whole.everything()),
      older: (peer, before) => this.#older(peer, before),
      get: async (refs) => {
        const after = expiry();
        const records = await this.get(refs);
        return refs.map(({ key }, at) =>
          after === undefined || key > after ? records[at] : undefined
        );
      },
    };
  }

  /** The records of a conversation: in the order of their keys, unless some had to be looked for. */
  of(conversation: Conversation): AsyncGenerator<readonly StoredRecord[]> {
    return paged(this.#whole.read(conversation));
  }

  /** Where the records of a conversation are, those that cannot be read included; oldest first. */
  async places(conversation: Conversation): Promise<readonly OldRecord[]> {
    const places = new Map<bigint, OldRecord>();
    const records = this.#whole.read(conversation);
    let next = await records.next();
    for (; next.done !== true; next = await records.next()) {
      places.set(next.value.key, { at: next.value.key, length: next.value.length });
    }
    if (next.value > 0) {
      for (const place of await placesByTime(this.#kv, conversation.id)) {
        if (!places.has(place.at)) places.set(place.at, place);
      }
    }
    return [...places.values()].sort((a, b) => a.at < b.at ? -1 : 1);
  }

  /** What is there now, in the order of `refs`. */
  async get(refs: readonly RecordRef[]): Promise<readonly (HistoryRecord | undefined)[]> {
    const parts: Promise<readonly (HistoryRecord | undefined)[]>[] = [];
    for (let start = 0; start < refs.length; start += GET_BATCH) {
      parts.push(this.#getFew(refs.slice(start, start + GET_BATCH)));
    }
    return (await Promise.all(parts)).flat();
  }

  async #getFew(refs: readonly RecordRef[]): Promise<readonly (HistoryRecord | undefined)[]> {
    const ids = refs.map(({ peer }) => this.#conversations.get(peer)?.id ?? 0);
    const keys = refs.map(({ key }, index) => recordKey(ids[index] ?? 0, key));
    const rows = await this.#kv.getMany<unknown[]>(keys).catch(() => this.#getEach(refs, keys));
    return await Promise.all(refs.map(async ({ peer, key }, index) => {
      const value: unknown = rows[index]?.value;
      if (!(value instanceof Uint8Array)) return undefined;
      if (value.length < PIECE_BYTES) return decodeRecord(value, { peer, key });
      const range = recordsRange(ids[index] ?? 0, { from: key, to: key + 1n });
      for await (const { record } of this.#placed(range)) return record;
      return undefined;
    }));
  }

  /** One by one, where one of them cannot be read. */
  #getEach(
    refs: readonly RecordRef[],
    keys: readonly Key[],
  ): Promise<readonly ({ readonly value: unknown } | undefined)[]> {
    return Promise.all(keys.map((key, index) =>
      this.#kv.get(key).catch(() => {
        const conversation = this.#conversations.get(refs[index]?.peer ?? "");
        if (conversation !== undefined) {
          this.#damage.found(placeOf(conversation), "a message cannot be read");
        }
        return undefined;
      })
    ));
  }

  /** Where the newest records are, newest first: `first` of them, then some more at a time. */
  async *#newestRefs(
    first: number,
    after: bigint | undefined,
  ): AsyncGenerator<readonly RecordRef[]> {
    let refs: RecordRef[] = [];
    // One more than wanted, so that the second look finds whether the first was enough.
    const batchSize = Math.min(LIST_BATCH, first + 1);
    const range = timeRange({ from: afterKey(after) });
    let size = first;
    for await (const { key } of this.#kv.list(range, { reverse: true, batchSize })) {
      const { at, conversation } = timePlace(key);
      const peer = this.#conversations.byId(conversation)?.peer;
      if (peer !== undefined) refs.push({ peer, key: at });
      if (refs.length < size) continue;
      yield refs;
      refs = [];
      size = first === size ? 1 : FETCH_BATCH;
    }
    if (refs.length > 0) yield refs;
  }

  async *#older(peer: string, before: bigint): AsyncGenerator<readonly PlacedRecord[]> {
    const conversation = this.#conversations.get(peer);
    if (conversation === undefined) return;
    const range = recordsRange(conversation.id, { to: before });
    try {
      yield* paged(this.#placed(range, { reverse: true }));
    } catch {
      this.#damage.found(placeOf(conversation), "its older messages cannot be listed");
    }
  }

  async #allByTime(after: bigint | undefined): Promise<readonly HistoryRecord[]> {
    const all: TimedRecord[] = [];
    for await (const placed of this.#whole.everything()) {
      if (after === undefined || placed.key > after) all.push(timed(placed));
    }
    return all.sort(byTime).map(({ record }) => record);
  }

  async #newestOfWhole(
    conversation: Conversation,
    { limit, after }: { limit: number; after: bigint | undefined },
  ): Promise<readonly HistoryRecord[]> {
    const all: StoredRecord[] = [];
    for await (const placed of this.#whole.read(conversation)) {
      if (after === undefined || placed.key > after) all.push(placed);
    }
    all.sort((a, b) => a.key < b.key ? -1 : 1);
    return (limit > 0 ? all.slice(-limit) : all).map(({ record }) => record);
  }

  async *#placed(
    range: KeyRange,
    { reverse = false, limit = 0 }: { reverse?: boolean; limit?: number } = {},
  ): AsyncGenerator<StoredRecord> {
    const options = { keyParts: 3, reverse, ...(limit > 0 ? { limit } : {}) };
    for await (const { key, value } of wholeRows(this.#kv, range, options)) {
      const place = recordPlace(key);
      const peer = this.#conversations.byId(place.conversation)?.peer;
      if (peer === undefined) continue;
      const record = decodeRecord(value, { peer, key: place.at });
      if (record !== undefined) yield { peer, key: place.at, record, length: value.length };
    }
  }
}

async function* paged<T>(items: AsyncIterable<T>): AsyncGenerator<readonly T[]> {
  let page: T[] = [];
  for await (const item of items) {
    page.push(item);
    if (page.length < LIST_BATCH) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

function afterKey(after: bigint | undefined): bigint | undefined {
  return after === undefined ? undefined : after + 1n;
}

interface TimedRecord extends PlacedRecord {
  readonly time: bigint;
}

function timed(placed: PlacedRecord): TimedRecord {
  return { ...placed, time: parseTimestamp(placed.record.timestamp) ?? placed.key };
}

/** By timestamp; then by peer and key, as the conversations would be merged one after the other. */
function byTime(a: TimedRecord, b: TimedRecord): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1;
  if (a.peer !== b.peer) return a.peer < b.peer ? -1 : 1;
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}
