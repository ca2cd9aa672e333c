import { type Clock, CodedError, errorText } from "#kit";
import { SecureSession } from "#session";
import { type ByteStream, type Network, NetworkError } from "./byte_stream.ts";
import type { Endpoint } from "./endpoint.ts";
import { type HandshakeError, runHandshake } from "./handshake.ts";
import { Link } from "./link.ts";
import type { LinkContext } from "./link_context.ts";

/** Time for the TCP connection, name resolution included, in milliseconds (noise.md 7). */
export const CONNECT_LIMIT_MS = 10_000;

/** Codes of a {@link DialError}: the step that failed; `aborted` when the caller gave up. */
export type DialFailure = "connect-failed" | "handshake-failed" | "aborted";

/** A dial that came to nothing; texts of noise.md 7, `cause` has its own code. */
export class DialError extends CodedError {
  /** The step that failed. */
  declare readonly code: DialFailure;

  /** The text is complete, `tcpnoise: ` included. */
  constructor(code: DialFailure, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** How to dial. */
export interface DialOptions {
  /** Ends the attempt at once. */
  readonly signal?: AbortSignal | undefined;
  /** XK for tcp-direct (the default), XX for CXO feeds. */
  readonly pattern?: "XK" | "XX";
}

/** Where a stream is wanted from, and what ends the wait. */
interface ConnectRequest {
  readonly endpoint: Endpoint;
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
}

/**
 * Connects to a peer and proves both identities: at most 10 s for the connection and 10 s for the
 * handshake (noise.md 7). The link is ready to write; for the peer it exists a moment later.
 *
 * @throws {DialError}
 */
export async function dialLink(
  context: LinkContext,
  endpoint: Endpoint,
  { signal, pattern = "XK" }: DialOptions = {},
): Promise<Link> {
  const { clock, local, log, network, random, requirePostQuantum } = context;
  const stream = await connectWithin(network, { endpoint, clock, signal })
    .catch((error: unknown) => {
      const code = signal?.aborted ? "aborted" : "connect-failed";
      const text = `tcpnoise: dial ${endpoint.address}: ${errorText(error)}`;
      throw new DialError(code, text, { cause: error });
    });
  const session = new SecureSession({
    role: "initiator",
    pattern,
    local,
    remote: endpoint.peer,
    random,
    requirePostQuantum,
  });
  const done = await runHandshake({ stream, session }, { clock, signal })
    .catch((error: HandshakeError) => {
      const code = signal?.aborted ? "aborted" : "handshake-failed";
      const text = `tcpnoise: handshake (server pinned to ${endpoint.peer}): ${error.message}`;
      throw new DialError(code, text, { cause: error });
    });
  if (done.established.downgraded) log.warn(DOWNGRADE_WARNING);
  return new Link({ ...done, stream, session, direction: "out", clock });
}

/** The text of noise.md 4, item 5. */
const DOWNGRADE_WARNING =
  "post-quantum DOWNGRADE: offered ML-KEM but peer returned no ciphertext; session is CLASSICAL-only (older peer, or a payload-stripping MITM)";

/**
 * Connects under the time limit. It does not wait for the network to notice that nobody wants the
 * connection any more: a resolver may take its time. One that comes too late is closed.
 */
function connectWithin(
  network: Network,
  { endpoint, clock, signal }: ConnectRequest,
): Promise<ByteStream> {
  return new Promise((resolve, reject) => {
    const controller = new AbortController();
    const finish = () => {
      timer.cancel();
      signal?.removeEventListener("abort", onAbort);
    };
    const giveUp = (error: NetworkError) => {
      finish();
      controller.abort();
      reject(error);
    };
    const onAbort = () => giveUp(new NetworkError("aborted", "operation was canceled"));
    const timer = clock.after(
      CONNECT_LIMIT_MS,
      () => giveUp(new NetworkError("timeout", "i/o timeout")),
    );
    signal?.addEventListener("abort", onAbort);
    if (signal?.aborted) return onAbort();
    network.connect(endpoint.host, endpoint.port, controller.signal).then((stream) => {
      if (controller.signal.aborted) return stream.close();
      finish();
      resolve(stream);
    }, (error) => {
      finish();
      reject(error);
    });
  });
}
