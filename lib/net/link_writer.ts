import { type Clock, CodedError, concat, errorText, type Timer } from "#kit";
import type { SecureSession } from "#session";
import type { ByteStream } from "./byte_stream.ts";

/** Time that one write to the socket may take, in milliseconds (messages.md 1). */
export const WRITE_LIMIT_MS = 5_000;
/** Stream bytes after which no more pending writes are joined into one socket write. */
export const COALESCE_BYTES = 65_536;
/** Backlog in bytes above which a link stops reading from its peer. */
export const HIGH_WATER_BYTES = 262_144;
/** Backlog in bytes at which it reads again. */
export const LOW_WATER_BYTES = 65_536;
/** Backlog in bytes that no write may exceed: it is refused with `backlog-full`. */
export const BACKLOG_LIMIT_BYTES = 1_048_576;
/**
 * Silence of ours in milliseconds after which an empty record is sent. Nothing on the wire asks
 * for it and every receiver skips it (noise.md 6), but it keeps NAT mappings open and makes the
 * system of a peer that restarted answer with a reset, where the keep-alive of TCP, whose two hours
 * this runtime cannot shorten, would leave a dead link in the table. The figure is the keep-alive
 * of the deployed system (noise.md 7).
 */
export const IDLE_RECORD_MS = 15_000;

/** Why a link ended. */
export interface LinkEnd {
  /**
   * `eof`, `closed`, `read-failed`, `write-failed`, `write-timeout`, or the code with which the
   * session failed.
   */
  readonly code: string;
  /** The text of noise.md 6; `EOF` when the peer closed in order. */
  readonly message: string;
}

/**
 * A write that was not done: the code is that of the {@link LinkEnd}, or `backlog-full` while the
 * link lives on.
 */
export class LinkError extends CodedError {}

/** What a writer needs; `onFailure` is told once why nothing can be written any more. */
export interface LinkWriterOptions {
  readonly stream: ByteStream;
  readonly session: SecureSession;
  readonly clock: Clock;
  readonly onFailure: (end: LinkEnd) => void;
}

interface PendingWrite {
  readonly bytes: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: LinkError) => void;
}

/**
 * The only one that writes to a link's stream: seals what waits, as few records and socket writes
 * as possible, one at a time, in the order of the calls.
 */
export class LinkWriter {
  readonly #options: LinkWriterOptions;
  #pending: PendingWrite[] = [];
  #pendingBytes = 0;
  #writingBytes = 0;
  #busy = false;
  #stopped: LinkError | undefined;
  #drained: PromiseWithResolvers<void> | undefined;
  #lastWriteAt: number;
  #idleTimer: Timer;
  /** When the socket write under way began. */
  #writeStartedAt: number | undefined;
  /** Looks after slow writes; one for many writes, since most are over at once. */
  #watchdog: Timer | undefined;

  constructor(options: LinkWriterOptions) {
    this.#options = options;
    this.#lastWriteAt = options.clock.now();
    this.#idleTimer = options.clock.after(IDLE_RECORD_MS, () => this.#onIdleTimer());
  }

  /** Bytes that the system has not taken yet: stream bytes that wait, wire bytes under way. */
  get backlog(): number {
    return this.#pendingBytes + this.#writingBytes;
  }

