import { FieldReader, FieldWriter } from "./byte_fields.ts";
import { freeKey, type KeyRun } from "./free_key.ts";
import { decodeGroupRecord, encodeGroupRecord } from "./group_codec.ts";
import type { DamageLog } from "./damage_log.ts";
import { groupKey, groupPlace, groupsRange, groupSumsKey } from "./keyspace.ts";
import { RECORD_KEY_BYTES } from "./policy.ts";
import type { GroupRecord } from "./record.ts";
import { StoreError } from "./store_error.ts";
import type { Transaction } from "./transaction.ts";
import { LIST_BATCH, piecesOf, wholeRows } from "./whole_rows.ts";

/** A group record to be written. */
export interface NewGroupRecord {
  readonly record: GroupRecord;
  readonly time: bigint;
}

/** Groups that one step of a sweep looks into. */
const SWEPT_GROUPS = 100;

/** What one step of a sweep did. */
export interface SweptGroups {
  /** Records removed. */
  readonly removed: number;
  /** The group to go on with; undefined at the end. */
  readonly next: string | undefined;
}

/** Records of groups: they come from archives, and go at the same age as messages. */
export class KvGroups {
  readonly #kv: Deno.Kv;
  readonly #damage: DamageLog;
  readonly #settled: () => Promise<void>;
  /** Records that were ever removed by this process. */
  #removed = 0;
  #count = 0;
  #bytes = 0;
  #pendingBytes = 0;
  /** Keys found taken last. */
  #run: { readonly group: string; readonly keys: KeyRun } | undefined;

  /** `settled` resolves when every commit that runs now has ended. */
  constructor(
    kv: Deno.Kv,
    { damage, settled }: { damage: DamageLog; settled: () => Promise<void> },
  ) {
    this.#kv = kv;
    this.#damage = damage;
    this.#settled = settled;
  }

  /** Bytes of all of them, those on their way to the disk included. */
  get bytes(): number {
    return this.#bytes + this.#pendingBytes;
  }

  /** Counts an admitted record that is not on disk yet; its bytes. */
  reserve(record: NewGroupRecord): number {
    const bytes = bytesOf(record);
    this.#pendingBytes += bytes;
    return bytes;
  }

  /** Undoes {@link reserve}, once the record is on disk or lost. */
  release(record: NewGroupRecord): void {
    this.#pendingBytes -= bytesOf(record);
  }

