import {
  REGISTRY,
  type RootMessage,
  rootMessage,
  signRoot,
  Tree,
  TREE_NODE_SCHEMA,
  ZERO_ID,
} from "#cxo";
import { type Clock, type Timer, utf8 } from "#kit";
import { SecretKey } from "#crypto";
import type { Network } from "#net";
import { GoCopy } from "./feed_go_copy.ts";
import { GoLine } from "./feed_go_line.ts";
import { FeedDoor, FeedLine, type Heard } from "./feed_peer.ts";
import { feedSpec, secretOf } from "./feed_node.ts";
import { SeededRandom } from "./seeded_random.ts";

const BATCH_MS = 300;
const HEARTBEAT_MS = 45_000;
const MISSING_MS = 59_000;
const WATCHDOG_MS = 30_000;
const QUIET_MS = 60_000;

/** The network and the clock: a `FeedWorld` of `feed_node.ts` has this shape. */
export interface GoWorld {
  readonly clock: Clock;
  readonly network: Network;
}

/** What both roles of a Go node may differ in. */
export interface GoOptions {
  /** Probes, as nodes newer than v1.3.94 do. */
  readonly probes?: boolean;
  /** Pause before each object that it asks for. */
  readonly objectDelayMs?: number;
  /** Nanoseconds by which its clock is off. */
  readonly skew?: bigint;
}

/**
 * The publisher of `skychat --cxo` as it is deployed (cxo.md 5.7, 5.8, 6.3): nothing on disk, nonce 1 and
 * Seq 0 at every start, superseded objects dropped at once, a pushed-back Root adopted but not its tree.
 */
export class GoPublisher {
  readonly port: number;
  readonly secret: SecretKey;
  readonly lines: GoLine[] = [];
  readonly copy: GoCopy;
  skew: bigint;
  /** Refuses every Sub with this text. */
  refusal: string | undefined;
  readonly #world: GoWorld;
  readonly #probes: boolean;
  readonly #tree = new Tree();
  #door: FeedDoor | undefined;
  #batch: Timer | undefined;
  #heartbeat: Timer;
  #published = false;
  #publishedAt = 0;
  #counter = 0;

  /** Listens at once. */
  constructor(world: GoWorld, port: number, options: GoOptions = {}) {
    this.port = port;
    this.secret = secretOf(port);
    this.skew = options.skew ?? 0n;
    this.#world = world;
    this.#probes = options.probes ?? false;
    this.copy = new GoCopy({
      feed: this.key,
      clock: world.clock,
      objectDelayMs: options.objectDelayMs ?? 0,
      onComplete: () => {},
    });
    this.#door = new FeedDoor(world.network, {
      ...{ port, secret: this.secret },
      onLine: (line) => this.#onLine(line),
    });
    this.#heartbeat = this.#beat();
  }

  get key(): string {
    return this.secret.publicKey.hex;
  }

  /** The specification under which it is followed. */
  get spec(): string {
    return feedSpec(this.port);
  }

  /** Lines that are up. */
  get live(): GoLine[] {
    return this.lines.filter(({ isClosed }) => !isClosed);
  }

  /** Puts a message into the tree; it goes out 300 ms later. */
  say(text: string): void {
    const nanos = (this.#world.clock.wall() + this.skew).toString().padStart(19, "0");
    this.#tree.put(`msgs/${nanos}-${String(++this.#counter).padStart(6, "0")}`, utf8(text));
    this.#batch ??= this.#world.clock.after(BATCH_MS, () => this.publish());
  }

  /** Publishes what is in the tree. */
  publish(): void {
    this.#batch?.cancel();
    this.#batch = undefined;
    const { root: object, objects } = this.#tree.publish();
    const last = this.copy.last;
    const signed = signRoot({
      refs: [{ object, schema: TREE_NODE_SCHEMA.id }],
      descriptor: new Uint8Array(0),
      registry: REGISTRY.id,
      pub: this.key,
      nonce: last?.root.nonce ?? 1n,
      seq: last === undefined ? 0n : last.root.seq + 1n,
      time: this.#world.clock.wall() + this.skew,
      prev: last?.id ?? ZERO_ID,
    }, this.secret);
    // The encoder gives what is new; a Go node holds its whole tree.
    for (const { id, bytes } of objects) this.#all.set(id, bytes);
    this.copy.add(signed, Array.from(this.#all, ([id, bytes]) => ({ id, bytes })));
    this.#published = true;
    this.#publishedAt = this.#world.clock.now();
    this.#push(rootMessage(signed));
  }
  readonly #all = new Map<string, Uint8Array>();

  /** Its process ends: nothing stays. */
  async close(): Promise<void> {
    this.#batch?.cancel();
    this.#heartbeat.cancel();
    await this.#door?.close();
    this.#door = undefined;
  }

  #push(message: RootMessage): void {
    for (const { feeds, line } of this.live) if (feeds.has(this.key)) line.send(message);
  }

  #beat(): Timer {
    return this.#world.clock.after(HEARTBEAT_MS / 2, () => {
      this.#heartbeat = this.#beat();
      const silence = this.#world.clock.now() - this.#publishedAt;
      if (this.#published && silence >= HEARTBEAT_MS) this.publish();
    });
  }

  #onLine(line: FeedLine): void {
    line.onMessage = ({ message, seq }) => {
      if (message.type !== "Syn") return line.close();
      const go = new GoLine(line, {
        clock: this.#world.clock,
        probes: this.#probes,
        onMessage: (heard, from) => this.#onMessage(heard, from),
        onClosed: () => {},
      });
      this.lines.push(go);
      line.send({ type: "Ack", nodeId: this.key }, seq);
      go.watch();
    };
  }

  #onMessage({ message, seq }: Heard, go: GoLine): void {
    const { line, feeds } = go;
    if (message.type === "Sub") {
      const refusal = message.feed === this.key ? this.refusal : "do not share the feed";
      if (refusal !== undefined) return void line.send({ type: "Err", text: refusal }, seq);
      feeds.add(message.feed);
      line.send({ type: "Ok" }, seq);
      if (this.copy.message !== undefined) line.send(this.copy.message);
    } else if (message.type === "Unsub") feeds.delete(message.feed);
    else if (message.type === "Root") this.copy.offer(message, go);
    else answerObject(this.copy, { message, seq }, go);
  }
}

