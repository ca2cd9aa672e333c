import type { SecretKey } from "#crypto";
import {
  type CxoFault,
  encodeFeedEntry,
  type FeedJournal,
  PublishedFeed,
  readFeedJournal,
  type RootSource,
  type SignedRoot,
  type StoredFeed,
  type TreeLeaf,
} from "#cxo";
import { type Clock, type Log, NO_BYTES, type Timer, utf8 } from "#kit";
import { MAX_FEED_TEXT_BYTES } from "./feed_inbox.ts";
import { messageId, messagePath, pathAt, writtenAt } from "./feed_paths.ts";
import type { MessageSink } from "./message_sink.ts";

/** Messages kept in the own feed unless the operator says otherwise (ours). */
export const FEED_CAP = 150_000;
/** Bytes of all texts in the own feed (ours): half of what readers like ours hold. */
export const MAX_FEED_TEXTS_BYTES = 33_554_432;
/** At a cap so much of a feed is dropped at once: the rest of a tree is encoded anew each time. */
const DROPPED_SHARE = 8;
/** Milliseconds between two looks for messages beyond the age limit. */
const AGE_CHECK_MS = 3_600_000;
/** Entries of the journal beyond the live ones, before it is written anew. */
const JOURNAL_SLACK = 1_000;
const NANOS_PER_MS = 1_000_000n;

/** What became of a message to publish. */
export type PublishOutcome =
  /** `id`: of the event. `kept`: whether a restart keeps it, where anything is kept at all. */
  | { readonly kind: "published"; readonly id: string; readonly kept: boolean }
  | { readonly kind: "refused"; readonly message: string };

/** What an outbox is made with. */
export interface FeedOutboxOptions {
  /** The key of the feed. */
  readonly secret: SecretKey;
  readonly clock: Clock;
  readonly log: Log;
  readonly sink: MessageSink;
  /** Where the feed is kept; undefined without a store. */
  readonly journal: FeedJournal | undefined;
  /** Messages kept in the feed; {@link FEED_CAP} by default. */
  readonly cap?: number | undefined;
  /** Age at which messages leave the feed, milliseconds; 0 or undefined is never. */
  readonly maxAgeMs?: number | undefined;
  /** Pushes a Root to whoever follows. */
  readonly announce: (root: SignedRoot) => void;
  /** Ends the connection of whoever sent what no honest peer sends. */
  readonly onHostile: (source: RootSource, fault: CxoFault) => void;
}

/** What this node says over CXO: its own feed of messages (cxo.md 7.2, 7.6). */
export class FeedOutbox {
  readonly feed: PublishedFeed;
  readonly #options: FeedOutboxOptions;
  /** Paths in the feed, in byte order, which is the order of time. */
  #paths: string[];
  #bytes = 0;
  /** Messages whose commit has not ended, by path: on their way to the journal, not in the feed yet. */
  readonly #coming = new Map<string, Uint8Array>();
  #counter = 0;
  /** What stands before it was dropped, and must not come back; empty where nothing was. */
  #droppedBefore: string;
  #newest = 0n;
  #ageCheck: Timer | undefined;
  #closed = false;

  private constructor(options: FeedOutboxOptions, feed: PublishedFeed, stored: StoredFeed) {
    this.#options = options;
    this.feed = feed;
    this.#paths = [...stored.leaves.keys()].sort();
    this.#droppedBefore = stored.droppedBefore;
    for (const { length } of stored.leaves.values()) this.#bytes += length;
  }

  /** Reads what was published before, and publishes it again. */
  static async open(options: FeedOutboxOptions): Promise<FeedOutbox> {
    const { announce, clock, journal, log, onHostile, secret } = options;
    const stored = await readFeedJournal(journal, log);
    const feed = new PublishedFeed({
      ...{ announce, clock, journal, onHostile, secret, stored },
      onRecovered: (leaves) => outbox.#recover(leaves),
    });
    const outbox: FeedOutbox = new FeedOutbox(options, feed, stored);
    await outbox.#trim({ byAge: true });
    if (feed.leaves > 0) await feed.flush();
    outbox.#checkAge();
    return outbox;
  }

