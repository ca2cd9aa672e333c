/** Most messages that wait for the disk before reading from peers pauses, and their bytes. Ours. */
export const MAX_PENDING_APPENDS = 4_096;
export const MAX_PENDING_BYTES = 4_194_304;
/** Messages of one commit, so that it stays below what Deno KV takes. */
export const MAX_BATCH_APPENDS = 150;
/** Their bytes; a larger message goes alone. */
export const MAX_BATCH_BYTES = 393_216;

/** Something to be written that can share a commit with its neighbours. */
interface Append<T> {
  readonly item: T;
  readonly bytes: number;
  readonly done: (stored: boolean) => void;
}

type Entry<T> = Append<T> | { readonly job: () => Promise<void> };

/**
 * Puts everything that changes a store into one row. Appends that wait together are committed
 * together, and a commit starts as soon as none is running: no timer, and the slower the disk, the
 * larger the groups. Jobs (deletions, sweeps, imports) run alone, in their turn.
 */
export class WriteQueue<T> {
  readonly #commit: (batch: readonly T[]) => Promise<boolean>;
  #entries: Entry<T>[] = [];
  #running: Promise<void> | undefined;
  #pending = 0;
  #pendingBytes = 0;
  #room: PromiseWithResolvers<void> | undefined;

  /** `commit` must not reject: false says that the batch could not be written. */
  constructor(commit: (batch: readonly T[]) => Promise<boolean>) {
    this.#commit = commit;
  }

  /** Appends whose commit has not ended. */
  get pending(): number {
    return this.#pending;
  }

  /** Present while too much waits; resolves when half of it is written. */
  get ready(): Promise<void> | undefined {
    if (this.#pending < MAX_PENDING_APPENDS && this.#pendingBytes < MAX_PENDING_BYTES) {
      return this.#room?.promise;
    }
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  /** Adds an append; resolves after its commit, in the order of the calls. Never rejects. */
  append(item: T, bytes: number): Promise<boolean> {
    this.#pending++;
    this.#pendingBytes += bytes;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#push({ item, bytes, done: resolve });
    return promise;
  }

  /** Runs a job after everything that was added before; its result. */
  run<R>(job: () => Promise<R>): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#push({ job: () => job().then(resolve, reject) });
    });
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  #push(entry: Entry<T>): void {
    this.#entries.push(entry);
    this.#running ??= this.#work();
  }

  async #work(): Promise<void> {
    // What arrives in the same turn, a burst from one connection say, shares the first commit.
    await Promise.resolve();
    for (let head = this.#entries[0]; head !== undefined; head = this.#entries[0]) {
      if ("job" in head) {
        this.#entries.shift();
        await head.job();
      } else {
        await this.#commitBatch(this.#takeBatch());
      }
    }
    this.#running = undefined;
  }

  #takeBatch(): readonly Append<T>[] {
    const batch: Append<T>[] = [];
    let bytes = 0;
    for (const entry of this.#entries) {
      if ("job" in entry || batch.length >= MAX_BATCH_APPENDS) break;
      bytes += entry.bytes;
      if (batch.length > 0 && bytes > MAX_BATCH_BYTES) break;
      batch.push(entry);
    }
    this.#entries.splice(0, batch.length);
    return batch;
  }

  async #commitBatch(batch: readonly Append<T>[]): Promise<void> {
    const stored = await this.#commit(batch.map(({ item }) => item));
    for (const { bytes, done } of batch) {
      this.#pending--;
      this.#pendingBytes -= bytes;
      done(stored);
    }
    if (
      2 * this.#pending <= MAX_PENDING_APPENDS && 2 * this.#pendingBytes <= MAX_PENDING_BYTES
    ) {
      this.#room?.resolve();
      this.#room = undefined;
    }
  }
}
