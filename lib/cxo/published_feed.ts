import type { SecretKey } from "#crypto";
import type { Clock, Timer } from "#kit";
import type { CxoFault } from "./fault.ts";
import type { FeedJournal, StoredFeed } from "./feed_journal.ts";
import { FeedRecovery } from "./feed_recovery.ts";
import type { RootMessage } from "./messages.ts";
import type { CxoObject, KeyHex, ObjectId } from "./object_id.ts";
import { ObjectShelf } from "./object_shelf.ts";
import type { SignedRoot } from "./root.ts";
import { RootChain } from "./root_chain.ts";
import type { RootSource, SharedFeed } from "./shared_feed.ts";
import { Tree } from "./tree.ts";
import type { TreeLeaf } from "./walk.ts";

/** Changes within this time go into one Root, milliseconds (cxo.md 6.3). */
export const BATCH_MS = 300;
/** After this time without a Root the same tree is published again, milliseconds (cxo.md 6.3). */
export const HEARTBEAT_MS = 45_000;
/** How often that is checked, milliseconds. */
export const HEARTBEAT_CHECK_MS = 22_500;
/** Shortest time for which the objects of a superseded Root are kept, milliseconds (cxo.md 5.7). */
export const SUPERSEDED_MS = 180_000;
/** Superseded Roots whose objects are kept in any case (cxo.md 5.7). */
export const SUPERSEDED_ROOTS = 8;

/** What a published feed is made with. */
export interface PublishedFeedOptions {
  /** The key of the feed. */
  readonly secret: SecretKey;
  /** For batches, heartbeats and the times of Roots. */
  readonly clock: Clock;
  /** What outlives the process; the feed itself writes only its state, see {@link RootChain}. */
  readonly journal: FeedJournal | undefined;
  /**
   * What the journal says (`readFeedJournal`). Whoever puts a leaf writes it to the journal, since a
   * message and its leaf belong into one commit.
   */
  readonly stored?: StoredFeed;
  /** Pushes a Root to whoever follows the feed. */
  readonly announce: (root: SignedRoot) => void;
  /**
   * Takes leaves that a former process published and a peer gave back (cxo.md 5.8), those that the feed
   * has not. Whoever wants them back puts them.
   */
  readonly onRecovered: (leaves: readonly TreeLeaf[]) => Promise<void>;
  /** Told who sent what no honest peer sends, instead of what it gave back. */
  readonly onHostile: (source: RootSource, fault: CxoFault) => void;
}

interface Superseded {
  readonly node: ObjectId;
  readonly at: number;
}

/**
 * The writer's side of one feed (cxo.md 6.3): paths and values in, signed Roots out, and every object of
 * the Roots that somebody may still be fetching.
 */
export class PublishedFeed implements SharedFeed {
  readonly key: KeyHex;
  readonly #options: PublishedFeedOptions;
  readonly #tree = new Tree();
  readonly #shelf = new ObjectShelf();
  readonly #chain: RootChain;
  readonly #recovery: FeedRecovery;
  /** Oldest first; the tree of the last Root is not among them. */
  #superseded: Superseded[] = [];
  #last: SignedRoot | undefined;
  #node: ObjectId | undefined;
  #publishedAt = 0;
  #leaves: number;
  #dirty = false;
  #batch: Timer | undefined;
  #heartbeat: Timer;
  #work: Promise<void> = Promise.resolve();
  #closed = false;

