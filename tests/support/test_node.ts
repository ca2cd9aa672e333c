import { type AppConfig, type Environment, type NodeRun, runNode, type Serving } from "#app";
import { type Clock, type Log, systemClock } from "#kit";
import { MemoryNetwork, type Network } from "#net";
import { SeededRandom } from "./seeded_random.ts";

/** What a test decides about a node; the rest is a node with HTTP only, on a port of the system's choice. */
export interface TestNodeOptions {
  readonly config?: Partial<AppConfig>;
  readonly network?: Network;
  readonly clock?: Clock;
  readonly env?: Environment;
}

/** A log that keeps its lines, each as `<LEVEL> <text>`. */
export class RecordingLog implements Log {
  readonly lines: string[] = [];
  #waiting = new Set<() => void>();

  debug(): void {}

  info(text: string): void {
    this.#add(`INFO ${text}`);
  }

  warn(text: string): void {
    this.#add(`WARN ${text}`);
  }

  error(text: string): void {
    this.#add(`ERROR ${text}`);
  }

  /** Waits until a line contains this. */
  until(part: string): Promise<string> {
    return new Promise((resolve) => {
      const look = () => {
        const line = this.lines.find((text) => text.includes(part));
        if (line === undefined) return;
        this.#waiting.delete(look);
        resolve(line);
      };
      this.#waiting.add(look);
      look();
    });
  }

  #add(line: string): void {
    this.lines.push(line);
    for (const look of this.#waiting) look();
  }
}

/** A whole node in this process: real HTTP on loopback, links in memory. */
export class TestNode {
  readonly log: RecordingLog = new RecordingLog();
  /** The exit code, once it ended. */
  readonly code: Promise<number>;
  /** Where it serves; undefined when it ended before. */
  readonly serving: Promise<Serving | undefined>;
  readonly #stop = new AbortController();

  private constructor({ config = {}, network, clock, env = {} }: TestNodeOptions) {
    const served = Promise.withResolvers<Serving | undefined>();
    this.serving = served.promise;
    const run: NodeRun = {
      network: network ?? new MemoryNetwork(),
      clock: clock ?? systemClock,
      random: new SeededRandom(11),
      log: this.log,
      env,
      signal: this.#stop.signal,
      onServing: served.resolve,
    };
    this.code = runNode({ ...HTTP_ONLY, ...config }, run)
      .finally(() => served.resolve(undefined));
  }

  /** Starts a node that must serve. */
  static async start(options: TestNodeOptions = {}): Promise<TestNode & { url: string }> {
    const node = new TestNode(options);
    const serving = await node.serving;
    if (serving === undefined) throw new Error(`The node ended:\n${node.log.lines.join("\n")}`);
    return Object.assign(node, { url: `http://${serving.controlAddress}` });
  }

  /** Runs a node that must end by itself; one that serves instead is stopped, and the call throws. */
  static async fail(options: TestNodeOptions): Promise<{ code: number; lines: string[] }> {
    const node = new TestNode(options);
    if (await node.serving !== undefined) {
      await node.stop();
      throw new Error(`The node started:\n${node.log.lines.join("\n")}`);
    }
    return { code: await node.code, lines: node.log.lines };
  }

  /** Asks it to stop, as SIGTERM does, and returns the exit code. */
  stop(): Promise<number> {
    this.#stop.abort();
    return this.code;
  }
}

const HTTP_ONLY: AppConfig = {
  visor: undefined,
  addr: "127.0.0.1:0",
  tcpListen: "",
  tcpPeers: [],
  tcpWhitelist: "",
  sk: undefined,
  configPath: undefined,
  noPassword: false,
  cxo: undefined,
  group: undefined,
  // Nobody joins a group here, and one that did would find no folder.
  groupDefaults: {
    listen: "127.0.0.1:0",
    advertise: "",
    folder: "./no-such-folder/groups",
    governance: "owner",
  },
  pairEnable: false,
  ack: "received",
  history: undefined,
  passwordFile: undefined,
  internalToken: undefined,
  // Nothing is there, and a test that writes settings brings a folder of its own.
  dataFolder: "./no-such-folder",
  requirePostQuantum: false,
};
