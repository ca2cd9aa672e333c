import type { SecretKey } from "#crypto";
import {
  type CxoFault,
  type FeedJournal,
  PublishedFeed,
  type RootSource,
  type SignedRoot,
  TreeError,
  type TreeLeaf,
} from "#cxo";
import { type Clock, errorText, type Log, NO_BYTES, quoteForLog } from "#kit";
import {
  goneEntry,
  leafEntry,
  MAX_KEPT_GONE,
  readGroupJournal,
  seenEntry,
  type StoredGroup,
} from "./group_journal.ts";
import { GROUP_LIMITS, type GroupLimits, LeafBudget } from "./leaf_budget.ts";
import { MAX_SEEN } from "./seen_log.ts";

/** Entries of the journal beyond the live ones, before it is written anew. */
const JOURNAL_SLACK = 1_000;

/** Families of records, each with numbers of its own. */
export type RecordFamily = "roster" | "admin" | "mod" | "keys";

/** What the own feed of a group is made with. */
export interface GroupFeedOptions {
  /** The key of the feed: the identity. */
  readonly secret: SecretKey;
  readonly clock: Clock;
  readonly log: Log;
  /** Where the feed is kept; undefined without a store. */
  readonly journal: FeedJournal | undefined;
  /** Highest numbers that records of each family had before, as far as anybody wrote them down. */
  readonly numbers?: Readonly<Partial<Record<RecordFamily, number>>> | undefined;
  /** How much it holds. */
  readonly limits?: Partial<GroupLimits> | undefined;
  /** Whether the author of a message was never in any list; nobody by default. */
  readonly isStranger?: ((author: string) => boolean) | undefined;
  /** Pushes a Root to whoever follows. */
  readonly announce: (root: SignedRoot) => void;
  /** Ends the connection of whoever sent what no honest peer sends. */
  readonly onHostile: (source: RootSource, fault: CxoFault) => void;
  /** Takes leaves of a former process that a member gave back and that were not taken out on purpose. */
  readonly onRecovered: (leaves: readonly TreeLeaf[]) => Promise<void>;
  /** The short name of the message in a leaf; undefined for other leaves. */
  readonly nameOf: (path: string, value: Uint8Array) => string | undefined;
}

/**
 * What this node publishes in a group: its own messages, copies of those of others, and the records that
 * it issued (groups.md 1.5), within bounds (4.7), and what must outlive the process of it.
 */
export class GroupFeed {
  readonly published: PublishedFeed;
  readonly #options: GroupFeedOptions;
  readonly #budget: LeafBudget;
  /** Leaves whose commit has not ended: on their way to the journal, not in the feed yet. */
  readonly #coming = new Map<string, Uint8Array>();
  /** Paths that were taken out on purpose, oldest first. */
  readonly #gone: Set<string>;
  /** Short names that the journal has as such, oldest first. */
  readonly #seen: Set<string>;
  /** Highest number that a record of each family has or had. */
  readonly #numbers: Record<RecordFamily, number>;
  #compacting = false;

