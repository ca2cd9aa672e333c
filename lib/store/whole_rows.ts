import { concat } from "#kit";
import { type Key, type KeyRange, PIECE_BYTES } from "./keyspace.ts";

/** Rows asked for at a time when all are wanted; the most that Deno KV gives. */
export const LIST_BATCH = 500;

/** A value put together from its pieces. */
export interface WholeRow {
  /** Key of its first piece. */
  readonly key: Key;
  readonly value: Uint8Array;
  /** How many rows hold it. */
  readonly pieces: number;
}

/** How to list. */
export interface ListOptions {
  /** Parts of the key of a first piece; a further piece has one more. */
  readonly keyParts: number;
  readonly reverse?: boolean;
  /** Values wanted, to read no more than needed. */
  readonly limit?: number;
  /** Rows asked for at a time: one that cannot be read takes its batch along. */
  readonly batchSize?: number;
}

/** Cuts a value into what fits into rows, each an array of its own. Never none. */
export function piecesOf(value: Uint8Array): readonly Uint8Array[] {
  if (value.length <= PIECE_BYTES) return [value];
  const pieces: Uint8Array[] = [];
  for (let start = 0; start < value.length; start += PIECE_BYTES) {
    pieces.push(value.slice(start, start + PIECE_BYTES));
  }
  return pieces;
}

/** Rows that a value of this length takes. */
export function pieceCount(length: number): number {
  return Math.max(1, Math.ceil(length / PIECE_BYTES));
}

/** Lists values, put together. Rows that hold no bytes are skipped. */
export async function* wholeRows(
  kv: Deno.Kv,
  range: KeyRange,
  { keyParts, reverse = false, limit, ...options }: ListOptions,
): AsyncGenerator<WholeRow> {
  const batchSize = options.batchSize ?? Math.min(LIST_BATCH, (limit ?? LIST_BATCH) + 1);
  let pieces: Uint8Array[] = [];
  let head: Key | undefined;
  let left = limit ?? Infinity;
  for await (const { key, value } of kv.list(range, { batchSize, reverse })) {
    if (!(value instanceof Uint8Array)) continue;
    const first = key.length === keyParts;
    if (reverse) {
      pieces.unshift(value);
      if (!first) continue;
      yield { key, value: joined(pieces), pieces: pieces.length };
      pieces = [];
      if (--left <= 0) return;
      continue;
    }
    if (first && head !== undefined) {
      yield { key: head, value: joined(pieces), pieces: pieces.length };
      if (--left <= 0) return;
    }
    if (first) [head, pieces] = [key, []];
    pieces.push(value);
  }
  if (head !== undefined) yield { key: head, value: joined(pieces), pieces: pieces.length };
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [only] = pieces;
  return pieces.length === 1 && only !== undefined ? only : concat(...pieces);
}
