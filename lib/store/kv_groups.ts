import type { DamageLog } from "./damage_log.ts";
import { freeKey } from "./free_key.ts";
import { encodeGroupRecord } from "./group_codec.ts";
import { deleteRow, groupRows, type KeysOfGroup } from "./group_rows.ts";
import { GroupSumsRows } from "./group_sums.ts";
import { GroupDraft, type GroupRow, GroupTable, type StoredGroup } from "./group_table.ts";
import { groupKey } from "./keyspace.ts";
import { RECORD_KEY_BYTES } from "./policy.ts";
import type { GroupRecord } from "./record.ts";
import type { StoreOwner } from "./store_owner.ts";
import type { Transaction } from "./transaction.ts";
import { victimsOf } from "./victims.ts";
import { piecesOf } from "./whole_rows.ts";

/** Oldest records of a full group that are looked up ahead of their removal. */
const READ_AHEAD = 64;
/** Changes that removals leave to the rest of the same commit. */
const RESERVED_CHANGES = 50;
/** Groups that one step of a sweep looks into, and records of one step of any removal. Ours. */
const SWEPT_GROUPS = 100;
const REMOVAL_STEP = 400;

/** A group record that was admitted. */
export interface NewGroupRecord {
  readonly stored: StoredGroup;
  readonly record: GroupRecord;
  /** Its timestamp, nanoseconds since 1970. */
  readonly time: bigint;
  /** Its author's time: later than its timestamp where that was far ahead. */
  readonly sentAt: bigint;
  /** Its bytes where its key is its time. */
  readonly value: Uint8Array;
}

/** A group record with the place that it got. */
interface PlacedGroupRecord extends NewGroupRecord {
  readonly at: bigint;
}

/** What one step of a sweep did. */
export interface SweptGroups {
  /** Records removed. */
  readonly removed: number;
  /** The group to go on with; undefined at the end. */
  readonly next: string | undefined;
}

/** Records to be removed. */
export interface WantedRows extends KeysOfGroup {
  /** Asked for those that can be read; the others go where it is missing. */
  readonly matches?: (value: Uint8Array, at: bigint) => boolean;
}

/**
 * Turns records of groups into rows: finds free keys, drops the oldest of a full group, keeps sums. All
 * calls but the first two belong into the write queue.
 */
export class KvGroups {
  readonly table: GroupTable = new GroupTable();
  readonly #kv: Deno.Kv;
  readonly #owner: StoreOwner;
  readonly #cap: number;
  readonly #sums: GroupSumsRows;

  /** `cap` records a group; 0 is no limit. */
  constructor(
    kv: Deno.Kv,
    { owner, damage, cap }: { owner: StoreOwner; damage: DamageLog; cap: number },
  ) {
    this.#kv = kv;
    this.#owner = owner;
    this.#cap = cap;
    this.#sums = new GroupSumsRows(kv, { table: this.table, damage });
  }

  /** Counts an admitted record that is not on disk yet. */
  reserve(
    record: GroupRecord,
    { time, sentAt }: { readonly time: bigint; readonly sentAt: bigint },
  ): { group: NewGroupRecord; bytes: number } {
    const value = encodeGroupRecord(record, { at: time, time, sentAt });
    const bytes = RECORD_KEY_BYTES + value.length;
    const stored = this.table.reserve(record.group_id, bytes);
    return { group: { stored, record, time, sentAt, value }, bytes };
  }

  /** Undoes {@link reserve}, once the record is on disk or lost. */
  release({ stored, value }: NewGroupRecord): void {
    this.table.release(stored, RECORD_KEY_BYTES + value.length);
  }

  /** Reads the sums, at opening and after a commit whose outcome is unknown. */
  load(): Promise<void> {
    return this.#sums.load();
  }

  /** Writes the sums where they are not on disk yet, as in a store of a program before them. */
  writeSums(): Promise<void> {
    return this.#sums.write(this.#owner);
  }

  /** Puts records, and the removals that they cause, into a commit; call the result after it. */
  async add(transaction: Transaction, records: readonly NewGroupRecord[]): Promise<() => void> {
    const draft = new GroupDraft(this.table);
    const victims: { stored: StoredGroup; row: GroupRow }[] = [];
    for (const [stored, news] of Map.groupBy(records, (one) => one.stored)) {
      const placed = await this.#place(stored, news);
      const beyond = await this.#victims(stored, placed);
      for (const one of placed) if (!beyond.has(one.at)) put(transaction, { placed: one, draft });
      for (const row of beyond.values()) if (row !== undefined) victims.push({ stored, row });
    }
    // Last, since these alone can wait: what has no room now is over the cap until the next commit.
    for (const { stored, row } of victims) this.#remove(transaction, { stored, row, draft });
    draft.write(transaction);
    return () => draft.apply();
  }

  /** Records beyond the cap: more than none after it was lowered. */
  beyondCap({ sums }: StoredGroup): number {
    return this.#cap === 0 ? 0 : Math.max(0, sums.count - this.#cap);
  }

  /** Removes what is beyond the cap of a group. */
  async trimToCap(stored: StoredGroup): Promise<void> {
    while (this.beyondCap(stored) > 0) {
      const transaction = this.#owner.begin();
      const draft = new GroupDraft(this.table);
      const rows = await this.#oldest(stored, Math.min(this.beyondCap(stored), REMOVAL_STEP));
      for (const row of rows) this.#remove(transaction, { stored, row, draft });
      if (transaction.empty) return;
      draft.write(transaction);
      await transaction.commit();
      draft.apply();
    }
  }

