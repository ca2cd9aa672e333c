import { CodedError } from "#kit";

/**
 * A reliable, ordered, two-way stream of bytes: a TCP connection or its twin in memory.
 *
 * One reader and one writer at a time. `tests/contract/byte_stream_suite.ts` says the rest, and
 * every implementation passes it.
 */
export interface ByteStream {
  /** This end, as `ip:port` or `[ip]:port`; an IPv4-mapped address is shown as plain IPv4. */
  readonly localAddress: string;
  /** The other end, in the same form. */
  readonly remoteAddress: string;
  /**
   * Waits for bytes, puts as many as there are into `buffer` and returns how many; null once the
   * peer has closed and everything was read.
   *
   * @throws {NetworkError} `closed` after (or while) this end closes, `reset`, …
   */
  read(buffer: Uint8Array): Promise<number | null>;
  /**
   * Resolves when all bytes were taken, not when they arrived. They must not change until then.
   *
   * @throws {NetworkError} `closed`, `broken-pipe`, `reset`, …
   */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends both directions; a waiting read or write rejects with `closed`. Again: nothing happens. */
  close(): void;
  /**
   * Resolves after {@link close}, once the system has let go of the connection. Deno 2.6 does so only
   * when a write that waits has ended, which is up to the peer: whoever counts connections waits.
   */
  readonly released: Promise<void>;
}

/** A bound address that streams arrive at. */
export interface StreamListener {
  /** Where it is really bound, port 0 replaced by the real one: `[::]:8801`. */
  readonly address: string;
  /**
   * The next stream.
   *
   * @throws {NetworkError} `closed` after {@link close}, `exhausted` when descriptors ran out, …
   */
  accept(): Promise<ByteStream>;
  /** Stops listening; a waiting accept rejects with `closed`. */
  close(): void;
}

/** Something that streams are opened over. */
export interface Network {
  /**
   * Opens a stream. Every call resolves the host name anew. It has no time limit of its own: the
   * signal is how the caller sets one.
   *
   * @throws {NetworkError} `refused`, `no-such-host`, `aborted`, …
   */
  connect(host: string, port: number, signal: AbortSignal): Promise<ByteStream>;
  /**
   * Binds. The empty host means every interface, IPv4 and IPv6 (messages.md 8.1); port 0 any free
   * one.
   *
   * @throws {NetworkError} `address-in-use`, `permission-denied`, …
   */
  listen(host: string, port: number): StreamListener;
}

/** What went wrong on a network, as callers tell it apart. */
export type NetworkFailure =
  | "aborted"
  | "address-in-use"
  | "address-not-available"
  | "broken-pipe"
  | "closed"
  | "exhausted"
  | "no-such-host"
  | "other"
  | "permission-denied"
  | "refused"
  | "reset"
  | "timeout"
  | "unreachable";

/**
 * A network operation failed. The text is what users of the deployed system know, such as
 * `connect: connection refused`; `cause` is the runtime's own error.
 */
export class NetworkError extends CodedError {
  /** What went wrong. */
  declare readonly code: NetworkFailure;

  /** The text goes to users as it is; give the runtime's own error as `cause`. */
  constructor(code: NetworkFailure, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** The error of every call on something that this end has closed. */
export function closedError(): NetworkError {
  return new NetworkError("closed", "use of closed network connection");
}
