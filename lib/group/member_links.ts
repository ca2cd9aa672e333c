import {
  ComingObjects,
  CxoNode,
  type CxoObject,
  type FeedUpdate,
  type FillLimits,
  type ObjectId,
  type PublishedFeed,
  type RootSource,
  type SignedRoot,
} from "#cxo";
import { errorText, quoteForLog } from "#kit";
import {
  type Acceptor,
  EndpointError,
  type FeedEndpoint,
  type Link,
  type LinkContext,
  type LinkEnd,
  parseFeedSpec,
} from "#net";
import { feedAcceptor } from "./feed_acceptor.ts";
import { MEMBER_FEED_LIMITS } from "./member_follower.ts";
import { MemberLink, type MemberState } from "./member_link.ts";

/** Longest wait for what is queued to go out at the end, milliseconds. */
const DRAIN_MS = 250;
/** Share of the accepted links that may be those of keys without a seat. */
const STRANGERS_SHARE = 4;

/** What the links of a group are made with. */
export interface MemberLinksOptions {
  /** `local` is the identity: key of the own feed, of the node and of its links. */
  readonly context: LinkContext;
  /** `--cxo-listen`: where the own feed is served, as written; empty = nowhere. */
  readonly listen: string;
  /** Accepted links at a time. */
  readonly mostLinks: number;
  /** The own feed; its Roots come through {@link MemberLinks.announce}. */
  readonly feed: PublishedFeed;
  /** Whether a key has a seat now: may follow the own feed, and have its objects and previews. */
  readonly mayFollow: (nodeId: string) => boolean;
  /** Handles what is new in the feed of a member; its next Root waits until it is done. */
  readonly onUpdate: (member: string, update: FeedUpdate) => Promise<void>;
  /** How much the feed of one member may hold; by default {@link MEMBER_FEED_LIMITS}. */
  readonly limits?: FillLimits | undefined;
}

/**
 * The connections of one node of a group (groups.md 4.2, cxo.md 8.2): one node with the identity as its
 * key, which serves the own feed to whoever has a seat, and follows the feeds of members over whatever
 * connection there is, dialled by them or by us.
 */
export class MemberLinks {
  readonly #options: MemberLinksOptions;
  readonly #node: CxoNode;
  readonly #coming: ComingObjects;
  readonly #acceptor: Acceptor | undefined;
  readonly #links = new Map<string, MemberLink>();
  /** Links to members that are not wanted any more, until they are done. */
  readonly #closing = new Set<Promise<void>>();
  /** Accepted links of keys that had no seat then, oldest first. */
  readonly #strangers = new Set<Link>();
  readonly #stopped = Promise.withResolvers<void>();
  #listening = "";
  #state: "new" | "running" | "closed" = "new";

