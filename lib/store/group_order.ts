import type { GroupRecord } from "./record.ts";

/** A record of a group with its timestamp in nanoseconds since 1970. */
export interface TimedGroupRecord {
  readonly time: bigint;
  readonly record: GroupRecord;
}

/**
 * The newest `limit` of records that come in the order of their keys, oldest first; <= 0 is all. Those of
 * one time stand by author, whichever came first (groups.md 2.8), and of one author as they come.
 */
export function newestInOrder(
  records: readonly TimedGroupRecord[],
  limit: number,
): readonly GroupRecord[] {
  const sorted = records.toSorted(byTimeAndAuthor);
  return (limit > 0 ? sorted.slice(-limit) : sorted).map(({ record }) => record);
}

function byTimeAndAuthor(a: TimedGroupRecord, b: TimedGroupRecord): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1;
  const [author, other] = [a.record.sender_pk, b.record.sender_pk];
  return author === other ? 0 : author < other ? -1 : 1;
}
