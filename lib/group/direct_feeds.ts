import { type PublicKey, SecretKey } from "#crypto";
import { CxoNode, type FeedJournal, FeedSubscriber } from "#cxo";
import { errorText, quoteForLog } from "#kit";
import {
  type Acceptor,
  type FeedEndpoint,
  type LinkContext,
  parseFeedSpec,
  withoutSecrets,
} from "#net";
import { feedAcceptor } from "./feed_acceptor.ts";
import { FeedInbox } from "./feed_inbox.ts";
import { FeedOutbox, type PublishOutcome } from "./feed_outbox.ts";
import type { MessageSink } from "./message_sink.ts";

/** Longest wait for what is queued to go out at the end, milliseconds. */
export const FEED_DRAIN_MS = 1_000;

/** What direct messages over feeds are made with. */
export interface DirectFeedsOptions {
  /** `local` is the identity: key of the own feed, of its node and of its links. */
  readonly context: LinkContext;
  /** `--cxo-listen`: where the own feed is served, as written; empty = nowhere. */
  readonly listen: string;
  /** `--cxo-peer`: specs of feeds to follow, as written. */
  readonly peers: readonly string[];
  /** Accepted links at a time. */
  readonly mostLinks: number;
  /** Where messages go. */
  readonly sink: MessageSink;
  /** Where a feed is kept, by its key; undefined where nothing is kept about it. */
  readonly journal: (feed: string) => FeedJournal | undefined;
  /** Ids of the messages that the history has of a peer; undefined where nothing is kept. */
  readonly recorded?: ((feed: string) => Promise<readonly string[]>) | undefined;
  /** Messages kept in the own feed. */
  readonly cap?: number | undefined;
  /** Age at which messages leave the own feed, milliseconds; 0 or undefined is never. */
  readonly maxAgeMs?: number | undefined;
  /** Peers whose messages are passed over unseen. */
  readonly isBlocked: (peer: PublicKey) => boolean;
  /** Peers whose messages are marked as requests. */
  readonly isUnapproved: (peer: PublicKey) => boolean;
}

/** What `/status` says about feeds, at this moment. */
export interface FeedFigures {
  /** Key of the own feed. */
  readonly feed: string;
  /** Where it is served; empty before that. */
  readonly listen: string;
  /** Seq of its last Root; undefined before the first. */
  readonly seq: bigint | undefined;
  /** Messages in it. */
  readonly messages: number;
  /** Objects held for it. */
  readonly objects: number;
  /** Connections that follow it. */
  readonly followers: number;
  /** Feeds that are followed. */
  readonly peers: readonly {
    readonly feed: string;
    readonly address: string;
    readonly connected: boolean;
    /** Seq of the last complete Root. */
    readonly seq: bigint | undefined;
    /** Milliseconds since it was completed. */
    readonly lagMs: number | undefined;
    readonly objects: number;
  }[];
}

/**
 * Direct messages over replicated feeds (cxo.md 7): the own feed, a node that serves it, and for each peer
 * a node with a random key that follows its feed.
 */
export class DirectFeeds {
  readonly #options: DirectFeedsOptions;
  readonly #outbox: FeedOutbox;
  readonly #node: CxoNode;
  readonly #acceptor: Acceptor | undefined;
  readonly #subscribers: readonly FeedSubscriber[];
  readonly #inboxes: readonly FeedInbox[];
  #listening = "";

  private constructor(
    options: DirectFeedsOptions,
    { acceptor, outbox, node, subscribers, inboxes }: {
      acceptor: Acceptor | undefined;
      outbox: FeedOutbox;
      node: CxoNode;
      subscribers: readonly FeedSubscriber[];
      inboxes: readonly FeedInbox[];
    },
  ) {
    this.#options = options;
    this.#outbox = outbox;
    this.#node = node;
    this.#subscribers = subscribers;
    this.#inboxes = inboxes;
    this.#acceptor = acceptor;
  }

  /**
   * Reads what was published and shown before. Nothing is bound or dialled yet.
   *
   * @throws {EndpointError} `publisher on <listen>: <cause>` for an address that cannot be one
   */
  static async open(options: DirectFeedsOptions): Promise<DirectFeeds> {
    const { context: { clock, local, log }, journal, listen, mostLinks, sink } = options;
    const nodeId = local.publicKey.hex;
    const node = new CxoNode({ nodeId, clock, log });
    const acceptor = feedAcceptor(options.context, {
      ...{ listen, mostLinks, title: "publisher" },
      onLink: (link) => node.attach(link, "acceptor").ended,
    });
    const outbox = await FeedOutbox.open({
      ...{ clock, log, sink },
      secret: local,
      journal: journal(nodeId),
      cap: options.cap,
      maxAgeMs: options.maxAgeMs,
      announce: (root) => node.announce(root),
      onHostile: (source, fault) => node.drop(source, fault.message),
    });
    node.share(outbox.feed);
    return new DirectFeeds(options, { acceptor, outbox, node, ...await subscribersOf(options) });
  }

