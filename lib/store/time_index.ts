import { FieldReader } from "./byte_fields.ts";
import type { OldRecord } from "./conversations.ts";
import { timePlace, timeRange } from "./keyspace.ts";
import { LIST_BATCH } from "./whole_rows.ts";

/**
 * Where the records of a conversation are by the rows in the order of time, oldest first: for a
 * conversation whose own rows cannot be listed. Looks through the rows of all conversations, as far
 * as they can be read.
 */
export async function placesByTime(
  kv: Deno.Kv,
  conversation: number,
): Promise<readonly OldRecord[]> {
  const places: OldRecord[] = [];
  try {
    for await (const { key, value } of kv.list(timeRange(), { batchSize: LIST_BATCH })) {
      const place = timePlace(key);
      if (place.conversation !== conversation || !(value instanceof Uint8Array)) continue;
      places.push({ at: place.at, length: new FieldReader(value).number() });
    }
  } catch {
    // The rest is out of reach this way; whoever asks compares the number with what was counted.
  }
  return places;
}
