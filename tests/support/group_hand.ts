/** A member worked by hand: it publishes whatever leaves a test wants, in whatever tree. */
import {
  CxoFault,
  decodeRefsNode,
  decodeRefsTop,
  decodeRoot,
  decodeTreeEntry,
  decodeTreeNode,
  encodeTreeEntry,
  encodeTreeNode,
  objectOf,
  type RefsPart,
  REGISTRY,
  type RootMessage,
  rootMessage,
  rootTreeNode,
  signRoot,
  Tree,
  TREE_NODE_SCHEMA,
  Writer,
  ZERO_ID,
} from "#cxo";
import type { SecretKey } from "#crypto";
import {
  encodeMessageLeaf,
  encodeMutation,
  groupMessagePath,
  type Mutation,
  type MutationOp,
  signMessage,
  signMutation,
} from "#group";
import { NO_BYTES, utf8 } from "#kit";
import { secretOf } from "./feed_node.ts";
import type { FeedLine, Heard } from "./feed_peer.ts";
import { hello } from "./feed_raw.ts";
import { GROUP_ID, type GroupWorld } from "./group_scene.ts";

/** One path and its bytes. */
export interface HandLeaf {
  readonly path: string;
  readonly value: Uint8Array;
}

/** Has a key and a feed, serves it over every line it dialled, and keeps no rule that a test breaks. */
export class HandMember {
  readonly secret: SecretKey;
  readonly lines: FeedLine[] = [];
  /** Times of its Roots are this much ahead, nanoseconds. */
  ahead = 0n;
  readonly #world: GroupWorld;
  readonly #objects = new Map<string, Uint8Array>([[REGISTRY.id, REGISTRY.bytes]]);
  readonly #following = new Set<FeedLine>();
  #tree = new Tree();
  #last: RootMessage | undefined;
  #seq = 1n;
  #counts = 0;

  /** Its port decides its key; it listens nowhere. */
  constructor(world: GroupWorld, readonly port: number) {
    this.#world = world;
    this.secret = secretOf(port);
  }

  get key(): string {
    return this.secret.publicKey.hex;
  }

  /** Roots that nodes pushed over its lines. */
  get roots(): RootMessage[] {
    return this.lines.flatMap((line) => line.all("Root"));
  }

