import type { DamageLog } from "./damage_log.ts";
import type { JournalContents } from "./journal.ts";
import {
  encodeEntries,
  encodeHead,
  type JournalHead,
  readBlocksOf,
  readHeads,
} from "./journal_rows.ts";
import { entriesFromRange, entriesKey, journalKey } from "./keyspace.ts";
import { lastNumber } from "./last_number.ts";
import type { Transaction } from "./transaction.ts";
import { piecesOf } from "./whole_rows.ts";

/** Most blocks that one commit removes, and their bytes: waiting messages have their turn between. Ours. */
const REMOVAL_BLOCKS = 400;
const REMOVAL_BYTES = 4_194_304;

/** What goes to the end of a journal, together with what else is committed. */
export interface JournalAddition {
  readonly feed: string;
  readonly entries: readonly Uint8Array[];
  /** Left as it is where undefined. */
  readonly state?: Uint8Array | undefined;
  /** The call that this is a part of, where it has more parts: they end with the first that fails. */
  readonly call?: { failed: boolean } | undefined;
}

/** Where the new entries of a rewrite have their place. */
export interface RewritePlace {
  /** Number of the journal: once it is dropped, whatever follows it has another. */
  readonly id: number;
  /** Block of the first part; the others follow, and what is appended meanwhile comes behind them. */
  readonly start: number;
  /** When it began, to tell its state from those that were set since. */
  readonly turn: number;
}

const NEW_HEAD: Omit<JournalHead, "id"> = {
  first: 1,
  next: 1,
  count: 0,
  bytes: 0,
  state: undefined,
  turn: 0,
};

/**
 * The journals of a database: of each, one small row that memory has too, and the entries in blocks, one
 * for each commit. Every call belongs into the write queue, but for what memory answers.
 */
export class KvJournals {
  readonly #kv: Deno.Kv;
  readonly #damage: DamageLog;
  #heads = new Map<string, JournalHead>();
  #nextId = 1;
  /** Counts commits that may set a state. */
  #turn = 0;
  /** Journals whose sums may count what is lost. */
  readonly #suspects = new Set<string>();

  constructor(kv: Deno.Kv, damage: DamageLog) {
    this.#kv = kv;
    this.#damage = damage;
  }

