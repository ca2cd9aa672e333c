import { FieldReader, FieldWriter } from "./byte_fields.ts";
import type { KeyRun } from "./free_key.ts";
import type { RecordTimes } from "./group_codec.ts";
import { groupPartKey, groupSumsKey } from "./keyspace.ts";
import type { Transaction } from "./transaction.ts";

/** What is known of a group without reading its records. */
export interface GroupSums {
  /** Records on disk. */
  readonly count: number;
  /** What they count in the total size. */
  readonly bytes: number;
  /** No record has a larger key. */
  readonly newest: bigint;
  /** No record has a key that is further behind the time that it is shown with. */
  readonly shift: number;
  /** No record has a key that is further before its author's time; nanoseconds. */
  readonly ahead: bigint;
}

type ChangingSums = { -readonly [K in keyof GroupSums]: GroupSums[K] };

/** A record on disk that is known without its contents. */
export interface GroupRow {
  readonly at: bigint;
  /** What it counts in the total size, as far as that is known. */
  readonly bytes: number;
  /** Rows that hold it, or may. */
  readonly pieces: number;
}

/** A group in memory. */
export interface StoredGroup {
  readonly group: string;
  sums: GroupSums;
  /** Admitted records that are not on disk yet. */
  pendingCount: number;
  /** Its oldest records, if they were read and nothing changed there since. */
  oldest: GroupRow[] | undefined;
  /** Keys found taken last. */
  run: KeyRun | undefined;
}

const NO_RECORDS: GroupSums = { count: 0, bytes: 0, newest: -(2n ** 63n), shift: 0, ahead: 0n };
/** As far ahead as times can be: what a program did not say that knows nothing of it. */
const ANY_AHEAD = 2n ** 63n - 1n;

/**
 * The sums of all groups: in memory for decisions, on disk written in the same commit as the records
 * that they count; those of all together as well.
 */
export class GroupTable {
  readonly #byName = new Map<string, StoredGroup>();
  #count = 0;
  #bytes = 0;
  #pendingBytes = 0;
  #removed = 0;

  /** What all records count, those on their way to the disk included. */
  get bytes(): number {
    return this.#bytes + this.#pendingBytes;
  }

  /** What the records on disk count. */
  get storedBytes(): number {
    return this.#bytes;
  }

  /** Records on disk. */
  get count(): number {
    return this.#count;
  }

  /** Groups with records on disk or on their way there. */
  get size(): number {
    return this.#byName.size;
  }

  /** Records that were ever removed by this process. */
  get removed(): number {
    return this.#removed;
  }