  /**
   * Nothing is bound or dialled yet.
   *
   * @throws {EndpointError} `listen on <listen>: <cause>` for an address that cannot be one
   */
  constructor(options: MemberLinksOptions) {
    const { context, feed, listen, mayFollow, mostLinks } = options;
    const { clock, local, log } = context;
    this.#options = options;
    this.#coming = new ComingObjects(clock);
    this.#node = new CxoNode({
      ...{ clock, log },
      nodeId: local.publicKey.hex,
      mayFollow,
      takesLarge: mayFollow,
      onReady: (connection) => this.#links.get(connection.peer)?.onReady(connection),
      onGone: (connection, end) => this.#links.get(connection.peer)?.onGone(connection, end),
      onHeard: (connection) => this.#links.get(connection.peer)?.onHeard(connection),
    });
    this.#node.share(feed);
    this.#acceptor = feedAcceptor(context, {
      ...{ listen, mostLinks, title: "listen" },
      onLink: (link) => this.#serve(link),
    });
  }

  /**
   * Binds.
   *
   * @returns the address really bound; empty where the own feed is served nowhere
   * @throws {ListenError} `listen on <listen>: <cause>`
   */
  listen(): string {
    return this.#listening = this.#acceptor?.listen() ?? "";
  }

  /** Connections that follow the own feed. */
  get followers(): number {
    return this.#node.followers(this.#options.feed.key);
  }

  /** What is known of each wanted member, in the order in which they were named. */
  states(): readonly MemberState[] {
    return Array.from(this.#links.values(), ({ state }) => state);
  }

  /**
   * Whom to follow: key and `host:port`, undefined where it is not known and the member dials. Those who
   * have no seat are passed over. Everybody else is followed no more, and whoever has no seat, wanted
   * before or not, is disconnected at once. May be called at any time.
   */
  setMembers(wanted: ReadonlyMap<string, string | undefined>): void {
    if (this.#state === "closed") return;
    const { context, mayFollow } = this.#options;
    const own = context.local.publicKey.hex;
    for (const [member, link] of this.#links) {
      if (!wanted.has(member) || !mayFollow(member)) this.#leave(member, link);
    }
    this.#node.cut((nodeId) => !mayFollow(nodeId), "it has no seat in the group");
    for (const [member, address] of wanted) {
      if (member !== own && mayFollow(member)) this.#want(member, address);
    }
  }

  /** Pushes a Root of the own feed to whoever follows it. */
  announce(root: SignedRoot): void {
    this.#node.announce(root);
  }

  /** Ends a connection whose peer did what no honest one does, and says so. */
  drop(source: RootSource, reason: string): void {
    this.#node.drop(source, reason);
  }

  /** Resolves when nobody has asked for an object for a moment, after so many milliseconds at the latest. */
  settled(limitMs: number): Promise<void> {
    return this.#node.settled(limitMs);
  }

  /**
   * Serves, dials and follows until the signal aborts or {@link close}, then closes everything; what was
   * published last is to be {@link settled} before. Never rejects.
   */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "running";
    const served = this.#listening === "" ? undefined : this.#acceptor?.run();
    for (const link of this.#links.values()) link.start();
    const stop = () => this.#stopped.resolve();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    await this.#stopped.promise;
    signal.removeEventListener("abort", stop);
    await Promise.all([this.close(), served]);
  }

  /** Lets go of everything; also where {@link run} was never called. */
  async close(): Promise<void> {
    if (this.#state !== "closed") {
      this.#state = "closed";
      this.#stopped.resolve();
      this.#listening = "";
      this.#acceptor?.close();
      for (const [member, link] of this.#links) this.#leave(member, link);
    }
    await this.#node.close(DRAIN_MS);
    await Promise.all(this.#closing);
  }

  #want(member: string, address: string | undefined): void {
    const known = this.#links.get(member);
    const link = known ?? this.#follow(member);
    link.setEndpoint(address === undefined ? undefined : this.#endpointOf(member, address));
    if (known === undefined && this.#state === "running") link.start();
  }

  #follow(member: string): MemberLink {
    const { context, limits = MEMBER_FEED_LIMITS, onUpdate } = this.#options;
    const link = new MemberLink({
      ...{ context, limits, member, node: this.#node, coming: this.#coming },
      known: (id) => this.#held(id),
      onUpdate: (update) => onUpdate(member, update),
    });
    this.#links.set(member, link);
    return link;
  }

  /** Members copy each other's messages, so what one has most others have too. */
  #held(id: ObjectId): CxoObject | undefined {
    const own = this.#options.feed.held(id);
    if (own !== undefined) return own;
    for (const link of this.#links.values()) {
      const object = link.held(id);
      if (object !== undefined) return object;
    }
    return undefined;
  }

  #leave(member: string, link: MemberLink): void {
    this.#links.delete(member);
    const closed = link.close().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }

  /** Undefined, and said, for an address that cannot be one: the member may still dial. */
  #endpointOf(member: string, address: string): FeedEndpoint | undefined {
    try {
      return parseFeedSpec(`${member}@${address}`);
    } catch (error) {
      if (!(error instanceof EndpointError)) throw error;
      const reason = quoteForLog(errorText(error));
      this.#options.context.log.warn(
        `skychat: cxo-group skipping address of ${member}: ${reason}`,
      );
      return undefined;
    }
  }

  /** Serves an accepted link; of those without a seat only so many, since they take places of members. */
  async #serve(link: Link): Promise<LinkEnd> {
    const { mayFollow, mostLinks } = this.#options;
    if (!mayFollow(link.peer.hex)) {
      this.#strangers.add(link);
      if (this.#strangers.size > Math.max(1, Math.floor(mostLinks / STRANGERS_SHARE))) {
        const oldest = [...this.#strangers].find(({ peer }) => !mayFollow(peer.hex));
        oldest?.close("no room for keys without a seat");
      }
    }
    try {
      return await this.#node.attach(link, "acceptor").ended;
    } finally {
      this.#strangers.delete(link);
    }
  }
}
