import type { GroupDelete, MessageEvent, StatusEvent } from "#events";
import type { ChatStore } from "./chat_store.ts";
import { MAX_WAITING_EVENTS } from "./limits.ts";

/** Where messages and statuses are published; `EventHub` of `#events` has this shape. */
export interface EventStream {
  /** `seq` is the number on the durable stream; without one the stream numbers by itself. */
  publishMessage(event: MessageEvent, seq?: number): void;
  /** Surfaces news about the delivery of a message. */
  publishStatus(event: StatusEvent): void;
  /** Shows the messages with this id in a conversation to nobody who comes later. */
  forgetMessage(peer: string, which: { id: string; author: string }): void;
  /** The same for what an author wrote in a group at a time, nanoseconds since 1970. */
  forgetGroup(group: string, which: { sender: string; timestamp: bigint }): void;
  /** Surfaces that a message of a group was taken back. */
  publishGroupDelete(event: GroupDelete): void;
}

interface Waiting {
  settled: boolean;
  readonly action: () => void;
}

/**
 * Lets news out to local consumers in the order in which they happened: a message once it is on
 * disk, and whatever came after it not before. Without a store nothing ever waits.
 *
 * A message whose commit fails goes out all the same: it was delivered, only not kept (history.md).
 */
export class Outlet {
  readonly #events: EventStream;
  readonly #store: ChatStore | undefined;
  /** `#waiting[#first]` is the oldest; what is before it went out and awaits compaction. */
  #waiting: Waiting[] = [];
  #first = 0;
  #roomy: PromiseWithResolvers<void> | undefined;

  /** Nothing waits yet. */
  constructor(options: { events: EventStream; store: ChatStore | undefined }) {
    this.#events = options.events;
    this.#store = options.store;
  }

  /** News that wait for the disk. */
  get size(): number {
    return this.#waiting.length - this.#first;
  }

  /** Present while so much waits that reading from peers should pause until it resolves. */
  get ready(): Promise<void> | undefined {
    if (this.#store === undefined) return undefined;
    if (this.size <= MAX_WAITING_EVENTS) return this.#store.ready;
    return (this.#roomy ??= Promise.withResolvers<void>()).promise;
  }

  /**
   * Stores a message and publishes it. `receipt` is called once the message is as safe as it gets:
   * after its commit, or at once when the limits refuse it.
   *
   * @returns whether what the limits admit is on disk, once that is known; undefined without a store.
   */
  message(event: MessageEvent, receipt?: () => void): Promise<boolean> | undefined {
    if (this.#store === undefined) {
      receipt?.();
      this.#events.publishMessage(event);
      return undefined;
    }
    const { committed, refusal, seq } = this.#store.append(event);
    if (refusal !== undefined) receipt?.();
    const owed = refusal === undefined ? receipt : undefined;
    const waiting: Waiting = {
      settled: false,
      action: () => {
        owed?.();
        this.#events.publishMessage(event, seq);
      },
    };
    this.#waiting.push(waiting);
    committed.then(() => {
      waiting.settled = true;
      this.#flush();
    });
    return committed;
  }

  /** Publishes a delivery status, behind the messages before it. */
  status(event: StatusEvent): void {
    this.after(() => this.#events.publishStatus(event));
  }

  /**
   * Removes what an author wrote under an id: from the store, behind what is on its way to the disk, then
   * from what readers who come later are shown. Rejects with what the store threw; undefined without a
   * store, when it is done at once.
   */
  forget(peer: string, which: { id: string; author: string }): Promise<void> | undefined {
    if (this.#store !== undefined) return this.#forgetStored(this.#store, peer, which);
    this.#events.forgetMessage(peer, which);
    return undefined;
  }

  /**
   * Removes a message of a group like {@link forget}, then says that it is gone, all of that before any
   * later news: a reader never sees what follows and still has what was taken back. Rejects with what the
   * store threw, and readers are told all the same; undefined without a store.
   */
  retract(event: GroupDelete): Promise<void> | undefined {
    const which = { sender: event.deletedBy, timestamp: event.deletedTs };
    const tell = () => {
      this.#events.forgetGroup(event.groupId, which);
      this.#events.publishGroupDelete(event);
    };
    if (this.#store !== undefined) return this.#retractStored(this.#store, { event, which, tell });
    this.after(tell);
    return undefined;
  }

  /** Does something once everything before it is out: at once when nothing waits. */
  after(action: () => void): void {
    if (this.size === 0) return action();
    this.#waiting.push({ settled: true, action });
  }

  /** Resolves when everything that waits now is out; undefined when nothing does. */
  passed(): Promise<void> | undefined {
    return this.size === 0 ? undefined : new Promise((resolve) => this.after(resolve));
  }

  async #forgetStored(
    store: ChatStore,
    ...[peer, which]: Parameters<EventStream["forgetMessage"]>
  ): Promise<void> {
    await this.passed();
    try {
      await store.forget(peer, which.id, which.author);
    } finally {
      this.#events.forgetMessage(peer, which);
    }
  }

  async #retractStored(
    store: ChatStore,
    { event, which, tell }: {
      event: GroupDelete;
      which: Parameters<ChatStore["forgetGroup"]>[1];
      tell: () => void;
    },
  ): Promise<void> {
    const before = this.passed();
    const waiting: Waiting = { settled: false, action: tell };
    this.#waiting.push(waiting);
    await before;
    try {
      await store.forgetGroup(event.groupId, which);
    } finally {
      waiting.settled = true;
      this.#flush();
    }
  }

  #flush(): void {
    for (let next = this.#waiting[this.#first]; next?.settled; next = this.#waiting[this.#first]) {
      this.#first++;
      next.action();
    }
    // Moving the rest costs one step per message on average, because half of the slots are dead by then.
    if (this.#first * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    if (this.#roomy === undefined || this.size > MAX_WAITING_EVENTS / 2) return;
    this.#roomy.resolve();
    this.#roomy = undefined;
  }
}
