import { encodeGroupRecord } from "./group_codec.ts";
import { newestInOrder } from "./group_order.ts";
import type { GroupSummary } from "./history.ts";
import { RECORD_KEY_BYTES } from "./policy.ts";
import type { GroupRecord } from "./record.ts";

interface KeptGroupRecord {
  readonly key: bigint;
  readonly time: bigint;
  /** Its author's time: later than `time` where that was far ahead. */
  readonly sentAt: bigint;
  readonly bytes: number;
  readonly record: GroupRecord;
}

/** Records of groups without a disk. */
export class MemoryGroups {
  readonly #cap: number;
  /** By group, in the order of keys; none is empty. */
  readonly #kept = new Map<string, KeptGroupRecord[]>();
  #bytes = 0;
  #count = 0;

  /** `cap` records a group; 0 is no limit. */
  constructor(cap: number) {
    this.#cap = cap;
  }

  /** Bytes of all of them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** All of them, and their groups. */
  get figures(): { readonly groupMessages: number; readonly groups: number } {
    return { groupMessages: this.#count, groups: this.#kept.size };
  }

  /** Keeps a record under its time or the next key that is free; how many the cap pushed out. */
  add(
    record: GroupRecord,
    { time, sentAt = time }: { readonly time: bigint; readonly sentAt?: bigint },
  ): number {
    const group = record.group_id;
    const kept = this.#kept.get(group) ?? [];
    const taken = new Set(kept.map((one) => one.key));
    let key = time;
    while (taken.has(key)) key++;
    const bytes = RECORD_KEY_BYTES + encodeGroupRecord(record, { at: key, time, sentAt }).length;
    kept.splice(kept.findLastIndex((other) => other.key < key) + 1, 0, {
      key,
      time,
      sentAt,
      bytes,
      record,
    });
    this.#kept.set(group, kept);
    this.#bytes += bytes;
    this.#count++;
    const oldest = this.#cap > 0 ? kept.at(-this.#cap) : undefined;
    return oldest === undefined ? 0 : this.remove(group, (one) => one.key < oldest.key);
  }

  /** The newest of a group, oldest first; as `History.groupHistory` without those at and before `after`. */
  history(
    group: string,
    { limit, before, after }: {
      limit: number;
      before?: bigint | undefined;
      after: bigint | undefined;
    },
  ): readonly GroupRecord[] {
    const live = this.#live(group, after);
    return newestInOrder(live.filter(({ time }) => before === undefined || time < before), limit);
  }

  /** Groups with something behind a time, by name. */
  summaries(after: bigint | undefined): readonly GroupSummary[] {
    return this.#names().flatMap((group) => {
      const live = this.history(group, { limit: 0, after });
      const newest = live.at(-1);
      return newest === undefined
        ? []
        : { group_id: group, count: live.length, newest: newest.timestamp };
    });
  }

  /** By group and key; without those at and before a time. */
  list({ group, after }: { group?: string; after?: bigint | undefined }): readonly GroupRecord[] {
    const groups = group === undefined ? this.#names() : [group];
    return groups.flatMap((name) => this.#live(name, after).map(({ record }) => record));
  }

  /** Removes what is at and before a time; the number. */
  sweep(expiry: bigint): number {
    return this.#names().reduce(
      (sum, group) => sum + this.remove(group, ({ key }) => key <= expiry),
      0,
    );
  }

  /** Removes records of a group; the number. */
  remove(group: string, match: (kept: KeptGroupRecord) => boolean): number {
    const kept = this.#kept.get(group) ?? [];
    const gone = kept.filter(match);
    const rest = kept.filter((one) => !gone.includes(one));
    if (rest.length > 0) this.#kept.set(group, rest);
    else this.#kept.delete(group);
    for (const { bytes } of gone) this.#bytes -= bytes;
    this.#count -= gone.length;
    return gone.length;
  }

  #live(group: string, after: bigint | undefined): readonly KeptGroupRecord[] {
    const kept = this.#kept.get(group) ?? [];
    return after === undefined ? kept : kept.filter(({ key }) => key > after);
  }

  #names(): string[] {
    return [...this.#kept.keys()].sort(byBytes);
  }
}

/** The order of texts in UTF-8, which is the one of the rows on disk. */
function byBytes(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  for (const [place, character] of left.entries()) {
    const other = right[place];
    if (other === undefined) return 1;
    const difference = (character.codePointAt(0) ?? 0) - (other.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
