import {
  type ByteStream,
  closedError,
  type Network,
  NetworkError,
  type StreamListener,
} from "./byte_stream.ts";
import { joinHostPort } from "./host_port.ts";
import { networkErrorOf, type SocketCall } from "./socket_causes.ts";

/** Connections that the system may hold before we accept them. */
export const LISTEN_BACKLOG = 511;

/** TCP of this machine. Nagle off and keep-alive on, on both sides (noise.md 7). */
export const denoNetwork: Network = {
  async connect(host, port, signal) {
    if (signal.aborted) throw abortedError();
    // As in Go, no host means this machine; and no system has a service on port 0.
    const hostname = host === "" ? "localhost" : host;
    if (port === 0) throw new NetworkError("refused", "connect: connection refused");
    try {
      return new TcpStream(await Deno.connect({ hostname, port, signal }));
    } catch (error) {
      throw signal.aborted ? abortedError() : networkErrorOf(error, { call: "connect", host });
    }
  },

  listen(host, port) {
    try {
      return new TcpListener(host === "" ? listenEverywhere(port) : bind(host, port));
    } catch (error) {
      throw networkErrorOf(error, { call: "bind", host });
    }
  },
};

/** `::` takes both families. A machine without IPv6 refuses it: there IPv4 is all there is. */
function listenEverywhere(port: number): Deno.TcpListener {
  try {
    return bind("::", port);
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse || error instanceof Deno.errors.PermissionDenied) {
      throw error;
    }
    return bind("0.0.0.0", port);
  }
}

function bind(hostname: string, port: number): Deno.TcpListener {
  return Deno.listen({ hostname, port, tcpBacklog: LISTEN_BACKLOG });
}

class TcpListener implements StreamListener {
  readonly address: string;
  readonly #listener: Deno.TcpListener;
  #closed = false;

  constructor(listener: Deno.TcpListener) {
    this.#listener = listener;
    this.address = joinHostPort(listener.addr.hostname, listener.addr.port);
  }

  async accept(): Promise<ByteStream> {
    try {
      return new TcpStream(await this.#listener.accept());
    } catch (error) {
      throw this.#closed ? closedError() : networkErrorOf(error, { call: "accept" });
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.close();
  }
}

class TcpStream implements ByteStream {
  readonly localAddress: string;
  readonly remoteAddress: string;
  readonly #connection: Deno.TcpConn;
  readonly released: Promise<void>;
  readonly #release: () => void;
  #closed = false;
  /** Whether the system has a write of ours that it has not finished. */
  #writing = false;
  /** Rejects the write that waits. */
  #abandonWrite: ((error: NetworkError) => void) | undefined;

  constructor(connection: Deno.TcpConn) {
    const { localAddr, remoteAddr } = connection;
    this.#connection = connection;
    ({ promise: this.released, resolve: this.#release } = Promise.withResolvers<void>());
    this.localAddress = joinHostPort(localAddr.hostname, localAddr.port);
    this.remoteAddress = joinHostPort(remoteAddr.hostname, remoteAddr.port);
    try {
      connection.setNoDelay(true);
      connection.setKeepAlive(true);
    } catch {
      // The peer is gone already and some systems say so here: the first read will tell as well.
    }
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    try {
      return await this.#connection.read(buffer);
    } catch (error) {
      throw this.#failure(error, "read");
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) at += await this.#writeSome(bytes.subarray(at));
    } catch (error) {
      throw this.#failure(error, "write");
    } finally {
      this.#abandonWrite = undefined;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
    this.#abandonWrite?.(closedError());
    if (!this.#writing) this.#release();
  }

  /**
   * Deno 2.6 leaves a waiting write waiting when the connection is closed, so it is abandoned by
   * hand; see {@link ByteStream.released}. 2.9 ends it at once.
   */
  #writeSome(bytes: Uint8Array): Promise<number> {
    if (this.#closed) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      this.#abandonWrite = reject;
      this.#writing = true;
      // Before the caller learns of it: after a part it starts the next write at once.
      const settle = () => {
        this.#writing = false;
        if (this.#closed) this.#release();
      };
      this.#connection.write(bytes).then(
        (count) => (settle(), resolve(count)),
        (error) => (settle(), reject(error)),
      );
    });
  }

  #failure(error: unknown, call: SocketCall): NetworkError {
    return this.#closed ? closedError() : networkErrorOf(error, { call });
  }
}

function abortedError(): NetworkError {
  return new NetworkError("aborted", "operation was canceled");
}
