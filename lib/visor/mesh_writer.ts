import { type Clock, concat } from "#kit";
import { type LinkEnd, LinkError, WRITE_LIMIT_MS, WriteQueue } from "#net";
import { within } from "./call_limit.ts";
import { linkEndOf } from "./mesh_end.ts";
import type { VisorCalls } from "./visor_calls.ts";
import { VisorError } from "./visor_error.ts";

/** Bytes of one `Write` call: one largest frame with its header (visor.md 4.6, 7.4). */
export const MESH_WRITE_BYTES = 65_540;
/**
 * Answers to `Write` in a row that took less than they were given and name no error, after which the link
 * ends: upstream's visors give none (ours).
 */
export const MAX_SHORT_WRITES = 16;

/** What a writer needs; `onFailure` is told once why nothing can be written any more. */
export interface MeshWriterOptions {
  readonly calls: Pick<VisorCalls, "write">;
  readonly clock: Clock;
  /** The visor's number of the connection. */
  readonly connId: number;
  readonly onFailure: (end: LinkEnd) => void;
}

/**
 * The only one that writes to a connection of the visor: one `Write` at a time, the next after the
 * answer to the last, because the visor runs calls in any order (visor.md 5.1).
 */
export class MeshWriter {
  readonly #options: MeshWriterOptions;
  readonly #queue = new WriteQueue();
  #busy = false;
  #shortWrites = 0;
  /** Ends the wait for the call under way. */
  readonly #stop = new AbortController();

  constructor(options: MeshWriterOptions) {
    this.#options = options;
  }

  /** Bytes that the visor has not taken yet. */
  get backlog(): number {
    return this.#queue.backlog;
  }

  /** Writes that wait. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Queues bytes, which must not change until this settles. See `MeshLink.write`. */
  write(bytes: Uint8Array): Promise<void> {
    const written = this.#queue.push(bytes);
    if (!this.#busy && !this.#queue.empty) {
      this.#busy = true;
      // Whatever else the caller writes before it next waits goes into the same call.
      queueMicrotask(() => void this.#writePending());
    }
    return written;
  }

  /** Resolves once the backlog is down to the low water mark of links, or the writer stopped. */
  drained(): Promise<void> {
    return this.#queue.drained();
  }

  /** Rejects what waits and all that comes; the call under way is forgotten. */
  stop(error: LinkError): void {
    this.#queue.stop(error);
    this.#stop.abort();
  }

  async #writePending(): Promise<void> {
    while (!this.#queue.empty) {
      const batch = this.#queue.take(MESH_WRITE_BYTES);
      const bytes = concat(...batch.map((write) => write.bytes));
      this.#queue.underWay(bytes.length);
      try {
        await this.#writeAll(bytes);
        for (const { resolve } of batch) resolve();
      } catch (error) {
        const end = linkEndOf(error, "write-failed");
        this.#options.onFailure(end);
        const reason = this.#queue.stopped ?? new LinkError(end.code, end.message);
        for (const { reject } of batch) reject(reason);
      }
      this.#queue.underWay(0);
    }
    this.#busy = false;
  }

  /** As many calls as it takes. */
  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      if (this.#queue.stopped !== undefined) throw this.#queue.stopped;
      at += await this.#writeSome(bytes.subarray(at, at + MESH_WRITE_BYTES));
    }
  }

  /** One call; how many bytes the visor took, which is at least one. */
  async #writeSome(bytes: Uint8Array): Promise<number> {
    const { calls, clock, connId } = this.#options;
    const writing = calls.write(connId, bytes, this.#stop.signal);
    const { count, failure } = await within(writing, {
      clock,
      limitMs: WRITE_LIMIT_MS,
      signal: this.#stop.signal,
      what: "write",
    });
    if (failure !== undefined) {
      const code = failure.kind === "timeout" ? "write-timeout" : "write-failed";
      throw new LinkError(code, failure.text);
    }
    // An answer that says nothing of an error and nothing of progress would be asked for forever.
    if (count === 0) throw new VisorError("bad-answer", "write: the visor took nothing");
    this.#shortWrites = count < bytes.length ? this.#shortWrites + 1 : 0;
    if (this.#shortWrites > MAX_SHORT_WRITES) {
      throw new VisorError("bad-answer", "write: the visor takes only parts");
    }
    return count;
  }
}
