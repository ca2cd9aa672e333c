import { DirectChat } from "#chat";
import { SecretKey } from "#crypto";
import { EventHub } from "#events";
import { DirectFeeds } from "#group";
import type { Clock, Log } from "#kit";
import {
  type LinkContext,
  MemoryNetwork,
  MemoryStream,
  NetworkError,
  type StreamListener,
} from "#net";
import type { MemoryHistory } from "#store";
import type { ManualClock } from "./manual_clock.ts";
import { SeededRandom } from "./seeded_random.ts";

/** A message as a node showed it. */
export interface Shown {
  readonly dir: string;
  readonly from: string;
  readonly text: string;
  readonly ts: string;
  readonly channel: string;
  readonly transport: string;
  readonly to?: string;
  readonly group_id?: string;
  readonly seq: number;
  readonly id: string;
}

/** The world of one test: a network in memory whose links can be cut, and a clock that is moved by hand. */
export class FeedWorld {
  readonly clock: ManualClock;
  readonly network = new MemoryNetwork();
  readonly #cut = new Set<number>();
  readonly #held = new Set<number>();
  #lives = 0;
  readonly #nodes = new Set<FeedNode>();

  constructor(clock: ManualClock) {
    this.clock = clock;
  }

  /** A node on a port, which decides its key too, so that a restart keeps it. */
  async start(port: number, options: Partial<FeedNodeOptions> = {}): Promise<FeedNode> {
    const node = await FeedNode.start(this, { port, peers: [], life: this.#lives++, ...options });
    this.#nodes.add(node);
    return node;
  }

  /** Takes a node off the network: its connections break, and none can be made. */
  cut(node: FeedNode): void {
    this.#cut.add(node.port);
    for (const other of this.#nodes) {
      for (const { port, stream } of other.dialled) {
        if (port === node.port || other === node) stream.reset();
      }
    }
  }

  /** Puts it back. */
  heal(node: FeedNode): void {
    this.#cut.delete(node.port);
  }

  /** Whether one of two ports is off the network. */
  isCut(...ports: readonly number[]): boolean {
    return ports.some((port) => this.#cut.has(port));
  }

  /** Holds all bytes to and from a node, as a line does that went dead without anybody being told. */
  hold(node: FeedNode): void {
    this.#held.add(node.port);
    for (const stream of this.#streamsOf(node)) stream.hold();
  }

  /** Lets what was held arrive. */
  release(node: FeedNode): void {
    this.#held.delete(node.port);
    for (const stream of this.#streamsOf(node)) stream.release();
  }

  /** Whether one of two ports is dead to the other. */
  isHeld(...ports: readonly number[]): boolean {
    return ports.some((port) => this.#held.has(port));
  }

  /** Lets time pass in steps, so that whoever is at work gets on. */
  async pass(ms: number): Promise<void> {
    const step = ms > 10_000 ? 500 : 50;
    for (let at = 0; at < ms; at += step) await this.clock.advance(Math.min(step, ms - at));
  }

  /** Stops a node in order, while time passes. */
  async stop(node: FeedNode): Promise<void> {
    this.#nodes.delete(node);
    const closed = node.close();
    await this.pass(2_000);
    await closed;
  }

  /** Ends a node as a crash does, while time passes. */
  async kill(node: FeedNode): Promise<void> {
    this.#nodes.delete(node);
    for (const stream of this.#streamsOf(node)) stream.reset();
    const closed = node.close();
    await this.pass(2_000);
    await closed;
  }

  /** Stops every node; no timer may be left. */
  async end(): Promise<void> {
    for (const node of [...this.#nodes]) await this.stop(node);
    if (this.clock.pending > 0) throw new Error(`${this.clock.pending} timers are left`);
  }

  /** Both ends of every stream from or to a node. */
  #streamsOf(node: FeedNode): MemoryStream[] {
    const found: MemoryStream[] = [];
    for (const other of [...this.#nodes, node]) {
      for (const { port, stream } of other.dialled) {
        if (port !== node.port && other !== node) continue;
        found.push(stream);
        const peer = [...this.#nodes, node].flatMap(({ accepted }) => accepted)
          .find(({ remoteAddress }) => remoteAddress === stream.localAddress);
        if (peer !== undefined) found.push(peer);
      }
    }
    return found;
  }
}

/** What a test decides about a node. */
export interface FeedNodeOptions {
  readonly port: number;
  /** Nodes whose feeds are followed. */
  readonly peers: readonly { readonly spec: string }[];
  /** What outlives it. */
  readonly history?: MemoryHistory | undefined;
  readonly log?: Log;
  readonly cap?: number;
  readonly maxAgeMs?: number;
  readonly isBlocked?: (peer: string) => boolean;
  /** Nanoseconds by which its clock of the day is ahead of the others'. */
  readonly wallShift?: bigint;
  /** Makes its ephemeral keys; another one for each life. */
  readonly life?: number;
}

/** The secret key of whoever has a port. */
export function secretOf(port: number): SecretKey {
  return SecretKey.generate(new SeededRandom(port));
}

/** The specification under which the feed of a port is followed. */
export function feedSpec(port: number): string {
  return `tcp://${secretOf(port).publicKey}@127.0.0.1:${port}`;
}

/** A node with feeds, chat and events, without HTTP. */
export class FeedNode {
  readonly port: number;
  readonly secret: SecretKey;
  readonly events: EventHub;
  readonly chat: DirectChat;
  readonly feeds: DirectFeeds;
  /** Streams that it dialled, and where to. */
  readonly dialled: { readonly port: number; readonly stream: MemoryStream }[];
  /** Streams that it accepted. */
  readonly accepted: MemoryStream[];
  /** Everything on its `/events`. */
  readonly shown: Shown[] = [];
  readonly logs: string[];
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>[];

  private constructor(
    parts: Pick<
      FeedNode,
      "port" | "secret" | "events" | "chat" | "feeds" | "dialled" | "accepted" | "logs"
    >,
  ) {
    ({
      port: this.port,
      secret: this.secret,
      events: this.events,
      chat: this.chat,
      feeds: this.feeds,
      dialled: this.dialled,
      accepted: this.accepted,
      logs: this.logs,
    } = parts);
    this.feeds.listen();
    this.#running = [this.feeds.run(this.#stop.signal), this.#collect()];
  }

  /** Starts a node that listens. */
  static async start(world: FeedWorld, options: FeedNodeOptions): Promise<FeedNode> {
    const { network } = world;
    const { history, life = 0, peers, port, wallShift = 0n } = options;
    const clock = shifted(world.clock, wallShift);
    const secret = secretOf(port);
    const random = new SeededRandom(port * 1_000 + life);
    const logs: string[] = [];
    const take = (line: string) => void logs.push(line);
    const log = options.log ?? { debug: () => {}, info: take, warn: take, error: take };
    const dialled: FeedNode["dialled"] = [];
    const accepted: MemoryStream[] = [];
    const context: LinkContext = {
      network: {
        connect: async (host, to, signal) => {
          if (world.isCut(port, to)) throw new NetworkError("unreachable", "no route to host");
          if (world.isHeld(port, to)) await aborted(signal);
          const stream = await network.connect(host, to, signal);
          dialled.push({ port: to, stream });
          return stream;
        },
        listen: (host, at) => recorded(network.listen(host, at), accepted),
      },
      ...{ clock, random, log },
      local: secret,
      requirePostQuantum: false,
    };
    const events = new EventHub({ clock, archive: history?.events });
    const chat = new DirectChat({
      self: secret.publicKey,
      ...{ clock, random, log, events },
      ...(history && { store: history }),
    });
    const feeds = await DirectFeeds.open({
      context,
      listen: `:${port}`,
      peers: peers.map(({ spec }) => spec),
      mostLinks: 64,
      sink: chat,
      journal: (feed) => history?.journal(feed),
      recorded: history && (async (feed) => {
        const records = await history.byPeer(feed, 0);
        return records.flatMap(({ id }) => id ?? []);
      }),
      cap: options.cap,
      maxAgeMs: options.maxAgeMs,
      isBlocked: (peer) => options.isBlocked?.(peer.hex) ?? false,
      isUnapproved: () => false,
    });
    return new FeedNode({ port, secret, events, chat, feeds, dialled, accepted, logs });
  }

  /** Its key in hex. */
  get key(): string {
    return this.secret.publicKey.hex;
  }

  /** The specification under which others follow it. */
  get spec(): string {
    return feedSpec(this.port);
  }

  /** Texts that it received, in the order in which it showed them. */
  get received(): string[] {
    return this.shown.filter(({ dir }) => dir === "in").map(({ text }) => text);
  }

  /** Says something to nobody in particular. */
  async say(text: string): Promise<void> {
    const outcome = await this.feeds.publish({ recipient: this.key, text });
    if (outcome.kind !== "published") throw new Error(outcome.message);
  }

  /** Stops in order. Time has to pass meanwhile where others are to fetch what it published last. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.chat.close();
    await this.#running[0];
    this.events.close();
    await Promise.all(this.#running);
  }

  async #collect(): Promise<void> {
    const channels = new Set(["dm", "group"] as const);
    const reader = this.events.subscribe({ channels, since: 0 });
    for (let batch = await reader.next(); batch.length > 0; batch = await reader.next()) {
      for (const line of batch) this.shown.push(JSON.parse(line));
    }
  }
}

/** A listener that remembers what it accepted. */
function recorded(listener: StreamListener, accepted: MemoryStream[]): StreamListener {
  return {
    address: listener.address,
    accept: async () => {
      const stream = await listener.accept();
      if (stream instanceof MemoryStream) accepted.push(stream);
      return stream;
    },
    close: () => listener.close(),
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** The same clock with another time of the day. */
function shifted(clock: Clock, by: bigint): Clock {
  return {
    now: () => clock.now(),
    wall: () => clock.wall() + by,
    after: (ms, action) => clock.after(ms, action),
    sleep: (ms, signal) => clock.sleep(ms, signal),
  };
}
