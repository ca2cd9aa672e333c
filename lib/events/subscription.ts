/** Characters that may wait for one slow reader before further events are lost to it: 1 Mi. */
export const MAX_QUEUED_CHARACTERS = 1_048_576;

/** One reader of a stream of events, as the layer that writes it out sees it. */
export interface Subscription {
  /** JSON texts to send first, oldest first. Empty after the first {@link next}. */
  readonly backlog: readonly string[];
  /**
   * Everything that queued up since the last call, oldest first; waits while there is nothing. An
   * empty list means that the stream has ended.
   */
  next(): Promise<readonly string[]>;
  /** Ends the stream. */
  close(): void;
}

/** A bounded queue in front of one reader. What does not fit is lost for this reader only. */
export class SubscriberQueue implements Subscription {
  readonly #capacity: number;
  readonly #onClose: (queue: SubscriberQueue) => void;
  #backlog: readonly string[];
  #queue: string[] = [];
  #characters = 0;
  #closed = false;
  #news: PromiseWithResolvers<void> | undefined;

  /** `capacity` is in events; `onClose` runs once. */
  constructor(
    options: {
      capacity: number;
      backlog: readonly string[];
      onClose: (queue: SubscriberQueue) => void;
    },
  ) {
    this.#capacity = options.capacity;
    this.#backlog = options.backlog;
    this.#onClose = options.onClose;
  }

  get backlog(): readonly string[] {
    return this.#backlog;
  }

  /** Queues one event; false when the reader is too slow and loses it. Never waits. */
  offer(line: string): boolean {
    const tooMuch = this.#queue.length >= this.#capacity ||
      (this.#queue.length > 0 && this.#characters + line.length > MAX_QUEUED_CHARACTERS);
    if (this.#closed || tooMuch) return false;
    this.#queue.push(line);
    this.#characters += line.length;
    this.#news?.resolve();
    return true;
  }

  async next(): Promise<readonly string[]> {
    // A stream lives for days; the texts it began with must not be held as long.
    this.#backlog = [];
    while (this.#queue.length === 0 && !this.#closed) {
      this.#news ??= Promise.withResolvers<void>();
      await this.#news.promise;
      this.#news = undefined;
    }
    const batch = this.#queue;
    this.#queue = [];
    this.#characters = 0;
    return batch;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#news?.resolve();
    this.#onClose(this);
  }
}
