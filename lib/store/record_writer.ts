import { FieldWriter } from "./byte_fields.ts";
import type { Conversation, OldRecord, SumsDraft } from "./conversations.ts";
import { freeKey } from "./free_key.ts";
import { recordKey, recordPlace, recordsRange, timeKey } from "./keyspace.ts";
import { RECORD_KEY_BYTES } from "./policy.ts";
import type { HistoryRecord } from "./record.ts";
import { encodeRecord } from "./record_codec.ts";
import { placesByTime } from "./time_index.ts";
import { MAX_COMMIT_CHANGES, type Transaction } from "./transaction.ts";
import { victimsOf } from "./victims.ts";
import { pieceCount, piecesOf, wholeRows } from "./whole_rows.ts";

/** Oldest records of a full conversation that are looked up ahead of their removal. */
const READ_AHEAD = 64;
/** Changes that removals leave to the events of the same commit. */
const RESERVED_CHANGES = 50;

/** A record to be written. */
export interface NewRecord {
  readonly conversation: Conversation;
  readonly record: HistoryRecord;
  /** Its timestamp, nanoseconds since 1970. */
  readonly time: bigint;
  /** Its bytes where its key is its time, if they are made already. */
  readonly value?: Uint8Array;
}

/** A record with the place that it got. */
export interface PlacedNew extends NewRecord {
  readonly at: bigint;
  readonly value: Uint8Array;
}

/** What a commit did to the records, for the search index. */
export interface RecordChanges {
  readonly added: readonly PlacedNew[];
  readonly evicted: readonly { readonly conversation: Conversation; readonly at: bigint }[];
}

/** Turns records into rows: finds free keys, drops the oldest of a full conversation, keeps sums. */
export class RecordWriter {
  readonly #kv: Deno.Kv;
  readonly #cap: number;

  /** `perPeerCap` 0 is none. */
  constructor(kv: Deno.Kv, perPeerCap: number) {
    this.#kv = kv;
    this.#cap = perPeerCap;
  }

  /** Puts new records and the evictions they cause into a commit (history.md 5). */
  async write(
    transaction: Transaction,
    { records, draft }: { records: readonly NewRecord[]; draft: SumsDraft },
  ): Promise<RecordChanges> {
    const byConversation = new Map<Conversation, NewRecord[]>();
    for (const record of records) {
      const found = byConversation.get(record.conversation);
      if (found === undefined) byConversation.set(record.conversation, [record]);
      else found.push(record);
    }
    const added: PlacedNew[] = [];
    const victims: { conversation: Conversation; record: OldRecord }[] = [];
    for (const [conversation, news] of byConversation) {
      const placed = await this.#place(conversation, news);
      const beyond = await this.#victims(conversation, placed);
      for (const one of placed) {
        if (beyond.has(one.at)) continue;
        this.put(transaction, { placed: one, draft });
        added.push(one);
      }
      for (const [at, length] of beyond) {
        if (length !== undefined) victims.push({ conversation, record: { at, length } });
      }
    }
    const evicted: { conversation: Conversation; at: bigint }[] = [];
    // Last, since these alone can wait: what has no room now is over the cap until the next commit, see
    // `beyondCap`.
    for (const { conversation, record } of victims) {
      if (!hasRoomFor(transaction, { length: record.length, draft })) continue;
      this.remove(transaction, { conversation, record, draft });
      evicted.push({ conversation, at: record.at });
    }
    return { added, evicted };
  }

  /** Puts the removal of what is beyond the cap into a commit, as far as it has room. */
  async trim(
    transaction: Transaction,
    { conversation, draft }: { conversation: Conversation; draft: SumsDraft },
  ): Promise<RecordChanges["evicted"]> {
    const evicted: { conversation: Conversation; at: bigint }[] = [];
    const excess = Math.min(this.beyondCap(conversation), MAX_COMMIT_CHANGES);
    for (const record of await this.oldest(conversation, excess)) {
      if (!hasRoomFor(transaction, { length: record.length, draft })) break;
      this.remove(transaction, { conversation, record, draft });
      evicted.push({ conversation, at: record.at });
    }
    return evicted;
  }

  /** Records beyond the cap: more than none after the cap was lowered. */
  beyondCap({ sums }: Conversation): number {
    return this.#cap === 0 ? 0 : Math.max(0, sums.count - this.#cap);
  }

