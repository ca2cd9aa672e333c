import assert from "node:assert/strict";
import {
  type Channel,
  EVENT_PAUSE_MS,
  EventHub,
  type MessageEvent,
  type RingLimits,
  structuredMessageLine,
  type Subscription,
} from "#events";
import { ManualClock, settle } from "#support/manual_clock.ts";
import { MemoryArchive } from "#support/memory_archive.ts";

export const ALICE = "02aa";
export const BOB = "02bb";

/** A hub on an archive in memory, and a model of what both keep. */
export class DurableWorld {
  readonly clock = new ManualClock();
  readonly archive = new MemoryArchive();
  readonly ringSize: number;
  hub: EventHub;
  newest = 0;
  /** Published since the last restart, by number. */
  readonly channels = new Map<number, Channel>();
  readonly forgotten = new Set<number>();
  readonly #peers = new Map<number, string>();
  #restart = 0;

  constructor(options: { ringSize: number; before?: number }) {
    this.ringSize = options.ringSize;
    this.hub = new EventHub({ clock: this.clock, archive: this.archive });
    for (let count = 0; count < (options.before ?? 0); count++) this.publish();
    this.restart();
  }

  /** A new hub on the same archive. */
  restart(): void {
    this.hub.close();
    const ring: RingLimits = { events: this.ringSize, bytes: 8_388_608, age: Infinity };
    this.hub = new EventHub({ clock: this.clock, archive: this.archive, ring });
    this.newest = this.#restart = this.archive.newest;
  }

  publish(options: { channel?: Channel; peer?: string; lost?: boolean; text?: string } = {}): void {
    const seq = ++this.newest;
    const { channel = "dm", peer = ALICE, text = `m${seq}` } = options;
    const event: MessageEvent = {
      direction: "in",
      id: `${seq}`,
      network: "tcp-direct",
      sender: peer,
      text,
      length: text.length,
      channel,
      wall: 0n,
    };
    this.channels.set(seq, channel);
    this.#peers.set(seq, peer);
    if (options.lost !== true) {
      this.archive.add({ seq, channel, line: structuredMessageLine(event, seq) });
    }
    this.hub.publishMessage(event, seq);
  }

  publishMany(count: number): void {
    for (let index = 0; index < count; index++) this.publish();
  }

  forget(peer: string): void {
    for (const [seq, owner] of this.#peers) if (owner === peer) this.forgotten.add(seq);
    this.archive.retain(({ seq }) => !this.forgotten.has(seq));
    this.hub.forgetPeer(peer);
  }

  /** Whether a number can still be read, on disk or in the ring. */
  keeps(seq: number): boolean {
    if (this.forgotten.has(seq)) return false;
    const inRing = seq > Math.max(this.#restart, this.newest - this.ringSize);
    return inRing && seq <= this.newest || this.archive.kept.includes(seq);
  }
}

/** What a reader got: the number of an event, or a gap. */
export type Item = number | { after: number; next: number };

export function items(lines: readonly string[]): Item[] {
  return lines.map((line) => JSON.parse(line)).map(({ seq, gap }) => gap ?? seq);
}

export function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}

/** Takes all that comes until nothing comes any more; the archive must not be slow. */
export async function drain(world: DurableWorld, reader: Subscription): Promise<Item[]> {
  const got: Item[] = [];
  let told = true;
  while (told && !reader.ended) {
    told = false;
    reader.whenNews(() => told = true);
    await settle();
    await world.clock.advance(EVENT_PAUSE_MS);
    if (told) got.push(...items(reader.take()));
  }
  return got;
}

/** A reader that takes only when it was told to, and checks all that it gets against the world. */
export class CheckedReader {
  readonly #world: DurableWorld;
  readonly #channels: ReadonlySet<Channel>;
  readonly #reader: Subscription;
  #position: number;
  #owed: boolean;
  #told = false;

  constructor(world: DurableWorld, filter: { channels: ReadonlySet<Channel>; since: number }) {
    this.#world = world;
    this.#channels = filter.channels;
    this.#reader = world.hub.subscribe(filter);
    this.#position = filter.since > world.newest ? 0 : filter.since;
    // Before the first event ever a reader is in step at once.
    this.#owed = this.#position > 0 || world.newest === 0;
    this.#arm();
  }

  /** Takes what there is if it was told of something; whether it was. */
  read(): boolean {
    if (!this.#told) return false;
    const batch = this.#reader.take();
    // Nothing although no page is on its way: it is in step, and from here on everything is owed.
    if (batch.length === 0 && this.#world.archive.waiting === 0) this.#owed = true;
    for (const item of items(batch)) this.#check(item);
    this.#arm();
    return true;
  }

  /** To be called when nothing comes any more. */
  finish(): void {
    this.#skip(this.#world.newest);
    assert.equal(this.#reader.ended, false);
    this.#reader.close();
  }

  #arm(): void {
    this.#told = false;
    this.#reader.whenNews(() => this.#told = true);
  }

  #check(item: Item): void {
    if (typeof item === "number") {
      assert.ok(item > this.#position, `${item} after ${this.#position}`);
      assert.ok(this.#channels.has(this.#world.channels.get(item) ?? "system"));
      this.#skip(item - 1);
      this.#position = item;
      this.#owed = true;
      return;
    }
    assert.ok(this.#owed || item.after > 0, "a gap before the first event of all that is kept");
    assert.ok(item.after >= this.#position && item.next > item.after + 1);
    this.#skip(item.after);
    for (const seq of range(item.after + 1, item.next - 1)) {
      assert.equal(this.#world.keeps(seq), false, `${seq} is kept, and was called lost`);
    }
    this.#position = item.next - 1;
  }

  /** Numbers that a reader passes in silence are not its own, or were never owed and are not kept. */
  #skip(last: number): void {
    for (const seq of range(this.#position + 1, last)) {
      if (!this.#channels.has(this.#world.channels.get(seq) ?? "system")) continue;
      const silent = this.#owed ? this.#world.forgotten.has(seq) : !this.#world.keeps(seq);
      assert.ok(silent, `${seq} is missing without a word`);
    }
  }
}
