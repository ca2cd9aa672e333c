import {
  type ByteStream,
  closedError,
  type Network,
  NetworkError,
  type StreamListener,
} from "./byte_stream.ts";
import { joinHostPort } from "./host_port.ts";
import { MemoryStream, type MemoryStreamOptions } from "./memory_stream.ts";

/** First of the ports that a memory network hands out by itself. */
const FIRST_FREE_PORT = 40_000;

/**
 * A network inside one process, for tests and examples: linked pairs of streams, no sockets.
 *
 * Every host name reaches the listener on that port, if it listens on that host or on every
 * interface. {@link from} gives the same network as another machine sees it.
 */
export class MemoryNetwork implements Network {
  readonly #options: MemoryStreamOptions;
  readonly #listeners = new Map<string, MemoryListener>();
  #nextPort = FIRST_FREE_PORT;

  /** The options say how every stream of this network behaves. */
  constructor(options: MemoryStreamOptions = {}) {
    this.#options = options;
  }

  /** The same network, dialled from the machine with this IP address. */
  from(address: string): Network {
    return {
      connect: (host, port, signal) => this.#connect({ from: address, host, port, signal }),
      listen: (host, port) => this.listen(host, port),
    };
  }

  connect(host: string, port: number, signal: AbortSignal): Promise<MemoryStream> {
    return this.#connect({ from: "127.0.0.1", host, port, signal });
  }

  listen(host: string, port: number): StreamListener {
    const bound = port === 0 ? this.#nextPort++ : port;
    const address = joinHostPort(host === "" ? "::" : host, bound);
    if (this.#listeners.has(address)) {
      throw new NetworkError("address-in-use", "bind: address already in use");
    }
    const listener = new MemoryListener(address, () => this.#listeners.delete(address));
    this.#listeners.set(address, listener);
    return listener;
  }

  async #connect({ from, host, port, signal }: MemoryConnect): Promise<MemoryStream> {
    await Promise.resolve();
    if (signal.aborted) throw new NetworkError("aborted", "operation was canceled");
    const listener = this.#listeners.get(joinHostPort(host, port)) ??
      this.#listeners.get(joinHostPort("::", port));
    if (listener === undefined) throw new NetworkError("refused", "connect: connection refused");
    const local = joinHostPort(from, this.#nextPort++);
    const remote = joinHostPort(host === "" ? "127.0.0.1" : host, port);
    const [ours, theirs] = MemoryStream.pair([local, remote], this.#options);
    listener.arrive(theirs);
    return ours;
  }
}

interface MemoryConnect {
  readonly from: string;
  readonly host: string;
  readonly port: number;
  readonly signal: AbortSignal;
}

class MemoryListener implements StreamListener {
  readonly address: string;
  readonly #onClose: () => void;
  readonly #arrived: MemoryStream[] = [];
  #waiting: PromiseWithResolvers<ByteStream>[] = [];
  #closed = false;

  constructor(address: string, onClose: () => void) {
    this.address = address;
    this.#onClose = onClose;
  }

  arrive(stream: MemoryStream): void {
    const first = this.#waiting.shift();
    if (first === undefined) this.#arrived.push(stream);
    else first.resolve(stream);
  }

  accept(): Promise<ByteStream> {
    if (this.#closed) return Promise.reject(closedError());
    const stream = this.#arrived.shift();
    if (stream !== undefined) return Promise.resolve(stream);
    const waiting = Promise.withResolvers<ByteStream>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose();
    for (const waiting of this.#waiting) waiting.reject(closedError());
    for (const stream of this.#arrived) stream.close();
    this.#waiting = [];
  }
}
