import type { Clock } from "#kit";
import { type Channel, conversationOf, type MessageEvent, type StatusEvent } from "./event.ts";
import { legacyMessageLine, statusLine, structuredMessageLine } from "./event_json.ts";
import { EventLog } from "./event_log.ts";
import { KeptEvent, ReplayRing, type RingLimits } from "./replay_ring.ts";
import type { Subscription } from "./subscription.ts";

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

interface FilteredLog {
  readonly log: EventLog;
  readonly channels: ReadonlySet<Channel>;
}

/**
 * Hands every event to every reader of this process, and the newest ones to those who come later.
 *
 * Publishing never waits: readers share bounded logs, and a reader that falls behind loses events
 * without slowing anybody. The two streams have their own rings, logs and JSON.
 */
export class EventHub {
  readonly #clock: Clock;
  readonly #legacyRing = new ReplayRing<LegacySource>(LEGACY_RING);
  readonly #structuredRing = new ReplayRing<StructuredSource>(STRUCTURED_RING);
  readonly #legacyLog: EventLog;
  /** One log for each set of channels that somebody asked for: at most 15. */
  readonly #structuredLogs = new Map<string, FilteredLog>();
  #seq = 0;
  #unread = 0;
  #closed = false;

  /** The clock decides what is too old to be replayed. */
  constructor(options: { clock: Clock }) {
    this.#clock = options.clock;
    this.#legacyLog = new EventLog({ clock: options.clock, capacity: LEGACY_QUEUE });
  }

  /** Readers of `/sse` now. */
  get legacySubscribers(): number {
    return this.#legacyLog.size;
  }

  /** Readers of `/events` now. */
  get subscribers(): number {
    let size = 0;
    for (const { log } of this.#structuredLogs.values()) size += log.size;
    return size;
  }

  /**
   * `sse_drop_count` (messages.md 9): one for each event a slow `/sse` reader lost, and one for each
   * event published while there was no `/sse` reader.
   */
  get dropCount(): number {
    return this.#unread + this.#legacyLog.lost;
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
    return this.#open(this.#legacyLog, this.#legacyRing.replay(this.#clock.now(), () => true));
  }

  /**
   * A reader of `/events`. A `since` ahead of the newest number comes from before a restart and
   * counts as 0 (http-api.md 6).
   */
  subscribe({ channels, since }: StructuredFilter): Subscription {
    const after = since > this.#seq ? 0 : since;
    const backlog = this.#structuredRing.replay(
      this.#clock.now(),
      ({ seq, channel }) => seq > after && channels.has(channel),
    );
    return this.#open(this.#logOf(channels), backlog);
  }

  /** Drops the one-to-one conversation with this key from both rings. What was queued still goes out. */
  forgetPeer(pk: string): void {
    this.#legacyRing.drop(({ conversation }) => conversation === pk);
    this.#structuredRing.drop(({ conversation }) => conversation === pk);
  }

  /** Ends every reader's stream after what it has queued, and drops whatever is published later. */
  close(): void {
    this.#closed = true;
    this.#legacyLog.close();
    for (const { log } of this.#structuredLogs.values()) log.close();
    this.#legacyRing.clear();
    this.#structuredRing.clear();
  }

  #open(log: EventLog, backlog: readonly string[]): Subscription {
    const reader = log.open(backlog);
    if (this.#closed) reader.close();
    return reader;
  }

  #logOf(channels: ReadonlySet<Channel>): EventLog {
    const key = [...channels].sort().join();
    let found = this.#structuredLogs.get(key);
    if (found === undefined) {
      const log = new EventLog({ clock: this.#clock, capacity: STRUCTURED_QUEUE });
      found = { log, channels: new Set(channels) };
      this.#structuredLogs.set(key, found);
    }
    return found.log;
  }

  #publishLegacy(event: KeptEvent<LegacySource>): void {
    const read = this.#legacyLog.size > 0;
    const line = this.#legacyRing.add(event, read);
    if (read) this.#legacyLog.append(line);
    else this.#unread++;
  }

  #publishStructured(event: KeptEvent<StructuredSource>): void {
    const line = this.#structuredRing.add(event, this.subscribers > 0);
    for (const { log, channels } of this.#structuredLogs.values()) {
      if (log.size > 0 && channels.has(event.source.channel)) log.append(line);
    }
  }
}
