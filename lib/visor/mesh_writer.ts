import { type Clock, concat } from "#kit";
import {
  BACKLOG_LIMIT_BYTES,
  type LinkEnd,
  LinkError,
  LOW_WATER_BYTES,
  WRITE_LIMIT_MS,
} from "#net";
import { within } from "./call_limit.ts";
import { linkEndOf } from "./mesh_end.ts";
import type { VisorCalls } from "./visor_calls.ts";
import { VisorError } from "./visor_error.ts";

/** Bytes of one `Write` call: one largest frame with its header (visor.md 4.6, 7.4). */
export const MESH_WRITE_BYTES = 65_540;

/** What a writer needs; `onFailure` is told once why nothing can be written any more. */
export interface MeshWriterOptions {
  readonly calls: Pick<VisorCalls, "write">;
  readonly clock: Clock;
  /** The visor's number of the connection. */
  readonly connId: number;
  readonly onFailure: (end: LinkEnd) => void;
}

interface PendingWrite {
  readonly bytes: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: LinkError) => void;
}

/**
 * The only one that writes to a connection of the visor: one `Write` at a time, the next after the
 * answer to the last, because the visor runs calls in any order (visor.md 5.1).
 */
export class MeshWriter {
  readonly #options: MeshWriterOptions;
  #pending: PendingWrite[] = [];
  #backlog = 0;
  #busy = false;
  #stopped: LinkError | undefined;
  /** Ends the wait for the call under way. */
  readonly #stop = new AbortController();
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(options: MeshWriterOptions) {
    this.#options = options;
  }

  /** Bytes that the visor has not taken yet. */
  get backlog(): number {
    return this.#backlog;
  }

  /** Queues bytes, which must not change until this settles. See `MeshLink.write`. */
  write(bytes: Uint8Array): Promise<void> {
    if (this.#stopped !== undefined) return Promise.reject(this.#stopped);
    if (this.#backlog + bytes.length > BACKLOG_LIMIT_BYTES) {
      const text = `write: backlog of ${BACKLOG_LIMIT_BYTES} bytes is full`;
      return Promise.reject(new LinkError("backlog-full", text));
    }
    return new Promise((resolve, reject) => {
      this.#pending.push({ bytes, resolve, reject });
      this.#backlog += bytes.length;
      if (this.#busy) return;
      this.#busy = true;
      // Whatever else the caller writes before it next waits goes into the same call.
      queueMicrotask(() => void this.#writePending());
    });
  }

  /** Resolves once the backlog is down to the low water mark of links, or the writer stopped. */
  drained(): Promise<void> {
    if (this.#stopped !== undefined || this.#backlog <= LOW_WATER_BYTES) return Promise.resolve();
    return (this.#drained ??= Promise.withResolvers()).promise;
  }

  /** Rejects what waits and all that comes; the call under way is forgotten. */
  stop(error: LinkError): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = error;
    this.#stop.abort();
    for (const { bytes, reject } of this.#pending) {
      this.#backlog -= bytes.length;
      reject(error);
    }
    this.#pending = [];
    this.#drained?.resolve();
  }

  async #writePending(): Promise<void> {
    while (this.#pending.length > 0) {
      const batch = this.#takeBatch();
      try {
        await this.#writeAll(concat(...batch.map(({ bytes }) => bytes)));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        const end = linkEndOf(error, "write-failed");
        this.#options.onFailure(end);
        const reason = this.#stopped ?? new LinkError(end.code, end.message);
        for (const { reject } of batch) reject(reason);
      }
      for (const { bytes } of batch) this.#backlog -= bytes.length;
      if (this.#backlog > LOW_WATER_BYTES) continue;
      this.#drained?.resolve();
      this.#drained = undefined;
    }
    this.#busy = false;
  }

  /** Takes writes off the queue up to {@link MESH_WRITE_BYTES}, but at least one. */
  #takeBatch(): PendingWrite[] {
    let count = 0;
    let bytes = 0;
    for (const write of this.#pending) {
      if (count > 0 && bytes + write.bytes.length > MESH_WRITE_BYTES) break;
      bytes += write.bytes.length;
      count++;
    }
    return this.#pending.splice(0, count);
  }

  /** As many calls as it takes. */
  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      if (this.#stopped !== undefined) throw this.#stopped;
      at += await this.#writeSome(bytes.subarray(at, at + MESH_WRITE_BYTES));
    }
  }

  /** One call; how many bytes the visor took, which is at least one. */
  async #writeSome(bytes: Uint8Array): Promise<number> {
    const { calls, clock, connId } = this.#options;
    const writing = calls.write(connId, bytes);
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
    return count;
  }
}