  private constructor(options: GroupFeedOptions, published: PublishedFeed, stored: StoredGroup) {
    this.#options = options;
    this.published = published;
    this.#gone = new Set(stored.gone);
    this.#seen = new Set(stored.seen);
    this.#budget = new LeafBudget({
      own: options.secret.publicKey.hex,
      limits: { ...GROUP_LIMITS, ...options.limits },
      isStranger: options.isStranger,
    });
    this.#numbers = { roster: 0, admin: 0, mod: 0, keys: 0, ...options.numbers };
    for (const [path, value] of stored.leaves) {
      this.#budget.add(path, value.length);
      this.#countNumber(path);
    }
  }

  /** Reads what was published before. Nothing is published yet. */
  static async open(options: GroupFeedOptions): Promise<GroupFeed> {
    const { announce, clock, journal, log, onHostile, secret } = options;
    const stored = await readGroupJournal(journal, log);
    const published = new PublishedFeed({
      ...{ announce, clock, journal, onHostile, secret, stored },
      onRecovered: (leaves) =>
        options.onRecovered(leaves.filter(({ path }) => !feed.#gone.has(path))),
    });
    const feed: GroupFeed = new GroupFeed(options, published, stored);
    return feed;
  }

  /** Paths of all leaves, or of those that begin with some whole segments. */
  paths(prefix?: string): Iterable<string> {
    return prefix === undefined ? this.#budget.paths() : this.published.paths(prefix);
  }

  /** Short names of messages that were handled and are not in the feed any more. */
  get seenNames(): Iterable<string> {
    return this.#seen;
  }

  /** The value of a leaf. */
  get(path: string): Uint8Array | undefined {
    return this.published.get(path);
  }

  /** Whether something was kept or is being kept under a path. */
  has(path: string): boolean {
    return this.#coming.has(path) || this.get(path) !== undefined;
  }

  /** The next free number of a family of records: a restart never overwrites one. */
  nextNumber(family: RecordFamily): number {
    return this.#numbers[family] + 1;
  }

  /**
   * Promises that a leaf comes, whose entry somebody else writes together with its message; {@link put} or
   * {@link release} has to follow.
   */
  reserve(path: string, value: Uint8Array): void {
    this.#coming.set(path, value);
    // At once: two records that are made at the same time are two.
    this.#countNumber(path);
  }

  /** Undoes {@link reserve}. */
  release(path: string): void {
    this.#coming.delete(path);
  }

  /** Puts a leaf that is in the journal; it goes out within 300 ms. False, said in the log, for an impossible one. */
  put(path: string, value: Uint8Array): boolean {
    this.#coming.delete(path);
    try {
      this.published.put(path, value);
    } catch (error) {
      if (!(error instanceof TreeError)) throw error;
      this.#options.log.warn(
        `skychat: cxo-group: a leaf was not published: ${quoteForLog(errorText(error))}`,
      );
      return false;
    }
    this.#gone.delete(path);
    this.#budget.add(path, value.length);
    void this.#trim();
    return true;
  }

  /** Keeps a leaf that has no message and puts it; whether a restart keeps it, where anything is kept. */
  async add(path: string, value: Uint8Array): Promise<boolean> {
    this.reserve(path, value);
    const kept = await this.#options.journal?.append([leafEntry(path, value)]) ?? true;
    this.put(path, value);
    return kept;
  }

  /** Remembers that a message was handled which is not in the feed. */
  async keepSeen(name: string): Promise<void> {
    this.rememberSeen(name);
    await this.#options.journal?.append([seenEntry(name)]);
  }

  /** The same where somebody else writes the entry. */
  rememberSeen(name: string): void {
    if (this.#options.journal === undefined) return;
    this.#seen.add(name);
    dropOldest(this.#seen, MAX_SEEN);
  }

  /** Takes leaves out on purpose. */
  async drop(paths: readonly string[]): Promise<void> {
    const there = paths.filter((path) => this.get(path) !== undefined);
    if (there.length === 0) return;
    const { journal, nameOf } = this.#options;
    const entries: Uint8Array[] = [];
    for (const path of there) {
      const name = nameOf(path, this.get(path) ?? NO_BYTES);
      if (name !== undefined) {
        this.rememberSeen(name);
        entries.push(seenEntry(name));
      }
      entries.push(goneEntry(path));
      this.#gone.add(path);
      this.#budget.remove(path);
      this.published.delete(path);
    }
    dropOldest(this.#gone, MAX_KEPT_GONE);
    await journal?.append(entries);
    await this.#compact();
  }

  /** Publishes what waits and stops. */
  close(): Promise<void> {
    return this.published.close();
  }

  #countNumber(path: string): void {
    const [family = "", number = ""] = path.split("/", 2);
    if (isRecordFamily(family, this.#numbers)) {
      this.#numbers[family] = Math.max(this.#numbers[family], Number(number) || 0);
    }
  }

  async #trim(): Promise<void> {
    const excess = this.#budget.excess();
    if (excess.length > 0) await this.drop(excess);
    else await this.#compact();
  }

  async #compact(): Promise<void> {
    const { journal } = this.#options;
    if (journal === undefined || this.#compacting) return;
    const live = this.published.leaves + this.#seen.size + this.#gone.size;
    if (journal.length <= 2 * live + JOURNAL_SLACK) return;
    const leaves = [...this.#budget.paths()]
      .map((path) => leafEntry(path, this.get(path) ?? NO_BYTES));
    const coming = [...this.#coming].map(([path, value]) => leafEntry(path, value));
    // Until it is done the journal has old and new entries: that is no reason to begin another one.
    this.#compacting = true;
    await journal.rewrite([
      ...Array.from(this.#seen, seenEntry),
      ...Array.from(this.#gone, goneEntry),
      ...leaves,
      ...coming,
    ]);
    this.#compacting = false;
  }
}

function isRecordFamily(
  name: string,
  numbers: Readonly<Record<RecordFamily, number>>,
): name is RecordFamily {
  return Object.hasOwn(numbers, name);
}

function dropOldest(names: Set<string>, most: number): void {
  for (const name of names) {
    if (names.size <= most) return;
    names.delete(name);
  }
}