  /** Queues stream bytes, which must not change until this settles. See `Link.write`. */
  write(bytes: Uint8Array): Promise<void> {
    if (this.#stopped !== undefined) return Promise.reject(this.#stopped);
    if (this.backlog + bytes.length > BACKLOG_LIMIT_BYTES) {
      const text = `write: backlog of ${BACKLOG_LIMIT_BYTES} bytes is full`;
      return Promise.reject(new LinkError("backlog-full", text));
    }
    return new Promise((resolve, reject) => {
      this.#pending.push({ bytes, resolve, reject });
      this.#pendingBytes += bytes.length;
      if (this.#busy) return;
      this.#busy = true;
      // Whatever else the caller writes before it next waits goes into the same socket write.
      queueMicrotask(() => void this.#writePending());
    });
  }

  /** Resolves once the backlog is down to {@link LOW_WATER_BYTES}, or the writer stopped. */
  drained(): Promise<void> {
    if (this.#stopped !== undefined || this.backlog <= LOW_WATER_BYTES) return Promise.resolve();
    return (this.#drained ??= Promise.withResolvers()).promise;
  }

  /** Rejects what waits and all that comes. The stream is the caller's to close. */
  stop(error: LinkError): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = error;
    this.#idleTimer.cancel();
    this.#watchdog?.cancel();
    for (const write of this.#pending) write.reject(error);
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#drained?.resolve();
  }

  async #writePending(): Promise<void> {
    while (this.#pending.length > 0) {
      const batch = this.#takeBatch();
      const [only] = batch;
      const bytes = batch.length === 1 && only !== undefined
        ? only.bytes
        : concat(...batch.map((write) => write.bytes));
      await this.#writeRecords(() => this.#options.session.seal(bytes), batch);
    }
    this.#busy = false;
  }

  /** Takes writes off the queue up to {@link COALESCE_BYTES}, but at least one. */
  #takeBatch(): PendingWrite[] {
    let count = 0;
    let bytes = 0;
    for (const write of this.#pending) {
      if (count > 0 && bytes + write.bytes.length > COALESCE_BYTES) break;
      bytes += write.bytes.length;
      count++;
    }
    this.#pendingBytes -= bytes;
    return this.#pending.splice(0, count);
  }

  /** One socket write under its deadline, on behalf of `batch`. Never rejects. */
  async #writeRecords(seal: () => Uint8Array, batch: readonly PendingWrite[]): Promise<void> {
    const { clock, onFailure, stream } = this.#options;
    this.#writeStartedAt = clock.now();
    this.#watchdog ??= clock.after(WRITE_LIMIT_MS, () => this.#onWatchdog());
    try {
      const wire = seal();
      this.#writingBytes = wire.length;
      if (wire.length > 0) await stream.write(wire);
      this.#lastWriteAt = clock.now();
      for (const write of batch) write.resolve();
    } catch (error) {
      // After a timeout or a close the stream says so too; the first reason is the one that counts.
      onFailure({ code: "write-failed", message: errorText(error) });
      const reason = this.#stopped ?? new LinkError("write-failed", errorText(error));
      for (const write of batch) write.reject(reason);
    } finally {
      this.#writeStartedAt = undefined;
      this.#writingBytes = 0;
      if (this.backlog <= LOW_WATER_BYTES) {
        this.#drained?.resolve();
        this.#drained = undefined;
      }
    }
  }

  /** Ends the link when the write under way is over its limit, else looks again when it would be. */
  #onWatchdog(): void {
    this.#watchdog = undefined;
    const startedAt = this.#writeStartedAt;
    if (startedAt === undefined || this.#stopped !== undefined) return;
    const left = startedAt + WRITE_LIMIT_MS - this.#options.clock.now();
    if (left <= 0) {
      this.#options.onFailure({ code: "write-timeout", message: "write: i/o timeout" });
    } else {
      this.#watchdog = this.#options.clock.after(left, () => this.#onWatchdog());
    }
  }

  #onIdleTimer(): void {
    const { clock, session } = this.#options;
    const silence = clock.now() - this.#lastWriteAt;
    const due = silence >= IDLE_RECORD_MS && !this.#busy;
    this.#idleTimer = clock.after(
      due || this.#busy ? IDLE_RECORD_MS : IDLE_RECORD_MS - silence,
      () => this.#onIdleTimer(),
    );
    if (!due) return;
    this.#busy = true;
    void this.#writeRecords(() => session.sealEmpty(), []).then(() => this.#writePending());
  }
}
