import { type BlockEntry, eventHead } from "./event_block.ts";
import { hashOfName } from "./event_match.ts";

/** Events of one row at most; whole rows are dropped at a limit. Ours. */
export const MAX_EVENTS_PER_BLOCK = 128;

/** A row of events, without them. */
export interface Block {
  /** Number in its key: of the first event it was written with. */
  readonly key: number;
  /** First and last event in it. */
  readonly first: number;
  readonly last: number;
  readonly count: number;
  readonly bytes: number;
  /** Time of its youngest event. */
  readonly wall: bigint;
  /** Hashes of what its events are looked up by: four bytes an event find one without reading all rows. */
  readonly names: Uint32Array;
}

/** What there is to remember of a row; undefined for one without events. */
export function blockOf(
  key: number,
  { entries, bytes }: { entries: readonly BlockEntry[]; bytes: number },
): Block | undefined {
  const [first] = entries;
  const last = entries.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const names = new Uint32Array(entries.length);
  let wall: bigint | undefined;
  for (const [index, entry] of entries.entries()) {
    const head = eventHead(entry.bytes);
    names[index] = hashOfName(head.name);
    if (wall === undefined || head.wall > wall) wall = head.wall;
  }
  const count = entries.length;
  return { key, first: first.seq, last: last.seq, count, bytes, wall: wall ?? 0n, names };
}