  /** Puts one record, whose key is free, into a commit. */
  put(
    transaction: Transaction,
    { placed, draft }: { placed: PlacedNew; draft: SumsDraft },
  ): void {
    const { conversation, at, value } = placed;
    piecesOf(value).forEach((piece, index) =>
      transaction.set(recordKey(conversation.id, at, index), piece)
    );
    transaction.set(
      timeKey(at, conversation.id),
      new FieldWriter().number(value.length).finish(),
    );
    const sums = draft.of(conversation);
    sums.count++;
    sums.bytes += RECORD_KEY_BYTES + value.length;
    if (at > sums.newest) sums.newest = at;
    // What was read ahead stays true only if this comes behind it.
    const last = conversation.oldest?.at(-1);
    if (last === undefined || at < last.at) conversation.oldest = undefined;
  }

  /** Puts the removal of one record into a commit. */
  remove(
    transaction: Transaction,
    { conversation, record, draft }: {
      conversation: Conversation;
      record: OldRecord;
      draft: SumsDraft;
    },
  ): void {
    const pieces = pieceCount(record.length);
    for (let piece = 0; piece < pieces; piece++) {
      transaction.delete(recordKey(conversation.id, record.at, piece));
    }
    transaction.delete(timeKey(record.at, conversation.id));
    conversation.run = undefined;
    const sums = draft.of(conversation);
    sums.count--;
    sums.bytes -= RECORD_KEY_BYTES + record.length;
  }

  /** The oldest records of a conversation, `count` of them if it has as many. */
  async oldest(conversation: Conversation, count: number): Promise<readonly OldRecord[]> {
    const known = conversation.oldest ?? [];
    if (known.length >= count) return known.slice(0, count);
    const found = await this.#listOldest(conversation, count + READ_AHEAD);
    conversation.oldest = found;
    return found.slice(0, count);
  }

  async #listOldest({ id }: Conversation, limit: number): Promise<OldRecord[]> {
    const found: OldRecord[] = [];
    try {
      for await (
        const { key, value } of wholeRows(this.#kv, recordsRange(id), { keyParts: 3, limit })
      ) found.push({ at: recordPlace(key).at, length: value.length });
      return found;
    } catch {
      // One row that cannot be read must not stop what comes in, nor its own removal.
      return (await placesByTime(this.#kv, id)).slice(0, limit);
    }
  }

  /** Gives each record the first free key from its time on. */
  async #place(
    conversation: Conversation,
    records: readonly NewRecord[],
  ): Promise<readonly PlacedNew[]> {
    const taken = new Set<bigint>();
    const placed: PlacedNew[] = [];
    const { newest } = conversation.sums;
    const exists = async (key: bigint) => key <= newest && await this.#exists(conversation, key);
    for (const one of records) {
      const found = await freeKey(one.time, { taken, exists, run: conversation.run });
      conversation.run = found.run;
      const at = found.key;
      const { peer } = conversation;
      const value = at === one.time && one.value !== undefined
        ? one.value
        : encodeRecord(one.record, { peer, key: at, time: one.time });
      placed.push({ ...one, at, value });
    }
    return placed;
  }

  async #exists(conversation: Conversation, at: bigint): Promise<boolean> {
    return (await this.#kv.get(recordKey(conversation.id, at))).value !== null;
  }

  /**
   * The smallest keys beyond the cap, those about to be written included; with the length of the
   * value where it is on disk. At most as many as are written: {@link oldest} finds the rest.
   */
  async #victims(
    conversation: Conversation,
    placed: readonly PlacedNew[],
  ): Promise<ReadonlyMap<bigint, number | undefined>> {
    const excess = conversation.sums.count + placed.length - this.#cap;
    const victims = new Map<bigint, number | undefined>();
    if (this.#cap === 0 || excess <= 0) return victims;
    const count = Math.min(excess, placed.length);
    const oldest = await this.oldest(conversation, count);
    for (const one of victimsOf(oldest, placed, count)) {
      victims.set(one.at, "length" in one ? one.length : undefined);
    }
    return victims;
  }
}

/** Whether a record can be removed in this commit; the sums of its conversations need room as well. */
export function hasRoomFor(
  transaction: Transaction,
  { length, draft }: { length: number; draft: SumsDraft },
): boolean {
  return transaction.hasRoom(pieceCount(length) + 1 + draft.size + RESERVED_CHANGES);
}

/** Counts records that are removed and forgets what was read ahead of them, after the commit. */
export function forgetOldest(
  removed: readonly { readonly conversation: Conversation; readonly at: bigint }[],
): void {
  for (const { conversation, at } of removed) {
    conversation.removed++;
    const { oldest } = conversation;
    if (oldest?.[0]?.at === at) oldest.shift();
    else conversation.oldest = undefined;
  }
}
