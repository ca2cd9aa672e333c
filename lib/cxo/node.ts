import { type Clock, errorText, type Log, quoteForLog } from "#kit";
import { FloodLog, type LinkEnd, type Rate, RateLimiter } from "#net";
import { CxoConnection, type CxoLink } from "./connection.ts";
import { CxoFault } from "./fault.ts";
import type { CxoMessage, RootMessage } from "./messages.ts";
import { NodePeers } from "./node_peers.ts";
import type { KeyHex, ObjectId } from "./object_id.ts";
import { REGISTRY } from "./registry.ts";
import { rootMessage, type SignedRoot } from "./root.ts";
import type { Audience, RootSource, SharedFeed } from "./shared_feed.ts";
import { type Share, Turns } from "./turns.ts";

/** Roots that one connection may push; with more it is read more slowly (ours; publishers batch 300 ms). */
export const ROOT_RATE: Rate = { perSecond: 10, burst: 40 };
/** Milliseconds between two looks at whether it may push again. */
const ROOT_PAUSE_MS = 100;
/** Log lines about peers that were dropped in one window; the rest is summed up. */
const DROP_LINES = 20;
/** Milliseconds without a request after which peers have what they wanted. */
const SETTLED_MS = 200;
/** Bytes of an answer that count as much as a request of its own. */
const SERVED_UNIT_BYTES = 4_096;
const NO_KEY: KeyHex = "0".repeat(66);

/** What a node is made with. */
export interface CxoNodeOptions {
  /** The key of its links, 66 hex digits: its node id. */
  readonly nodeId: KeyHex;
  /** For every limit of its connections. */
  readonly clock: Clock;
  /** Told of connections that were dropped, and of Roots that are too old. */
  readonly log: Log;
  /** Whether a node may follow, preview and fetch; everybody by default (cxo.md 4.4). */
  readonly mayFollow?: (nodeId: KeyHex, feed: KeyHex) => boolean;
  /** Whether objects of any size are taken from a node that dialled us; from nobody by default. */
  readonly takesLarge?: (nodeId: KeyHex) => boolean;
  /** A connection is the one that counts for its node id from now on (cxo.md 8.2): what to ask goes over it. */
  readonly onReady?: (connection: CxoConnection) => void;
  /** The one that counted ended, and the node has no other. */
  readonly onGone?: (connection: CxoConnection, end: LinkEnd) => void;
  /** A peer subscribed to a feed, or pushed a Root, whether we take it or not. */
  readonly onHeard?: (connection: CxoConnection) => void;
}

/** What a node knows of one connection. */
interface Member {
  readonly connection: CxoConnection;
  /** Feeds whose Roots go both ways over it. */
  readonly feeds: Set<KeyHex>;
  readonly roots: RateLimiter;
  /** What was done for it lately. */
  readonly share: Share;
  /** Whether it was said that it pushes old Roots. */
  staleSaid: boolean;
}

/**
 * One CXO node: its connections, who follows which feed over them, and the answers to what they ask
 * (cxo.md 4.3 to 4.7). It neither dials nor listens: links come from outside.
 */
export class CxoNode {
  readonly #options: CxoNodeOptions;
  readonly #feeds = new Map<KeyHex, { readonly feed: SharedFeed; readonly audience: Audience }>();
  readonly #members = new Map<RootSource, Member>();
  readonly #peers: NodePeers;
  readonly #running = new Set<Promise<unknown>>();
  readonly #drops: FloodLog;
  readonly #turns: Turns;
  /** When an object was asked for last, on the clock of durations. */
  #servedAt = 0;
  #closed = false;

