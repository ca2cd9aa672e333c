import type { KvEventArchive } from "./event_archive.ts";
import type { GroupMatch } from "./event_match.ts";
import { decodeGroupRecord, groupRecordSentAt } from "./group_codec.ts";
import { GroupDraft } from "./group_table.ts";
import type { KvGroups, WantedRows } from "./kv_groups.ts";
import type { StoreOwner } from "./store_owner.ts";

/** How far records of an unknown group are from their times. */
const NO_DISTANCE = { ahead: 0n, shift: 0 };

/** What forgetting in groups needs of a store. */
export interface GroupForgetParts {
  readonly owner: StoreOwner;
  readonly archive: KvEventArchive;
  readonly groups: KvGroups;
}

/** What one call removed. */
interface Forgotten {
  readonly records: number;
  readonly archived: number;
}

/** What is to go, and how far that is. */
interface Plan {
  readonly match: GroupMatch;
  /** Asked in each turn. */
  readonly wanted: () => WantedRows;
  /** Records may be left. */
  hasRecords: boolean;
  /** Block of events to go on with; undefined at the end. */
  from: number | undefined;
  /** Removed so far. */
  records: number;
  archived: number;
}

/**
 * Deletions in groups that somebody asked for, in steps of one commit, which messages pass between.
 * Everything stored before the call is covered, the events along with the last of the records.
 */
export class KvForgetGroups {
  readonly #parts: GroupForgetParts;
  readonly #turn: <T>(job: () => Promise<T>) => Promise<T>;

  /** `turn` runs a job in the write queue. */
  constructor(parts: GroupForgetParts, turn: <T>(job: () => Promise<T>) => Promise<T>) {
    this.#parts = parts;
    this.#turn = turn;
  }

  /** Removes what a key wrote in a group at a time; whether there was something. */
  async message(
    group: string,
    { sender, timestamp }: { readonly sender: string; readonly timestamp: bigint },
  ): Promise<boolean> {
    const matches = (value: Uint8Array, at: bigint) =>
      groupRecordSentAt(value, at) === timestamp &&
      decodeGroupRecord(value, { group, at })?.sender_pk === sender;
    const { records, archived } = await this.#carryOut(
      { group, message: { sender, timestamp } },
      () => {
        const { ahead, shift } = this.#parts.groups.table.get(group)?.sums ?? NO_DISTANCE;
        return { group, from: timestamp - ahead, to: timestamp + BigInt(shift) + 1n, matches };
      },
    );
    return records + archived > 0;
  }

  /** Removes a group and its archived events; the number of records. */
  async group(group: string): Promise<number> {
    return (await this.#carryOut({ group }, () => ({ group }))).records;
  }

  async #carryOut(match: GroupMatch, wanted: () => WantedRows): Promise<Forgotten> {
    const plan: Plan = { match, wanted, hasRecords: true, from: 0, records: 0, archived: 0 };
    while (plan.hasRecords || plan.from !== undefined) await this.#turn(() => this.#step(plan));
    return plan;
  }

  /** One commit: records as far as it has room, then events. */
  async #step(plan: Plan): Promise<void> {
    const { owner, archive, groups } = this.#parts;
    const transaction = owner.begin();
    const draft = new GroupDraft(groups.table);
    const { removed, more } = plan.hasRecords
      ? await groups.removeSome(transaction, { wanted: plan.wanted(), draft })
      : { removed: 0, more: false };
    draft.write(transaction);
    const { match, from } = plan;
    const events = more || from === undefined
      ? undefined
      : await archive.remove(transaction, { match, from });
    await transaction.commit();
    draft.apply();
    plan.hasRecords = more;
    plan.records += removed;
    if (events === undefined) return;
    events.apply();
    plan.archived += events.removed;
    plan.from = events.next;
  }
}
