import { concat } from "#kit";
import type { ByteStream } from "#net";

/**
 * Bytes to the visor that the system has not taken yet, beyond which no further call is made. Each
 * connection over the mesh has 64 KiB under way at most, and a visor on this machine takes them at
 * once unless it hangs (ours).
 */
export const MAX_VISOR_BACKLOG_BYTES = 8_388_608;

/** Bytes to the visor, in the order in which they were pushed; all that waits goes into one write. */
export class OutgoingBytes {
  readonly #stream: ByteStream;
  readonly #onFailure: (error: unknown) => void;
  #pending: Uint8Array[] = [];
  #backlog = 0;
  #busy = false;
  #stopped = false;

  /** `onFailure` is told once why nothing can be sent any more. */
  constructor(stream: ByteStream, onFailure: (error: unknown) => void) {
    this.#stream = stream;
    this.#onFailure = onFailure;
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
        const bytes = concat(...this.#pending);
        this.#pending = [];
        await this.#stream.write(bytes);
        this.#backlog -= bytes.length;
      }
    } catch (error) {
      if (!this.#stopped) this.#onFailure(error);
    }
    this.#busy = false;
  }
}
