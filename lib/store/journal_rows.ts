import { errorText } from "#kit";
import { FieldError, FieldReader, FieldWriter } from "./byte_fields.ts";
import type { DamageLog } from "./damage_log.ts";
import {
  entriesBlock,
  entriesRange,
  groupJournalsRange,
  journalFeed,
  journalsRange,
  type KeyRange,
  ownerKey,
} from "./keyspace.ts";
import { LIST_BATCH, pieceCount, wholeRows } from "./whole_rows.ts";
import { MAX_BATCH_BYTES } from "./write_queue.ts";

/** Rows asked for at a time: blocks may be large. */
const BLOCK_BATCH = 100;
/** Rows that a block can have, for one whose length is not known. */
const MAX_BLOCK_PIECES = pieceCount(MAX_BATCH_BYTES);

/** What is known of a journal without reading its entries. */
export interface JournalHead {
  /** Its number in keys. */
  readonly id: number;
  /** Number of its first block, or one below that, and of the next. */
  readonly first: number;
  readonly next: number;
  /** Entries on disk, and their bytes. */
  readonly count: number;
  readonly bytes: number;
  readonly state: Uint8Array | undefined;
  /** The turn whose state it is: an older one never takes its place. In memory only. */
  readonly turn: number;
}

/** A block of entries. */
export interface JournalBlock {
  readonly block: number;
  /** Rows that hold it, or may. */
  readonly pieces: number;
  /** Undefined where they cannot be read. */
  readonly entries: readonly Uint8Array[] | undefined;
}

/** The value of the row of a journal. */
export function encodeHead({ id, first, next, count, bytes, state }: JournalHead): Uint8Array {
  const writer = new FieldWriter().number(id).number(first).number(next).number(count)
    .number(bytes).byte(state === undefined ? 0 : 1);
  return (state === undefined ? writer : writer.raw(state)).finish();
}

/** The inverse. @throws {FieldError} for other bytes */
function decodeHead(value: Uint8Array): JournalHead {
  const reader = new FieldReader(value);
  const [id, first, next] = [reader.number(), reader.number(), reader.number()];
  const [count, bytes, hasState] = [reader.number(), reader.number(), reader.byte()];
  const state = hasState === 0 ? undefined : reader.rest();
  return { id, first, next, count, bytes, state, turn: 0 };
}

/** The value of a block. */
export function encodeEntries(entries: readonly Uint8Array[]): Uint8Array {
  const writer = new FieldWriter();
  for (const entry of entries) writer.block(entry);
  return writer.finish();
}

/** The inverse, views; undefined for other bytes. */
function decodeEntries(value: Uint8Array): readonly Uint8Array[] | undefined {
  try {
    const reader = new FieldReader(value);
    const entries: Uint8Array[] = [];
    while (!reader.done) entries.push(reader.block());
    return entries;
  } catch (error) {
    if (error instanceof FieldError) return undefined;
    throw error;
  }
}

/** Reads the rows of all journals. One that cannot be read begins anew, and is told. */
export async function readHeads(
  kv: Deno.Kv,
  damage: DamageLog,
): Promise<ReadonlyMap<string, JournalHead>> {
  const heads = new Map<string, JournalHead>();
  const readAll = async (range: KeyRange, options: Deno.KvListOptions) => {
    for await (const { key, value } of kv.list(range, options)) {
      const feed = journalFeed(key);
      try {
        if (value instanceof Uint8Array) heads.set(feed, decodeHead(value));
        else damage.found(`journal of ${feed}`, "it is not known where it is");
      } catch (error) {
        if (!(error instanceof FieldError)) throw error;
        damage.found(`journal of ${feed}`, errorText(error));
      }
    }
  };
  for (const range of [journalsRange(), groupJournalsRange()]) {
    try {
      await readAll(range, { batchSize: LIST_BATCH });
    } catch (error) {
      await throwUnlessReadable(kv, error);
      damage.found("journals", errorText(error));
      // A row that cannot be read takes its batch along: those before and behind it are read alone.
      await readAll(range, { batchSize: 1 }).catch(() => {});
      await readAll(range, { batchSize: 1, reverse: true }).catch(() => {});
    }
  }
  return heads;
}

/**
 * The blocks of a journal with `from` <= number < `to`, in their order; those that cannot be read
 * without their entries.
 */
export async function* readBlocksOf(
  kv: Deno.Kv,
  { id, from, to }: { id: number; from: number; to: number },
): AsyncGenerator<JournalBlock> {
  for (let next = from; next < to;) {
    try {
      for await (const block of listed(kv, { id, from: next, to })) {
        next = block.block + 1;
        yield block;
      }
      return;
    } catch (error) {
      await throwUnlessReadable(kv, error);
    }
    // A row that cannot be read takes its batch along: it is looked for block by block.
    for (let isFound = false; next < to && !isFound; next++) {
      try {
        yield* listed(kv, { id, from: next, to: next + 1 });
      } catch {
        isFound = true;
        yield { block: next, pieces: MAX_BLOCK_PIECES, entries: undefined };
      }
    }
  }
}

/** Throws an error again where it is not about a row, but about the whole file. */
async function throwUnlessReadable(kv: Deno.Kv, error: unknown): Promise<void> {
  await kv.get(ownerKey()).catch(() => {
    throw error;
  });
}

async function* listed(
  kv: Deno.Kv,
  { id, ...range }: { id: number; from: number; to: number },
): AsyncGenerator<JournalBlock> {
  const options = { keyParts: 3, batchSize: BLOCK_BATCH };
  for await (const { key, value, pieces } of wholeRows(kv, entriesRange(id, range), options)) {
    const entries = decodeEntries(value);
    const rows = entries === undefined ? MAX_BLOCK_PIECES : pieces;
    yield { block: entriesBlock(key), pieces: rows, entries };
  }
}