  /** All of them, by name. */
  sorted(): readonly StoredGroup[] {
    return [...this.#byName.keys()].sort().flatMap((name) => this.#byName.get(name) ?? []);
  }

  get(group: string): StoredGroup | undefined {
    return this.#byName.get(group);
  }

  /**
   * Takes over what is on disk, at opening and after a commit whose outcome is unknown. What all
   * together count may be more than the sum of the parts: then something is out of reach.
   */
  load(
    parts: ReadonlyMap<string, GroupSums>,
    { count, bytes }: Pick<GroupSums, "count" | "bytes">,
  ): void {
    const before = this.#count;
    for (const stored of [...this.#byName.values()]) {
      [stored.oldest, stored.run] = [undefined, undefined];
      if (!parts.has(stored.group)) this.setSums(stored, NO_RECORDS);
    }
    for (const [group, sums] of parts) this.setSums(this.#of(group), sums);
    this.#removed += Math.max(0, before - count);
    [this.#count, this.#bytes] = [count, bytes];
  }

  /** Counts an admitted record that is not on disk yet. */
  reserve(group: string, bytes: number): StoredGroup {
    const stored = this.#of(group);
    stored.pendingCount++;
    this.#pendingBytes += bytes;
    return stored;
  }

  /** Undoes {@link reserve}, once the record is on disk or lost. */
  release(stored: StoredGroup, bytes: number): void {
    stored.pendingCount--;
    this.#pendingBytes -= bytes;
    this.#dropIfEmpty(stored);
  }

  /** Says what is on disk now. */
  setSums(stored: StoredGroup, sums: GroupSums): void {
    this.#count += sums.count - stored.sums.count;
    this.#bytes += sums.bytes - stored.sums.bytes;
    stored.sums = sums;
    this.#dropIfEmpty(stored);
  }

  /** Counts records that are gone, after the commit. */
  countRemoved(records: number): void {
    this.#removed += records;
  }

  /** Once nothing is left, what is out of reach is given up too. */
  settle(): void {
    if (this.isEmptyBut(new Map())) [this.#count, this.#bytes] = [0, 0];
  }

  /** Whether no other group has records on disk. */
  isEmptyBut(these: ReadonlyMap<StoredGroup, unknown>): boolean {
    return this.#byName.values().every((one) => these.has(one) || one.sums.count === 0);
  }

  #of(group: string): StoredGroup {
    const known = this.#byName.get(group);
    if (known !== undefined) return known;
    const stored: StoredGroup = {
      group,
      sums: NO_RECORDS,
      pendingCount: 0,
      oldest: undefined,
      run: undefined,
    };
    this.#byName.set(group, stored);
    return stored;
  }

  #dropIfEmpty(stored: StoredGroup): void {
    if (stored.sums.count > 0 || stored.pendingCount > 0) return;
    if (this.#byName.get(stored.group) === stored) this.#byName.delete(stored.group);
  }
}

/** Sums of groups as one commit will leave them. */
export class GroupDraft {
  readonly #table: GroupTable;
  readonly #drafts = new Map<StoredGroup, ChangingSums>();
  #removed = 0;

  constructor(table: GroupTable) {
    this.#table = table;
  }

  /** Rows that it writes. */
  get size(): number {
    return this.#drafts.size + 1;
  }

  /** Counts a record that the commit writes. */
  add(stored: StoredGroup, { at, time, sentAt, bytes }: RecordTimes & { bytes: number }): void {
    const sums = this.#of(stored);
    sums.count++;
    sums.bytes += bytes;
    if (at > sums.newest) sums.newest = at;
    sums.shift = Math.max(sums.shift, Number(at - time));
    if (sentAt - at > sums.ahead) sums.ahead = sentAt - at;
  }

  /** Counts a record that the commit removes. */
  remove(stored: StoredGroup, { bytes }: GroupRow): void {
    const sums = this.#of(stored);
    sums.count--;
    sums.bytes -= bytes;
    this.#removed++;
  }

  /** Nothing of the group is left, whatever was counted. */
  clear(stored: StoredGroup): void {
    const sums = this.#of(stored);
    this.#removed += sums.count;
    [sums.count, sums.bytes] = [0, 0];
  }

  /** Puts the rows into the commit. */
  write(transaction: Transaction): void {
    if (this.#drafts.size === 0) return;
    let { count, storedBytes: bytes } = this.#table;
    let isEmpty = true;
    for (const [{ group, sums: old }, sums] of this.#drafts) {
      settleSums(sums);
      count += sums.count - old.count;
      bytes += sums.bytes - old.bytes;
      if (sums.count > 0) isEmpty = false;
      if (sums.count === 0) transaction.delete(groupPartKey(group));
      else transaction.set(groupPartKey(group), encodePart(sums));
    }
    const isNothing = isEmpty && this.#table.isEmptyBut(this.#drafts);
    const total = isNothing ? { count: 0, bytes: 0 } : { count, bytes };
    transaction.set(groupSumsKey(), encodeTotal(total));
  }

  /** Takes them over, after the commit. */
  apply(): void {
    for (const [stored, sums] of this.#drafts) this.#table.setSums(stored, sums);
    this.#table.countRemoved(this.#removed);
    this.#table.settle();
  }

  #of(stored: StoredGroup): ChangingSums {
    const known = this.#drafts.get(stored);
    if (known !== undefined) return known;
    const draft = { ...stored.sums };
    this.#drafts.set(stored, draft);
    return draft;
  }
}

/** What was out of reach could not be counted right: none is the end of it. */
function settleSums(sums: ChangingSums): void {
  if (sums.count <= 0) Object.assign(sums, NO_RECORDS);
  if (sums.bytes < 0) sums.bytes = 0;
}

/** The value of the row of a group. */
export function encodePart({ count, bytes, newest, shift, ahead }: GroupSums): Uint8Array {
  const writer = new FieldWriter().number(count).number(bytes).long(newest).number(shift);
  // Last, where programs that know nothing of it read no further.
  return writer.long(ahead > ANY_AHEAD ? ANY_AHEAD : ahead).finish();
}

/** The inverse. @throws {FieldError} for other bytes */
export function decodePart(value: Uint8Array): GroupSums {
  const reader = new FieldReader(value);
  const [count, bytes] = [reader.number(), reader.number()];
  const [newest, shift] = [reader.long(), reader.number()];
  return { count, bytes, newest, shift, ahead: reader.done ? ANY_AHEAD : reader.long() };
}

/** The value of the row of all groups. */
export function encodeTotal({ count, bytes }: Pick<GroupSums, "count" | "bytes">): Uint8Array {
  return new FieldWriter().number(count).number(bytes).finish();
}

/** The inverse. @throws {FieldError} for other bytes */
export function decodeTotal(value: Uint8Array): Pick<GroupSums, "count" | "bytes"> {
  const reader = new FieldReader(value);
  const [count, bytes] = [reader.number(), reader.number()];
  return { count, bytes };
}
