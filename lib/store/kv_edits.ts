import { type Conversation, type Conversations, SumsDraft } from "./conversations.ts";
import type { KvEventArchive } from "./event_archive.ts";
import { FieldReader } from "./byte_fields.ts";
import { timePlace, timeRange } from "./keyspace.ts";
import type { RecordReader } from "./record_reader.ts";
import { forgetOldest, hasRoomFor, type RecordWriter } from "./record_writer.ts";
import type { HistoryRecord } from "./record.ts";
import type { SearchIndex } from "./search_index.ts";
import type { StoreOwner } from "./store_owner.ts";
import { LIST_BATCH } from "./whole_rows.ts";

/** The parts of a store that its changes need. */
export interface StoreParts {
  readonly kv: Deno.Kv;
  readonly owner: StoreOwner;
  readonly conversations: Conversations;
  readonly archive: KvEventArchive;
  readonly reader: RecordReader;
  readonly writer: RecordWriter;
  readonly index: SearchIndex;
}

/** A record to be removed. */
interface Removal {
  readonly conversation: Conversation;
  readonly at: bigint;
  readonly length: number;
}

/** Deletions. Each call belongs into the write queue: nothing else may write meanwhile. */
export class KvEdits {
  readonly #parts: StoreParts;

  constructor(parts: StoreParts) {
    this.#parts = parts;
  }

  /** Removes the records of a conversation that match; their number. */
  async removeMatching(
    conversation: Conversation,
    matches: (record: HistoryRecord) => boolean,
  ): Promise<number> {
    const removals: Removal[] = [];
    let newest = -1n;
    for await (const page of this.#parts.reader.of(conversation)) {
      for (const placed of page) {
        const { key: at, length } = placed;
        if (matches(placed.record)) removals.push({ conversation, at, length });
        else newest = at;
      }
    }
    await this.#remove(removals, newest);
    this.#parts.index.forget(conversation.peer, removals.map(({ at }) => at));
    return removals.length;
  }

  /** Removes a conversation and its archived events; the number of records. */
  async forgetPeer(peer: string): Promise<number> {
    const conversation = this.#parts.conversations.get(peer);
    const removed = conversation === undefined ? 0 : await this.#removeAll(conversation);
    this.#parts.index.forgetPeer(peer);
    let from: number | undefined = 0;
    while (from !== undefined) {
      const transaction = this.#parts.owner.begin();
      const { next, apply } = await this.#parts.archive.forgetPeer(transaction, { peer, from });
      await transaction.commit();
      apply();
      from = next;
    }
    return removed;
  }

  /** Removes some records with keys up to `expiry`; their number, and whether more are left. */
  async sweepSome(expiry: bigint): Promise<{ removed: number; more: boolean }> {
    const { kv, conversations } = this.#parts;
    const removals: Removal[] = [];
    const range = timeRange({ to: expiry + 1n });
    for await (const { key, value } of kv.list(range, { limit: LIST_BATCH })) {
      const place = timePlace(key);
      const conversation = conversations.byId(place.conversation);
      if (conversation === undefined || !(value instanceof Uint8Array)) continue;
      const length = new FieldReader(value).number();
      removals.push({ conversation, at: place.at, length });
    }
    await this.#remove(removals);
    for (const { conversation, at } of removals) this.#parts.index.forget(conversation.peer, [at]);
    return { removed: removals.length, more: removals.length === LIST_BATCH };
  }

  /** Removes archived events beyond the limits. */
  async trimArchive(wall: bigint): Promise<void> {
    for (let more = true; more;) {
      const transaction = this.#parts.owner.begin();
      const trimmed = this.#parts.archive.trim(transaction, { wall });
      await transaction.commit();
      trimmed.apply();
      more = trimmed.more;
    }
  }

  /** Removes what is beyond the cap of a conversation; the number. */
  async trimToCap(conversation: Conversation): Promise<number> {
    const { owner, writer, conversations, index } = this.#parts;
    let trimmed = 0;
    while (writer.beyondCap(conversation) > 0) {
      const transaction = owner.begin();
      const draft = new SumsDraft();
      const evicted = await writer.trim(transaction, { conversation, draft });
      if (evicted.length === 0) break;
      draft.write(transaction);
      await transaction.commit();
      draft.apply(conversations);
      forgetOldest(evicted);
      index.evict(conversation.peer, evicted.map(({ at }) => at));
      trimmed += evicted.length;
    }
    return trimmed;
  }

  async #removeAll(conversation: Conversation): Promise<number> {
    const all = await this.#parts.writer.oldest(conversation, Infinity);
    await this.#remove(all.map(({ at, length }) => ({ conversation, at, length })));
    return all.length;
  }

  /** Removes records in as many commits as it takes; `newest` is what stays in their conversation. */
  async #remove(removals: readonly Removal[], newest?: bigint): Promise<void> {
    const { owner, writer, conversations } = this.#parts;
    for (let start = 0; start < removals.length;) {
      const transaction = owner.begin();
      const draft = new SumsDraft();
      let end = start;
      for (let one = removals[end]; one !== undefined; one = removals[++end]) {
        if (!hasRoomFor(transaction, { length: one.length, draft })) break;
        writer.remove(transaction, { conversation: one.conversation, record: one, draft });
        if (newest !== undefined) draft.of(one.conversation).newest = newest;
      }
      draft.write(transaction);
      await transaction.commit();
      draft.apply(conversations);
      forgetOldest(removals.slice(start, end));
      start = end;
    }
  }
}
