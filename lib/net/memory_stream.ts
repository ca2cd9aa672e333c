import { type ByteStream, closedError, NetworkError } from "./byte_stream.ts";

/** Bytes that one direction holds before writers wait, unless told otherwise. */
export const MEMORY_STREAM_CAPACITY = 65_536;

/** How a pair of memory streams behaves. */
export interface MemoryStreamOptions {
  /** Bytes that one direction holds before writers wait; default {@link MEMORY_STREAM_CAPACITY}. */
  readonly capacity?: number;
  /** The largest number of bytes that the next read gives: called once a read, at least 1. */
  readonly cut?: () => number;
}

/** One direction: what the writer's end put in and the reader's end takes out. */
class Pipe {
  readonly #capacity: number;
  readonly #cut: (() => number) | undefined;
  #chunks: Uint8Array[] = [];
  #size = 0;
  #changed = Promise.withResolvers<void>();
  /** Reads give nothing while held, as if the bytes were still on their way. */
  held = false;
  writerGone = false;
  readerGone = false;
  broken = false;

  constructor({ capacity = MEMORY_STREAM_CAPACITY, cut }: MemoryStreamOptions) {
    this.#capacity = capacity;
    this.#cut = cut;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      if (this.readerGone) throw closedError();
      if (this.broken) throw new NetworkError("reset", "read: connection reset by peer");
      if (!this.held) {
        if (this.#size > 0) return this.#take(buffer);
        if (this.writerGone) return null;
      }
      await this.#changed.promise;
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length || at === 0;) {
      if (this.writerGone) throw closedError();
      if (this.readerGone || this.broken) {
        throw new NetworkError("broken-pipe", "write: broken pipe");
      }
      const piece = bytes.slice(at, at + this.#capacity - this.#size);
      at += piece.length;
      this.#put(piece);
      if (at >= bytes.length) return;
      await this.#changed.promise;
    }
  }

  /** Wakes everyone who waits: something about this pipe is different now. */
  change(apply: (pipe: Pipe) => void): void {
    apply(this);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  #put(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.change(() => {
      this.#chunks.push(piece);
      this.#size += piece.length;
    });
  }

  #take(buffer: Uint8Array): number {
    const most = Math.min(buffer.length, Math.max(1, this.#cut?.() ?? buffer.length));
    let taken = 0;
    while (taken < most) {
      const chunk = this.#chunks.shift();
      if (chunk === undefined) break;
      const part = chunk.subarray(0, most - taken);
      buffer.set(part, taken);
      taken += part.length;
      if (part.length < chunk.length) this.#chunks.unshift(chunk.subarray(part.length));
    }
    this.change(() => {
      this.#size -= taken;
    });
    return taken;
  }
}

/** One end of a linked pair in memory; behaves as a TCP connection does, without the machine. */
export class MemoryStream implements ByteStream {
  readonly localAddress: string;
  readonly remoteAddress: string;
  readonly released: Promise<void>;
  /** What {@link released} waits for after the close, as a socket may with a write that waits. */
  lingering: Promise<void> | undefined;
  readonly #release: (after: Promise<void> | undefined) => void;
  readonly #incoming: Pipe;
  readonly #outgoing: Pipe;

  private constructor(
    { incoming, outgoing }: { incoming: Pipe; outgoing: Pipe },
    { local, remote }: { local: string; remote: string },
  ) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.localAddress = local;
    this.remoteAddress = remote;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.released = promise;
    this.#release = (after) => resolve(after);
  }

  /** Two ends: what one writes the other reads. The addresses are those of first and second end. */
  static pair(
    addresses: readonly [string, string],
    options: MemoryStreamOptions = {},
  ): [MemoryStream, MemoryStream] {
    const [local, remote] = addresses;
    const [there, back] = [new Pipe(options), new Pipe(options)];
    return [
      new MemoryStream({ incoming: back, outgoing: there }, { local, remote }),
      new MemoryStream({ incoming: there, outgoing: back }, { local: remote, remote: local }),
    ];
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#incoming.read(buffer);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#outgoing.write(bytes);
  }

  close(): void {
    this.#incoming.change((pipe) => pipe.readerGone = true);
    this.#outgoing.change((pipe) => pipe.writerGone = true);
    this.#release(this.lingering);
  }

  /** Keeps what this end writes from arriving; past the capacity its writes wait. */
  hold(): void {
    this.#outgoing.change((pipe) => pipe.held = true);
  }

  /** Lets what was held arrive. */
  release(): void {
    this.#outgoing.change((pipe) => pipe.held = false);
  }

  /** Breaks both directions as a TCP reset does: what is under way is lost. */
  reset(): void {
    for (const pipe of [this.#incoming, this.#outgoing]) pipe.change(() => pipe.broken = true);
  }
}