  /** Reads what is there, at opening and after a commit whose outcome is unknown. */
  async load(): Promise<void> {
    const found = new Map<string, JournalHead>();
    for (const [feed, head] of await readHeads(this.#kv, this.#damage)) {
      found.set(feed, { ...head, turn: this.#heads.get(feed)?.turn ?? 0 });
    }
    const known = Math.max(0, ...[...found.values()].map(({ id }) => id));
    // A number whose row cannot be read must not be given to another journal.
    const last = await lastNumber(this.#kv, { known, range: entriesFromRange });
    // Nor one that a rewrite or a drop under way may still mean.
    this.#nextId = Math.max(this.#nextId, last + 1);
    this.#heads = found;
  }

  /** Whose journals there are, in byte order. */
  feeds(): readonly string[] {
    return [...this.#heads.keys()].sort();
  }

  /** Whether there is anything of a feed. */
  has(feed: string): boolean {
    return this.#heads.has(feed);
  }

  /** Number and bytes of the entries on disk. */
  sums(feed: string): Pick<JournalHead, "count" | "bytes"> {
    return this.#heads.get(feed) ?? NEW_HEAD;
  }

  /** Everything in a journal. */
  async read(feed: string): Promise<JournalContents> {
    const head = this.#heads.get(feed);
    if (head === undefined) return { state: undefined, entries: [] };
    const entries: Uint8Array[] = [];
    const { id, first: from, next: to, count } = head;
    let isWhole = true;
    for await (const block of readBlocksOf(this.#kv, { id, from, to })) {
      if (block.entries === undefined) isWhole = false;
      for (const entry of block.entries ?? []) entries.push(entry);
    }
    const lost = count - entries.length;
    if (isWhole && lost === 0) this.#damage.whole(placeOf(feed));
    else {
      this.#suspects.add(feed);
      const what = `${lost} of ${count} entries cannot be read`;
      this.#damage.found(placeOf(feed), lost > 0 ? what : "it has entries that nobody counted");
    }
    return { state: head.state?.slice(), entries };
  }

  /** Puts additions into a commit, one block for each journal; call the result after it. */
  add(transaction: Transaction, additions: readonly JournalAddition[]): () => void {
    const drafts = new Map<string, JournalHead>();
    const turn = ++this.#turn;
    const wanted = additions.filter(({ call }) => call?.failed !== true);
    for (const [feed, some] of Map.groupBy(wanted, (one) => one.feed)) {
      const old = this.#headOf(feed);
      const entries = some.flatMap((one) => one.entries);
      const state = some.findLast((one) => one.state !== undefined)?.state;
      const next = old.next + (entries.length > 0 ? 1 : 0);
      const head = withState({ ...old, next }, { state, turn });
      drafts.set(feed, this.#write(transaction, { feed, head, entries, block: old.next }));
    }
    return () => this.#apply(drafts);
  }

  /**
   * Begins a rewrite: keeps room for all of its parts and puts the first into the commit, with the state
   * where no part follows.
   */
  begin(
    transaction: Transaction,
    { feed, parts, state }: {
      feed: string;
      parts: readonly (readonly Uint8Array[])[];
      state: Uint8Array | undefined;
    },
  ): { place: RewritePlace; apply: () => void } {
    const old = this.#headOf(feed);
    const turn = ++this.#turn;
    const start = old.next;
    const isWhole = parts.length <= 1;
    const place = { id: old.id, start, turn };
    const next = start + parts.length;
    const head = withState({ ...old, next }, { state: isWhole ? state : undefined, turn });
    const entries = parts[0] ?? [];
    const draft = this.#write(transaction, { feed, head, entries, block: start });
    return { place, apply: () => this.#apply([[feed, draft]]) };
  }

  /** Puts a further part into a commit; a state only where nobody set another since that turn. */
  put(
    transaction: Transaction,
    { feed, entries, block, state, turn }: {
      feed: string;
      entries: readonly Uint8Array[];
      block: number;
      state: Uint8Array | undefined;
      turn: number;
    },
  ): () => void {
    const head = withState(this.#headOf(feed), { state, turn });
    const draft = this.#write(transaction, { feed, head, entries, block });
    return () => this.#apply([[feed, draft]]);
  }

  /**
   * Puts the removal of the oldest blocks with numbers below `before` into an empty commit, as far as it
   * has room. With `dropped`, the turn in which that was asked for, the state goes with the
   * last of them, and the journal too, unless somebody set or added something since.
   */
  async removeSome(
    transaction: Transaction,
    { feed, id, before, dropped }: {
      feed: string;
      id: number;
      before: number;
      dropped: number | undefined;
    },
  ): Promise<{ more: boolean; apply: () => void }> {
    const head = this.#heads.get(feed);
    const isDone = head?.id !== id || head.first >= before && dropped === undefined;
    if (head === undefined || isDone) {
      return { more: false, apply: () => {} };
    }
    const { first, count, bytes } = await this.#remove(transaction, { feed, head, before });
    const rest = { ...head, first, count: head.count - count, bytes: head.bytes - bytes };
    if (first < before) {
      transaction.set(journalKey(feed), encodeHead(rest));
      return { more: true, apply: () => this.#apply([[feed, rest]]) };
    }
    // What could not be read could not be subtracted either.
    const counted = this.#suspects.has(feed) ? { ...rest, ...await this.#count(rest) } : rest;
    const left = dropped === undefined ? counted : withoutState(counted, dropped);
    const isGone = dropped !== undefined && left.first === left.next && left.state === undefined;
    if (isGone) transaction.delete(journalKey(feed));
    else transaction.set(journalKey(feed), encodeHead(left));
    const apply = () => {
      this.#apply([[feed, isGone ? undefined : left]]);
      if (this.#suspects.delete(feed)) this.#damage.whole(placeOf(feed));
    };
    return { more: false, apply };
  }

  /** Puts the removal of some blocks into a commit: the block to go on with, and what was in them. */
  async #remove(
    transaction: Transaction,
    { feed, head, before }: { feed: string; head: JournalHead; before: number },
  ): Promise<Pick<JournalHead, "first" | "count" | "bytes">> {
    const { id, first: from } = head;
    let [blocks, count, bytes] = [0, 0, 0];
    for await (
      const { block, pieces, entries } of readBlocksOf(this.#kv, { id, from, to: before })
    ) {
      const isEnough = blocks >= REMOVAL_BLOCKS || bytes >= REMOVAL_BYTES;
      if (isEnough || !transaction.hasRoom(pieces + 1)) return { first: block, count, bytes };
      for (let piece = 0; piece < pieces; piece++) transaction.delete(entriesKey(id, block, piece));
      if (entries === undefined) this.#suspects.add(feed);
      blocks++;
      count += entries?.length ?? 0;
      bytes += bytesOf(entries ?? []);
    }
    return { first: before, count, bytes };
  }

  #headOf(feed: string): JournalHead {
    return this.#heads.get(feed) ?? { ...NEW_HEAD, id: this.#nextId++ };
  }

  /** Puts a block and the row of its journal into a commit; the journal as it will be then. */
  #write(
    transaction: Transaction,
    { feed, head, entries, block }: {
      feed: string;
      head: JournalHead;
      entries: readonly Uint8Array[];
      block: number;
    },
  ): JournalHead {
    const { id } = head;
    const pieces = entries.length > 0 ? piecesOf(encodeEntries(entries)) : [];
    pieces.forEach((piece, index) => transaction.set(entriesKey(id, block, index), piece));
    const [count, bytes] = [head.count + entries.length, head.bytes + bytesOf(entries)];
    const draft = { ...head, count, bytes };
    transaction.set(journalKey(feed), encodeHead(draft));
    return draft;
  }

  /** What the disk has, block by block. */
  async #count(
    { id, first: from, next: to }: JournalHead,
  ): Promise<Pick<JournalHead, "count" | "bytes">> {
    let [count, bytes] = [0, 0];
    for await (const { entries = [] } of readBlocksOf(this.#kv, { id, from, to })) {
      count += entries.length;
      bytes += bytesOf(entries);
    }
    return { count, bytes };
  }

  #apply(drafts: Iterable<readonly [string, JournalHead | undefined]>): void {
    for (const [feed, head] of drafts) {
      if (head === undefined) this.#heads.delete(feed);
      else this.#heads.set(feed, head);
    }
  }
}

/** Sets a state, unless there is a newer one. */
function withState(
  head: JournalHead,
  { state, turn }: { state: Uint8Array | undefined; turn: number },
): JournalHead {
  return state === undefined || turn < head.turn ? head : { ...head, state, turn };
}

/** Takes the state out, unless there is a newer one. */
function withoutState(head: JournalHead, turn: number): JournalHead {
  return turn < head.turn ? head : { ...head, state: undefined, turn };
}

function placeOf(feed: string): string {
  return `journal of ${feed}`;
}

function bytesOf(entries: readonly Uint8Array[]): number {
  return entries.reduce((sum, { length }) => sum + length, 0);
}
