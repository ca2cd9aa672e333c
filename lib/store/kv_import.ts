import type { Clock } from "#kit";
import type { Conversations } from "./conversations.ts";
import type { Refusal } from "./history.ts";
import type { Flushed, ImportTable, ImportTarget } from "./import_run.ts";
import type { GroupReader } from "./group_reader.ts";
import type { KvGroups } from "./kv_groups.ts";
import type { HistoryPolicy } from "./policy.ts";
import type { GroupRecord, HistoryRecord } from "./record.ts";
import type { RecordReader } from "./record_reader.ts";

/** What an import reads of a store, and how it writes. */
export interface KvImportParts {
  readonly clock: Clock;
  readonly conversations: Conversations;
  readonly groups: KvGroups;
  readonly groupReader: GroupReader;
  readonly policy: HistoryPolicy;
  readonly reader: RecordReader;
  /** Bytes of everything that counts, admitted records included. */
  readonly storedBytes: () => number;
  /** Queues an admitted record; resolves like an append. */
  readonly keep: (record: HistoryRecord, time: bigint) => Promise<boolean>;
  readonly keepGroup: (record: GroupRecord, time: bigint) => Promise<boolean>;
  /** Resolves when everything queued before is on disk or has failed. */
  readonly settled: () => Promise<void>;
}

/** Where an import writes to: the queue of appends, so that live messages find their place between. */
export function kvImportTarget(parts: KvImportParts): ImportTarget {
  return {
    messages: messageTable(parts),
    groupMessages: groupTable(parts),
    expiry: () => parts.policy.expiry(parts.clock.wall()),
    pause: () => parts.clock.sleep(0),
  };
}

function messageTable(parts: KvImportParts): ImportTable<HistoryRecord> {
  const { conversations, policy } = parts;
  const lot = new Lot();
  return {
    stored: (peer) => storedOf(peer, parts),
    admit(record, time) {
      const { peer, text } = record;
      const refusal = refusalOf({ peer, text }, parts);
      if (refusal !== undefined) return refusal;
      const conversation = conversations.get(peer);
      const count = (conversation?.sums.count ?? 0) + (conversation?.pendingCount ?? 0);
      const { perPeerCap } = policy.limits;
      lot.add(parts.keep(record, time), perPeerCap > 0 && count >= perPeerCap ? 1 : 0);
      return undefined;
    },
    flush: () => lot.flush(),
  };
}

function groupTable(parts: KvImportParts): ImportTable<GroupRecord> {
  const { groups, policy } = parts;
  const lot = new Lot();
  return {
    stored: (group) => storedOfGroup(group, parts),
    admit(record, time) {
      const refusal = refusalOf({ peer: undefined, text: record.text }, parts);
      if (refusal !== undefined) return refusal;
      const group = groups.table.get(record.group_id);
      const count = (group?.sums.count ?? 0) + (group?.pendingCount ?? 0);
      const { groupCap } = policy.limits;
      lot.add(parts.keepGroup(record, time), groupCap > 0 && count >= groupCap ? 1 : 0);
      return undefined;
    },
    flush: () => lot.flush(),
  };
}

function refusalOf(
  { peer, text }: { peer: string | undefined; text: string },
  { policy, storedBytes }: KvImportParts,
): Refusal | undefined {
  return policy.decideImported({ peer, text, storedBytes: storedBytes() });
}

async function* storedOf(
  peer: string,
  { settled, conversations, reader }: KvImportParts,
): AsyncGenerator<readonly HistoryRecord[]> {
  // What is on its way to the disk has its conversation already.
  if (conversations.get(peer) === undefined) return;
  await settled();
  const conversation = conversations.get(peer);
  if (conversation === undefined) return;
  for await (const page of reader.of(conversation)) yield page.map(({ record }) => record);
}

async function* storedOfGroup(
  group: string,
  { settled, groups, groupReader }: KvImportParts,
): AsyncGenerator<readonly GroupRecord[]> {
  if (groups.table.get(group) === undefined) return;
  await settled();
  yield* groupReader.pages({ group });
}

/** What was admitted since the last flush. */
class Lot {
  #kept: Promise<boolean>[] = [];
  #evicted = 0;

  add(kept: Promise<boolean>, evicted: number): void {
    this.#kept.push(kept);
    this.#evicted += evicted;
  }

  async flush(): Promise<Flushed> {
    const [kept, evicted] = [this.#kept, this.#evicted];
    [this.#kept, this.#evicted] = [[], 0];
    const stored = await Promise.all(kept);
    return { evicted, lost: stored.flatMap((isStored, place) => isStored ? [] : place) };
  }
}
