import type { KeyRange } from "./keyspace.ts";

/** Larger than every number in a key. */
const BEYOND = 2 ** 53 - 1;

/**
 * The largest number that begins a key, `known` or above, also where its row cannot be read. `range`
 * has the rows from a number on.
 */
export async function lastNumber(
  kv: Deno.Kv,
  { known, range }: { known: number; range: (from: number) => KeyRange },
): Promise<number> {
  if (!await hasRow(kv, range(known + 1))) return known;
  let [low, high] = [known + 1, BEYOND];
  while (low < high) {
    const middle = low + Math.ceil((high - low) / 2);
    if (await hasRow(kv, range(middle))) low = middle;
    else high = middle - 1;
  }
  return low;
}

async function hasRow(kv: Deno.Kv, range: KeyRange): Promise<boolean> {
  try {
    for await (const _ of kv.list(range, { limit: 1 })) return true;
    return false;
  } catch {
    return true;
  }
}