  /** Has what was stored; nothing is published yet. */
  constructor(options: PublishedFeedOptions) {
    const { clock, stored } = options;
    this.key = options.secret.publicKey.hex;
    this.#options = options;
    this.#chain = new RootChain(options, stored?.state);
    for (const [path, value] of stored?.leaves ?? []) this.#tree.put(path, value);
    this.#leaves = stored?.leaves.size ?? 0;
    this.#recovery = new FeedRecovery({
      clock,
      chain: this.#chain,
      shelf: this.#shelf,
      node: () => this.#node,
      onRoot: (signed, recovered) => this.#onRecovered(signed, recovered),
      onHostile: options.onHostile,
    });
    this.#heartbeat = clock.after(HEARTBEAT_CHECK_MS, () => this.#onHeartbeat());
  }

  get last(): SignedRoot | undefined {
    return this.#last;
  }

  giveBack(): readonly SignedRoot[] {
    return this.#last === undefined ? [] : [this.#last];
  }

  /** Leaves in the tree. */
  get leaves(): number {
    return this.#leaves;
  }

  /** Objects held. */
  get objects(): number {
    return this.#shelf.size;
  }

  object(id: ObjectId): Uint8Array | undefined {
    return this.#shelf.get(id);
  }

  /** An object that is held, with what it names. */
  held(id: ObjectId): CxoObject | undefined {
    return this.#shelf.held(id);
  }

  /** The value of a path; undefined when there is none. */
  get(path: string): Uint8Array | undefined {
    return this.#tree.get(path);
  }

  /**
   * Sets a leaf; it goes out with the next Root, at most {@link BATCH_MS} later.
   *
   * @throws {TreeError} for what cannot be written
   */
  put(path: string, value: Uint8Array): void {
    const isNew = this.#tree.get(path) === undefined;
    if (!this.#tree.put(path, value)) return;
    if (isNew) this.#leaves++;
    this.#changed();
  }

  /** Paths of the leaves that begin with whole segments, in byte order; by default all. */
  paths(prefix = ""): Iterable<string> {
    return this.#tree.paths(prefix);
  }

  /** Takes out one leaf, and inner nodes that this leaves empty; whether it was there. */
  delete(path: string): boolean {
    if (this.#tree.get(path) === undefined) return false;
    this.#tree.delete(path);
    this.#leaves--;
    this.#changed();
    return true;
  }

  /** Takes out the leaves beside this one that sort before it; how many. */
  dropBefore(path: string): number {
    const dropped = this.#tree.deleteBefore(path);
    if (dropped > 0) {
      this.#leaves -= dropped;
      this.#changed();
    }
    return dropped;
  }

  offer(message: RootMessage, source: RootSource): CxoFault | undefined {
    if (this.#closed || message.feed !== this.key) return undefined;
    return this.#recovery.offer(message, source);
  }

  /** Publishes what waits, now; resolves when it is announced. */
  flush(): Promise<void> {
    this.#batch?.cancel();
    this.#batch = undefined;
    this.#work = this.#work.then(() => this.#publish());
    return this.#work;
  }

  /** Publishes what waits and stops. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#heartbeat.cancel();
    this.#recovery.close();
    if (this.#dirty) await this.flush();
    this.#batch?.cancel();
    await this.#work;
  }

  #changed(): void {
    this.#dirty = true;
    if (this.#closed) return;
    this.#batch ??= this.#options.clock.after(BATCH_MS, () => void this.flush());
  }

  async #publish(): Promise<void> {
    const { announce, clock } = this.#options;
    const node = this.#tree.publishTo((object) => this.#shelf.add([object]));
    this.#dirty = false;
    this.#shelf.retain(node);
    const signed = await this.#chain.next(node);
    if (this.#node !== undefined) this.#superseded.push({ node: this.#node, at: clock.now() });
    this.#node = node;
    this.#last = signed;
    this.#publishedAt = clock.now();
    this.#dropSuperseded();
    announce(signed);
  }

  #dropSuperseded(): void {
    const expired = this.#options.clock.now() - SUPERSEDED_MS;
    const kept = this.#superseded.length - SUPERSEDED_ROOTS;
    let count = 0;
    for (const { node, at } of this.#superseded) {
      if (count >= kept || at > expired) break;
      this.#shelf.release(node);
      count++;
    }
    this.#superseded.splice(0, count);
  }

  #onHeartbeat(): void {
    const { clock } = this.#options;
    this.#heartbeat = clock.after(HEARTBEAT_CHECK_MS, () => this.#onHeartbeat());
    this.#dropSuperseded();
    const isDue = clock.now() - this.#publishedAt >= HEARTBEAT_MS;
    if (this.#last !== undefined && isDue) void this.flush();
  }

  async #onRecovered(signed: SignedRoot, recovered: readonly TreeLeaf[]): Promise<void> {
    const isAhead = this.#chain.follow(signed);
    const missing = recovered.filter(({ path }) => this.#tree.get(path) === undefined);
    if (missing.length > 0) await this.#options.onRecovered(missing);
    // Whoever gave it back must see a Root that is newer than theirs.
    if ((isAhead || missing.length > 0) && !this.#closed) await this.flush();
  }
}
