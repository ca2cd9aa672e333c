/** A publisher that an operator trusted and should not have, beside a good one, and the node between them. */
import assert from "node:assert/strict";
import { type SecretKey, sha256, signDigest } from "#crypto";
import {
  type CxoMessage,
  encodeRoot,
  encodeTreeEntry,
  encodeTreeNode,
  objectOf,
  REGISTRY,
  type Root,
  type RootMessage,
  rootMessage,
  signRoot,
  TREE_NODE_SCHEMA,
  type TreeEntry,
  Writer,
  ZERO_ID,
} from "#cxo";
import { NO_BYTES } from "#kit";
import { type FeedNode, feedSpec, type FeedWorld, secretOf } from "./feed_node.ts";
import { GoPublisher } from "./feed_go.ts";
import { FeedDoor, type FeedLine, type Heard } from "./feed_peer.ts";
import { inWorld } from "./feed_scene.ts";

const GOOD_PORT = 8_802;
const EVIL_PORT = 8_803;
const VICTIM_PORT = 8_804;

/** Id of some Root before. */
export const SOME_ID = "ab".repeat(32);

/** What a test decides about a hostile publisher. */
export interface HostileOptions {
  /** Called for every line once its Sub was answered with Ok. */
  readonly onFollowed?: (line: FeedLine, evil: HostilePublisher) => void;
  /** Called for everything else that a line says; true: it is taken care of. */
  readonly onMessage?: (heard: Heard, line: FeedLine, evil: HostilePublisher) => boolean;
  /** What it calls itself. */
  readonly nodeId?: string;
  /** Lines that it takes; more are hung up on. */
  readonly mostLines?: number;
}

/** Makes Roots and objects of any kind, serves what it made, and does what a test says. */
export class HostilePublisher {
  readonly secret: SecretKey = secretOf(EVIL_PORT);
  readonly spec: string = feedSpec(EVIL_PORT);
  readonly objects = new Map<string, Uint8Array>();
  readonly lines: FeedLine[] = [];
  /** Seq of the next Root. */
  seq = 1n;
  readonly #world: FeedWorld;
  readonly #options: HostileOptions;
  readonly #door: FeedDoor;

  constructor(world: FeedWorld, options: HostileOptions) {
    this.#world = world;
    this.#options = options;
    const { secret } = this;
    this.#door = new FeedDoor(world.network, {
      ...{ port: EVIL_PORT, secret },
      onLine: (line) => this.#onLine(line),
    });
  }

  get key(): string {
    return this.secret.publicKey.hex;
  }

  /** The line that is up. */
  get line(): FeedLine | undefined {
    return this.lines.findLast(({ isClosed }) => !isClosed);
  }

  /** Serves these bytes; their id. */
  put(bytes: Uint8Array): string {
    const { id } = objectOf(bytes);
    this.objects.set(id, bytes);
    return id;
  }

  /** An entry with no more checks than it takes to encode it. */
  entry({ name = "x", sub = ZERO_ID, leaf = NO_BYTES }: Partial<TreeEntry>): string {
    return this.put(encodeTreeEntry({ name, sub, leaf }));
  }

  /** A TreeNode of at most 1024 children. */
  node(entries: readonly Partial<TreeEntry>[]): string {
    const ids = entries.map((entry) => this.entry(entry));
    return this.put(encodeTreeNode(this.refs({ depth: 0, degree: 1024, count: ids.length, ids })));
  }

  /** A Refs top that says what it is told to. */
  refs(part: { depth: number; degree: number; count: number; ids: readonly string[] }): string {
    const writer = new Writer().u32(part.depth).u32(part.degree).u32(part.count);
    return this.put(writer.list(part.ids, (id) => writer.hex(id)).finish());
  }

  /** A sound Root of a TreeNode, but for what a test wants otherwise. */
  root(node: string | undefined, changes: Partial<Root> = {}): RootMessage {
    return rootMessage(signRoot(this.fields(node, changes), this.secret));
  }

  /** The same of a feed of somebody else. */
  foreign(node: string | undefined): RootMessage {
    const secret = secretOf(7_777);
    return rootMessage(signRoot(this.fields(node, { pub: secret.publicKey.hex }), secret));
  }

  /** A Root that signRoot would refuse to sign. */
  forged(node: string | undefined, changes: Partial<Root>): RootMessage {
    const root = this.fields(node, changes);
    const value = encodeRoot(root);
    return {
      ...this.root(undefined),
      seq: root.seq,
      nonce: root.nonce,
      ...signed(value, this.secret),
    };
  }

  /** The fields of a Root. */
  fields(node: string | undefined, changes: Partial<Root> = {}): Root {
    const seq = this.seq++;
    return {
      refs: node === undefined ? [] : [{ object: node, schema: TREE_NODE_SCHEMA.id }],
      descriptor: NO_BYTES,
      registry: REGISTRY.id,
      pub: this.key,
      nonce: 1n,
      seq,
      time: this.#world.clock.wall() + seq,
      prev: SOME_ID,
      ...changes,
    };
  }

  /** Hangs up for good. */
  close(): Promise<void> {
    return this.#door.close();
  }

  #onLine(line: FeedLine): void {
    const { mostLines = Infinity, nodeId = this.key, onFollowed, onMessage } = this.#options;
    this.lines.push(line);
    if (this.lines.length > mostLines) return line.close();
    line.onMessage = (heard) => {
      const { message, seq } = heard;
      if (onMessage?.(heard, line, this)) return;
      if (message.type === "Syn") line.send({ type: "Ack", nodeId }, seq);
      if (message.type === "RqList") line.send({ type: "Err", text: "not a public server" }, seq);
      if (message.type === "RqObject") line.send(this.#answer(message.id), seq);
      if (message.type === "Sub") {
        line.send({ type: "Ok" }, seq);
        onFollowed?.(line, this);
      }
    };
  }

  #answer(id: string): CxoMessage {
    const value = this.objects.get(id);
    return value === undefined ? { type: "Err", text: "" } : { type: "Object", value };
  }
}

