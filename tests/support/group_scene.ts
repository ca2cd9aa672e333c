/** Nodes of a group on a network in memory whose links can be cut, with a clock that is moved by hand. */
import assert from "node:assert/strict";
import { DirectChat } from "#chat";
import type { SecretKey } from "#crypto";
import { EventHub, type MessageEvent } from "#events";
import { MemoryFiles } from "#files";
import {
  GroupSession,
  type GroupSessionOptions,
  type GroupSink,
  type MemberAction,
  type Retraction,
} from "#group";
import type { Clock } from "#kit";
import { type LinkContext, MemoryNetwork, type MemoryStream, NetworkError } from "#net";
import type { MemoryHistory } from "#store";
import { secretOf } from "./feed_node.ts";
import { ManualClock } from "./manual_clock.ts";
import { SeededRandom } from "./seeded_random.ts";

/** The group of all scenes. */
export const GROUP_ID = "4f6c1d2e-8b3a-4c59-9e70-1a2b3c4d5e6f";
/** First port of the nodes of a scene; a port decides a key. */
export const FIRST_PORT = 8_900;
/** One second, nanoseconds. */
export const SECOND = 1_000_000_000n;

/** What a test decides about a node. */
export interface GroupNodeOptions {
  /** Port of the founder; by default {@link FIRST_PORT}. */
  readonly owner?: number;
  /** Ports of members that it dials. */
  readonly peers?: readonly number[];
  /** Ports of members that are listed without an address. */
  readonly members?: readonly number[];
  readonly id?: string;
  readonly kind?: GroupSessionOptions["kind"];
  readonly governance?: "owner" | "all";
  /** Its folder; what outlives it. */
  readonly files?: MemoryFiles;
  /** Its store, with the journal of its feed; what outlives it. */
  readonly history?: MemoryHistory | undefined;
  readonly isBlocked?: (peer: string) => boolean;
  /** Nanoseconds by which its clock of the day is ahead of the others'. */
  readonly wallShift?: bigint;
}

/** The world of one test. */
export class GroupWorld {
  readonly clock = new ManualClock();
  readonly network = new MemoryNetwork();
  readonly #nodes = new Set<GroupNode>();
  #separated: (one: number, other: number) => boolean = () => false;
  #lives = 0;

