import type { ArchivedEvent, EventArchive } from "#events";
import type { ArchiveLimits } from "./archive_limits.ts";
import { conversationOfEvent } from "./event_record.ts";
import {
  archivedEvent,
  type BlockEntry,
  decodeBlock,
  decodeEvent,
  encodeBlock,
  eventWall,
} from "./event_block.ts";
import { eventKey, eventPlace, eventsRange, newestEventKey } from "./keyspace.ts";
import type { Transaction } from "./transaction.ts";
import { pieceCount, piecesOf, wholeRows } from "./whole_rows.ts";

/** Events of one row at most; whole rows are dropped at a limit. Ours. */
export const MAX_EVENTS_PER_BLOCK = 128;

/** A row of events, without them. */
interface Block {
  /** Number in its key: of the first event it was written with. */
  readonly key: number;
  /** First and last event in it. */
  readonly first: number;
  readonly last: number;
  readonly count: number;
  readonly bytes: number;
  /** Time of the last one. */
  readonly wall: bigint;
}

/** The events of `/events` on disk, in blocks: one for each commit, so that a commit stays small. */
export class KvEventArchive implements EventArchive {
  readonly #kv: Deno.Kv;
  readonly #limits: ArchiveLimits;
  #blocks: Block[] = [];
  #newest = 0;
  #count = 0;
  #bytes = 0;

  constructor(kv: Deno.Kv, limits: ArchiveLimits) {
    this.#kv = kv;
    this.#limits = limits;
  }

  get newest(): number {
    return this.#newest;
  }

  get oldest(): number {
    return this.#blocks[0]?.first ?? this.#newest + 1;
  }

  /** Events kept. */
  get size(): number {
    return this.#count;
  }

