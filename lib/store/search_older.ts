import { matches } from "./search_match.ts";
import { newerFirst } from "./search_newest.ts";
import type { PlacedRecord, SearchSource } from "./search_source.ts";

/** What is left to look for on disk after a search in memory. */
export interface OlderSearch {
  /** Conversations whose records below a key are not in memory. */
  readonly bounds: readonly { readonly peer: string; readonly before: bigint }[];
  /** Of `needleOf`. */
  readonly needle: string;
  readonly limit: number;
  /** What was found in memory, newest first. */
  readonly found: readonly PlacedRecord[];
}

/** Adds matches that are only on disk; the newest `limit` of all, newest first. */
export async function olderMatches(
  source: SearchSource,
  { bounds, needle, limit, found }: OlderSearch,
): Promise<readonly PlacedRecord[]> {
  let newest = [...found];
  for (const { peer, before } of bounds) {
    const isEnough = (key: bigint) => {
      const last = newest[limit - 1];
      return last !== undefined && key <= last.key;
    };
    if (isEnough(before)) continue;
    for await (const page of source.older(peer, before)) {
      // Some of it may be in memory as well, and was found there.
      const more = page.filter((place) =>
        matches(place.record, needle) && !newest.some((other) => newerFirst(place, other) === 0)
      );
      newest = [...newest, ...more].sort(newerFirst).slice(0, limit);
      const oldest = page.at(-1);
      if (oldest !== undefined && isEnough(oldest.key)) break;
    }
  }
  return newest;
}