  /** A node that has begun to run. */
  async start(port: number, options: GroupNodeOptions = {}): Promise<GroupNode> {
    const node = await GroupNode.start(this, { ...options, port, life: this.#lives++ });
    this.#nodes.add(node);
    return node;
  }

  /** Nodes on consecutive ports that all list each other; the first is the founder's. */
  async mesh(
    count: number,
    options: GroupNodeOptions | ((index: number) => GroupNodeOptions) = {},
  ): Promise<GroupNode[]> {
    const ports = Array.from({ length: count }, (_, index) => FIRST_PORT + index);
    const nodes: GroupNode[] = [];
    for (const [index, port] of ports.entries()) {
      const own = typeof options === "function" ? options(index) : options;
      const peers = ports.filter((other) => other !== port);
      nodes.push(await this.start(port, { peers, ...own }));
    }
    return nodes;
  }

  /** Whether two ports cannot reach each other now. */
  isSeparated(one: number, other: number): boolean {
    return this.#separated(one, other);
  }

  /** Breaks what these can say to each other, and lets all others through. */
  separate(separated: (one: number, other: number) => boolean): void {
    this.#separated = separated;
    for (const node of this.#nodes) {
      for (const { port, stream } of node.dialled) {
        if (this.isSeparated(node.port, port)) stream.reset();
      }
    }
  }

  /** Parts the nodes of some ports from all others. */
  partition(...ports: readonly number[]): void {
    this.separate((one, other) => ports.includes(one) !== ports.includes(other));
  }

  /** Everybody reaches everybody. */
  heal(): void {
    this.separate(() => false);
  }

  /** Lets time pass in steps, so that whoever is at work gets on. */
  async pass(ms: number): Promise<void> {
    const step = ms > 10_000 ? 500 : 50;
    for (let at = 0; at < ms; at += step) await this.clock.advance(Math.min(step, ms - at));
  }

  /** Lets everybody get on while no time passes. */
  async instant(): Promise<void> {
    for (let turn = 0; turn < 60; turn++) await this.clock.advance(0);
  }

  /** Stops a node in order, while time passes. */
  async stop(node: GroupNode): Promise<void> {
    this.#nodes.delete(node);
    const closed = node.close();
    await this.pass(3_000);
    await closed;
  }

  /** Ends a node so that nothing more of it gets out, while time passes. */
  async kill(node: GroupNode): Promise<void> {
    for (const other of this.#nodes) {
      for (const { port, stream } of other.dialled) {
        if (port === node.port || other === node) stream.reset();
      }
    }
    await this.stop(node);
  }

  /** Stops every node; no timer may be left. */
  async end(): Promise<void> {
    for (const node of [...this.#nodes]) await this.stop(node);
    assert.equal(this.clock.pending, 0, "timers are left");
  }
}

/** Plays a test in a world of its own, in which nothing may be left to the runtime. */
export async function inGroupWorld(play: (world: GroupWorld) => Promise<void>): Promise<void> {
  const world = new GroupWorld();
  const unhandled: string[] = [];
  const onUnhandled = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push(String(event.reason?.stack ?? event.reason));
  };
  addEventListener("unhandledrejection", onUnhandled);
  await play(world);
  await world.end();
  removeEventListener("unhandledrejection", onUnhandled);
  assert.deepEqual(unhandled, []);
}

/** What a node showed, and what it took back; a chat with a store may stand behind it. */
class RecordingSink implements GroupSink {
  readonly events: MessageEvent[] = [];
  readonly retractions: Retraction[] = [];

  constructor(readonly chat: DirectChat | undefined) {}

  get ready(): Promise<void> | undefined {
    return this.chat?.ready;
  }

  surface(event: MessageEvent): Promise<boolean> | undefined {
    this.events.push(event);
    return this.chat?.surface(event);
  }

  retract(retraction: Retraction): void | Promise<void> {
    this.retractions.push(retraction);
    return this.chat?.retract(retraction);
  }
}

/** A node of a group, without HTTP. */
export class GroupNode {
  readonly port: number;
  readonly secret: SecretKey;
  readonly session: GroupSession;
  readonly files: MemoryFiles;
  readonly logs: string[];
  /** Streams that it dialled, and where to. */
  readonly dialled: { readonly port: number; readonly stream: MemoryStream }[];
  readonly #sink: RecordingSink;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  private constructor(
    parts: Pick<GroupNode, "port" | "secret" | "session" | "files" | "logs" | "dialled"> & {
      readonly sink: RecordingSink;
    },
  ) {
    this.port = parts.port;
    this.secret = parts.secret;
    this.session = parts.session;
    this.files = parts.files;
    this.logs = parts.logs;
    this.dialled = parts.dialled;
    this.#sink = parts.sink;
    this.session.listen();
    this.#running = this.session.run(this.#stop.signal);
  }

  /** Starts a node that listens. */
  static async start(
    world: GroupWorld,
    options: GroupNodeOptions & { readonly port: number; readonly life: number },
  ): Promise<GroupNode> {
    const { files = new MemoryFiles(), history, port } = options;
    const logs: string[] = [];
    const dialled: GroupNode["dialled"] = [];
    const context = contextOf(world, { ...options, logs, dialled });
    const { clock, local: secret, log, random } = context;
    const chat = history && new DirectChat({
      ...{ self: secret.publicKey, clock, random, log, store: history },
      events: new EventHub({ clock, archive: history.events }),
    });
    const sink = new RecordingSink(chat);
    const session = await GroupSession.open({
      id: options.id ?? GROUP_ID,
      owner: keyOf(options.owner ?? FIRST_PORT),
      peers: (options.peers ?? []).map((peer) => `tcp://${keyOf(peer)}@127.0.0.1:${peer}`),
      members: (options.members ?? []).map(keyOf),
      governance: options.governance ?? "owner",
      kind: options.kind,
      ...{ context, files, sink },
      listen: `:${port}`,
      mostLinks: 64,
      folder: "groups",
      journal: (key) => history?.journal(key),
      journalKeys: () => history?.journalFeeds().filter((key) => key.startsWith("group:")) ?? [],
      isBlocked: options.isBlocked ?? (() => false),
    });
    return new GroupNode({ port, secret, session, files, logs, dialled, sink });
  }

  /** Its key in hex. */
  get key(): string {
    return this.secret.publicKey.hex;
  }

  /** Messages that it showed, its own too, in order. */
  get events(): MessageEvent[] {
    return this.#sink.events.filter(({ channel }) => channel === "group");
  }

  /** Texts of others that it showed, in order. */
  get received(): string[] {
    return this.events.filter(({ direction }) => direction === "in").map(({ text }) => text);
  }

  /** What was decided, as it said it. */
  get notices(): string[] {
    return this.#sink.events.filter(({ channel }) => channel === "system").map(({ text }) => text);
  }

  /** Messages that it was told to forget. */
  get retractions(): readonly Retraction[] {
    return this.#sink.retractions;
  }

  /** Who belongs to the group, as this node sees it. */
  get roster(): GroupSession["state"]["roster"] {
    return this.session.state.roster;
  }

  /** Says something to the group; its time. */
  async say(text: string): Promise<bigint> {
    return (await this.session.publisher.send(text)).ts;
  }

  /** Gives a command of an admin. */
  async act(action: MemberAction, peer: { readonly key: string }): Promise<void> {
    await this.session.decide(this.session.desk.act(action, peer.key));
  }

  /** What it knows of its connection to another. */
  state(of: { readonly key: string }): GroupSession["state"]["members"][number] | undefined {
    return this.session.state.members.find(({ member }) => member === of.key);
  }

  /** Stops in order. Time has to pass meanwhile. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#sink.chat?.close();
  }
}

/** The key of a port, hex. */
export function keyOf(port: number): string {
  return secretOf(port).publicKey.hex;
}

/** What a node says that holds: the parts of a roster that decide about everything else. */
export function holds({ roster }: GroupNode): Record<string, unknown> {
  const { admins, backfill, banned, members, muted, readOnlySince } = roster;
  return {
    admins: [...admins].sort(),
    banned: [...banned].sort(),
    members: [...members].sort(),
    muted: [...muted].sort(([a], [b]) => a < b ? -1 : 1),
    ...{ backfill, readOnlySince },
  };
}

function contextOf(
  world: GroupWorld,
  { dialled, life, logs, port, wallShift = 0n }: {
    readonly dialled: GroupNode["dialled"];
    readonly life: number;
    readonly logs: string[];
    readonly port: number;
    readonly wallShift?: bigint;
  },
): LinkContext {
  const { network } = world;
  const take = (line: string) => void logs.push(line);
  return {
    network: {
      connect: async (host, to, signal) => {
        if (world.isSeparated(port, to)) throw new NetworkError("unreachable", "no route to host");
        const stream = await network.connect(host, to, signal);
        dialled.push({ port: to, stream });
        return stream;
      },
      listen: (host, at) => network.listen(host, at),
    },
    clock: shifted(world.clock, wallShift),
    random: new SeededRandom(port * 1_000 + life),
    log: { debug: () => {}, info: take, warn: take, error: take },
    local: secretOf(port),
    requirePostQuantum: false,
  };
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