function signed(value: Uint8Array, secret: SecretKey): Pick<RootMessage, "value" | "signature"> {
  return { value, signature: signDigest(secret, sha256(value)) };
}

/** The node under attack and its neighbours. */
export interface HostileScene {
  readonly world: FeedWorld;
  readonly good: GoPublisher;
  readonly evil: HostilePublisher;
  readonly victim: FeedNode;
  /** Lines of log about the hostile feed beyond one for each connection, which a test allows. */
  allowed: number;
  /** Errors that nobody caught. */
  readonly unhandled: string[];
  /** Lines of the victim's log about the hostile feed, without those that say that a line came or went. */
  complaints(): string[];
  /** Objects that the victim holds of the hostile feed. */
  held(): number;
  /** That the good feed goes on, now. */
  goodGoesOn(): Promise<void>;
}

/** Plays a scene, and checks what has to hold after every attack. */
export function underAttack(
  options: HostileOptions,
  play: (scene: HostileScene) => Promise<void>,
): Promise<void> {
  return inWorld(async (world) => {
    const unhandled: string[] = [];
    const onUnhandled = (event: PromiseRejectionEvent) => {
      event.preventDefault();
      unhandled.push(String(event.reason));
    };
    addEventListener("unhandledrejection", onUnhandled);
    const good = new GoPublisher(world, GOOD_PORT);
    const evil = new HostilePublisher(world, options);
    const victim = await world.start(VICTIM_PORT, { peers: [good, evil] });
    let said = 0;
    const scene: HostileScene = {
      ...{ world, good, evil, victim, unhandled },
      allowed: 0,
      complaints: () =>
        victim.logs.filter((line) =>
          (line.includes(evil.key) || line.includes(`:${EVIL_PORT}`)) &&
          !/cxo (subscribed to|disconnected from) feed/.test(line)
        ),
      held: () => victim.feeds.figures.peers.find(({ feed }) => feed === evil.key)?.objects ?? 0,
      goodGoesOn: async () => {
        const text = `good ${++said}`;
        good.say(text);
        await world.clock.advance(1_000);
        assert.equal(victim.shown.findLast(({ from }) => from === good.key)?.text, text);
      },
    };
    await scene.goodGoesOn();
    await play(scene);
    await scene.goodGoesOn();
    assert.equal(good.lines.length, 1, "the good line was never lost");
    assert.deepEqual(unhandled, [], "nothing is left to the runtime");
    assert.ok(
      scene.complaints().length <= evil.lines.length + scene.allowed,
      `one log line for each line: ${scene.complaints().slice(0, 5).join("\n")}`,
    );
    await evil.close();
    await good.close();
    await world.pass(1_000);
    removeEventListener("unhandledrejection", onUnhandled);
  });
}
