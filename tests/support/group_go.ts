/** A member of a group as the deployed system is: everything in memory, all members admins, no governance of its own. */
import {
  REGISTRY,
  type RootMessage,
  rootMessage,
  signRoot,
  Tree,
  TREE_NODE_SCHEMA,
  ZERO_ID,
} from "#cxo";
import { type SecretKey, sha256, signDigest } from "#crypto";
import { NO_BYTES, type Timer, toHex, utf8 } from "#kit";
import { GoCopy } from "./feed_go_copy.ts";
import { GoLine } from "./feed_go_line.ts";
import { secretOf } from "./feed_node.ts";
import { FeedDoor, FeedLine, type Heard } from "./feed_peer.ts";
import type { GroupWorld } from "./group_scene.ts";
import { SeededRandom } from "./seeded_random.ts";

const BATCH_MS = 300;
const RETRY_MS = 3_000;
const ATTEMPT_MS = 10_000;
const HEARTBEAT_MS = 45_000;
const WATCHDOG_MS = 30_000;
const QUIET_MS = 60_000;
const WINDOW = 1_024;
const HEARTBEAT = "__skychat_group_heartbeat__";

/** The leaf of a message byte for byte as groups.md 2.3 and 11 have it, without lib's codec. */
export function goLeaf(secret: SecretKey, { text, ts }: { text: string; ts: bigint }): Uint8Array {
  const body = utf8(text);
  const canonical = new Uint8Array(34 + 8 + 4 + body.length + 8);
  const view = new DataView(canonical.buffer);
  canonical[0] = 1;
  canonical.set(secret.publicKey.bytes, 1);
  view.setBigUint64(34, ts);
  view.setUint32(42, body.length);
  canonical.set(body, 46);
  const signature = toHex(signDigest(secret, sha256(sha256(canonical))));
  const escaped = JSON.stringify(text).replace(
    /[<>&\u2028\u2029]/g,
    (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return utf8(
    `{"sender_pk":"${secret.publicKey.hex}","ts":"${goTime(ts)}","text":${escaped}` +
      `,"signature":"${signature}"}`,
  );
}

/** RFC 3339 with nanoseconds, trailing zeros trimmed. */
function goTime(ts: bigint): string {
  const seconds = new Date(Number(ts / 1_000_000_000n) * 1_000).toISOString().slice(0, 19);
  const fraction = (ts % 1_000_000_000n).toString().padStart(9, "0").replace(/0+$/, "");
  return fraction === "" ? `${seconds}Z` : `${seconds}.${fraction}Z`;
}

/** One process of it. */
export class GoGroupPeer {
  readonly secret: SecretKey;
  /** Texts of others that it showed, in order; after a restart all of them again. */
  readonly shown: string[] = [];
  /** Leaves of governance that it saw, in whatever feed. */
  readonly records: { readonly path: string; readonly json: string }[] = [];
  /** Why connecting failed. */
  readonly failures: string[] = [];
  readonly #world: GroupWorld;
  readonly #members: readonly number[];
  readonly #random: SeededRandom;
  readonly #door: FeedDoor;
  readonly #tree = new Tree();
  readonly #objects = new Map<string, Uint8Array>();
  readonly #own: GoCopy;
  readonly #copies = new Map<string, GoCopy>();
  readonly #leaves = new Map<string, ReadonlyMap<string, string>>();
  readonly #lines = new Map<string, GoLine>();
  readonly #everyLine: GoLine[] = [];
  readonly #rootAt = new Map<string, number>();
  readonly #waiting = new Map<string, () => void>();
  readonly #timers = new Set<Timer>();
  #window: string[] = [];
  #count = 0;
  #batch: Timer | undefined;
  #publishedAt = 0;
  #closed = false;

  /** Listens and dials at once. `members`: the ports of all others. */
  constructor(
    world: GroupWorld,
    readonly port: number,
    { life = 0, members }: { readonly life?: number; readonly members: readonly number[] },
  ) {
    this.secret = secretOf(port);
    this.#world = world;
    this.#members = members;
    this.#random = new SeededRandom(port * 77 + life + 1);
    this.#own = this.#copyOf(this.key);
    this.#door = new FeedDoor(world.network, {
      ...{ port, secret: this.secret },
      onLine: (line) => this.#accept(line),
    });
    void this.#connectAll();
    this.#every(WATCHDOG_MS, () => this.#watch());
    this.#every(HEARTBEAT_MS / 2, () => {
      const isDue = world.clock.now() - this.#publishedAt >= HEARTBEAT_MS;
      if (this.#own.last !== undefined && isDue) this.#publish();
    });
  }

  get key(): string {
    return this.secret.publicKey.hex;
  }

  /** Says something to the group. */
  say(text: string): void {
    const ts = this.#world.clock.wall();
    this.#put(`msgs/${this.key}/${ts}/${++this.#count}`, goLeaf(this.secret, { text, ts }));
  }

  /** Its process ends: nothing stays. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) timer.cancel();
    for (const done of this.#waiting.values()) done();
    await this.#door.close();
    await Promise.all(this.#everyLine.map(({ line }) => line.end()));
  }

  #put(path: string, value: Uint8Array): void {
    try {
      this.#tree.put(path, value);
    } catch (error) {
      this.failures.push(String(error));
      return;
    }
    this.#batch ??= this.#after(BATCH_MS, () => this.#publish());
  }

  #publish(): void {
    this.#batch = undefined;
    const { root: object, objects } = this.#tree.publish();
    for (const { id, bytes } of objects) this.#objects.set(id, bytes);
    const last = this.#own.last;
    const signed = signRoot({
      refs: [{ object, schema: TREE_NODE_SCHEMA.id }],
      descriptor: NO_BYTES,
      registry: REGISTRY.id,
      pub: this.key,
      nonce: last?.root.nonce ?? 1n,
      seq: last === undefined ? 0n : last.root.seq + 1n,
      time: this.#world.clock.wall(),
      prev: last?.id ?? ZERO_ID,
    }, this.secret);
    this.#own.add(signed, Array.from(this.#objects, ([id, bytes]) => ({ id, bytes })));
    this.#publishedAt = this.#world.clock.now();
    this.#push(rootMessage(signed));
  }

  #push(message: RootMessage): void {
    for (const { feeds, line } of this.#lines.values()) {
      if (feeds.has(this.key) && !line.isClosed) line.send(message);
    }
  }

  /** A batch in random order, inserts only. */
  #onComplete(feed: string, leaves: ReadonlyMap<string, string>): void {
    const before = this.#leaves.get(feed);
    this.#leaves.set(feed, new Map(leaves));
    this.#waiting.get(feed)?.();
    const changed = [...leaves].filter(([path, text]) => before?.get(path) !== text);
    while (changed.length > 0) {
      const [[path, text] = ["", ""]] = changed.splice(this.#random.below(changed.length), 1);
      this.#take(path, text);
    }
  }

  #take(path: string, json: string): void {
    if (!path.startsWith("msgs/")) return void this.records.push({ path, json });
    if (this.#window.includes(path)) return;
    this.#window = [...this.#window, path].slice(-WINDOW);
    const message: { sender_pk: string; text?: string } = JSON.parse(json);
    if (message.text === HEARTBEAT) return;
    if (message.sender_pk === this.key) return;
    this.#put(path, utf8(json));
    this.shown.push(message.text ?? "");
  }

  async #connectAll(): Promise<void> {
    for (const port of this.#members) {
      if (!this.#closed && !this.#leaves.has(keyOf(port))) await this.#connect(port);
    }
    if (!this.#closed) this.#after(RETRY_MS, () => void this.#connectAll());
  }

  #watch(): void {
    for (const port of this.#members) {
      const at = this.#rootAt.get(keyOf(port));
      if (at !== undefined && this.#world.clock.now() - at >= QUIET_MS) void this.#connect(port);
    }
  }

  /** Dials, subscribes, and waits for the first whole Root. */
  async #connect(port: number): Promise<void> {
    const feed = keyOf(port);
    const { clock, network } = this.#world;
    if (this.#world.isSeparated(this.port, port)) return;
    try {
      const line = await FeedLine.dial(network, { port, secret: this.secret });
      const go = this.#lineOf(line);
      const ack = await go.ask({ type: "Syn", protocol: 3, nodeId: this.key });
      if (typeof ack === "string" || ack.type !== "Ack") throw new Error(`no Ack: ${ack}`);
      this.#welcome(feed, go);
      go.feeds.add(feed);
      const answer = await go.ask({ type: "Sub", feed });
      if (typeof answer === "string" || answer.type !== "Ok") {
        throw new Error(typeof answer === "string" ? answer : JSON.stringify(answer));
      }
      this.#rootAt.set(feed, clock.now());
      if (!this.#leaves.has(feed)) await this.#first(feed);
    } catch (error) {
      this.failures.push(`${port}: ${error}`);
    }
  }

  async #first(feed: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#after(ATTEMPT_MS, () => {
      this.failures.push("no first Root");
      resolve();
    });
    this.#waiting.set(feed, resolve);
    await promise;
    this.#waiting.delete(feed);
    timer.cancel();
  }

  #accept(line: FeedLine): void {
    line.onMessage = ({ message, seq }) => {
      if (message.type !== "Syn") return line.close();
      const go = this.#lineOf(line);
      line.send({ type: "Ack", nodeId: this.key }, seq);
      this.#welcome(message.nodeId, go);
    };
  }

  #lineOf(line: FeedLine): GoLine {
    const go = new GoLine(line, {
      clock: this.#world.clock,
      probes: false,
      onMessage: (heard, from) => this.#onMessage(heard, from),
      onClosed: () => {},
    });
    this.#everyLine.push(go);
    return go;
  }

  /** One connection for each node: the newest, and the subscriptions of the other are gone. */
  #welcome(nodeId: string, go: GoLine): void {
    const before = this.#lines.get(nodeId);
    if (before !== undefined && !before.isClosed) before.hangUp("superseded");
    this.#lines.set(nodeId, go);
    go.watch();
  }

  #onMessage({ message, seq }: Heard, go: GoLine): void {
    const { feeds, line } = go;
    if (message.type === "Sub") {
      const known = message.feed === this.key && this.#members.map(keyOf).includes(line.peer);
      if (!known) return void line.send({ type: "Err", text: "subscribe rejected" }, seq);
      feeds.add(message.feed);
      line.send({ type: "Ok" }, seq);
      if (this.#own.message !== undefined) line.send(this.#own.message);
    } else if (message.type === "Unsub") feeds.delete(message.feed);
    else if (message.type === "Root") {
      if (message.feed !== this.key) this.#rootAt.set(message.feed, this.#world.clock.now());
      this.#copyOf(message.feed).offer(message, go);
    } else if (message.type === "RqObject") {
      const { id } = message;
      const value = [...this.#copies.values()].map(({ objects }) => objects.get(id))
        .find((each) => each !== undefined);
      line.send(value === undefined ? { type: "Err", text: "" } : { type: "Object", value }, seq);
    }
  }

  #copyOf(feed: string): GoCopy {
    const copy = this.#copies.get(feed) ?? new GoCopy({
      ...{ feed, clock: this.#world.clock, objectDelayMs: 0 },
      onComplete: (leaves) => {
        if (feed !== this.key) this.#onComplete(feed, leaves);
      },
    });
    this.#copies.set(feed, copy);
    return copy;
  }

  #every(ms: number, action: () => void): void {
    this.#after(ms, () => {
      this.#every(ms, action);
      action();
    });
  }

  #after(ms: number, action: () => void): Timer {
    const timer = this.#world.clock.after(ms, () => {
      this.#timers.delete(timer);
      if (!this.#closed) action();
    });
    this.#timers.add(timer);
    return timer;
  }
}

function keyOf(port: number): string {
  return secretOf(port).publicKey.hex;
}
