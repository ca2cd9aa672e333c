import { type Conversation, type Conversations, SumsDraft } from "./conversations.ts";
import type { KvEventArchive } from "./event_archive.ts";
import type { EventMatch } from "./event_match.ts";
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

  /**
   * Removes the records of a conversation that match, and the archived events, both together; whether
   * there was one.
   */
  async forget(
    events: EventMatch,
    matches: (record: HistoryRecord) => boolean,
  ): Promise<boolean> {
    const { conversations, index, reader } = this.#parts;
    const conversation = conversations.get(events.peer);
    const removals: Removal[] = [];
    let newest = -1n;
    const pages = conversation === undefined ? [] : reader.of(conversation);
    for await (const page of pages) {
      for (const { key: at, length, record } of page) {
        if (conversation !== undefined && matches(record)) {
          removals.push({ conversation, at, length });
        } else newest = at;
      }
    }
    const removed = await this.#remove(removals, { newest, events });
    index.forget(events.peer, removals.map(({ at }) => at));
    return removals.length + removed > 0;
  }

  /** Removes a conversation and its archived events; the number of records. */
  async forgetPeer(peer: string): Promise<number> {
    const { conversations, index, writer } = this.#parts;
    const conversation = conversations.get(peer);
    const removals = conversation === undefined
      ? []
      : (await writer.oldest(conversation, Infinity)).map((old) => ({ conversation, ...old }));
    await this.#remove(removals, { events: { peer } });
    index.forgetPeer(peer);
    return removals.length;
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
    const gone = Map.groupBy(removals, ({ conversation }) => conversation.peer);
    for (const [peer, some] of gone) this.#parts.index.forget(peer, some.map(({ at }) => at));
    return { removed: removals.length, more: removals.length === LIST_BATCH };
  }

  /** Removes archived events beyond the limits. */
  async trimArchive(): Promise<void> {
    for (let more = true; more;) {
      const transaction = this.#parts.owner.begin();
      const trimmed = this.#parts.archive.trim(transaction);
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

  /**
   * Removes records, then events, in as many commits as it takes: one, unless they are many. `newest`
   * is what stays in the conversation; the result is the number of events.
   */
  async #remove(
    removals: readonly Removal[],
    { newest, events }: { newest?: bigint; events?: EventMatch } = {},
  ): Promise<number> {
    const { owner, archive, writer, conversations } = this.#parts;
    let from: number | undefined = events === undefined ? undefined : 0;
    let removed = 0;
    for (let start = 0; start < removals.length || from !== undefined;) {
      const transaction = owner.begin();
      const draft = new SumsDraft();
      let end = start;
      for (let one = removals[end]; one !== undefined; one = removals[++end]) {
        if (!hasRoomFor(transaction, { length: one.length, draft })) break;
        writer.remove(transaction, { conversation: one.conversation, record: one, draft });
        if (newest !== undefined) draft.of(one.conversation).newest = newest;
      }
      draft.write(transaction);
      const gone = end < removals.length || events === undefined || from === undefined
        ? undefined
        : await archive.remove(transaction, { match: events, from });
      await transaction.commit();
      gone?.apply();
      draft.apply(conversations);
      forgetOldest(removals.slice(start, end));
      removed += gone?.removed ?? 0;
      if (gone !== undefined) from = gone.next;
      start = end;
    }
    return removed;
  }
}
