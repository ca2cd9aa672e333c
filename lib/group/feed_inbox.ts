import type { PublicKey } from "#crypto";
import {
  CxoFault,
  decodeFeedEntry,
  encodeFeedEntry,
  type FeedJournal,
  type FeedUpdate,
  MAX_SEEN_LEAVES,
  SeenLeaves,
} from "#cxo";
import type { MessageEvent } from "#events";
import { type Clock, errorText, type Log, utf8Text } from "#kit";
import { messageId, writtenAt } from "./feed_paths.ts";
import type { MessageSink } from "./message_sink.ts";

/** Longest text taken from a feed, bytes: it must fit into one commit three times (ours). */
export const MAX_FEED_TEXT_BYTES = 131_072;
/** Messages handled before others get a turn. */
const MESSAGES_PER_TURN = 64;
/** Entries of a journal beyond what is remembered, before it is written anew. */
const JOURNAL_SLACK: number = MAX_SEEN_LEAVES / 4;

/** What an inbox is made with. */
export interface FeedInboxOptions {
  /** Whose feed. */
  readonly feed: PublicKey;
  readonly clock: Clock;
  readonly log: Log;
  readonly sink: MessageSink;
  /** What was shown before a restart; undefined where nothing is kept about this peer. */
  readonly journal: FeedJournal | undefined;
  /** Ids of messages that the history has: asked for where the journal is new, as after an import. */
  readonly recorded?: (() => Promise<readonly string[]>) | undefined;
  /** Peers whose messages are passed over unseen. */
  readonly isBlocked: (peer: PublicKey) => boolean;
  /** Peers whose messages are marked as requests. */
  readonly isUnapproved: (peer: PublicKey) => boolean;
}

/**
 * Turns what is new in a followed feed into messages, each once, however often the feed is replayed
 * (cxo.md 7.4). With a journal that holds across restarts: the mark that a leaf was shown and its message
 * are one commit.
 */
export class FeedInbox {
  readonly #options: FeedInboxOptions;
  readonly #seen = new SeenLeaves();
  /** Ids of messages that came from elsewhere into the history. */
  readonly #recorded = new Set<string>();
  #work: Promise<void> = Promise.resolve();
  #tooLongSaid = false;
  #stopped = false;

  private constructor(options: FeedInboxOptions) {
    this.#options = options;
  }

  /** Reads what was shown before. */
  static async open(options: FeedInboxOptions): Promise<FeedInbox> {
    const inbox = new FeedInbox(options);
    for (const bytes of (await options.journal?.read())?.entries ?? []) {
      const entry = decodeFeedEntry(bytes);
      if (!(entry instanceof CxoFault) && entry.kind === "seen") {
        inbox.#seen.add(entry.name);
      }
    }
    if (inbox.#seen.size > 0) return inbox;
    for (const id of await options.recorded?.() ?? []) inbox.#recorded.add(id);
    return inbox;
  }

  /** Takes an update; resolves when its messages are handed on. One update at a time. */
  take(update: FeedUpdate): Promise<void> {
    this.#work = this.#work.then(() => this.#handle(update)).catch((error: unknown) => {
      const { feed, log } = this.#options;
      log.error(`skychat: cxo feed ${feed}: messages were not shown: ${errorText(error)}`);
    });
    return this.#work;
  }

  /** Handles nothing more: what was not shown comes again with the next start. */
  stop(): void {
    this.#stopped = true;
  }

  async #handle({ changes, complete }: FeedUpdate): Promise<void> {
    const { clock, feed, sink } = this.#options;
    /** The newest time of each text: time and text tell messages without an id apart. */
    const times = new Map<string, bigint>();
    let count = 0;
    for (const { path, value } of changes) {
      if (this.#stopped) return;
      if (value === undefined) continue;
      const id = messageId(feed.hex, path, value);
      if (this.#seen.has(id)) continue;
      this.#seen.add(id);
      const event = this.#eventOf({ id, path, value }, times);
      if (event === undefined) continue;
      if (this.#recorded.has(event.id)) {
        if (event.journal !== undefined) void this.#options.journal?.append([event.journal.entry]);
      } else void sink.surface(event);
      if (sink.ready !== undefined) await sink.ready;
      else if (++count % MESSAGES_PER_TURN === 0) await clock.sleep(0);
    }
    if (complete) this.#recorded.clear();
    await this.#compact();
  }

  #eventOf(
    { id, path, value }: { id: string; path: string; value: Uint8Array },
    times: Map<string, bigint>,
  ): MessageEvent | undefined {
    const { feed, isBlocked, isUnapproved, journal } = this.#options;
    if (isBlocked(feed)) return undefined;
    if (value.length > MAX_FEED_TEXT_BYTES) return this.#tooLong(value.length);
    const text = utf8Text(value);
    return {
      direction: "in",
      id,
      network: "cxo",
      sender: feed.hex,
      text,
      length: value.length,
      ...(isUnapproved(feed) && { request: true }),
      channel: "group",
      wall: this.#timeOf(path, { text, times }),
      ...(journal !== undefined && {
        journal: { feed: feed.hex, entry: encodeFeedEntry({ kind: "seen", name: id }) },
      }),
    };
  }

  /** When it was written, as its author says, but never later than now. */
  #timeOf(path: string, { text, times }: { text: string; times: Map<string, bigint> }): bigint {
    const now = this.#options.clock.wall();
    const written = writtenAt(path) ?? now;
    const before = times.get(text);
    let wall = written < now ? written : now;
    if (before !== undefined && wall <= before) wall = before + 1n;
    times.set(text, wall);
    return wall;
  }

  #tooLong(length: number): undefined {
    if (this.#tooLongSaid) return;
    this.#tooLongSaid = true;
    const { feed, log } = this.#options;
    log.warn(
      `skychat: cxo feed ${feed}: a message of ${length} bytes was passed over, at most ` +
        `${MAX_FEED_TEXT_BYTES} are shown`,
    );
  }

  async #compact(): Promise<void> {
    const { journal } = this.#options;
    if (journal === undefined || journal.length <= this.#seen.size + JOURNAL_SLACK) return;
    await journal.rewrite(
      Array.from(
        this.#seen.names(),
        (name) => encodeFeedEntry({ kind: "seen", name }),
      ),
    );
  }
}
