import type { PublicKey } from "#crypto";
import { type Clock, errorText } from "#kit";
import type { SecureSession } from "#session";
import type { ByteStream } from "./byte_stream.ts";
import type { Handshaken } from "./handshake.ts";
import { type LinkEnd, LinkError } from "./link_end.ts";
import { LinkWriter } from "./link_writer.ts";
import { HIGH_WATER_BYTES } from "./write_queue.ts";

/** Bytes of the read buffer of a quiet link: what an idle connection costs. */
export const READ_BUFFER_MIN_BYTES = 4_096;
/** Bytes to which the read buffer grows, doubling, while the peer fills it. */
export const READ_BUFFER_MAX_BYTES = 65_536;

/** What a link is made of: a stream and a session whose handshake over it is done. */
export interface LinkParts extends Handshaken {
  /** The link owns it from now on. */
  readonly stream: ByteStream;
  /** The link owns it from now on. */
  readonly session: SecureSession;
  /** `in` when the peer opened the connection. */
  readonly direction: "in" | "out";
  /** For the write limit and the idle record. */
  readonly clock: Clock;
}

/**
 * Takes stream bytes of the peer; while a promise it returned is pending, nothing more is read. The
 * bytes are only lent: once it is done with them, their memory is used again.
 */
export type DataHandler = (bytes: Uint8Array) => void | Promise<void>;

/**
 * An authenticated, encrypted byte stream with one peer: drives a session over a stream, with
 * ordered writes, a deadline on each and back-pressure both ways. {@link dialLink} and
 * {@link Acceptor} make them.
 */
export class Link {
  /** The key that the peer has proven to have. */
  readonly peer: PublicKey;
  /** `in` when the peer opened the connection. */
  readonly direction: "in" | "out";
  /** `ip:port` of the other end. */
  readonly remoteAddress: string;
  /** Whether ML-KEM went into the keys (noise.md 4). */
  readonly postQuantum: boolean;
  /** Whether we offered ML-KEM and the peer answered nothing. */
  readonly downgraded: boolean;
  /** When the handshake was done, on the clock of durations. */
  readonly openedAt: number;
  /** Resolves once, with the first reason why the link ended. */
  readonly closed: Promise<LinkEnd>;
  readonly #stream: ByteStream;
  readonly #session: SecureSession;
  readonly #writer: LinkWriter;
  readonly #resolveClosed: (end: LinkEnd) => void;
  readonly #clock: Clock;
  #early: readonly Uint8Array[];
  #activeAt: number;
  #ended = false;
  #serving = false;

  /** Starts the idle timer: a link that is not served must be closed. */
  constructor({ stream, session, direction, clock, established, early }: LinkParts) {
    this.peer = established.peer;
    this.postQuantum = established.postQuantum;
    this.downgraded = established.downgraded;
    this.direction = direction;
    this.remoteAddress = stream.remoteAddress;
    this.#clock = clock;
    this.openedAt = this.#activeAt = clock.now();
    this.#stream = stream;
    this.#session = session;
    this.#early = early;
    const { promise, resolve } = Promise.withResolvers<LinkEnd>();
    this.closed = promise;
    this.#resolveClosed = resolve;
    const onFailure = (end: LinkEnd) => this.#end(end);
    this.#writer = new LinkWriter({ stream, session, clock, onFailure });
  }

  /** Resolves once the system has let go of the connection; see {@link ByteStream.released}. */
  get released(): Promise<void> {
    return this.#stream.released;
  }

  /** When the peer sent data last, or the link opened, on the clock of durations. */
  get activeAt(): number {
    return this.#activeAt;
  }

  /** Bytes written that the system has not taken yet. */
  get backlog(): number {
    return this.#writer.backlog;
  }

  /**
   * Sends stream bytes; resolves when the system took them, which says nothing about the peer. The
   * bytes of one call stay together. They must not change until this settles.
   *
   * @throws {LinkError} `backlog-full` (nothing was sent, the link lives on), `write-timeout`,
   * `write-failed`, `closed` or the code with which the session failed: the link is dead.
   */
  write(bytes: Uint8Array): Promise<void> {
    return this.#writer.write(bytes);
  }

  /**
   * Reads until the link ends and hands on what the peer sends; cuts carry no meaning. Stops reading
   * while the backlog is above {@link HIGH_WATER_BYTES}: a peer that sends but does not read gets
   * back-pressure, and after the write limit the end. To be called once.
   *
   * @throws what `onData` throws, after closing the link.
   */
  async serve(onData: DataHandler): Promise<LinkEnd> {
    if (this.#serving) throw new TypeError("Cannot serve a link twice");
    this.#serving = true;
    try {
      for (const bytes of this.#early) await onData(bytes);
      this.#early = [];
      await this.#readAll(onData);
    } catch (error) {
      // A handler that waits for its own write fails with the link: that is the link's end.
      const withLink = this.#ended && error instanceof LinkError;
      this.#end({ code: "closed", message: errorText(error) });
      if (!withLink) throw error;
    }
    return this.closed;
  }

  /**
   * Ends the link: nothing more is sent, not even what waits; the socket is closed, pending writes
   * reject. Again: nothing happens.
   */
  close(reason = "closed"): void {
    this.#end({ code: "closed", message: reason });
  }

  async #readAll(onData: DataHandler): Promise<void> {
    let buffer = new Uint8Array(READ_BUFFER_MIN_BYTES);
    while (!this.#ended) {
      if (this.#writer.backlog > HIGH_WATER_BYTES) await this.#writer.drained();
      const count = await this.#read(buffer);
      if (count === undefined) return;
      // Decrypted in place; every handler is done with its bytes before the buffer is used again.
      for (const event of this.#session.push(buffer.subarray(0, count))) {
        if (this.#ended) return;
        if (event.kind === "fatal") this.#end(event);
        if (event.kind !== "data") continue;
        this.#activeAt = this.#clock.now();
        const taken = onData(event.bytes);
        if (taken !== undefined) await taken;
      }
      const size = nextBufferSize(buffer.length, count);
      if (size !== buffer.length) buffer = new Uint8Array(size);
    }
  }

  /** Bytes read, or undefined when that was the end. */
  async #read(buffer: Uint8Array): Promise<number | undefined> {
    try {
      const count = await this.#stream.read(buffer);
      if (count !== null) return count;
      this.#end({ code: "eof", message: "EOF" });
    } catch (error) {
      this.#end({ code: "read-failed", message: errorText(error) });
    }
    return undefined;
  }

  #end({ code, message }: LinkEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#writer.stop(new LinkError(code, message));
    this.#stream.close();
    this.#resolveClosed({ code, message });
  }
}

/** Doubles a buffer that was filled and returns to the smallest after a read that hardly used it. */
function nextBufferSize(size: number, used: number): number {
  if (used === size) return Math.min(size * 2, READ_BUFFER_MAX_BYTES);
  return used * 4 <= size ? READ_BUFFER_MIN_BYTES : size;
}
