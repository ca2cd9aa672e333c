import type { Clock } from "#kit";
import { type Channel, conversationOf, type MessageEvent, type StatusEvent } from "./event.ts";
import { legacyMessageLine, statusLine, structuredMessageLine } from "./event_json.ts";
import { KeptEvent, ReplayRing, type RingLimits } from "./replay_ring.ts";
import { SubscriberQueue, type Subscription } from "./subscription.ts";

/** Replay of `/sse`: 256 events (http-api.md 5.4) and 4 MiB of memory, so that no peer can fill it. */
export const LEGACY_RING: RingLimits = { events: 256, bytes: 4_194_304, age: Infinity };
/** Events that may wait for one `/sse` reader (http-api.md 5.4). */
export const LEGACY_QUEUE = 64;
/** Replay of `/events`: 10 000 events, 24 hours (http-api.md 6), and 8 MiB of memory. */
export const STRUCTURED_RING: RingLimits = {
  events: 10_000,
  bytes: 8_388_608,
  age: 24 * 3_600_000,
};
/** Events that may wait for one `/events` reader (http-api.md 6). */
export const STRUCTURED_QUEUE = 256;

/** What one reader of `/events` asks for. */
export interface StructuredFilter {
  /** Only messages of these. */
  readonly channels: ReadonlySet<Channel>;
  /** Replay only events with a greater number; 0 for all of them. */
  readonly since: number;
}

interface LegacySource {
  readonly conversation: string | undefined;
}

interface StructuredSource extends LegacySource {
  readonly seq: number;
  readonly channel: Channel;
}

/**
 * Hands every event to every reader of this process, and the newest ones to those who come later.
 *
 * Publishing never waits: each reader has a bounded queue, and a reader that does not empty it loses
 * events without slowing anybody. The two streams have their own rings, queues and JSON.
 */
export class EventHub {
  readonly #clock: Clock;
  readonly #legacyRing = new ReplayRing<LegacySource>(LEGACY_RING);
  readonly #structuredRing = new ReplayRing<StructuredSource>(STRUCTURED_RING);
  readonly #legacy = new Set<SubscriberQueue>();
  readonly #structured = new Map<SubscriberQueue, ReadonlySet<Channel>>();
  #seq = 0;
  #dropCount = 0;
  #closed = false;

  /** The clock decides what is too old to be replayed. */
  constructor(options: { clock: Clock }) {
    this.#clock = options.clock;
  }

  /** Readers of `/sse` now. */
  get legacySubscribers(): number {
    return this.#legacy.size;
  }

  /** Readers of `/events` now. */
  get subscribers(): number {
    return this.#structured.size;
  }

  /**
   * `sse_drop_count` (messages.md 9): one for each event a slow `/sse` reader lost, and one for each
   * event published while there was no `/sse` reader.
   */
  get dropCount(): number {
    return this.#dropCount;
  }

  /** Publishes a message on both streams. */
  publishMessage(event: MessageEvent): void {
    if (this.#closed) return;
    const at = this.#clock.now();
    const conversation = conversationOf(event);
    const characters = event.text.length + event.id.length + (event.replyTo?.length ?? 0);
    this.#publishLegacy(
      new KeptEvent({ conversation }, { at, characters, build: () => legacyMessageLine(event) }),
    );
    const seq = ++this.#seq;
    this.#publishStructured(
      new KeptEvent({ conversation, seq, channel: event.channel }, {
        at,
        characters,
        build: () => structuredMessageLine(event, seq),
      }),
    );
  }

  /** Publishes a delivery status, on `/sse` only. */
  publishStatus(event: StatusEvent): void {
    if (this.#closed) return;
    this.#publishLegacy(
      new KeptEvent({ conversation: event.peer }, {
        at: this.#clock.now(),
        characters: event.id.length,
        build: () => statusLine(event),
      }),
    );
  }

  /** A reader of `/sse`; its backlog is the whole ring. */
  subscribeLegacy(): Subscription {
    const queue = new SubscriberQueue({
      capacity: LEGACY_QUEUE,
      backlog: this.#legacyRing.replay(this.#clock.now(), () => true),
      onClose: (closed) => this.#legacy.delete(closed),
    });
    this.#legacy.add(queue);
    if (this.#closed) queue.close();
    return queue;
  }

  /**
   * A reader of `/events`. A `since` ahead of the newest number comes from before a restart and
   * counts as 0 (http-api.md 6).
   */
  subscribe(filter: StructuredFilter): Subscription {
    const since = filter.since > this.#seq ? 0 : filter.since;
    const queue = new SubscriberQueue({
      capacity: STRUCTURED_QUEUE,
      backlog: this.#structuredRing.replay(
        this.#clock.now(),
        ({ seq, channel }) => seq > since && filter.channels.has(channel),
      ),
      onClose: (closed) => this.#structured.delete(closed),
    });
    this.#structured.set(queue, filter.channels);
    if (this.#closed) queue.close();
    return queue;
  }

  /** Drops the one-to-one conversation with this key from both rings. What was queued still goes out. */
  forgetPeer(pk: string): void {
    this.#legacyRing.drop(({ conversation }) => conversation === pk);
    this.#structuredRing.drop(({ conversation }) => conversation === pk);
  }

  /** Ends every reader's stream after what it has queued, and drops whatever is published later. */
  close(): void {
    this.#closed = true;
    for (const queue of [...this.#legacy, ...this.#structured.keys()]) queue.close();
    this.#legacyRing.clear();
    this.#structuredRing.clear();
  }

  #publishLegacy(event: KeptEvent<LegacySource>): void {
    const line = this.#legacyRing.add(event, this.#legacy.size > 0);
    if (this.#legacy.size === 0) this.#dropCount++;
    for (const queue of this.#legacy) {
      if (!queue.offer(line)) this.#dropCount++;
    }
  }

  #publishStructured(event: KeptEvent<StructuredSource>): void {
    const line = this.#structuredRing.add(event, this.#structured.size > 0);
    for (const [queue, channels] of this.#structured) {
      if (channels.has(event.source.channel)) queue.offer(line);
    }
  }
}