  /** Nobody is connected, nothing is shared yet. */
  constructor(options: CxoNodeOptions) {
    this.#options = options;
    this.#turns = new Turns(options.clock);
    this.#peers = new NodePeers({
      ...{ clock: options.clock, nodeId: options.nodeId },
      onCounts: (connection) => options.onReady?.(connection),
    });
    this.#drops = new FloodLog({
      clock: options.clock,
      write: (line) => options.log.warn(line),
      lines: DROP_LINES,
      summary: (count) => `skychat: cxo dropped ${count} more connections`,
    });
  }

  /** Serves a feed to whoever may follow it; one that was shared before under its key is not any more. */
  share(feed: SharedFeed, audience: Audience = "followers"): void {
    this.#feeds.set(feed.key, { feed, audience });
  }

  /** Neither serves a feed nor takes its Roots any more, and tells whoever sends them (cxo.md 4.4). */
  unshare(feed: KeyHex): void {
    this.#feeds.delete(feed);
    for (const { connection, feeds } of this.#members.values()) {
      if (feeds.delete(feed)) connection.notify({ type: "Unsub", feed });
    }
  }

  /** Connections that follow a feed. */
  followers(feed: KeyHex): number {
    let count = 0;
    for (const { feeds } of this.#members.values()) if (feeds.has(feed)) count++;
    return count;
  }

  /** Nodes with a connection past its greeting. */
  get connections(): number {
    return this.#peers.size;
  }

  /** The connection that counts for a node. */
  connectionOf(nodeId: KeyHex): CxoConnection | undefined {
    const connection = this.#peers.get(nodeId);
    return connection?.isClosed ? undefined : connection;
  }

  /** Ends every connection of these nodes, greeted or not; how many. */
  cut(isCut: (nodeId: KeyHex) => boolean, reason: string): number {
    const found = [...this.#members.values()].filter(({ connection }) => isCut(connection.peer));
    for (const { connection } of found) connection.close(reason);
    return found.length;
  }

  /** Uses a link until it ends. Never rejects for what a peer does. */
  attach(
    link: CxoLink,
    role: "dialer" | "acceptor",
  ): { readonly connection: CxoConnection; readonly ended: Promise<LinkEnd> } {
    const { clock, nodeId, takesLarge } = this.#options;
    const connection = new CxoConnection(link, {
      ...{ role, nodeId, clock },
      takesLarge: () => takesLarge?.(link.peer.hex) ?? false,
      onMessage: (message, seq) => this.#onMessage(member, message, seq),
    });
    const member: Member = {
      connection,
      feeds: new Set(),
      roots: new RateLimiter({ clock, capacity: 1 }),
      share: this.#turns.share(),
      staleSaid: false,
    };
    const ended = this.#run(member).finally(() => {
      // Whoever dialled tells why a connection ended.
      const { fault } = connection;
      if (role === "acceptor" && fault !== undefined) this.#tellDropped(connection, fault);
      this.#running.delete(ended);
    });
    this.#running.add(ended);
    return { connection, ended };
  }

  /** Pushes a Root to everybody who follows its feed. */
  announce(signed: SignedRoot): void {
    const message = rootMessage(signed);
    for (const { connection, feeds } of this.#members.values()) {
      if (feeds.has(signed.root.pub)) connection.notify(message);
    }
  }

  /**
   * Follows a feed over a connection, and gives back the last Root that we hold (cxo.md 4.4).
   *
   * @returns undefined when the peer agreed, else its refusal or what went wrong.
   */
  async follow(connection: CxoConnection, feed: KeyHex): Promise<string | undefined> {
    const member = this.#members.get(connection);
    if (member === undefined) return "closed";
    const before = member.feeds.has(feed);
    // First: a Root may come in the same read as the answer.
    member.feeds.add(feed);
    const answer = await connection.request({ type: "Sub", feed });
    if (typeof answer === "object" && answer.type === "Ok") {
      for (const root of this.#feeds.get(feed)?.feed.giveBack() ?? []) {
        connection.notify(rootMessage(root));
      }
      return undefined;
    }
    if (!before) member.feeds.delete(feed);
    if (typeof answer === "string") return answer;
    return answer.type === "Err" ? quoteForLog(answer.text) : "invalid response";
  }

  /** Ends a connection whose peer did what no honest one does, and says so. */
  drop(source: RootSource, reason: string): void {
    const connection = this.#members.get(source)?.connection;
    if (connection === undefined || connection.isClosed) return;
    this.#tellDropped(connection, reason);
    connection.close(reason);
  }

  /**
   * Resolves when no peer has asked for an object for a moment, after `limitMs` milliseconds at the
   * latest: what was announced last is worth little to who cannot fetch it.
   */
  async settled(limitMs: number): Promise<void> {
    const { clock } = this.#options;
    const begun = clock.now();
    this.#servedAt = begun;
    while (this.connections > 0 && clock.now() - begun < limitMs) {
      if (clock.now() - this.#servedAt >= SETTLED_MS) return;
      await clock.sleep(SETTLED_MS / 4);
    }
  }

  /** Lets what is queued go out for at most so many milliseconds, then ends every connection. */
  async close(drainMs: number): Promise<void> {
    this.#closed = true;
    const connections = Array.from(this.#members.values(), ({ connection }) => connection);
    await Promise.all(connections.map((connection) => connection.drain(drainMs)));
    for (const connection of connections) connection.close("shutting down");
    this.#turns.close();
    await Promise.allSettled([...this.#running]);
    this.#drops.flush();
  }

  async #run(member: Member): Promise<LinkEnd> {
    const { connection } = member;
    if (this.#closed) connection.close("shutting down");
    this.#members.set(connection, member);
    void connection.ready.then(() => {
      if (!connection.isClosed) this.#peers.welcome(connection);
    }, () => {});
    const end = await this.#serveLink(connection);
    this.#members.delete(connection);
    if (this.#peers.leave(connection)) this.#options.onGone?.(connection, end);
    return end;
  }

  async #serveLink(connection: CxoConnection): Promise<LinkEnd> {
    try {
      return await connection.run();
    } catch (error) {
      const message = errorText(error);
      const { log } = this.#options;
      log.error(`skychat: cxo connection to ${connection.peer} failed: ${quoteForLog(message)}`);
      return { code: "failed", message };
    }
  }

  #tellDropped({ peer, remoteAddress }: CxoConnection, reason: string): void {
    this.#drops.line(`skychat: cxo dropped ${remoteAddress} (${peer}): ${quoteForLog(reason)}`);
  }

  #onMessage(member: Member, message: CxoMessage, seq: number): void | Promise<void> {
    const { connection } = member;
    if (message.type === "Root" || message.type === "Sub") this.#options.onHeard?.(connection);
    switch (message.type) {
      case "RqObject":
        return this.#onRequest(member, message.id, seq);
      case "Root":
        return this.#onRoot(member, message);
      case "Sub":
        return this.#onSub(member, message.feed, seq);
      case "Unsub":
        if (message.feed === NO_KEY) return connection.close("blank feed");
        member.feeds.delete(message.feed);
        return;
      case "RqPreview":
        return this.#onPreview(member, message.feed, seq);
      default:
        return;
    }
  }

  #onRequest(member: Member, id: ObjectId, seq: number): void | Promise<void> {
    const { connection, share } = member;
    const later = this.#turns.run(share, () => this.#serve(member, id, seq));
    return later === undefined ? connection.roomy : later.then(() => connection.roomy);
  }

  /** Answers a request; what that cost. */
  #serve(member: Member, id: ObjectId, seq: number): number {
    this.#servedAt = this.#options.clock.now();
    const value = this.#objectFor(member, id);
    member.connection.answer(
      seq,
      value === undefined ? { type: "Err", text: "" } : { type: "Object", value },
    );
    return 1 + Math.floor((value?.length ?? 0) / SERVED_UNIT_BYTES);
  }

  #objectFor({ connection, feeds }: Member, id: ObjectId): Uint8Array | undefined {
    if (id === REGISTRY.id) return REGISTRY.bytes;
    for (const { feed } of this.#feeds.values()) {
      const value = feed.object(id);
      if (value === undefined) continue;
      if (feeds.has(feed.key)) return value;
      if (this.#mayFollow(connection, feed.key) && this.#served(connection, feed.key)) return value;
    }
    return undefined;
  }

  /** Slows a peer down that pushes without end, which holds up nobody else. */
  async #onRoot(member: Member, message: RootMessage): Promise<void> {
    const { connection, feeds, roots } = member;
    const { feed } = this.#feeds.get(message.feed) ?? {};
    if (feed === undefined || !feeds.has(message.feed)) return;
    while (!roots.take("", ROOT_RATE) && !connection.isClosed) {
      await this.#options.clock.sleep(ROOT_PAUSE_MS);
    }
    if (connection.isClosed) return;
    const result = feed.offer(message, connection);
    if (result instanceof CxoFault) return this.drop(connection, result.message);
    if (result !== "stale" || member.staleSaid) return;
    member.staleSaid = true;
    this.#options.log.info(
      `skychat: cxo ${connection.remoteAddress} pushes Roots of feed ${message.feed} that are older ` +
        `than ours (seq ${message.seq}): passed over`,
    );
  }

  #onSub(member: Member, feed: KeyHex, seq: number): void {
    const { connection, feeds } = member;
    if (feed === NO_KEY) return connection.close("blank feed");
    const shared = this.#served(connection, feed);
    if (!feeds.has(feed)) {
      const refusal = this.#mayFollow(connection, feed)
        ? shared === undefined ? "do not share the feed" : undefined
        : "subscribe rejected";
      if (refusal !== undefined) {
        return connection.answer(seq, { type: "Err", text: refusal });
      }
      feeds.add(feed);
    }
    connection.answer(seq, { type: "Ok" });
    if (shared?.last !== undefined) connection.notify(rootMessage(shared.last));
  }

  #onPreview({ connection }: Member, feed: KeyHex, seq: number): void {
    const shared = this.#mayFollow(connection, feed) ? this.#served(connection, feed) : undefined;
    if (shared === undefined) return connection.answer(seq, { type: "Err", text: "no such feed" });
    connection.answer(
      seq,
      shared.last === undefined ? { type: "Err", text: "not found" } : rootMessage(shared.last),
    );
  }

  /** A feed as far as a peer that may follow it gets it. */
  #served({ peer }: CxoConnection, key: KeyHex): SharedFeed | undefined {
    const { feed, audience } = this.#feeds.get(key) ?? {};
    return audience === "followers" || peer === key ? feed : undefined;
  }

  #mayFollow(connection: CxoConnection, feed: KeyHex): boolean {
    return this.#options.mayFollow?.(connection.peer, feed) ?? true;
  }
}