/** Answers RqObject and RqPreview as a Go node: what is missing may turn up within 59 s. */
function answerObject(copy: GoCopy, { message, seq }: Omit<Heard, "rseq">, go: GoLine): void {
  const { line } = go;
  if (message.type === "RqPreview") {
    line.send(copy.message ?? { type: "Err", text: "not found" }, seq);
  }
  if (message.type !== "RqObject") return;
  const answer = () => {
    const value = copy.objects.get(message.id);
    line.send(value === undefined ? { type: "Err", text: "" } : { type: "Object", value }, seq);
  };
  if (copy.objects.has(message.id)) answer();
  else go.after(MISSING_MS, answer);
}

/** The subscriber of `skychat --cxo` as it is deployed (cxo.md 4.4, 6.4, 7.5): a random node id, one feed. */
export class GoSubscriber {
  readonly copy: GoCopy;
  /** Every text that it showed, in order. */
  readonly shown: string[] = [];
  /** Lines that it had, in order. */
  readonly lines: GoLine[] = [];
  /** Why its dials and subscriptions failed. */
  readonly failures: string[] = [];
  readonly #world: GoWorld;
  readonly #port: number;
  readonly #feed: string;
  readonly #secret: SecretKey;
  readonly #probes: boolean;
  #map = new Map<string, string>();
  #timer: Timer | undefined;
  #backoff = 1_000;
  #completedAt = 0;
  #closed = false;

  /** Dials at once. */
  constructor(
    world: GoWorld,
    { port, life = 0, ...options }: GoOptions & { port: number; life?: number },
  ) {
    this.#world = world;
    this.#port = port;
    this.#feed = secretOf(port).publicKey.hex;
    this.#probes = options.probes ?? false;
    this.#secret = SecretKey.generate(new SeededRandom(port * 31 + 7_000 + life));
    this.copy = new GoCopy({
      feed: this.#feed,
      clock: world.clock,
      objectDelayMs: options.objectDelayMs ?? 0,
      onComplete: (leaves) => this.#onComplete(leaves),
    });
    void this.#first();
  }

  /** Its line, while it is up. */
  get line(): GoLine | undefined {
    return this.lines.findLast(({ isClosed }) => !isClosed);
  }

  /** Its process ends. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await Promise.all(this.lines.map(({ line }) => line.end()));
  }

  #onComplete(leaves: ReadonlyMap<string, string>): void {
    this.#completedAt = this.#world.clock.now();
    // Upstream reports in random order; sorted, so that tests can tell.
    for (const [path, text] of [...leaves].sort(([a], [b]) => a < b ? -1 : 1)) {
      if (this.#map.get(path) !== text) this.shown.push(text);
    }
    this.#map = new Map(leaves);
  }

  async #first(): Promise<void> {
    if (await this.#connect() || this.#closed) return this.#watch();
    this.#timer = this.#world.clock.after(this.#backoff, () => void this.#first());
    this.#backoff = Math.min(32_000, 2 * this.#backoff);
  }

  #watch(): void {
    if (this.#closed) return;
    this.#timer = this.#world.clock.after(WATCHDOG_MS, () => {
      if (this.#world.clock.now() - this.#completedAt >= QUIET_MS) void this.#again();
      this.#watch();
    });
  }

  async #again(): Promise<void> {
    if (this.line === undefined) await this.#connect();
    else await this.#subscribe(this.line);
  }

  async #connect(): Promise<boolean> {
    const { clock, network } = this.#world;
    try {
      const line = await FeedLine.dial(network, { port: this.#port, secret: this.#secret });
      const go = new GoLine(line, {
        ...{ clock, probes: this.#probes },
        onMessage: (heard, from) => this.#onMessage(heard, from),
        onClosed: () => {},
      });
      this.lines.push(go);
      const ack = await go.ask({ type: "Syn", protocol: 3, nodeId: this.#secret.publicKey.hex });
      if (typeof ack === "string" || ack.type !== "Ack") throw new Error(`no Ack: ${ack}`);
      go.watch();
      return await this.#subscribe(go);
    } catch (error) {
      this.failures.push(String(error));
      return false;
    }
  }

  async #subscribe(go: GoLine): Promise<boolean> {
    go.feeds.add(this.#feed);
    const answer = await go.ask({ type: "Sub", feed: this.#feed });
    if (typeof answer === "string" || answer.type !== "Ok") {
      this.failures.push(`Sub: ${typeof answer === "string" ? answer : answer.type}`);
      return false;
    }
    this.#completedAt = this.#world.clock.now();
    if (this.copy.message !== undefined) go.line.send(this.copy.message);
    return true;
  }

  #onMessage({ message, seq }: Heard, go: GoLine): void {
    if (message.type === "Root") return this.copy.offer(message, go);
    if (message.type === "Unsub") return void go.feeds.delete(message.feed);
    if (message.type === "Sub") {
      const known = message.feed === this.#feed;
      return void go.line.send(
        known ? { type: "Ok" } : { type: "Err", text: "do not share the feed" },
        seq,
      );
    }
    answerObject(this.copy, { message, seq }, go);
  }
}