  /**
   * Publishes a text. Whom it is meant for stands in the local event only: everybody who follows the feed
   * gets it. Resolves when it is kept and in the feed; it goes out within 300 ms.
   */
  async publish({ recipient, text }: { recipient: string; text: string }): Promise<PublishOutcome> {
    const { clock, journal, secret, sink } = this.#options;
    if (this.#closed) return { kind: "refused", message: "shutting down" };
    const wellFormed = text.toWellFormed();
    const value = utf8(wellFormed);
    if (value.length > MAX_FEED_TEXT_BYTES) {
      const message = `message of ${value.length} bytes, at most ${MAX_FEED_TEXT_BYTES}`;
      return { kind: "refused", message };
    }
    const wall = this.#nextTime(clock.wall());
    const path = messagePath(wall, ++this.#counter);
    const feed = secret.publicKey.hex;
    const id = messageId(feed, path, value);
    this.#coming.set(path, value);
    const kept = await sink.surface({
      direction: "out",
      id,
      network: "cxo",
      sender: feed,
      to: recipient,
      text: wellFormed,
      length: value.length,
      channel: "group",
      wall,
      ...(journal !== undefined && {
        journal: { feed, entry: encodeFeedEntry({ kind: "leaf", path, value }) },
      }),
    });
    this.#put(path, value);
    await this.#trim();
    return { kind: "published", id, kept: kept ?? true };
  }

  /** Publishes what waits and stops. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#ageCheck?.cancel();
    await this.feed.close();
  }

  /** Two messages of one process never have the same time, so that paths sort as they were written. */
  #nextTime(wall: bigint): bigint {
    this.#newest = wall > this.#newest ? wall : this.#newest + 1n;
    return this.#newest;
  }

  #put(path: string, value: Uint8Array): void {
    this.#coming.delete(path);
    this.feed.put(path, value);
    this.#bytes += value.length;
    const last = this.#paths.at(-1);
    this.#paths.push(path);
    // Commits keep their order, so only a clock that was set back makes this necessary.
    if (last !== undefined && last > path) this.#paths.sort();
  }

  /** Drops the oldest messages where there are too many, too large or too old ones. */
  async #trim({ byAge = false } = {}): Promise<void> {
    const oldest = byAge ? this.#oldestKept() : "";
    const first = this.#firstKept(oldest);
    if (first === 0) return;
    // Whatever is on its way, or comes later, stands behind the age limit.
    const boundary = this.#paths[first] ?? oldest;
    for (const path of this.#paths.slice(0, first)) {
      this.#bytes -= this.feed.get(path)?.length ?? 0;
    }
    this.#paths = this.#paths.slice(first);
    if (boundary > this.#droppedBefore) this.#droppedBefore = boundary;
    this.feed.dropBefore(boundary);
    const { journal } = this.#options;
    if (journal === undefined) return;
    if (journal.length <= 2 * this.#paths.length + JOURNAL_SLACK) {
      await journal.append([encodeFeedEntry({ kind: "before", path: boundary })]);
    } else await journal.rewrite(this.#entries());
  }

  /** The path before which everything is too old; empty without an age limit. */
  #oldestKept(): string {
    const { clock, maxAgeMs = 0 } = this.#options;
    return maxAgeMs > 0 ? pathAt(clock.wall() - BigInt(maxAgeMs) * NANOS_PER_MS) : "";
  }

  #firstKept(oldest: string): number {
    const { cap = FEED_CAP } = this.#options;
    const paths = this.#paths;
    let first = 0;
    while (first < paths.length && (paths[first] ?? "") < oldest) first++;
    const share = Math.ceil(paths.length / DROPPED_SHARE);
    const tooMany = paths.length > cap || this.#bytes > MAX_FEED_TEXTS_BYTES;
    return tooMany ? Math.max(first, share, paths.length - cap) : first;
  }

  /** All that the journal must have: what was appended before is replaced by it. */
  #entries(): Uint8Array[] {
    const entries = [encodeFeedEntry({ kind: "before", path: this.#droppedBefore })];
    const add = (path: string, value: Uint8Array) =>
      entries.push(encodeFeedEntry({ kind: "leaf", path, value }));
    for (const path of this.#paths) add(path, this.feed.get(path) ?? NO_BYTES);
    for (const [path, value] of this.#coming) add(path, value);
    return entries;
  }

  /** Takes back what a former process published, but for what was dropped on purpose. */
  async #recover(leaves: readonly TreeLeaf[]): Promise<void> {
    const { journal, log } = this.#options;
    const messages = leaves.filter(({ path, value }) =>
      writtenAt(path) !== undefined && value.length <= MAX_FEED_TEXT_BYTES &&
      path >= this.#droppedBefore
    );
    if (messages.length === 0) return;
    for (const { path, value } of messages) this.#coming.set(path, value);
    await journal?.append(
      messages.map(({ path, value }) => encodeFeedEntry({ kind: "leaf", path, value })),
    );
    for (const { path } of messages) this.#coming.delete(path);
    // What was dropped meanwhile took those before it along: a restart would not have them.
    const kept = messages.filter(({ path }) =>
      path >= this.#droppedBefore && this.feed.get(path) === undefined
    );
    for (const { path, value } of kept) {
      this.feed.put(path, value);
      this.#bytes += value.length;
    }
    this.#paths = [...this.#paths, ...kept.map(({ path }) => path)].sort();
    await this.#trim();
    log.info(`skychat: cxo: ${kept.length} messages of the own feed came back from a peer`);
  }

  #checkAge(): void {
    if (!this.#options.maxAgeMs) return;
    this.#ageCheck = this.#options.clock.after(AGE_CHECK_MS, () => {
      this.#checkAge();
      void this.#trim({ byAge: true });
    });
  }
}
