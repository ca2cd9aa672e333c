import { Backoff, errorText, formatDuration, type Timer } from "#kit";
import { dialFeed, type FeedEndpoint, FloodLog, type Link, type LinkContext } from "#net";
import type { CxoConnection } from "./connection.ts";
import type { FillEnd } from "./fill_run.ts";
import { FollowedFeed, type FollowedFeedOptions } from "./followed_feed.ts";
import { CxoNode } from "./node.ts";
import type { SignedRoot } from "./root.ts";

/** First wait after a failed dial in milliseconds; it doubles (cxo.md 7.5). */
export const FEED_BACKOFF_FIRST_MS = 1_000;
/** Longest wait between dials of a feed in milliseconds. */
export const FEED_BACKOFF_MOST_MS = 32_000;
/** How often the watchdog looks, milliseconds (cxo.md 7.5). */
export const WATCHDOG_MS = 30_000;
/** Time without a complete Root after which it subscribes again, milliseconds. */
export const QUIET_MS = 60_000;
/** First wait before subscribing again after a second broken fill in milliseconds; it doubles (cxo.md 6.5). */
export const REFILL_FIRST_MS = 2_000;
/** Longest such wait, milliseconds. */
export const REFILL_MOST_MS = 60_000;

/** What the refusals of cxo.md 13 mean for whoever wrote the address down. */
const REFUSAL_HINTS: Readonly<Record<string, string>> = {
  "do not share the feed": " (the node there serves another feed: check key and address)",
  "subscribe rejected": " (the node there does not let this one in)",
};

/** What a subscriber is made with. */
export interface FeedSubscriberOptions extends Pick<FollowedFeedOptions, "limits" | "onUpdate"> {
  /** `local` is the key of its links: for direct messages a random one (cxo.md 1). */
  readonly context: LinkContext;
  /** Whose feed, and where it is served. */
  readonly endpoint: FeedEndpoint;
}

/**
 * Keeps one feed up to date over one address: dials, subscribes, watches, dials again (cxo.md 7.5). A node
 * of its own with one connection.
 */
export class FeedSubscriber {
  /** Whose feed, and where it is served. */
  readonly endpoint: FeedEndpoint;
  /** What is held of it. */
  readonly feed: FollowedFeed;
  readonly #context: LinkContext;
  readonly #node: CxoNode;
  readonly #dialling = new Backoff({ first: FEED_BACKOFF_FIRST_MS, most: FEED_BACKOFF_MOST_MS });
  readonly #broken: FloodLog;
  readonly #refilling = new Backoff({ first: REFILL_FIRST_MS, most: REFILL_MOST_MS });
  /** The connection over which the peer agreed to send the feed. */
  #connection: CxoConnection | undefined;
  #refill: Timer | undefined;
  #fillsFailed = false;
  #asking = false;
  /** When the peer agreed last, on the clock of durations. */
  #agreedAt = 0;