  /** Reads what is there, at opening and after a commit whose outcome is unknown. */
  async load(): Promise<void> {
    const { value } = await this.#kv.get<number>(newestEventKey());
    const blocks: Block[] = [];
    for await (const row of wholeRows(this.#kv, eventsRange(), { keyParts: 2 })) {
      const entries = decodeBlock(row.value);
      const block = blockOf(eventPlace(row.key).first, { entries, bytes: row.value.length });
      if (block !== undefined) blocks.push(block);
    }
    this.#set(blocks);
    this.#newest = Math.max(value ?? 0, blocks.at(-1)?.last ?? 0);
  }

  /**
   * Puts events, which have larger numbers than all before, into a commit, and removes what is then
   * beyond the limits; call the result after the commit.
   */
  add(
    transaction: Transaction,
    { entries, wall }: { entries: readonly BlockEntry[]; wall: bigint },
  ): () => void {
    const added: Block[] = [];
    for (let start = 0; start < entries.length; start += MAX_EVENTS_PER_BLOCK) {
      const part = entries.slice(start, start + MAX_EVENTS_PER_BLOCK);
      const key = part[0]?.seq ?? 0;
      const bytes = encodeBlock(part);
      piecesOf(bytes).forEach((piece, index) => transaction.set(eventKey(key, index), piece));
      const block = blockOf(key, { entries: part, bytes: bytes.length });
      if (block !== undefined) added.push(block);
    }
    const trimmed = this.trim(transaction, { wall, added });
    return () => {
      trimmed.apply();
      for (const block of added) this.#append(block);
      this.#newest = Math.max(this.#newest, entries.at(-1)?.seq ?? 0);
    };
  }

  /**
   * Puts the removal of blocks beyond the limits, as they are with those just added, into a commit as
   * far as it has room; call `apply` after it. `more`: whether something is left to remove.
   */
  trim(
    transaction: Transaction,
    { wall, added = [] }: { wall: bigint; added?: readonly Block[] },
  ): { apply: () => void; more: boolean } {
    const expired = wall - BigInt(this.#limits.age) * 1_000_000n;
    let count = added.reduce((sum, block) => sum + block.count, this.#count);
    let bytes = added.reduce((sum, block) => sum + block.bytes, this.#bytes);
    let dropped = 0;
    let more = false;
    for (const block of this.#blocks) {
      const fits = count <= this.#limits.events && bytes <= this.#limits.bytes;
      if (fits && block.wall > expired) break;
      more = !transaction.hasRoom(pieceCount(block.bytes) + 2);
      if (more) break;
      this.#delete(transaction, block);
      count -= block.count;
      bytes -= block.bytes;
      dropped++;
    }
    if (dropped > 0 && dropped === this.#blocks.length) {
      transaction.set(newestEventKey(), this.#newest);
    }
    const apply = () => {
      for (const block of this.#blocks.splice(0, dropped)) {
        this.#count -= block.count;
        this.#bytes -= block.bytes;
      }
    };
    return { apply, more };
  }

  /**
   * Puts the removal of a conversation's events from the blocks `from` and after into a commit.
   * Returns the block to go on with, undefined at the end, and what to call after the commit.
   */
  async forgetPeer(
    transaction: Transaction,
    { peer, from }: { peer: string; from: number },
  ): Promise<{ next: number | undefined; apply: () => void }> {
    const changed = new Map<number, Block | undefined>();
    let next: number | undefined;
    for await (const row of wholeRows(this.#kv, eventsRange(from), { keyParts: 2 })) {
      const { first } = eventPlace(row.key);
      if (!transaction.hasRoom(2 * row.pieces + 2, row.value.length)) {
        next = first;
        break;
      }
      const entries = decodeBlock(row.value);
      const rest = entries.filter(({ bytes }) =>
        conversationOfEvent(decodeEvent(bytes))?.toLowerCase() !== peer
      );
      if (rest.length < entries.length) changed.set(first, this.#rewrite(transaction, first, rest));
    }
    if (changed.size > 0) transaction.set(newestEventKey(), this.#newest);
    return {
      next,
      apply: () =>
        this.#set(
          this.#blocks.flatMap((block) =>
            changed.has(block.key) ? changed.get(block.key) ?? [] : block
          ),
        ),
    };
  }

  async read(after: number, limit: number): Promise<readonly ArchivedEvent[]> {
    const start = this.#blocks.find(({ last }) => last > after);
    const events: ArchivedEvent[] = [];
    if (start === undefined || limit <= 0) return events;
    const range = eventsRange(start.key);
    for await (const row of wholeRows(this.#kv, range, { keyParts: 2, limit })) {
      for (const entry of decodeBlock(row.value)) {
        if (entry.seq <= after || entry.seq > this.#newest) continue;
        events.push(archivedEvent(entry));
        if (events.length >= limit) return events;
      }
    }
    return events;
  }

  #rewrite(
    transaction: Transaction,
    key: number,
    entries: readonly BlockEntry[],
  ): Block | undefined {
    const old = this.#blocks.find((block) => block.key === key);
    if (old !== undefined) this.#delete(transaction, old);
    if (entries.length === 0) return undefined;
    const bytes = encodeBlock(entries);
    piecesOf(bytes).forEach((piece, index) => transaction.set(eventKey(key, index), piece));
    return blockOf(key, { entries, bytes: bytes.length });
  }

  #delete(transaction: Transaction, { key, bytes }: Block): void {
    for (let piece = 0; piece < pieceCount(bytes); piece++) {
      transaction.delete(eventKey(key, piece));
    }
  }

  #set(blocks: readonly Block[]): void {
    [this.#blocks, this.#count, this.#bytes] = [[], 0, 0];
    for (const block of blocks) this.#append(block);
  }

  #append(block: Block): void {
    this.#blocks.push(block);
    this.#count += block.count;
    this.#bytes += block.bytes;
  }
}

function blockOf(
  key: number,
  { entries, bytes }: { entries: readonly BlockEntry[]; bytes: number },
): Block | undefined {
  const [first] = entries;
  const last = entries.at(-1);
  if (first === undefined || last === undefined) return undefined;
  return {
    key,
    first: first.seq,
    last: last.seq,
    count: entries.length,
    bytes,
    wall: eventWall(last.bytes),
  };
}
