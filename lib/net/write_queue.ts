import { LinkError } from "./link_end.ts";

/** Backlog in bytes above which a link stops reading from its peer. */
export const HIGH_WATER_BYTES = 262_144;
/** Backlog in bytes at which it reads again. */
export const LOW_WATER_BYTES = 65_536;
/** Backlog in bytes that no write may exceed: it is refused with `backlog-full`. */
export const BACKLOG_LIMIT_BYTES = 1_048_576;

/** A write that was taken off the queue; exactly one of the two is to be called. */
export interface PendingWrite {
  /** What to write. */
  readonly bytes: Uint8Array;
  /** The write is done. */
  readonly resolve: () => void;
  /** It is not. */
  readonly reject: (error: LinkError) => void;
}

/**
 * What waits to be written to a link, in the order of the calls, and how much of it is under way: the
 * bounds of its backlog, and its back-pressure. Who writes takes batches off it.
 */
export class WriteQueue {
  #waiting: PendingWrite[] = [];
  #waitingBytes = 0;
  #underWayBytes = 0;
  #stopped: LinkError | undefined;
  #drained: PromiseWithResolvers<void> | undefined;

  /** Bytes that wait or are under way. */
  get backlog(): number {
    return this.#waitingBytes + this.#underWayBytes;
  }

  /** Writes that wait, those under way left out. */
  get length(): number {
    return this.#waiting.length;
  }

  /** Whether nothing waits. */
  get empty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Why nothing is written any more; undefined while it is. */
  get stopped(): LinkError | undefined {
    return this.#stopped;
  }

  /**
   * Queues bytes, which must not change until this settles.
   *
   * @throws {LinkError} `backlog-full`, or why the queue stopped
   */
  push(bytes: Uint8Array): Promise<void> {
    if (this.#stopped !== undefined) return Promise.reject(this.#stopped);
    if (this.backlog + bytes.length > BACKLOG_LIMIT_BYTES) {
      const text = `write: backlog of ${BACKLOG_LIMIT_BYTES} bytes is full`;
      return Promise.reject(new LinkError("backlog-full", text));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes, resolve, reject });
      this.#waitingBytes += bytes.length;
    });
  }

  /** Takes writes off the queue up to this many bytes, but at least one if any waits. */
  take(mostBytes: number): PendingWrite[] {
    let count = 0;
    let bytes = 0;
    for (const write of this.#waiting) {
      if (count > 0 && bytes + write.bytes.length > mostBytes) break;
      bytes += write.bytes.length;
      count++;
    }
    this.#waitingBytes -= bytes;
    return this.#waiting.splice(0, count);
  }

  /** Says how many bytes are under way from now on; none lets {@link drained} resolve. */
  underWay(bytes: number): void {
    this.#underWayBytes = bytes;
    if (bytes > 0 || this.backlog > LOW_WATER_BYTES) return;
    this.#drained?.resolve();
    this.#drained = undefined;
  }

  /** Resolves once the backlog is down to {@link LOW_WATER_BYTES}, or the queue stopped. */
  drained(): Promise<void> {
    if (this.#stopped !== undefined || this.backlog <= LOW_WATER_BYTES) return Promise.resolve();
    return (this.#drained ??= Promise.withResolvers()).promise;
  }

  /** Rejects what waits and all that comes; what is under way is not touched. Again: nothing happens. */
  stop(error: LinkError): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = error;
    for (const { reject } of this.#waiting) reject(error);
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#drained?.resolve();
  }
}