  /** Dials nothing yet: see {@link run}. */
  constructor({ context, endpoint, limits, onUpdate }: FeedSubscriberOptions) {
    const { clock, local, log } = context;
    this.#context = context;
    this.endpoint = endpoint;
    this.feed = new FollowedFeed({
      ...(limits !== undefined && { limits }),
      key: endpoint.feed.hex,
      clock,
      onUpdate,
      onEnd: (end, root) => this.#onFillEnd(end, root),
    });
    this.#broken = new FloodLog({
      clock,
      write: (line) => log.warn(line),
      lines: 5,
      windowMs: QUIET_MS,
      summary: (count) => `skychat: cxo feed ${endpoint.feed}: ${count} more Roots are incomplete`,
    });
    this.#node = new CxoNode({ nodeId: local.publicKey.hex, clock, log });
    this.#node.share(this.feed);
  }

  /** Whether the feed is subscribed to over a live connection. */
  get connected(): boolean {
    return this.#connection !== undefined && !this.#connection.isClosed;
  }

  /** Runs until the signal aborts, then closes what is open and resolves. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const link = await this.#dial(signal);
      if (link !== undefined) await this.#keep(link, signal);
    }
    this.#refill?.cancel();
    await Promise.all([this.feed.close(), this.#node.close(0)]);
  }

  /** A link, or undefined after the wait that follows a failure. */
  async #dial(signal: AbortSignal): Promise<Link | undefined> {
    try {
      return await dialFeed(this.#context, this.endpoint, { signal });
    } catch (error) {
      await this.#failed(errorText(error), signal);
      return undefined;
    }
  }

  async #keep(link: Link, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#context;
    const { connection, ended } = this.#node.attach(link, "dialer");
    const stop = () => connection.close("shutting down");
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
    const refusal = await this.#follow(connection);
    if (refusal !== undefined) {
      connection.close();
      await ended;
      signal.removeEventListener("abort", stop);
      return await this.#failed(refusal, signal);
    }
    const { address, feed } = this.endpoint;
    log.info(`skychat: cxo subscribed to feed ${feed} via ${address}`);
    this.#connection = connection;
    const watchdog = this.#watch(connection);
    const { message } = await ended;
    watchdog.cancel();
    signal.removeEventListener("abort", stop);
    this.#connection = undefined;
    if (signal.aborted) return;
    log.info(`skychat: cxo disconnected from feed ${feed} via ${address}: ${message}`);
    // A peer that agrees and then brings nothing is not dialled without a pause.
    const lived = clock.now() - link.openedAt;
    if (lived >= QUIET_MS || (this.feed.completedAt ?? -1) >= link.openedAt) this.#dialling.reset();
    await clock.sleep(this.#dialling.next(), signal);
  }

  /** Why the peer does not send the feed over this connection; undefined when it does. */
  async #follow(connection: CxoConnection): Promise<string | undefined> {
    try {
      await connection.ready;
    } catch (error) {
      return errorText(error);
    }
    const refusal = await this.#node.follow(connection, this.endpoint.feed.hex);
    this.#agreedAt = this.#context.clock.now();
    if (refusal === undefined) return undefined;
    return `subscribe: ${refusal}${REFUSAL_HINTS[refusal] ?? ""}`;
  }

  async #failed(reason: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { clock, log } = this.#context;
    const { address, feed } = this.endpoint;
    const wait = this.#dialling.next();
    const retry = `retry in ${formatDuration(wait)}`;
    log.warn(`skychat: cxo dial ${address} (${feed}) failed, ${retry}: ${reason}`);
    await clock.sleep(wait, signal);
  }

  /** Subscribes again where nothing was completed for long: a peer answers with its last Root. */
  #watch(connection: CxoConnection): Timer {
    const { clock } = this.#context;
    const look = () => {
      timer = clock.after(WATCHDOG_MS, look);
      const heardAt = Math.max(this.feed.completedAt ?? 0, this.#agreedAt);
      if (clock.now() - heardAt >= QUIET_MS) void this.#again(connection);
    };
    let timer = clock.after(WATCHDOG_MS, look);
    return { cancel: () => timer.cancel() };
  }

  /** One question at a time: a peer that answers none must not be asked without end. */
  async #again(connection: CxoConnection): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    const refusal = await this.#follow(connection);
    this.#asking = false;
    if (refusal !== undefined) connection.close(refusal);
  }

  #onFillEnd(end: FillEnd, { root }: SignedRoot): void {
    this.#refill?.cancel();
    if (end.kind === "complete") {
      this.#fillsFailed = false;
      return this.#refilling.reset();
    }
    if (end.kind === "hostile") return this.#node.drop(end.source, end.fault.message);
    const connection = this.#connection;
    if (connection === undefined || connection.isClosed) return;
    const { clock } = this.#context;
    const { address, feed } = this.endpoint;
    this.#broken.line(
      `skychat: cxo feed ${feed} via ${address}: Root ${root.seq} is incomplete: ${end.reason}`,
    );
    const wait = this.#fillsFailed ? this.#refilling.next() : 0;
    this.#fillsFailed = true;
    this.#refill = clock.after(wait, () => void this.#again(connection));
  }
}
