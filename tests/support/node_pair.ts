import type { AppConfig, HistoryConfig } from "#app";
import { encodeMessage } from "#chat";
import { SecretKey } from "#crypto";
import { type Clock, silentLog, systemClock, utf8Text } from "#kit";
import { dialLink, type Link, MemoryNetwork, parsePeerSpec } from "#net";
import { encodeFrame, FrameDecoder } from "#session";
import { SeededRandom } from "./seeded_random.ts";
import { TestNode } from "./test_node.ts";

/** The flags of cli.md 2 at their defaults, but for the rate. */
export const DEFAULT_HISTORY: Omit<HistoryConfig, "path"> = {
  perPeerCap: 500,
  ttlDays: 30,
  seed: 50,
  whitelistPath: "",
  perPeerRate: 0,
  totalCapMib: 10,
  maxSize: 4_096,
  groupCap: 5_000,
  groupRate: 60,
};

const [KEEPER_SK, PEER_SK] = ["0a".repeat(32), "0b".repeat(32)];

/** A record of `GET /history`, as far as tests look at it. */
export interface ShownRecord {
  readonly peer: string;
  readonly outgoing: boolean;
  readonly text: string;
  readonly id?: string;
}

/** A running node with its HTTP surface at hand. */
export class HttpNode {
  readonly node: TestNode & { url: string };

  constructor(node: TestNode & { url: string }) {
    this.node = node;
  }

  /** The JSON answer to a GET. */
  // deno-lint-ignore no-explicit-any -- tests look at answers of every shape
  async get(path: string): Promise<any> {
    const reply = await fetch(`${this.node.url}${path}`);
    if (reply.status !== 200) throw new Error(`${path}: ${reply.status} ${await reply.text()}`);
    return await reply.json();
  }

  /** Posts JSON; the status, and the answer's JSON or text. */
  async post(
    path: string,
    body: object,
  ): Promise<{ status: number; body: Record<string, unknown> }> {
    const reply = await fetch(`${this.node.url}${path}`, {
      method: "POST",
      body: JSON.stringify(body),
    });
    const text = await reply.text();
    return { status: reply.status, body: text.startsWith("{") ? JSON.parse(text) : { text } };
  }

  /** Sends a message and waits for its receipt. */
  send(recipient: string, message: string): ReturnType<HttpNode["post"]> {
    return this.post("/message", { recipient, message, wait_ms: 5_000 });
  }

  /** Stored texts, oldest first. */
  async texts(): Promise<string[]> {
    return (await this.get("/history?limit=1000")).map(({ text }: ShownRecord) => text);
  }
}

/** Two whole nodes that share a network in memory: one that keeps messages, and a peer of it. */
export class NodePair {
  readonly folder: string;
  readonly network: MemoryNetwork = new MemoryNetwork();
  readonly clock: Clock;
  readonly keeperKey: string = SecretKey.parse(KEEPER_SK).publicKey.hex;
  readonly peerKey: string = SecretKey.parse(PEER_SK).publicKey.hex;
  readonly #running = new Set<TestNode>();

  private constructor(folder: string, clock: Clock) {
    this.folder = folder;
    this.clock = clock;
  }

  /** Runs an action with a pair of which nothing runs yet, and cleans up. */
  static async with(
    action: (pair: NodePair) => Promise<void>,
    clock: Clock = systemClock,
  ): Promise<void> {
    const pair = new NodePair(await Deno.makeTempDir({ prefix: "skychat-pair-" }), clock);
    try {
      await action(pair);
    } finally {
      for (const node of [...pair.#running].reverse()) await node.stop();
      await Deno.remove(pair.folder, { recursive: true });
    }
  }

  /** Starts the node that keeps messages and is dialled. */
  keeper(config: Partial<AppConfig> = {}): Promise<HttpNode> {
    return this.#start({
      sk: KEEPER_SK,
      tcpListen: ":8801",
      ack: "stored",
      dataFolder: this.folder,
      history: { ...DEFAULT_HISTORY, path: `${this.folder}/history.db` },
      ...config,
    });
  }

  /** Starts the node that dials it, and waits for the link. */
  async peer(): Promise<HttpNode> {
    const peer = await this.#start({ sk: PEER_SK, tcpPeers: [this.#spec] });
    await peer.node.log.until("connected to");
    return peer;
  }

  /** Sends one message with this id, over a link of its own, and waits for the receipt. */
  async sendById(message: { id: string; body: string }): Promise<void> {
    const link = await this.#link();
    const frames = new FrameDecoder();
    const served = link.serve((bytes) => {
      for (const event of frames.push(bytes)) {
        const text = event.kind === "frame" ? utf8Text(event.payload) : event.message;
        if (text !== `{"type":"chat-ack","id":"${message.id}"}`) throw new Error(text);
        link.close();
      }
    });
    await link.write(encodeFrame(encodeMessage({ ...message, ack: true })));
    await served;
  }

  /** Stops a node before the others. */
  async stop({ node }: HttpNode): Promise<void> {
    this.#running.delete(node);
    await node.stop();
  }

  /** Links to the keeper by hand, as the peer does. */
  #link(): Promise<Link> {
    const context = {
      network: this.network,
      clock: this.clock,
      random: new SeededRandom(5),
      log: silentLog,
      local: SecretKey.parse(PEER_SK),
      requirePostQuantum: false,
    };
    return dialLink(context, parsePeerSpec(this.#spec));
  }

  get #spec(): string {
    return `tcp://${this.keeperKey}@127.0.0.1:8801`;
  }

  async #start(config: Partial<AppConfig>): Promise<HttpNode> {
    const { clock, network } = this;
    const node = await TestNode.start({ config, network, clock });
    this.#running.add(node);
    return new HttpNode(node);
  }
}
