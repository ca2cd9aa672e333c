import { errorText } from "#kit";
import type { DamageLog } from "./damage_log.ts";
import { decodeBlock } from "./event_block.ts";
import { type Block, blockOf, MAX_EVENTS_PER_BLOCK } from "./event_blocks.ts";
import { eventPlace, eventsRange } from "./keyspace.ts";
import { lastNumber } from "./last_number.ts";
import { wholeRows } from "./whole_rows.ts";

/** What there is of an archive. */
export interface ReadBlocks {
  /** In the order of their numbers. */
  readonly blocks: readonly Block[];
  /** No event on disk has a larger number. */
  readonly newest: number;
}

/**
 * Reads the rows of the archive. Where one cannot be read, the newest in a row that can be are the
 * archive, and that older events are no longer kept is what their readers are told.
 */
export async function readBlocks(kv: Deno.Kv, damage: DamageLog): Promise<ReadBlocks> {
  const blocks: Block[] = [];
  try {
    for await (const block of listed(kv)) blocks.push(block);
    return { blocks, newest: blocks.at(-1)?.last ?? 0 };
  } catch (error) {
    damage.found("events", errorText(error));
  }
  const readable: Block[] = [];
  try {
    for await (const block of listed(kv, { reverse: true, batchSize: 1 })) readable.unshift(block);
  } catch {
    // Told above.
  }
  const known = readable.at(-1)?.key ?? blocks.at(-1)?.key ?? 0;
  // It may be one that cannot be read: its number must not come again.
  const last = await lastNumber(kv, { known, range: eventsRange });
  const newest = Math.max(readable.at(-1)?.last ?? 0, last + MAX_EVENTS_PER_BLOCK - 1);
  return { blocks: readable, newest };
}

async function* listed(
  kv: Deno.Kv,
  options: { readonly reverse?: boolean; readonly batchSize?: number } = {},
): AsyncGenerator<Block> {
  for await (const row of wholeRows(kv, eventsRange(), { keyParts: 2, ...options })) {
    const { first } = eventPlace(row.key);
    const block = blockOf(first, { entries: decodeBlock(row.value), bytes: row.value.length });
    if (block !== undefined) yield block;
  }
}