  /** Reads their sums. */
  async load(): Promise<void> {
    const { value } = await this.#kv.get(groupSumsKey());
    if (!(value instanceof Uint8Array)) return;
    const reader = new FieldReader(value);
    [this.#count, this.#bytes] = [reader.number(), reader.number()];
  }

  /** Puts records into a commit; call the result after it. */
  async add(transaction: Transaction, records: readonly NewGroupRecord[]): Promise<() => void> {
    let [count, bytes] = [this.#count, this.#bytes];
    const places = new Map<string, { taken: Set<bigint>; newest: bigint | undefined }>();
    for (const { record, time } of records) {
      const group = record.group_id;
      const place = places.get(group) ?? { taken: new Set(), newest: await this.#newest(group) };
      places.set(group, place);
      const { taken, newest } = place;
      const { key: at, run } = await freeKey(time, {
        taken,
        exists: async (key) =>
          newest !== undefined && key <= newest && await this.#exists(group, key),
        run: this.#run?.group === group ? this.#run.keys : undefined,
      });
      this.#run = run && { group, keys: run };
      const value = encodeGroupRecord(record, { at, time });
      piecesOf(value).forEach((piece, index) => transaction.set(groupKey(group, at, index), piece));
      count++;
      bytes += RECORD_KEY_BYTES + value.length;
    }
    if (records.length > 0) {
      transaction.set(groupSumsKey(), new FieldWriter().number(count).number(bytes).finish());
    }
    return () => {
      [this.#count, this.#bytes] = [count, bytes];
    };
  }

  /**
   * Puts the removal of some records with keys up to `expiry`, from the group `from` on, into an empty
   * commit, and commits it.
   */
  async sweepSome(
    transaction: Transaction,
    { expiry, from }: { expiry: bigint; from: string },
  ): Promise<SweptGroups> {
    let [removed, bytes] = [0, 0];
    let next: string | undefined;
    let looked = 0;
    sweeping: for (let group = await this.#groupFrom(from); group !== undefined;) {
      if (looked++ === SWEPT_GROUPS) {
        next = group;
        break;
      }
      const range = groupsRange(group, { to: expiry + 1n });
      for await (const { key, value, pieces } of wholeRows(this.#kv, range, { keyParts: 3 })) {
        if (!transaction.hasRoom(pieces + 1)) {
          next = group;
          break sweeping;
        }
        for (let piece = 0; piece < pieces; piece++) {
          transaction.delete(groupKey(group, groupPlace(key).at, piece));
        }
        removed++;
        bytes += RECORD_KEY_BYTES + value.length;
      }
      group = await this.#groupFrom(`${group}\0`);
    }
    if (removed > 0) {
      const [count, rest] = [this.#count - removed, this.#bytes - bytes];
      transaction.set(groupSumsKey(), new FieldWriter().number(count).number(rest).finish());
      await transaction.commit();
      this.#removed += removed;
      [this.#count, this.#bytes, this.#run] = [count, rest, undefined];
    }
    return { removed, next };
  }

  /**
   * The records of one group, or of all, in pages; without those at and before a time. All of them end
   * with an error where some are missing.
   */
  async *pages(
    { group, after }: { group?: string; after?: bigint | undefined } = {},
  ): AsyncGenerator<readonly GroupRecord[]> {
    const [count, removed] = [this.#count, this.#removed];
    let page: GroupRecord[] = [];
    let good = 0;
    let failed = false;
    try {
      for await (const { key, value } of wholeRows(this.#kv, groupsRange(group), { keyParts: 3 })) {
        const place = groupPlace(key);
        const record = decodeGroupRecord(value, place);
        if (record === undefined) continue;
        good++;
        if (after !== undefined && place.at <= after) continue;
        page.push(record);
        if (page.length < LIST_BATCH) continue;
        yield page;
        page = [];
      }
    } catch {
      failed = true;
    }
    if (page.length > 0) yield page;
    const lost = () => group === undefined ? count - (this.#removed - removed) - good : 0;
    if (failed || lost() > 0) await this.#tell({ failed, lost, isWhole: group === undefined });
  }

  async #tell(
    { failed, lost, isWhole }: { failed: boolean; lost: () => number; isWhole: boolean },
  ): Promise<void> {
    const isOpen = await this.#settled().then(() => true, () => false);
    if (isOpen && !failed && lost() <= 0) return;
    const what = `${lost() > 0 ? lost() : "some"} messages of groups cannot be read`;
    if (isOpen) this.#damage.found("groups", what);
    if (isWhole) throw new StoreError("damaged", `${what}: the store is damaged`);
  }

  /** The first group by name that is not before a name. */
  async #groupFrom(name: string): Promise<string | undefined> {
    const { end } = groupsRange();
    const first = this.#kv.list({ start: groupsRange(name).start, end }, { limit: 1 });
    for await (const { key } of first) return groupPlace(key).group;
    return undefined;
  }

  async #newest(group: string): Promise<bigint | undefined> {
    const newest = this.#kv.list(groupsRange(group), { reverse: true, limit: 1 });
    for await (const { key } of newest) return groupPlace(key).at;
    return undefined;
  }

  async #exists(group: string, at: bigint): Promise<boolean> {
    return (await this.#kv.get(groupKey(group, at))).value !== null;
  }
}

function bytesOf({ record, time }: NewGroupRecord): number {
  return RECORD_KEY_BYTES + encodeGroupRecord(record, { at: time, time }).length;
}
