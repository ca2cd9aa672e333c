import { type Clock, concat, errorText, type Timer } from "#kit";
import type { SecureSession } from "#session";
import type { ByteStream } from "./byte_stream.ts";
import { type LinkEnd, LinkError } from "./link_end.ts";
import { type PendingWrite, WriteQueue } from "./write_queue.ts";

/** Time that one write to the socket may take, in milliseconds (messages.md 1). */
export const WRITE_LIMIT_MS = 5_000;
/** Stream bytes after which no more pending writes are joined into one socket write. */
export const COALESCE_BYTES = 65_536;
/**
 * Silence of ours in milliseconds after which an empty record is sent. Nothing on the wire asks
 * for it and every receiver skips it (noise.md 6), but it keeps NAT mappings open and makes the
 * system of a peer that restarted answer with a reset, where the keep-alive of TCP, whose two hours
 * this runtime cannot shorten, would leave a dead link in the table. The figure is the keep-alive
 * of the deployed system (noise.md 7).
 */
export const IDLE_RECORD_MS = 15_000;

/** What a writer needs; `onFailure` is told once why nothing can be written any more. */
export interface LinkWriterOptions {
  readonly stream: ByteStream;
  readonly session: SecureSession;
  readonly clock: Clock;
  readonly onFailure: (end: LinkEnd) => void;
}

/**
 * The only one that writes to a link's stream: seals what waits, as few records and socket writes
 * as possible, one at a time, in the order of the calls.
 */
export class LinkWriter {
  readonly #options: LinkWriterOptions;
  readonly #queue = new WriteQueue();
  #busy = false;
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
    return this.#queue.backlog;
  }

  /** Queues stream bytes, which must not change until this settles. See `Link.write`. */
  write(bytes: Uint8Array): Promise<void> {
    const written = this.#queue.push(bytes);
    if (!this.#busy && !this.#queue.empty) {
      this.#busy = true;
      // Whatever else the caller writes before it next waits goes into the same socket write.
      queueMicrotask(() => void this.#writePending());
    }
    return written;
  }

  /** Resolves once the backlog is down to the low water mark, or the writer stopped. */
  drained(): Promise<void> {
    return this.#queue.drained();
  }

  /** Rejects what waits and all that comes. The stream is the caller's to close. */
  stop(error: LinkError): void {
    this.#idleTimer.cancel();
    this.#watchdog?.cancel();
    this.#queue.stop(error);
  }

  async #writePending(): Promise<void> {
    while (!this.#queue.empty) {
      const batch = this.#queue.take(COALESCE_BYTES);
      const [only] = batch;
      const bytes = batch.length === 1 && only !== undefined
        ? only.bytes
        : concat(...batch.map((write) => write.bytes));
      await this.#writeRecords(() => this.#options.session.seal(bytes), batch);
    }
    this.#busy = false;
  }

  /** One socket write under its deadline, on behalf of `batch`. Never rejects. */
  async #writeRecords(seal: () => Uint8Array, batch: readonly PendingWrite[]): Promise<void> {
    const { clock, onFailure, stream } = this.#options;
    this.#writeStartedAt = clock.now();
    this.#watchdog ??= clock.after(WRITE_LIMIT_MS, () => this.#onWatchdog());
    try {
      const wire = seal();
      this.#queue.underWay(wire.length);
      if (wire.length > 0) await stream.write(wire);
      this.#lastWriteAt = clock.now();
      for (const write of batch) write.resolve();
    } catch (error) {
      // After a timeout or a close the stream says so too; the first reason is the one that counts.
      onFailure({ code: "write-failed", message: errorText(error) });
      const reason = this.#queue.stopped ?? new LinkError("write-failed", errorText(error));
      for (const write of batch) write.reject(reason);
    } finally {
      this.#writeStartedAt = undefined;
      this.#queue.underWay(0);
    }
  }

  /** Ends the link when the write under way is over its limit, else looks again when it would be. */
  #onWatchdog(): void {
    this.#watchdog = undefined;
    const startedAt = this.#writeStartedAt;
    if (startedAt === undefined || this.#queue.stopped !== undefined) return;
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
