import type { Clock } from "#kit";
import type { EventArchive } from "./archive.ts";
import type { GroupDelete, MessageEvent, StatusEvent } from "./event.ts";
import { groupDeleteLine, legacyMessageLine, statusLine } from "./event_json.ts";
import { EventLog } from "./event_log.ts";
import {
  type Forgotten,
  type ForgottenGroup,
  isForgotten,
  type Parties,
  partiesOf,
} from "./forgotten.ts";
import { KeptEvent, ReplayRing, type RingLimits } from "./replay_ring.ts";
import { STRUCTURED_RING, type StructuredFilter, StructuredStream } from "./structured_stream.ts";
import type { Subscription } from "./subscription.ts";

/** Replay of `/sse`: 256 events (http-api.md 5.4) and 4 MiB of memory, so that no peer can fill it. */
export const LEGACY_RING: RingLimits = { events: 256, bytes: 4_194_304, age: Infinity };
/** Events that may wait for one `/sse` reader (http-api.md 5.4). */
export const LEGACY_QUEUE = 64;

/** How an {@link EventHub} is set up. */
export interface EventHubOptions {
  /** Decides what is too old to be replayed. */
  clock: Clock;
  /** Message events on disk: they number `/events`, and its readers lose nothing that is kept. */
  archive?: EventArchive | undefined;
  /** Replay of `/events` from memory; STRUCTURED_RING unless a test wants to outgrow it sooner. */
  ring?: RingLimits;
}

/**
 * Hands every event to every reader of this process, and the newest ones to those who come later.
 *
 * Publishing never waits: readers share bounded logs, and a reader that falls behind slows nobody. On
 * `/sse` it loses events; on `/events` too, unless there is an archive to read them from. The two
 * streams have their own rings, logs and JSON.
 */
export class EventHub {
  readonly #clock: Clock;
  readonly #legacyRing = new ReplayRing<Parties>(LEGACY_RING);
  readonly #legacyLog: EventLog;
  readonly #structured: StructuredStream;
  #unread = 0;
  #streamed = 0;
  #closed = false;

  /** Nothing is published yet; with an archive its numbers go on. */
  constructor({ clock, archive, ring = STRUCTURED_RING }: EventHubOptions) {
    this.#clock = clock;
    this.#legacyLog = new EventLog({ clock, capacity: LEGACY_QUEUE });
    this.#structured = new StructuredStream({ clock, archive, ring });
  }

  /** Whether the numbers of `/events` outlive the process. */
  get durable(): boolean {
    return this.#structured.durable;
  }

  /** Number of the newest event of `/events` that a client may resume after; 0 before the first. */
  get newest(): number {
    return this.#structured.newest;
  }

  /** Readers of `/sse` now. */
  get legacySubscribers(): number {
    return this.#legacyLog.size;
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
    return this.#unread + this.#legacyLog.lost;
  }

  /** Messages handed to readers of `/events`, one for each reader. */
  get streamed(): number {
    return this.#streamed;
  }

  /**
   * Publishes a message on both streams; a notice of the system on `/events` only.
   *
   * With an archive, `seq` is its number there: call this after the commit, or after the commit failed,
   * in the order of the numbers. A RangeError says that a number is missing or does not ascend. A number
   * above the archive's newest is marked as passing: it may come again after a restart. Without an
   * archive the hub counts from 1 itself.
   */
  publishMessage(event: MessageEvent, seq?: number): void {
    if (this.#closed) return;
    const number = this.#structured.number(seq);
    const at = this.#clock.now();
    const parties = partiesOf(event);
    const characters = event.text.length + event.id.length + (event.replyTo?.length ?? 0);
    if (event.channel !== "system") {
      this.#publishLegacy(
        new KeptEvent(parties, { at, characters, build: () => legacyMessageLine(event) }),
      );
    }
    this.#streamed += this.#structured.size;
    this.#structured.publish(event, { seq: number, parties, at, characters });
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

  /** Publishes that a message of a group was taken back, on `/sse` only. */
  publishGroupDelete(event: GroupDelete): void {
    if (this.#closed) return;
    this.#publishLegacy(
      new KeptEvent({ conversation: undefined, group: event.groupId }, {
        at: this.#clock.now(),
        characters: event.groupId.length + event.deletedBy.length,
        build: () => groupDeleteLine(event),
      }),
    );
  }

  /** A reader of `/sse`; its backlog is the whole ring. */
  subscribeLegacy(): Subscription {
    const backlog = this.#legacyRing.replay(this.#clock.now(), () => true);
    return this.#ended(this.#legacyLog.open(backlog));
  }

  /**
   * A reader of `/events`. A `since` ahead of the newest number comes from another store, or from
   * before a restart without one, and counts as 0 (http-api.md 6).
   *
   * With an archive it gets every event of its channels after `since` that is kept, once and in order,
   * however slowly it reads; and a gap event where numbers are missing, whatever they belonged to. 0
   * asks for what is kept, so nothing is missing before its first event. Its backlog is empty: all comes
   * by {@link Subscription.take}. The stream ends when the archive cannot be read.
   */
  subscribe(filter: StructuredFilter): Subscription {
    return this.#ended(this.#structured.subscribe(filter));
  }

  /**
   * Drops the one-to-one conversation with this key from memory. What was queued live still goes out.
   * From an archive it must have been removed before, else a reader of older events may still get it.
   */
  forgetPeer(pk: string): void {
    this.#forget({ peer: pk });
  }

  /** The same for the messages with an id in a conversation; with `author` only those it wrote. */
  forgetMessage(peer: string, { id, author }: { id: string; author?: string | undefined }): void {
    this.#forget({ peer, id, author });
  }

  /** The same for everything of a group, or for the messages of one author and time in it. */
  forgetGroup(group: string, which?: NonNullable<ForgottenGroup["which"]>): void {
    this.#forget({ group, which });
  }

  /** Ends every reader's stream after what it has queued, and drops whatever is published later. */
  close(): void {
    this.#closed = true;
    this.#legacyLog.close();
    this.#structured.close();
    this.#legacyRing.clear();
  }

  #forget(forgotten: Forgotten): void {
    this.#legacyRing.drop((source) => isForgotten(source, forgotten));
    this.#structured.forget(forgotten);
  }

  #ended(reader: Subscription): Subscription {
    if (this.#closed) reader.close();
    return reader;
  }

  #publishLegacy(event: KeptEvent<Parties>): void {
    const read = this.#legacyLog.size > 0;
    const line = this.#legacyRing.add(event, read);
    if (read) this.#legacyLog.append(line);
    else this.#unread++;
  }
}
