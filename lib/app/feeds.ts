import type { DirectChat } from "#chat";
import type { DirectFeeds } from "#group";
import { errorText, type Log } from "#kit";
import type { LinkContext } from "#net";
import type { KvHistory } from "#store";
import type { AppConfig } from "./config.ts";
import type { People } from "./people.ts";

const DAY_MS = 86_400_000;

/** What feeds are made of. */
export interface FeedParts {
  readonly context: LinkContext;
  readonly chat: DirectChat;
  readonly history: KvHistory | undefined;
  readonly people: People;
  /** Accepted links at a time. */
  readonly mostLinks: number;
}

/** Feeds that run, or why they do not. */
export class FeedService {
  readonly #log: Log;
  #feeds: DirectFeeds | undefined;
  #failure = "";

  private constructor(log: Log) {
    this.#log = log;
  }

  /** Reads what was published and shown before; undefined without `--cxo`. */
  static async open(config: AppConfig, parts: FeedParts): Promise<FeedService | undefined> {
    if (config.cxo === undefined) return undefined;
    const { chat, context, history, mostLinks, people: { privacy } } = parts;
    const { cap, listen, peers } = config.cxo;
    const service = new FeedService(context.log);
    try {
      // A node that follows no feeds has none of this code in memory.
      const { DirectFeeds } = await import("#group");
      service.#feeds = await DirectFeeds.open({
        ...{ context, listen, peers, mostLinks, cap },
        sink: chat,
        journal: (feed) => history?.journal(feed),
        recorded: history && ((feed) => recordedOf(history, feed)),
        maxAgeMs: (config.history?.ttlDays ?? 0) * DAY_MS,
        isBlocked: (peer) => privacy?.isBlocked(peer.hex) ?? false,
        isUnapproved: (peer) => privacy?.isUnapproved(peer.hex) ?? false,
      });
    } catch (error) {
      service.#fail(errorText(error));
    }
    return service;
  }

  /** The feeds, while they run. */
  get feeds(): DirectFeeds | undefined {
    return this.#feeds;
  }

  /** Why they do not run; empty when they do. */
  get failure(): string {
    return this.#failure;
  }

  /** Serves and follows until the signal aborts; undefined when that cannot begin. Never rejects. */
  start(signal: AbortSignal): { address: string; running: Promise<void> } | undefined {
    const feeds = this.#feeds;
    if (feeds === undefined) return undefined;
    try {
      return { address: feeds.listen(), running: feeds.run(signal) };
    } catch (error) {
      this.#fail(errorText(error));
      return undefined;
    }
  }

  /** Lets go of feeds that were never started. */
  async close(): Promise<void> {
    await this.#feeds?.close();
  }

  /** The node goes on without them (cxo.md 7.1). */
  #fail(reason: string): void {
    this.#failure = reason;
    this.#log.error(
      `skychat: cxo startup failed: cxo: ${reason} — continuing without CXO mode`,
    );
    void this.#feeds?.close();
    this.#feeds = undefined;
  }
}

/** Ids of what a peer wrote, as far as the history has it. */
async function recordedOf(history: KvHistory, feed: string): Promise<readonly string[]> {
  const records = await history.byPeer(feed, 0);
  return records.flatMap(({ id, outgoing }) => outgoing || id === undefined ? [] : id);
}