  /** Dials nodes and greets them; they follow its feed if it has a seat. */
  async dial(...nodes: readonly { readonly port: number }[]): Promise<void> {
    for (const { port } of nodes) {
      const line = await hello(this.#world, port, { secret: this.secret });
      this.lines.push(line);
      line.onMessage = (heard) => this.#onMessage(heard, line);
    }
    await this.#world.pass(200);
  }

  /** A message of this time, by default now, in its own leaf. */
  message(text: string, { ts = this.#world.clock.wall(), seq }: MessageOptions = {}): HandLeaf {
    const path = groupMessagePath({ sender: this.key, ts, seq: seq ?? ++this.#counts });
    return { path, value: encodeMessageLeaf(signMessage(this.secret, { ts, text })) };
  }

  /** A decision, by default of now and about the group of all scenes. */
  mutation(
    op: MutationOp,
    peer: { readonly key: string } | undefined,
    options: DecisionOptions = {},
  ): Mutation {
    const { groupId = GROUP_ID, issuedAt = this.#world.clock.wall() } = options;
    return signMutation(this.secret, { groupId, op, peer: peer?.key ?? "", issuedAt });
  }

  /** The same as a leaf with a new number. */
  decision(
    op: MutationOp,
    peer: { readonly key: string } | undefined,
    options: DecisionOptions = {},
  ): HandLeaf {
    return this.recordLeaf(this.mutation(op, peer, options));
  }

  /** A decision, be it of somebody else, as a leaf with a new number. */
  recordLeaf(mutation: Mutation): HandLeaf {
    const number = String(++this.#counts).padStart(5, "0");
    return { path: `${mutation.family}/${number}`, value: encodeMutation(mutation) };
  }

  /** Puts leaves into its tree without a Root. */
  put(...leaves: readonly HandLeaf[]): void {
    for (const { path, value } of leaves) this.#tree.put(path, value);
  }

  /** Empties its tree. */
  clear(): void {
    this.#tree = new Tree();
  }

  /** Puts leaves, pushes a Root to whoever follows, and lets them fetch and handle it. */
  async publish(...leaves: readonly HandLeaf[]): Promise<void> {
    this.put(...leaves);
    this.push();
    await this.#world.pass(1_000);
  }

  /** Pushes a Root of what is in the tree. */
  push(): void {
    const { root, objects } = this.#tree.publish();
    for (const { id, bytes } of objects) this.#objects.set(id, bytes);
    this.#push(root);
  }

  /** Publishes a tree of one path whose leaf is empty, which no `Tree` of ours is asked for. */
  async publishEmpty(path: string): Promise<void> {
    let sub = ZERO_ID;
    for (const name of path.split("/").reverse()) {
      const entry = this.#keep(encodeTreeEntry({ name, sub, leaf: NO_BYTES }));
      const refs = new Writer().u32(0).u32(1_024).u32(1);
      refs.list([entry], (id) => refs.hex(id));
      sub = this.#keep(encodeTreeNode(this.#keep(refs.finish())));
    }
    this.#push(sub);
    await this.#world.pass(1_000);
  }

  /** The leaves of the feed of a node that it dialled, as the node serves them now. */
  async read(node: { readonly port: number }): Promise<Map<string, Uint8Array>> {
    const line = this.#lineTo(node.port);
    const leaves = new Map<string, Uint8Array>();
    let done = false;
    const reading = readFeed(line, secretOf(node.port).publicKey.hex, leaves)
      .finally(() => done = true);
    while (!done) await this.#world.pass(100);
    await reading;
    return leaves;
  }

  /** The line to a port that is up. */
  #lineTo(port: number): FeedLine {
    const found = this.lines.findLast((line) =>
      !line.isClosed && line.stream.remoteAddress.endsWith(`:${port}`)
    );
    if (found === undefined) throw new Error(`${this.port} has no line to ${port}`);
    return found;
  }

  /** Hangs up for good. */
  async close(): Promise<void> {
    await Promise.all(this.lines.map((line) => line.end()));
  }

  #keep(bytes: Uint8Array): string {
    const { id } = objectOf(bytes);
    this.#objects.set(id, bytes);
    return id;
  }

  #push(object: string): void {
    const seq = this.#seq++;
    this.#last = rootMessage(signRoot({
      refs: [{ object, schema: TREE_NODE_SCHEMA.id }],
      descriptor: NO_BYTES,
      registry: REGISTRY.id,
      pub: this.key,
      nonce: 1n,
      seq,
      time: this.#world.clock.wall() + this.ahead + seq,
      prev: "ab".repeat(32),
    }, this.secret));
    for (const line of this.#following) if (!line.isClosed) line.send(this.#last);
  }

  #onMessage({ message, seq }: Heard, line: FeedLine): void {
    if (message.type === "RqList") line.send({ type: "Err", text: "not a public server" }, seq);
    if (message.type === "RqObject") {
      const value = this.#objects.get(message.id);
      line.send(value === undefined ? { type: "Err", text: "" } : { type: "Object", value }, seq);
    }
    if (message.type !== "Sub") return;
    line.send({ type: "Ok" }, seq);
    this.#following.add(line);
    if (this.#last !== undefined) line.send(this.#last);
  }
}

/** What a message may differ in. */
export interface MessageOptions {
  readonly ts?: bigint;
  readonly seq?: number;
}

/** What a decision may differ in. */
export interface DecisionOptions {
  readonly groupId?: string;
  readonly issuedAt?: bigint;
}

/** The leaf with a field of its JSON changed, which nobody signed. */
export function altered({ path, value }: HandLeaf, change: (json: string) => string): HandLeaf {
  const json = change(new TextDecoder().decode(value));
  return { path, value: utf8(json) };
}

/** Fetches a feed, object by object, as any reader does. */
async function readFeed(
  line: FeedLine,
  feed: string,
  leaves: Map<string, Uint8Array>,
): Promise<void> {
  const root = await line.ask({ type: "RqPreview", feed });
  if (typeof root === "string" || root.type !== "Root") {
    throw new Error(`no preview: ${JSON.stringify(root)}`);
  }
  const get = async (id: string) => {
    const answer = await line.ask({ type: "RqObject", id });
    if (typeof answer === "string" || answer.type !== "Object") throw new Error(`no object ${id}`);
    return answer.value;
  };
  const readPart = async (part: RefsPart, path: string): Promise<void> => {
    for (const id of part.ids) {
      const bytes = await get(id);
      if (part.depth > 0) await readPart(sound(decodeRefsNode(bytes, part)), path);
      else await readEntry(bytes, path);
    }
  };
  const readEntry = async (bytes: Uint8Array, above: string): Promise<void> => {
    const { name, sub, leaf } = sound(decodeTreeEntry(bytes));
    const path = above === "" ? name : `${above}/${name}`;
    if (leaf.length > 0) leaves.set(path, leaf.slice());
    else if (sub !== ZERO_ID) await readNode(sub, path);
  };
  const readNode = async (id: string, path: string): Promise<void> => {
    const children = sound(decodeTreeNode(await get(id)));
    if (children !== undefined) await readPart(sound(decodeRefsTop(await get(children))), path);
  };
  const node = sound(rootTreeNode(sound(decodeRoot(root.value))));
  if (node !== undefined) await readNode(node, "");
}

function sound<T>(value: T | CxoFault): T {
  if (value instanceof CxoFault) throw value;
  return value;
}
