/** A member worked by hand: it dials a node of a group, or waits for its dial, and says what a test wants. */
import {
  REGISTRY,
  type Root,
  type RootMessage,
  rootMessage,
  signRoot,
  Tree,
  TREE_NODE_SCHEMA,
} from "#cxo";
import type { SecretKey } from "#crypto";
import { NO_BYTES, utf8 } from "#kit";
import { secretOf } from "./feed_node.ts";
import { FeedDoor, type FeedLine, type Heard } from "./feed_peer.ts";
import { hello } from "./feed_raw.ts";
import type { LinksWorld } from "./group_links.ts";

/** Has a feed, serves it over every line it has, and follows nothing. */
export class RawMember {
  readonly secret: SecretKey;
  readonly lines: FeedLine[] = [];
  /** Answers Sub with this Err. */
  refusal: string | undefined;
  /** Whether it answers Sub at all. */
  answersSub = true;
  /** Times at which it was asked to send its feed. */
  readonly asked: number[] = [];
  readonly #world: LinksWorld;
  readonly #tree = new Tree();
  readonly #objects = new Map<string, Uint8Array>([[REGISTRY.id, REGISTRY.bytes]]);
  #last: RootMessage | undefined;
  #seq = 1n;
  #door: FeedDoor | undefined;

  /** Its port decides its key; it listens only once {@link open} was called. */
  constructor(world: LinksWorld, readonly port: number) {
    this.#world = world;
    this.secret = secretOf(port);
  }

  get key(): string {
    return this.secret.publicKey.hex;
  }

  /** The line that is up. */
  get line(): FeedLine | undefined {
    return this.lines.findLast(({ isClosed }) => !isClosed);
  }

  /** Dials a node and greets it. */
  async dial(port: number): Promise<FeedLine> {
    const line = await hello(this.#world, port, { secret: this.secret });
    this.lines.push(line);
    line.onMessage = (heard) => this.#onMessage(heard, line);
    return line;
  }

  /** Takes connections, with a key and a node id that need not be its own. */
  open(lie: { readonly secret?: SecretKey; readonly nodeId?: string } = {}): void {
    const secret = lie.secret ?? this.secret;
    const nodeId = lie.nodeId ?? secret.publicKey.hex;
    this.#door = new FeedDoor(this.#world.network, {
      ...{ port: this.port, secret },
      onLine: (line) => {
        this.lines.push(line);
        line.onMessage = (heard) => {
          const { message, seq } = heard;
          if (message.type === "Syn") line.send({ type: "Ack", nodeId }, seq);
          else this.#onMessage(heard, line);
        };
      },
    });
  }

  /** Makes the next Root of its feed, with this leaf too. */
  root(path: string, value: string | Uint8Array, changes: Partial<Root> = {}): RootMessage {
    this.#tree.put(path, typeof value === "string" ? utf8(value) : value);
    const { root: object, objects } = this.#tree.publish();
    for (const { id, bytes } of objects) this.#objects.set(id, bytes);
    const seq = this.#seq++;
    this.#last = rootMessage(signRoot({
      refs: [{ object, schema: TREE_NODE_SCHEMA.id }],
      descriptor: NO_BYTES,
      registry: REGISTRY.id,
      pub: this.key,
      nonce: 1n,
      seq,
      time: this.#world.clock.wall() + seq,
      prev: "ab".repeat(32),
      ...changes,
    }, this.secret));
    return this.#last;
  }

  /** Forgets its objects: whoever wants them gets Err. */
  forget(): void {
    this.#objects.clear();
  }

  /** Serves something else in the place of each object. */
  falsify(): void {
    for (const id of this.#objects.keys()) this.#objects.set(id, utf8("false"));
  }

  /** Hangs up for good. */
  async close(): Promise<void> {
    await this.#door?.close();
    await Promise.all(this.lines.map((line) => line.end()));
  }

  #onMessage({ message, seq }: Heard, line: FeedLine): void {
    if (message.type === "RqList") line.send({ type: "Err", text: "not a public server" }, seq);
    if (message.type === "RqObject") {
      const value = this.#objects.get(message.id);
      line.send(value === undefined ? { type: "Err", text: "" } : { type: "Object", value }, seq);
    }
    if (message.type !== "Sub") return;
    this.asked.push(this.#world.clock.now());
    if (!this.answersSub) return;
    if (this.refusal !== undefined) {
      return void line.send({ type: "Err", text: this.refusal }, seq);
    }
    line.send({ type: "Ok" }, seq);
    if (this.#last !== undefined) line.send(this.#last);
  }
}
