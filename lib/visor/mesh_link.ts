import type { PublicKey } from "#crypto";
import { type Clock, errorText } from "#kit";
import { HIGH_WATER_BYTES, type LinkEnd, LinkError } from "#net";
import { within } from "./call_limit.ts";
import type { IoFailure } from "./io_failure.ts";
import { linkEndOf } from "./mesh_end.ts";
import { MeshWriter } from "./mesh_writer.ts";
import type { VisorCalls } from "./visor_calls.ts";

/**
 * Bytes that one `Read` asks for: one largest frame with its header. A constant, because the visor
 * allocates it before it reads (visor.md 6.3).
 */
export const MESH_READ_BYTES = 65_540;
/** Answers to `Read` in a row that hold neither bytes nor an error, after which the link ends (ours). */
export const MAX_EMPTY_READS = 100;

/** Memory in bytes of a write that waits, besides what it writes; measured roughly (ours). */
const WAITING_WRITE_BYTES = 512;

/** A network that a visor reaches peers over (visor.md 7.1). */
export type MeshNetwork = "skynet" | "dmsg";

/** What a connection over the mesh is made of. */
export interface MeshLinkParts {
  readonly calls: Pick<VisorCalls, "closeConn" | "read" | "write">;
  readonly clock: Clock;
  /** The visor's number of the connection; the link owns it from now on. */
  readonly connId: number;
  readonly network: MeshNetwork;
  /** The key of the peer's visor, which ours has authenticated. */
  readonly peer: PublicKey;
  /** `in` when the peer opened the connection. */
  readonly direction: "in" | "out";
  /** Told after each write how much more memory may be held. */
  readonly onQueued?: (bytes: number) => void;
}

/**
 * A byte stream with one peer over the networks of a visor, with ordered writes, a limit on each and
 * back-pressure both ways. It has the shape of `Link` of `#net`, and differs in what a write means:
 * it resolves when the visor took the bytes.
 */
export class MeshLink {
  /** The visor's number of the connection. */
  readonly connId: number;
  /** The key of the peer's visor, which ours has authenticated (visor.md 6.3). */
  readonly peer: PublicKey;
  /** What it goes over. */
  readonly network: MeshNetwork;
  /** `in` when the peer opened the connection. */
  readonly direction: "in" | "out";
  /** When the visor handed it to us, on the clock of durations. */
  readonly openedAt: number;
  /**
   * Resolves once, with the first reason why the link ended: `eof`, `closed`, `read-failed`,
   * `write-failed`, `write-timeout` or `visor-lost`. The text may be the visor's.
   */
  readonly closed: Promise<LinkEnd>;
  /** Resolves after the end, once the visor has answered that it let go, or is gone. */
  readonly released: Promise<void>;
  readonly #parts: MeshLinkParts;
  readonly #writer: MeshWriter;
  readonly #resolveClosed: (end: LinkEnd) => void;
  readonly #resolveReleased: (after: Promise<void>) => void;
  /** Ends the wait for the read under way. */
  readonly #stop = new AbortController();
  #ended = false;
  #serving = false;
  #emptyReads = 0;

  /** Nothing is read yet: see {@link serve}. */
  constructor(parts: MeshLinkParts) {
    this.#parts = parts;
    this.connId = parts.connId;
    this.peer = parts.peer;
    this.network = parts.network;
    this.direction = parts.direction;
    this.openedAt = parts.clock.now();
    ({ promise: this.closed, resolve: this.#resolveClosed } = Promise.withResolvers<LinkEnd>());
    ({ promise: this.released, resolve: this.#resolveReleased } = Promise.withResolvers<void>());
    this.#writer = new MeshWriter({ ...parts, onFailure: (end) => this.#end(end) });
  }

  /** Bytes written that the visor has not taken yet. */
  get backlog(): number {
    return this.#writer.backlog;
  }

  /** Memory in bytes that what the visor has not taken yet holds, roughly. */
  get held(): number {
    return this.#writer.backlog + this.#writer.waiting * WAITING_WRITE_BYTES;
  }

  /**
   * Sends stream bytes; resolves when the visor took them, which says nothing about the peer. The
   * bytes of one call stay together. They must not change until this settles.
   *
   * @throws {LinkError} `backlog-full` (nothing was sent, the link lives on), or the code of
   * {@link closed}: the link is dead.
   */
  write(bytes: Uint8Array): Promise<void> {
    const written = this.#writer.write(bytes);
    this.#parts.onQueued?.(bytes.length + WAITING_WRITE_BYTES);
    return written;
  }

  /**
   * Reads until the link ends and hands on what the peer sends; cuts carry no meaning. While a promise
   * that `onData` returned is pending nothing more is read, nor while the backlog is above
   * {@link HIGH_WATER_BYTES}. To be called once.
   *
   * @throws what `onData` throws, after closing the link.
   */
  async serve(onData: (bytes: Uint8Array) => void | Promise<void>): Promise<LinkEnd> {
    if (this.#serving) throw new TypeError("Cannot serve a link twice");
    this.#serving = true;
    try {
      while (!this.#ended) await this.#readOnce(onData);
    } catch (error) {
      // A handler that waits for its own write fails with the link: that is the link's end.
      const withLink = this.#ended && error instanceof LinkError;
      this.#end({ code: "closed", message: errorText(error) });
      if (!withLink) throw error;
    }
    return this.closed;
  }

  /** Ends the link: nothing more is sent, not even what waits, and pending writes reject. Again: nothing happens. */
  close(reason = "closed"): void {
    this.#end({ code: "closed", message: reason });
  }

  /** For the owner of the connection to the visor: it is gone, and there is nothing left to close. */
  visorLost(reason: string): void {
    this.#end({ code: "visor-lost", message: reason });
  }

  async #readOnce(onData: (bytes: Uint8Array) => void | Promise<void>): Promise<void> {
    if (this.#writer.backlog > HIGH_WATER_BYTES) {
      await this.#writer.drained();
      return;
    }
    const { calls, clock, connId } = this.#parts;
    const reading = calls.read(connId, MESH_READ_BYTES, this.#stop.signal);
    // Ends with the link at once: a visor that hangs may never answer.
    const answer = await within(reading, { clock, signal: this.#stop.signal, what: "read" })
      .catch((error) => {
        this.#end(linkEndOf(error, "read-failed"));
      });
    if (answer === undefined || this.#ended) return;
    const { bytes, failure } = answer;
    this.#emptyReads = bytes.length > 0 ? 0 : this.#emptyReads + 1;
    // Bytes first, then the error that came with them (visor.md 6.3).
    const taken = bytes.length > 0 ? onData(bytes) : undefined;
    if (taken !== undefined) await taken;
    if (failure !== undefined) this.#end(endOfReading(failure));
    else if (this.#emptyReads >= MAX_EMPTY_READS) {
      this.#end({ code: "read-failed", message: "read: the visor answers with nothing" });
    }
  }

  #end({ code, message }: LinkEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stop.abort();
    this.#writer.stop(new LinkError(code, message));
    this.#resolveClosed({ code, message });
    const { calls, connId } = this.#parts;
    // A connection that the visor has forgotten already is as good as closed.
    this.#resolveReleased(
      code === "visor-lost" ? Promise.resolve() : calls.closeConn(connId).catch(() => {}),
    );
  }
}

/** We never set a deadline on reading: one that passed was set by nobody and is trouble. */
function endOfReading({ kind, text }: IoFailure): LinkEnd {
  return kind === "eof" ? { code: "eof", message: "EOF" } : { code: "read-failed", message: text };
}