  /** What `/status` says. */
  get figures(): FeedFigures {
    const { clock } = this.#options.context;
    const { feed } = this.#outbox;
    return {
      feed: feed.key,
      listen: this.#listening,
      seq: feed.last?.root.seq,
      messages: feed.leaves,
      objects: feed.objects,
      followers: this.#node.followers(feed.key),
      peers: this.#subscribers.map(({ connected, endpoint, feed: followed }) => ({
        feed: endpoint.feed.hex,
        address: endpoint.address,
        connected,
        seq: followed.last?.root.seq,
        lagMs: followed.completedAt === undefined ? undefined : clock.now() - followed.completedAt,
        objects: followed.objects,
      })),
    };
  }

  /**
   * Binds.
   *
   * @returns the address really bound; empty where the own feed is served nowhere
   * @throws {ListenError} with the text of cxo.md 7.7
   */
  listen(): string {
    return this.#listening = this.#acceptor?.listen() ?? "";
  }

  /** Serves and follows until the signal aborts and everything is closed. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const followed = this.#subscribers.map((subscriber) => subscriber.run(signal));
    const served = this.#acceptor?.run();
    const close = () => {
      this.#acceptor?.close();
      // A long replay must not hold up the end: what was not shown comes again.
      for (const inbox of this.#inboxes) inbox.stop();
    };
    signal.addEventListener("abort", close, { once: true });
    if (signal.aborted) close();
    await Promise.all([...followed, served]);
    this.#listening = "";
    // What was published last still reaches whoever is connected.
    const { feed } = this.#outbox;
    const before = feed.last;
    await this.#outbox.close();
    if (feed.last !== before) await this.#node.settled(FEED_DRAIN_MS);
    await this.#node.close(FEED_DRAIN_MS / 4);
  }

  /** Lets go of what {@link open} took, where {@link run} was never called. */
  async close(): Promise<void> {
    this.#acceptor?.close();
    await this.#outbox.close();
  }

  /** Publishes a text to the own feed. */
  publish(message: { recipient: string; text: string }): Promise<PublishOutcome> {
    return this.#outbox.publish(message);
  }
}

/** One for each usable `--cxo-peer`; a spec that is none is logged and left out (cxo.md 7.1). */
async function subscribersOf(
  options: DirectFeedsOptions,
): Promise<{ subscribers: readonly FeedSubscriber[]; inboxes: readonly FeedInbox[] }> {
  const { context, isBlocked, isUnapproved, journal, peers, recorded, sink } = options;
  const { clock, log, random } = context;
  const inboxes = new Map<string, FeedInbox>();
  const subscribers: FeedSubscriber[] = [];
  for (const endpoint of endpointsOf(peers, context)) {
    const { feed } = endpoint;
    // A feed that is served at two addresses is shown once.
    const inbox = inboxes.get(feed.hex) ?? await FeedInbox.open({
      ...{ feed, clock, log, sink, isBlocked, isUnapproved },
      journal: journal(feed.hex),
      recorded: recorded && (() => recorded(feed.hex)),
    }).catch((error: unknown) => {
      log.error(`skychat: cxo subscriber for ${feed} failed: ${quoteForLog(errorText(error))}`);
    });
    if (inbox === undefined) continue;
    inboxes.set(feed.hex, inbox);
    subscribers.push(
      new FeedSubscriber({
        // A key of its own: nodes with one key would close each other's connections (cxo.md 8.2).
        context: { ...context, local: SecretKey.generate(random) },
        endpoint,
        onUpdate: (update) => inbox.take(update),
      }),
    );
  }
  return { subscribers, inboxes: [...inboxes.values()] };
}

function endpointsOf(specs: readonly string[], { local, log }: LinkContext): FeedEndpoint[] {
  const endpoints = new Map<string, FeedEndpoint>();
  for (const spec of specs) {
    try {
      const endpoint = parseFeedSpec(spec);
      if (endpoint.feed.equals(local.publicKey)) throw new Error("it is this node's own feed");
      // Named twice, it is followed once.
      endpoints.set(`${endpoint.feed}@${endpoint.address}`, endpoint);
    } catch (error) {
      const shown = quoteForLog(withoutSecrets(spec));
      const reason = quoteForLog(errorText(error));
      log.warn(`skychat: cxo skipping invalid --cxo-peer "${shown}": ${reason}`);
    }
  }
  return [...endpoints.values()];
}
