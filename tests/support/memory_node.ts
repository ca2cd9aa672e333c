import { DirectChat, type DirectChatOptions } from "#chat";
import { SecretKey } from "#crypto";
import { EventHub } from "#events";
import { silentLog } from "#kit";
import {
  Acceptor,
  Dialer,
  dialLink,
  type Link,
  type LinkContext,
  MemoryNetwork,
  type MemoryStream,
  type MemoryStreamOptions,
  parsePeerSpec,
  parseWhitelist,
} from "#net";
import { type ManualClock, settle } from "./manual_clock.ts";
import { SeededRandom } from "./seeded_random.ts";

/** The world that the nodes of one test share. */
export class MemoryWorld {
  readonly clock: ManualClock;
  readonly network: MemoryNetwork;
  #nextPort = 8_801;

  constructor(clock: ManualClock, options: MemoryStreamOptions = {}) {
    this.clock = clock;
    this.network = new MemoryNetwork(options);
  }

  /** A node that listens, with an identity of its own: that of its port, which a restart keeps. */
  node(options: Partial<MemoryNodeOptions> = {}): MemoryNode {
    return new MemoryNode(this, { port: this.#nextPort++, whitelist: "", chat: {}, ...options });
  }
}

/** What a test decides about a node. */
export interface MemoryNodeOptions {
  readonly port: number;
  readonly whitelist: string;
  readonly chat: Partial<DirectChatOptions>;
}

/** A whole node without HTTP: identity, listener, dialers, direct chat, events. */
export class MemoryNode {
  readonly secret: SecretKey;
  readonly events: EventHub;
  readonly chat: DirectChat;
  /** Streams this node dialled, in order. */
  readonly dialled: MemoryStream[] = [];
  /** Everything on this node's `/sse`, parsed, once {@link settle}d. */
  readonly seen: Record<string, unknown>[] = [];
  readonly #world: MemoryWorld;
  readonly #port: number;
  readonly #context: LinkContext;
  readonly #acceptor: Acceptor;
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>[] = [];

  constructor(world: MemoryWorld, options: MemoryNodeOptions) {
    const { clock, network } = world;
    const random = new SeededRandom(options.port);
    const whitelist = parseWhitelist(options.whitelist, silentLog);
    if (whitelist === "all-invalid") throw new TypeError("Cannot listen: no key is valid");
    this.#world = world;
    this.#port = options.port;
    this.secret = SecretKey.generate(random);
    this.events = new EventHub({ clock });
    const self = this.secret.publicKey;
    this.chat = new DirectChat({
      self,
      clock,
      random,
      log: silentLog,
      events: this.events,
      ...options.chat,
    });
    this.#context = {
      network: {
        connect: async (host, port, signal) => {
          const stream = await network.connect(host, port, signal);
          this.dialled.push(stream);
          return stream;
        },
        listen: (host, port) => network.listen(host, port),
      },
      clock,
      random,
      log: silentLog,
      local: this.secret,
      requirePostQuantum: false,
    };
    this.#acceptor = new Acceptor(this.#context, {
      address: { host: "", port: options.port },
      label: `:${options.port}`,
      whitelist,
      onLink: (link) => this.chat.attach(link),
    });
    this.#acceptor.listen();
    this.#running.push(this.#acceptor.run(), this.#collect());
  }

  /** This node's key. */
  get key(): SecretKey["publicKey"] {
    return this.secret.publicKey;
  }

  /** Its port, for a node that takes its place. */
  get port(): number {
    return this.#port;
  }

  /** The specification under which others dial this node. */
  get spec(): string {
    return `tcp://${this.key}@127.0.0.1:${this.#port}`;
  }

  /** Keeps a link to another node, as `--tcp-peer` does. */
  async keepLinkTo(other: MemoryNode): Promise<void> {
    const dialer = new Dialer(this.#context, {
      endpoint: parsePeerSpec(other.spec),
      onLink: (link) => this.chat.attach(link),
    });
    this.#running.push(dialer.run(this.#stop.signal));
    await until(() => dialer.connected);
  }

  /** Opens one link to another node, as `send --via` does; the test serves it. */
  async dial(other: MemoryNode): Promise<Link> {
    return await dialLink(this.#context, parsePeerSpec(other.spec));
  }

  /** Stops everything. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#acceptor.close();
    await this.chat.close();
    this.events.close();
    await Promise.all(this.#running);
    await this.#world.clock.advance(0);
  }

  async #collect(): Promise<void> {
    const reader = this.events.subscribeLegacy();
    for (let batch = await reader.next(); batch.length > 0; batch = await reader.next()) {
      for (const line of batch) this.seen.push(JSON.parse(line));
    }
  }
}

/** Lets everything run that needs no time, until a condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn > 500) throw new Error(`Cannot go on: ${condition} never became true`);
    await settle();
  }
}
