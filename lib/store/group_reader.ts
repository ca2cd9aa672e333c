import type { DamageLog } from "./damage_log.ts";
import { decodeGroupRecord, groupRecordTime } from "./group_codec.ts";
import { newestInOrder, type TimedGroupRecord } from "./group_order.ts";
import { groupRows, type StoredRow } from "./group_rows.ts";
import type { GroupTable, StoredGroup } from "./group_table.ts";
import type { GroupSummary } from "./history.ts";
import { groupPlace, groupsRange } from "./keyspace.ts";
import type { GroupRecord } from "./record.ts";
import { StoreError } from "./store_error.ts";
import { LIST_BATCH, wholeRows } from "./whole_rows.ts";

/** What the damage log calls them. */
const PLACE = "groups";

/** What records of groups are read with. */
export interface GroupReaderParts {
  readonly kv: Deno.Kv;
  readonly table: GroupTable;
  readonly damage: DamageLog;
  /** Resolves when every commit that runs now has ended and is counted; rejects where none can. */
  readonly settled: () => Promise<void>;
}

/** Reads records of groups. `after` is the time at and before which they are expired. */
export class GroupReader {
  readonly #parts: GroupReaderParts;

  constructor(parts: GroupReaderParts) {
    this.#parts = parts;
  }

  /** The newest of a group, oldest first; see `History.groupHistory`. */
  async newest(
    group: string,
    { limit, before, after }: {
      limit: number;
      before?: bigint | undefined;
      after: bigint | undefined;
    },
  ): Promise<readonly GroupRecord[]> {
    const stored = this.#parts.table.get(group);
    if (stored === undefined) return [];
    const found: TimedGroupRecord[] = [];
    let enough: bigint | undefined;
    for await (const { at, value } of this.#backwards(stored, { before, after })) {
      if (enough !== undefined && at < enough) break;
      const time = groupRecordTime(value, at) ?? at;
      if (before !== undefined && time >= before) continue;
      const record = decodeGroupRecord(value, { group, at });
      if (record === undefined) continue;
      found.push({ time, record });
      // No record is later than its key: below the earliest of as many none can belong to them.
      if (found.length === limit) enough = earliest(found);
    }
    return newestInOrder(found.reverse(), limit);
  }

  /** Groups with something that has not expired, by name. */
  async summaries(after: bigint | undefined): Promise<readonly GroupSummary[]> {
    const summaries: GroupSummary[] = [];
    for (const { group, sums } of this.#parts.table.sorted()) {
      const [newest] = await this.newest(group, { limit: 1, after });
      if (newest === undefined) continue;
      const count = sums.count - await this.#expired(group, after);
      summaries.push({ group_id: group, count, newest: newest.timestamp });
    }
    return summaries;
  }

  /**
   * The records of one group, or of all, in pages. All of them end with an error where some are missing.
   */
  async *pages(
    { group, after }: { group?: string; after?: bigint | undefined } = {},
  ): AsyncGenerator<readonly GroupRecord[]> {
    const { kv, table } = this.#parts;
    const { count, removed } = table;
    const groups = group === undefined ? table.sorted().map((stored) => stored.group) : [group];
    let page: GroupRecord[] = [];
    let good = 0;
    for (const name of groups) {
      for await (const { at, value } of groupRows(kv, { group: name })) {
        const record = value && decodeGroupRecord(value, { group: name, at });
        if (record === undefined) continue;
        good++;
        if (after === undefined || at > after) page.push(record);
        if (page.length < LIST_BATCH) continue;
        yield page;
        page = [];
      }
    }
    if (page.length > 0) yield page;
    if (group === undefined) await this.#check(() => count - (table.removed - removed) - good);
  }

  /** Tells and throws where records are missing once every commit is counted. */
  async #check(lost: () => number): Promise<void> {
    const { damage, settled } = this.#parts;
    if (lost() <= 0) return damage.whole(PLACE);
    const isOpen = await settled().then(() => true, () => false);
    if (isOpen && lost() <= 0) return;
    const what = `${lost()} messages of groups cannot be read`;
    if (isOpen) damage.found(PLACE, what);
    throw new StoreError("damaged", `${what}: the store is damaged`);
  }

  /** Rows from the newest on, with times before `before` and some that are not. */
  async *#backwards(
    { group, sums: { shift } }: StoredGroup,
    { before, after }: { before: bigint | undefined; after: bigint | undefined },
  ): AsyncGenerator<StoredRow & { readonly value: Uint8Array }> {
    const { kv, damage } = this.#parts;
    const from = after === undefined ? undefined : after + 1n;
    // A record lies behind its time where the key was taken, so one with an earlier time may be here.
    const to = before === undefined ? undefined : before + BigInt(shift);
    if (from !== undefined && to !== undefined && from >= to) return;
    const range = groupsRange(group, { from, to });
    const seen = new Set<bigint>();
    try {
      for await (const { key, value } of wholeRows(kv, range, { keyParts: 3, reverse: true })) {
        const { at } = groupPlace(key);
        seen.add(at);
        yield { at, value, bytes: value.length, pieces: 1 };
      }
    } catch {
      damage.found(PLACE, `some messages of the group ${group} cannot be read`);
      const rest: (StoredRow & { readonly value: Uint8Array })[] = [];
      for await (const { value, ...row } of groupRows(kv, { group, from, to })) {
        if (value !== undefined && !seen.has(row.at)) rest.push({ ...row, value });
      }
      yield* rest.reverse();
    }
  }

  /** Records that the next sweep takes. */
  async #expired(group: string, after: bigint | undefined): Promise<number> {
    if (after === undefined) return 0;
    let count = 0;
    for await (const _ of groupRows(this.#parts.kv, { group, to: after + 1n })) count++;
    return count;
  }
}

function earliest(records: readonly TimedGroupRecord[]): bigint | undefined {
  let least: bigint | undefined;
  for (const { time } of records) if (least === undefined || time < least) least = time;
  return least;
}
