import { type Conversation, type Conversations, SumsDraft } from "./conversations.ts";
import type { DamageLog } from "./damage_log.ts";
import type { KvEventArchive } from "./event_archive.ts";
import { FieldReader } from "./byte_fields.ts";
import { timePlace, timeRange } from "./keyspace.ts";
import type { RecordReader } from "./record_reader.ts";
import { forgetOldest, hasRoomFor, type RecordWriter } from "./record_writer.ts";
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
  readonly damage: DamageLog;
}

/** A record to be removed. */
interface Removal {
  readonly conversation: Conversation;
  readonly at: bigint;
  readonly length: number;
}

/** Deletions that the limits ask for. Each call belongs into the write queue: nothing else may write meanwhile. */
export class KvEdits {
  readonly #parts: StoreParts;

  constructor(parts: StoreParts) {
    this.#parts = parts;
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

  /** Removes records in as many commits as it takes. */
  async #remove(removals: readonly Removal[]): Promise<void> {
    const { owner, writer, conversations } = this.#parts;
    for (let start = 0; start < removals.length;) {
      const transaction = owner.begin();
      const draft = new SumsDraft();
      let end = start;
      for (let one = removals[end]; one !== undefined; one = removals[++end]) {
        if (!hasRoomFor(transaction, { length: one.length, draft })) break;
        writer.remove(transaction, { conversation: one.conversation, record: one, draft });
      }
      draft.write(transaction);
      await transaction.commit();
      draft.apply(conversations);
      forgetOldest(removals.slice(start, end));
      start = end;
    }
  }
}