  /** Removes some records with keys up to `expiry`, from the group `from` on, in one commit. */
  async sweepSome({ expiry, from }: { expiry: bigint; from: string }): Promise<SweptGroups> {
    const groups = this.table.sorted().filter(({ group }) => group >= from);
    const transaction = this.#owner.begin();
    const draft = new GroupDraft(this.table);
    let removed = 0;
    let next = groups[SWEPT_GROUPS]?.group;
    for (const { group } of groups.slice(0, SWEPT_GROUPS)) {
      const some = await this.removeSome(transaction, {
        wanted: { group, to: expiry + 1n },
        draft,
      });
      removed += some.removed;
      if (!some.more) continue;
      next = group;
      break;
    }
    draft.write(transaction);
    await transaction.commit();
    draft.apply();
    return { removed, next };
  }

  /** Puts the removal of records into a commit, as far as it has room. */
  async removeSome(
    transaction: Transaction,
    { wanted: { matches, ...keys }, draft }: { wanted: WantedRows; draft: GroupDraft },
  ): Promise<{ removed: number; more: boolean }> {
    const stored = this.table.get(keys.group);
    let removed = 0;
    if (stored === undefined) return { removed, more: false };
    for await (const row of groupRows(this.#kv, keys)) {
      if (matches !== undefined && !(row.value && matches(row.value, row.at))) continue;
      const isEnough = removed >= REMOVAL_STEP;
      if (isEnough || !this.#remove(transaction, { stored, row, draft })) {
        return { removed, more: true };
      }
      removed++;
    }
    // What was counted and is out of reach is given up with the rest.
    const isAll = stored.sums.count > 0 && matches === undefined && keys.from === undefined &&
      (keys.to === undefined || keys.to > stored.sums.newest);
    if (isAll) draft.clear(stored);
    return { removed, more: false };
  }

  /** Puts the removal of one record into a commit; false where it has no room. */
  #remove(
    transaction: Transaction,
    { stored, row, draft }: { stored: StoredGroup; row: GroupRow; draft: GroupDraft },
  ): boolean {
    if (!transaction.hasRoom(row.pieces + draft.size + RESERVED_CHANGES)) return false;
    deleteRow(transaction, { group: stored.group, row });
    draft.remove(stored, row);
    stored.run = undefined;
    if (stored.oldest?.[0]?.at === row.at) stored.oldest.shift();
    else stored.oldest = undefined;
    return true;
  }

  /** Gives each record the first free key from its time on. */
  async #place(
    stored: StoredGroup,
    records: readonly NewGroupRecord[],
  ): Promise<readonly PlacedGroupRecord[]> {
    const taken = new Set<bigint>();
    const placed: PlacedGroupRecord[] = [];
    const { newest } = stored.sums;
    const exists = async (key: bigint) =>
      (key <= newest || this.#sums.isPartial) && await this.#exists(stored, key);
    for (const one of records) {
      const { record, time, sentAt } = one;
      const { key: at, run } = await freeKey(time, { taken, exists, run: stored.run });
      stored.run = run;
      placed.push({
        ...one,
        at,
        value: at === time ? one.value : encodeGroupRecord(record, { at, time, sentAt }),
      });
    }
    return placed;
  }

  async #exists({ group }: StoredGroup, at: bigint): Promise<boolean> {
    try {
      return (await this.#kv.get(groupKey(group, at))).value !== null;
    } catch {
      // A row that cannot be read is there.
      return true;
    }
  }

  /** The smallest keys beyond the cap, those about to be written included: with a row if it is on disk. */
  async #victims(
    stored: StoredGroup,
    placed: readonly PlacedGroupRecord[],
  ): Promise<ReadonlyMap<bigint, GroupRow | undefined>> {
    const excess = this.#cap === 0 ? 0 : stored.sums.count + placed.length - this.#cap;
    const count = Math.min(excess, placed.length);
    if (count <= 0) return new Map();
    const victims = victimsOf(await this.#oldest(stored, count), placed, count);
    return new Map(victims.map((one) => [one.at, "pieces" in one ? one : undefined]));
  }

  /** The oldest records of a group, `count` of them if it has as many. */
  async #oldest(stored: StoredGroup, count: number): Promise<readonly GroupRow[]> {
    const known = stored.oldest ?? [];
    if (known.length >= count) return known.slice(0, count);
    const found: GroupRow[] = [];
    for await (const { at, bytes, pieces } of groupRows(this.#kv, { group: stored.group })) {
      found.push({ at, bytes, pieces });
      if (found.length >= count + READ_AHEAD) break;
    }
    stored.oldest = found;
    return found.slice(0, count);
  }
}

function put(
  transaction: Transaction,
  { placed: { stored, value, ...times }, draft }: { placed: PlacedGroupRecord; draft: GroupDraft },
): void {
  const { at } = times;
  piecesOf(value).forEach((piece, index) =>
    transaction.set(groupKey(stored.group, at, index), piece)
  );
  draft.add(stored, { ...times, bytes: RECORD_KEY_BYTES + value.length });
  // What was read ahead stays true only if this comes behind it.
  const last = stored.oldest?.at(-1);
  if (last === undefined || at < last.at) stored.oldest = undefined;
}
