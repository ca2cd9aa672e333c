import { groupKey, groupPlace, groupsRange, ownerKey } from "./keyspace.ts";
import { MAX_TEXT_BYTES, RECORD_KEY_BYTES } from "./policy.ts";
import type { GroupRow } from "./group_table.ts";
import type { Transaction } from "./transaction.ts";
import { pieceCount, wholeRows } from "./whole_rows.ts";

/** Below and above every key: times have 64 bits. */
const FIRST = -(2n ** 64n);
const LAST = 2n ** 64n;
/** Rows that a record can have, for one that cannot be read: its text, and a little before it. */
const MAX_PIECES = pieceCount(MAX_TEXT_BYTES + 1_024);

/** A record of a group as it lies on disk. */
export interface StoredRow extends GroupRow {
  /** Undefined where it cannot be read. */
  readonly value: Uint8Array | undefined;
}

/** Keys of a group with `from` <= key < `to`. */
export interface KeysOfGroup {
  readonly group: string;
  readonly from?: bigint | undefined;
  readonly to?: bigint | undefined;
}

/**
 * The records of a group in the order of keys; those that cannot be read without their value, once they
 * are found: one row takes a whole listing along, but a listing that ends before it does not fail.
 */
export async function* groupRows(
  kv: Deno.Kv,
  { group, from = FIRST, to = LAST }: KeysOfGroup,
): AsyncGenerator<StoredRow> {
  for (let next = from; next < to;) {
    for (const batchSize of [undefined, 1]) {
      try {
        for await (const row of listed(kv, { group, from: next, to }, batchSize)) {
          next = row.at + 1n;
          yield row;
        }
        return;
      } catch (error) {
        await throwUnlessReadable(kv, error);
      }
    }
    const lost = await firstUnreadable(kv, { group, from: next, to });
    if (lost === undefined) return;
    // What a listing had read when it failed.
    yield* listed(kv, { group, from: next, to: lost });
    yield { at: lost, bytes: RECORD_KEY_BYTES, pieces: MAX_PIECES, value: undefined };
    next = lost + 1n;
  }
}

/** Puts the removal of a record into a commit. */
export function deleteRow(
  transaction: Transaction,
  { group, row: { at, pieces } }: { readonly group: string; readonly row: GroupRow },
): void {
  for (let piece = 0; piece < pieces; piece++) transaction.delete(groupKey(group, at, piece));
}

async function* listed(
  kv: Deno.Kv,
  { group, from, to }: KeysOfGroup,
  batchSize?: number,
): AsyncGenerator<StoredRow> {
  const options = { keyParts: 3, ...(batchSize === undefined ? {} : { batchSize }) };
  for await (
    const { key, value, pieces } of wholeRows(kv, groupsRange(group, { from, to }), options)
  ) {
    yield { at: groupPlace(key).at, bytes: RECORD_KEY_BYTES + value.length, pieces, value };
  }
}

/** The smallest key whose row cannot be read: listings fail that go as far, and no others. */
async function firstUnreadable(
  kv: Deno.Kv,
  { group, from, to }: { group: string; from: bigint; to: bigint },
): Promise<bigint | undefined> {
  const fails = async (end: bigint) => {
    try {
      for await (const _ of kv.list(groupsRange(group, { from, to: end }), { batchSize: 1 }));
      return false;
    } catch {
      return true;
    }
  };
  if (!await fails(to)) return undefined;
  let [low, high] = [from, to - 1n];
  while (low < high) {
    const middle = low + (high - low >> 1n);
    if (await fails(middle + 1n)) high = middle;
    else low = middle + 1n;
  }
  return low;
}

/** Throws an error again where it is not about a row, but about the whole file. */
async function throwUnlessReadable(kv: Deno.Kv, error: unknown): Promise<void> {
  await kv.get(ownerKey()).catch(() => {
    throw error;
  });
}
