import { ARCHIVE_PAGE_CHARACTERS, type ArchivedEvent, type EventArchive } from "#events";
import { type ArchiveLimits, eventExpiry } from "./archive_limits.ts";
import {
  archivedEvent,
  type BlockEntry,
  decodeBlock,
  decodeEvent,
  encodeBlock,
  eventWall,
} from "./event_block.ts";
import { readBlocks } from "./event_blocks_reader.ts";
import { type Block, blockOf, MAX_EVENTS_PER_BLOCK } from "./event_blocks.ts";
import type { DamageLog } from "./damage_log.ts";
import { type EventMatch, hashOfName, matchesEvent, nameOfMatch } from "./event_match.ts";
import { eventKey, eventPlace, eventsRange, newestEventKey } from "./keyspace.ts";
import type { Transaction } from "./transaction.ts";
import { pieceCount, piecesOf, type WholeRow, wholeRows } from "./whole_rows.ts";

/** The events of `/events` on disk, in blocks: one for each commit, so that a commit stays small. */
export class KvEventArchive implements EventArchive {
  readonly #kv: Deno.Kv;
  readonly #limits: ArchiveLimits;
  readonly #wall: () => bigint;
  readonly #damage: DamageLog;
  #blocks: Block[] = [];
  #newest = 0;
  #count = 0;
  #bytes = 0;

  /** `wall` tells the time in nanoseconds since 1970: what is too old then is not given out. */
  constructor(
    kv: Deno.Kv,
    { limits, wall, damage }: {
      readonly limits: ArchiveLimits;
      readonly wall: () => bigint;
      readonly damage: DamageLog;
    },
  ) {
    this.#kv = kv;
    this.#damage = damage;
    this.#limits = limits;
    this.#wall = wall;
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
    const { blocks, newest } = await readBlocks(this.#kv, this.#damage);
    this.#set(blocks);
    this.#newest = Math.max(value ?? 0, blocks.at(-1)?.last ?? 0, newest);
  }

  /**
   * Puts events, which have larger numbers than all before, into a commit, and removes what is then
   * beyond the limits; call the result after the commit. `newest` is the last number given out, which
   * belongs to no entry where that event must not be kept.
   */
  add(
    transaction: Transaction,
    { entries, newest }: { entries: readonly BlockEntry[]; newest: number },
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
    const trimmed = this.trim(transaction, added);
    if (newest > Math.max(this.#newest, entries.at(-1)?.seq ?? 0)) {
      transaction.set(newestEventKey(), newest);
    }
    return () => {
      trimmed.apply();
      for (const block of added) this.#append(block);
      this.#newest = Math.max(this.#newest, newest);
    };
  }

  /**
   * Puts the removal of blocks beyond the limits, as they are with those just added, into a commit as
   * far as it has room; call `apply` after it. `more`: whether something is left to remove.
   */
  trim(
    transaction: Transaction,
    added: readonly Block[] = [],
  ): { apply: () => void; more: boolean } {
    const expired = this.#expiry;
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
   * Puts the removal of events from the blocks `from` and after into a commit, as far as it has room.
   * Returns the block to go on with, undefined at the end; how many of them could still be read; and
   * what to call after the commit.
   */
  async remove(
    transaction: Transaction,
    { match, from }: { match: EventMatch; from: number },
  ): Promise<{ next: number | undefined; removed: number; apply: () => void }> {
    const changed = new Map<number, Block | undefined>();
    let next: number | undefined;
    let removed = 0;
    const expired = this.#expiry;
    for await (const row of this.#rowsWith(match, from)) {
      const { first } = eventPlace(row.key);
      // A row has room in an empty commit, since it came into one.
      if (!transaction.empty && !transaction.hasRoom(2 * row.pieces + 2, row.value.length)) {
        next = first;
        break;
      }
      const rest: BlockEntry[] = [];
      const entries = decodeBlock(row.value);
      for (const entry of entries) {
        if (!matchesEvent(decodeEvent(entry.bytes), match)) rest.push(entry);
        else if (eventWall(entry.bytes) > expired) removed++;
      }
      if (rest.length < entries.length) changed.set(first, this.#rewrite(transaction, first, rest));
    }
    if (changed.size > 0) transaction.set(newestEventKey(), this.#newest);
    const apply = () =>
      this.#set(
        this.#blocks.flatMap((block) =>
          changed.has(block.key) ? changed.get(block.key) ?? [] : block
        ),
      );
    return { next, removed, apply };
  }

  async read(after: number, limit: number): Promise<readonly ArchivedEvent[]> {
    const events: ArchivedEvent[] = [];
    const expired = this.#expiry;
    for (let position = after; limit > 0 && events.length === 0;) {
      const blocks = this.#blocksAfter(position, { limit, expired });
      const [first] = blocks;
      if (first === undefined) break;
      let characters = 0;
      const options = { keyParts: 2, limit: blocks.length };
      for await (const row of wholeRows(this.#kv, eventsRange(first.key), options)) {
        for (const entry of decodeBlock(row.value)) {
          if (entry.seq <= after || entry.seq > this.#newest) continue;
          if (eventWall(entry.bytes) <= expired) continue;
          const event = archivedEvent(entry);
          events.push(event);
          characters += event.line.length;
          if (events.length >= limit || characters >= ARCHIVE_PAGE_CHARACTERS) return events;
        }
      }
      position = blocks.at(-1)?.last ?? Infinity;
    }
    return events;
  }

  get #expiry(): bigint {
    return eventExpiry(this.#limits, this.#wall());
  }

  /** The next blocks with something to give out: as many as a page may need, to read no more. */
  #blocksAfter(
    position: number,
    { limit, expired }: { limit: number; expired: bigint },
  ): readonly Block[] {
    const blocks: Block[] = [];
    let [count, bytes] = [0, 0];
    for (const block of this.#blocks) {
      if (block.last <= position || block.wall <= expired && blocks.length === 0) continue;
      blocks.push(block);
      count += block.last - Math.max(position, block.first - 1);
      bytes += block.bytes;
      if (count >= limit || bytes >= ARCHIVE_PAGE_CHARACTERS) break;
    }
    return blocks;
  }

  /** Rows that may hold such events. One message is in few of them, which are read alone. */
  async *#rowsWith(match: EventMatch, from: number): AsyncGenerator<WholeRow> {
    const name = nameOfMatch(match);
    if (name === undefined) {
      // Before the first block there may be rows that cannot be read.
      const start = Math.max(from, this.#blocks[0]?.key ?? this.#newest + 1);
      yield* wholeRows(this.#kv, eventsRange(start), { keyParts: 2 });
      return;
    }
    const hash = hashOfName(name);
    for (const { key, names } of this.#blocks) {
      if (key < from || !names.includes(hash)) continue;
      yield* wholeRows(this.#kv, eventsRange(key), { keyParts: 2, limit: 1 });
    }
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
