/** Nodes with the links of a group and nothing above them, on a network in memory. */
import assert from "node:assert/strict";
import type { SecretKey } from "#crypto";
import { type FeedUpdate, PublishedFeed } from "#cxo";
import { utf8, utf8Text } from "#kit";
import { type LinkContext, MemoryNetwork, type MemoryStream, NetworkError } from "#net";
import { MemberLinks } from "../../lib/group/member_links.ts";
import { secretOf } from "./feed_node.ts";
import { ManualClock } from "./manual_clock.ts";
import { SeededRandom } from "./seeded_random.ts";

/** What a test decides about a node. */
export interface LinksNodeOptions {
  /** Whether it can be reached; default yes. */
  readonly listens?: boolean;
  /** Accepted links at a time. */
  readonly mostLinks?: number;
  /** Called before what is new counts as handled. */
  readonly onUpdate?: (member: string, update: FeedUpdate) => Promise<void>;
}

/** The world of one test. */
export class LinksWorld {
  readonly clock = new ManualClock();
  readonly network = new MemoryNetwork();
  /** Ports that take connections and never answer. */
  readonly silent = new Set<number>();
  readonly nodes: LinksNode[] = [];
  #lives = 0;

  /** A node that has begun to run; its port decides its key. */
  start(port: number, options: LinksNodeOptions = {}): LinksNode {
    const node = new LinksNode(this, { port, life: this.#lives++, ...options });
    this.nodes.push(node);
    return node;
  }

  /** Nodes on consecutive ports, all of which list each other. */
  mesh(count: number, firstPort = 8_900): LinksNode[] {
    const nodes = Array.from({ length: count }, (_, index) => this.start(firstPort + index));
    for (const node of nodes) node.list(nodes);
    return nodes;
  }

  /** Lets time pass in steps, so that whoever is at work gets on. */
  async pass(ms: number): Promise<void> {
    const step = ms > 10_000 ? 500 : 50;
    for (let at = 0; at < ms; at += step) await this.clock.advance(Math.min(step, ms - at));
  }

  /** Stops a node while time passes. */
  async stop(node: LinksNode): Promise<void> {
    this.nodes.splice(this.nodes.indexOf(node), 1);
    const stopped = node.stop();
    await this.pass(1_000);
    await stopped;
  }

  /** Stops every node; no timer may be left. */
  async end(): Promise<void> {
    for (const node of [...this.nodes]) await this.stop(node);
    assert.equal(this.clock.pending, 0, "timers are left");
  }
}

/** Plays a test in a world of its own, in which nothing may be left to the runtime. */
export async function inLinksWorld(play: (world: LinksWorld) => Promise<void>): Promise<void> {
  const world = new LinksWorld();
  const unhandled: string[] = [];
  const onUnhandled = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push(String(event.reason));
  };
  addEventListener("unhandledrejection", onUnhandled);
  await play(world);
  await world.end();
  removeEventListener("unhandledrejection", onUnhandled);
  assert.deepEqual(unhandled, []);
}

/** One node: its own feed, its links, and what it got of others. */
export class LinksNode {
  readonly port: number;
  readonly secret: SecretKey;
  /** What its links are made with. */
  readonly context: LinkContext;
  readonly feed: PublishedFeed;
  readonly links: MemberLinks;
  /** Keys with a seat. */
  readonly seats = new Set<string>();
  /** Streams that it dialled, in order, and where to. */
  readonly dialled: { readonly port: number; readonly stream: MemoryStream; open: boolean }[] = [];
  /** Every dial that was tried. */
  readonly tried: { readonly port: number; readonly at: number }[] = [];
  readonly logs: string[] = [];
  readonly #got = new Map<string, Map<string, string>>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  /** Runs at once, with nobody listed. */
  constructor(world: LinksWorld, options: LinksNodeOptions & { port: number; life: number }) {
    const { life, listens = true, mostLinks = 64, port } = options;
    this.port = port;
    this.secret = secretOf(port);
    this.context = this.#contextIn(world, port * 1_000 + life);
    const { clock } = world;
    this.feed = new PublishedFeed({
      ...{ secret: this.secret, clock, journal: undefined },
      announce: (root) => this.links.announce(root),
      onRecovered: () => Promise.resolve(),
      onHostile: (source, fault) => this.links.drop(source, fault.message),
    });
    this.links = new MemberLinks({
      ...{ context: this.context, mostLinks, feed: this.feed },
      listen: listens ? `:${port}` : "",
      mayFollow: (nodeId) => this.seats.has(nodeId),
      onUpdate: async (member, update) => {
        await options.onUpdate?.(member, update);
        this.#take(member, update);
      },
    });
    this.links.listen();
    this.#running = this.links.run(this.#stop.signal);
  }

