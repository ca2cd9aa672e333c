import { concat } from "#kit";
import type { ByteStream } from "#net";

/**
 * Bytes to the visor that the system has not taken yet, beyond which no further dial or write is sent.
 * Each connection over the mesh has 64 KiB under way at most, and a visor on this machine takes them at
 * once unless it hangs (ours).
 */
export const MAX_VISOR_BACKLOG_BYTES = 8_388_608;
/** Bytes of one write to the visor, or one part where that is longer (ours). */
export const VISOR_WRITE_BYTES = 262_144;

/** What {@link OutgoingBytes} tells its owner. */
export interface OutgoingBytesEvents {
  /** Bytes were taken: there may be room again. */
  readonly onWritten: () => void;
  /** Once: why nothing can be sent any more. */
  readonly onFailure: (error: unknown) => void;
}

/** Bytes to the visor, in the order in which they were pushed; what waits goes out in few writes. */
export class OutgoingBytes {
  readonly #stream: ByteStream;
  readonly #events: OutgoingBytesEvents;
  #pending: Uint8Array[] = [];
  #backlog = 0;
  #busy = false;
  #stopped = false;

  /** Nothing is sent yet. */
  constructor(stream: ByteStream, events: OutgoingBytesEvents) {
    this.#stream = stream;
    this.#events = events;
  }

  /** Whether {@link MAX_VISOR_BACKLOG_BYTES} wait. */
  get full(): boolean {
    return this.#backlog >= MAX_VISOR_BACKLOG_BYTES;
  }

  /** Queues parts that belong together; never refuses them, since what was encoded must be sent. */
  push(...parts: readonly Uint8Array[]): void {
    if (this.#stopped) return;
    for (const part of parts) {
      this.#pending.push(part);
      this.#backlog += part.length;
    }
    if (this.#busy) return;
    this.#busy = true;
    // What is called before the caller next waits shares the write.
    queueMicrotask(() => void this.#writePending());
  }

  /** Forgets what waits, and all that comes. */
  stop(): void {
    this.#stopped = true;
    this.#pending = [];
  }

  async #writePending(): Promise<void> {
    try {
      while (this.#pending.length > 0) {
        const bytes = this.#takeSome();
        await this.#stream.write(bytes);
        this.#backlog -= bytes.length;
        if (!this.#stopped) this.#events.onWritten();
      }
    } catch (error) {
      if (!this.#stopped) this.#events.onFailure(error);
    }
    this.#busy = false;
  }

  /** Up to {@link VISOR_WRITE_BYTES}, so that room comes back little by little; at least one part. */
  #takeSome(): Uint8Array {
    let count = 0;
    let length = 0;
    for (const part of this.#pending) {
      if (count > 0 && length + part.length > VISOR_WRITE_BYTES) break;
      length += part.length;
      count++;
    }
    return concat(...this.#pending.splice(0, count));
  }
}
