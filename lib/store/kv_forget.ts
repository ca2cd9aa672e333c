import { placeOf } from "./conversation_reader.ts";
import { type Conversation, type OldRecord, type Sums, SumsDraft } from "./conversations.ts";
import type { DirectMatch } from "./event_match.ts";
import { timeKey } from "./keyspace.ts";
import type { StoreParts } from "./kv_edits.ts";
import type { HistoryRecord } from "./record.ts";
import { forgetOldest, hasRoomFor } from "./record_writer.ts";

/** Records of one step at most, so that waiting messages get their turn. Ours. */
export const FORGET_STEP = 400;
/** Keys of one `getMany`; the most that Deno KV takes. */
const GET_BATCH = 10;

/** What is to go, and how far that is. */
interface Plan {
  readonly events: DirectMatch;
  readonly conversation: Conversation | undefined;
  readonly removals: readonly OldRecord[];
  /** Largest key that stays, if something does. */
  readonly newest: bigint | undefined;
  /** As they were when `removals` was made, or as the last step left them. */
  sums: Sums | undefined;
  /** Removals before it are done. */
  start: number;
  /** Block of events to go on with; undefined at the end. */
  from: number | undefined;
  /** Removed so far. */
  records: number;
  archived: number;
}

/**
 * Deletions that somebody asked for. What is to go is looked up while messages come in; it goes in
 * steps of one commit, which the messages pass between. Everything stored before the call is covered.
 */
export class KvForget {
  readonly #parts: StoreParts;
  readonly #turn: <T>(job: () => Promise<T>) => Promise<T>;

  /** `turn` runs a job in the write queue. */
  constructor(parts: StoreParts, turn: <T>(job: () => Promise<T>) => Promise<T>) {
    this.#parts = parts;
    this.#turn = turn;
  }

  /** Removes the records of a conversation that match, and archived events; whether there was one. */
  async matching(
    events: DirectMatch,
    matches: (record: HistoryRecord) => boolean,
  ): Promise<boolean> {
    const conversation = await this.#find(events.peer);
    const sums = conversation?.sums;
    const removals: OldRecord[] = [];
    let newest = -1n;
    if (conversation !== undefined) {
      for await (const page of this.#parts.reader.of(conversation)) {
        for (const { key: at, length, record } of page) {
          if (matches(record)) removals.push({ at, length });
          else if (at > newest) newest = at;
        }
      }
    }
    const plan = await this.#carryOut({ events, conversation, sums, removals, newest });
    return plan.records + plan.archived > 0;
  }

  /** Removes a conversation and its archived events; the number of records. */
  async peer(peer: string): Promise<number> {
    const conversation = await this.#find(peer);
    const sums = conversation?.sums;
    const found = conversation === undefined ? [] : await this.#parts.reader.places(conversation);
    // What arrived meanwhile stays: nobody has seen it who could have wanted it gone.
    const removals = found.filter(({ at }) => sums !== undefined && at <= sums.newest);
    const events = { peer };
    const plan = await this.#carryOut({ events, conversation, sums, removals, newest: undefined });
    return plan.records;
  }

  /** The conversation, with everything counted that was on its way to the disk. */
  #find(peer: string): Promise<Conversation | undefined> {
    return this.#turn(() => Promise.resolve(this.#parts.conversations.get(peer)));
  }

  async #carryOut(
    wanted: Pick<Plan, "events" | "conversation" | "sums" | "removals" | "newest">,
  ): Promise<Plan> {
    const plan: Plan = { ...wanted, start: 0, from: 0, records: 0, archived: 0 };
    for (let more = true; more;) more = await this.#turn(() => this.#step(plan));
    const { conversations, damage, index } = this.#parts;
    const { conversation, events: { peer } } = plan;
    if (conversations.get(peer) === undefined) {
      index.forgetPeer(peer);
      if (conversation !== undefined) damage.whole(placeOf(conversation));
    }
    return plan;
  }

  /** One commit; whether more is left. */
  async #step(plan: Plan): Promise<boolean> {
    const { owner, archive, conversations, index } = this.#parts;
    const transaction = owner.begin();
    const draft = new SumsDraft();
    const { conversation, events, removals } = plan;
    // Somebody else may have removed all of it, and messages may have come since.
    const isThere = conversation !== undefined && conversations.get(events.peer) === conversation;
    if (!isThere) plan.start = removals.length;
    const gone = isThere ? await this.#removeSome(plan, conversation, { transaction, draft }) : [];
    draft.write(transaction);
    const archived = plan.start < removals.length || plan.from === undefined
      ? undefined
      : await archive.remove(transaction, { match: events, from: plan.from });
    await transaction.commit();
    archived?.apply();
    draft.apply(conversations);
    if (conversation !== undefined) {
      if (plan.sums !== undefined) plan.sums = draft.size > 0 ? conversation.sums : plan.sums;
      forgetOldest(gone.map(({ at }) => ({ conversation, at })));
      index.forget(events.peer, gone.map(({ at }) => at));
    }
    plan.records += gone.length;
    plan.archived += archived?.removed ?? 0;
    if (archived !== undefined) plan.from = archived.next;
    return plan.start < removals.length || plan.from !== undefined;
  }

  /** Puts the next removals into a commit; what it removes. */
  async #removeSome(
    plan: Plan,
    conversation: Conversation,
    { transaction, draft }: {
      transaction: ReturnType<StoreParts["owner"]["begin"]>;
      draft: SumsDraft;
    },
  ): Promise<readonly OldRecord[]> {
    const { writer } = this.#parts;
    // Undefined once somebody else changed the conversation.
    if (plan.sums !== conversation.sums) plan.sums = undefined;
    const some = plan.removals.slice(plan.start, plan.start + FORGET_STEP);
    const there = plan.sums === undefined ? await this.#stillThere(some, conversation) : undefined;
    const gone: OldRecord[] = [];
    for (const record of some) {
      if (!hasRoomFor(transaction, { length: record.length, draft })) break;
      plan.start++;
      if (there?.has(record.at) === false) continue;
      writer.remove(transaction, { conversation, record, draft });
      gone.push(record);
    }
    if (plan.sums !== undefined && plan.start >= plan.removals.length) {
      this.#settleSums(plan, conversation, draft);
    }
    return gone;
  }

  /** Says what stays, where that is known: nobody else changed the conversation. */
  #settleSums({ newest, removals }: Plan, conversation: Conversation, draft: SumsDraft): void {
    if (newest !== undefined) {
      if (removals.length > 0) draft.of(conversation).newest = newest;
      return;
    }
    // What was counted and is out of reach is given up with the conversation.
    const sums = draft.of(conversation);
    conversation.removed += sums.count;
    [sums.count, sums.bytes] = [0, 0];
  }

  /** Which of these are on disk, by their small rows. */
  async #stillThere(
    records: readonly OldRecord[],
    { id }: Conversation,
  ): Promise<ReadonlySet<bigint>> {
    const { kv } = this.#parts;
    const found = new Set<bigint>();
    const chunks: Promise<void>[] = [];
    for (let start = 0; start < records.length; start += GET_BATCH) {
      const chunk = records.slice(start, start + GET_BATCH);
      const rows = kv.getMany<unknown[]>(chunk.map(({ at }) => timeKey(at, id)));
      chunks.push(rows.then((values) => {
        for (const [index, { at }] of chunk.entries()) {
          if (values[index]?.value instanceof Uint8Array) found.add(at);
        }
      }));
    }
    await Promise.all(chunks);
    return found;
  }
}