  /** Its key. */
  get key(): string {
    return this.secret.publicKey.hex;
  }

  /** Gives seats to these, itself included, and follows them. */
  list(nodes: readonly (LinksNode | number)[], addressOf = addressOfPort): void {
    this.seats.clear();
    const wanted = new Map<string, string | undefined>();
    for (const node of nodes) {
      const port = typeof node === "number" ? node : node.port;
      const key = secretOf(port).publicKey.hex;
      this.seats.add(key);
      wanted.set(key, addressOf(port));
    }
    this.links.setMembers(wanted);
  }

  /** Puts a text into its feed. */
  put(path: string, text: string): void {
    this.feed.put(path, utf8(text));
  }

  /** What it has of the feed of another now. */
  has(of: { readonly key: string }): Record<string, string> {
    return Object.fromEntries(this.#got.get(of.key) ?? []);
  }

  /** What it knows of its connection to another. */
  state(of: { readonly key: string }): ReturnType<MemberLinks["states"]>[number] | undefined {
    return this.links.states().find(({ member }) => member === of.key);
  }

  /** Stops in order. */
  async stop(): Promise<void> {
    await this.feed.close();
    this.#stop.abort();
    await this.#running;
  }

  #contextIn({ clock, network, silent }: LinksWorld, seed: number): LinkContext {
    const take = (line: string) => void this.logs.push(line);
    return {
      network: {
        connect: async (host, port, signal) => {
          this.tried.push({ port, at: clock.now() });
          if (silent.has(port)) await aborted(signal);
          if (host === "nowhere") throw new NetworkError("unreachable", "no route to host");
          const stream = await network.connect(host, port, signal);
          const entry = { port, stream, open: true };
          this.dialled.push(entry);
          void stream.released.then(() => entry.open = false);
          return stream;
        },
        listen: (host, port) => network.listen(host, port),
      },
      ...{ clock, random: new SeededRandom(seed), local: this.secret },
      log: { debug: () => {}, info: take, warn: take, error: take },
      requirePostQuantum: false,
    };
  }

  #take(member: string, { changes }: FeedUpdate): void {
    const got = this.#got.get(member) ?? new Map<string, string>();
    this.#got.set(member, got);
    for (const change of changes) {
      if (change.value === undefined) got.delete(change.path);
      else got.set(change.path, utf8Text(change.value));
    }
  }
}

/** Connections between two nodes that are up, dialled by whichever. */
export function linesBetween(one: LinksNode, other: LinksNode): number {
  const from = (who: LinksNode, to: LinksNode) =>
    who.dialled.filter(({ port, open }) => port === to.port && open).length;
  return from(one, other) + from(other, one);
}

/** That every pair has one connection. */
export function assertOneLineEach(nodes: readonly LinksNode[]): void {
  nodes.forEach((one, index) => {
    for (const other of nodes.slice(index + 1)) {
      assert.equal(linesBetween(one, other), 1, `${one.port} and ${other.port}`);
    }
  });
}

/** That every node has exactly what every other published. */
export function assertMesh(nodes: readonly LinksNode[], said: (node: LinksNode) => string): void {
  for (const node of nodes) {
    for (const other of nodes) {
      if (other === node) continue;
      assert.deepEqual(node.has(other), { "msgs/1": said(other) }, `${node.port} of ${other.port}`);
      const { connected, following } = node.state(other) ?? {};
      assert.deepEqual([connected, following], [true, true], `${node.port} to ${other.port}`);
    }
  }
}

function addressOfPort(port: number): string | undefined {
  return `127.0.0.1:${port}`;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
