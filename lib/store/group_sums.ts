import { errorText } from "#kit";
import { orUndefined } from "./byte_fields.ts";
import type { DamageLog } from "./damage_log.ts";
import { groupRecordSentAt, groupRecordTime } from "./group_codec.ts";
import { groupRows, type StoredRow } from "./group_rows.ts";
import {
  decodePart,
  decodeTotal,
  encodePart,
  encodeTotal,
  type GroupSums,
  type GroupTable,
} from "./group_table.ts";
import {
  groupOfPart,
  groupPartKey,
  groupPartsRange,
  groupPlace,
  groupsRange,
  groupSumsKey,
} from "./keyspace.ts";
import type { StoreOwner } from "./store_owner.ts";
import { LIST_BATCH } from "./whole_rows.ts";

/** Rows that one commit changes where all are written anew. */
const SUMS_BATCH = 400;

/**
 * Reads and repairs the sums of groups on disk. Programs before them wrote only what all groups together
 * count, and change it without the parts: where the two differ, every record is counted.
 */
export class GroupSumsRows {
  readonly #kv: Deno.Kv;
  readonly #table: GroupTable;
  readonly #damage: DamageLog;
  /** Groups whose rows say what is not so. */
  #stale: readonly string[] = [];
  #isUnwritten = false;
  #isPartial = false;

  constructor(kv: Deno.Kv, { table, damage }: { table: GroupTable; damage: DamageLog }) {
    this.#kv = kv;
    this.#table = table;
    this.#damage = damage;
  }

  /** Whether groups may have records that nobody counted, for they cannot be read. */
  get isPartial(): boolean {
    return this.#isPartial;
  }

  /** Fills the table, at opening and after a commit whose outcome is unknown. */
  async load(): Promise<void> {
    const total = await this.#total();
    const parts = await this.#parts();
    const sum = totalOf(parts);
    this.#isPartial = false;
    this.#isUnwritten = total?.count !== sum.count || total.bytes !== sum.bytes;
    if (!this.#isUnwritten) return this.#table.load(parts, sum);
    const found = await this.#count();
    // What could not be counted is as its row says, where it has one.
    const counted = this.#isPartial ? new Map([...parts, ...found]) : found;
    this.#stale = [...parts.keys()].filter((group) => !counted.has(group));
    const { count, bytes } = totalOf(counted);
    // What was counted once and is not found is told when all is read.
    this.#table.load(counted, {
      count: Math.max(count, total?.count ?? 0),
      bytes: Math.max(bytes, total?.bytes ?? 0),
    });
  }

  /** Writes the rows anew where {@link load} had to count. A crash in between lets it count again. */
  async write(owner: StoreOwner): Promise<void> {
    if (!this.#isUnwritten) return;
    const groups = this.#table.sorted().filter(({ sums }) => sums.count > 0);
    const rows = [
      ...groups,
      ...this.#stale.filter((group) => this.#table.get(group) === undefined),
    ];
    const { count, storedBytes: bytes } = this.#table;
    for (let start = 0; start < rows.length; start += SUMS_BATCH) {
      const transaction = owner.begin().set(groupSumsKey(), encodeTotal({ count, bytes }));
      for (const row of rows.slice(start, start + SUMS_BATCH)) {
        if (typeof row === "string") transaction.delete(groupPartKey(row));
        else transaction.set(groupPartKey(row.group), encodePart(row.sums));
      }
      await transaction.commit();
    }
    this.#isUnwritten = false;
  }

  async #total(): Promise<Pick<GroupSums, "count" | "bytes"> | undefined> {
    const { value } = await this.#kv.get(groupSumsKey());
    return value instanceof Uint8Array ? orUndefined(() => decodeTotal(value)) : undefined;
  }

  /** Those that can be read. */
  async #parts(): Promise<ReadonlyMap<string, GroupSums>> {
    const parts = new Map<string, GroupSums>();
    try {
      for await (
        const { key, value } of this.#kv.list(groupPartsRange(), { batchSize: LIST_BATCH })
      ) {
        const sums = value instanceof Uint8Array && orUndefined(() => decodePart(value));
        if (sums) parts.set(groupOfPart(key), sums);
      }
    } catch {
      // Then they differ from the total, and are counted.
    }
    return parts;
  }

  async #count(): Promise<ReadonlyMap<string, GroupSums>> {
    const counted = new Map<string, GroupSums>();
    try {
      for (let group = await this.#groupFrom(""); group !== undefined;) {
        let sums: GroupSums = { count: 0, bytes: 0, newest: 0n, shift: 0, ahead: 0n };
        for await (const row of groupRows(this.#kv, { group })) sums = withRow(sums, row);
        if (sums.count > 0) counted.set(group, sums);
        group = await this.#groupFrom(`${group}\0`);
      }
    } catch (error) {
      // Even the name of a group that begins with such a row is unknown.
      this.#isPartial = true;
      this.#damage.found("groups", errorText(error));
    }
    return counted;
  }

  /** The first group by name that is not before a name. */
  async #groupFrom(name: string): Promise<string | undefined> {
    const { end } = groupsRange();
    const first = this.#kv.list({ start: groupsRange(name).start, end }, { limit: 1 });
    for await (const { key } of first) return groupPlace(key).group;
    return undefined;
  }
}

function totalOf(
  parts: ReadonlyMap<string, GroupSums>,
): Pick<GroupSums, "count" | "bytes"> {
  let [count, bytes] = [0, 0];
  for (const sums of parts.values()) {
    count += sums.count;
    bytes += sums.bytes;
  }
  return { count, bytes };
}

/** Rows come in the order of their keys. */
function withRow(sums: GroupSums, { at, bytes, value }: StoredRow): GroupSums {
  const time = value && groupRecordTime(value, at);
  const ahead = ((value && groupRecordSentAt(value, at)) ?? at) - at;
  return {
    count: sums.count + 1,
    bytes: sums.bytes + bytes,
    newest: at,
    shift: Math.max(sums.shift, Number(at - (time ?? at))),
    ahead: ahead > sums.ahead ? ahead : sums.ahead,
  };
}
