import { encodeGroupRecord } from "./group_codec.ts";
import { RECORD_KEY_BYTES } from "./policy.ts";
import type { GroupRecord } from "./record.ts";

interface KeptGroupRecord {
  readonly key: bigint;
  readonly bytes: number;
  readonly record: GroupRecord;
}

/** Records of groups without a disk. */
export class MemoryGroups {
  #kept: KeptGroupRecord[] = [];

  /** Bytes of all of them. */
  get bytes(): number {
    return this.#kept.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Keeps a record under its time or the next key that is free. */
  add(record: GroupRecord, time: bigint): void {
    const ofGroup = this.#kept.filter((kept) => kept.record.group_id === record.group_id);
    const taken = new Set(ofGroup.map((kept) => kept.key));
    let key = time;
    while (taken.has(key)) key++;
    const bytes = RECORD_KEY_BYTES + encodeGroupRecord(record, { at: key, time }).length;
    this.#kept.push({ key, bytes, record });
    this.#kept.sort((a, b) => {
      if (a.record.group_id !== b.record.group_id) {
        return a.record.group_id < b.record.group_id ? -1 : 1;
      }
      return a.key < b.key ? -1 : 1;
    });
  }

  /** By group and time; without those at and before a time. */
  list({ group, after }: { group?: string; after?: bigint | undefined }): readonly GroupRecord[] {
    return this.#kept
      .filter(({ key, record }) =>
        (group === undefined || record.group_id === group) && (after === undefined || key > after)
      )
      .map(({ record }) => record);
  }

  /** Removes what is at and before a time; the number. */
  sweep(expiry: bigint): number {
    const before = this.#kept.length;
    this.#kept = this.#kept.filter(({ key }) => key > expiry);
    return before - this.#kept.length;
  }
}
