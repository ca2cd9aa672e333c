import type { PublicKey } from "#crypto";
import { type Clock, CodedError, errorText } from "#kit";
import { SecureSession } from "#session";
import { type ByteStream, type Network, NetworkError } from "./byte_stream.ts";
import type { Endpoint } from "./endpoint.ts";
import { HANDSHAKE_LIMIT_MS, type HandshakeError, runHandshake } from "./handshake.ts";
import { Link } from "./link.ts";
import type { LinkContext } from "./link_context.ts";

/** Time for the TCP connection, name resolution included, in milliseconds (noise.md 7). */
export const CONNECT_LIMIT_MS = 10_000;

/** Codes of a {@link DialError}: the step that failed; `aborted` when the caller gave up. */
export type DialFailure = "connect-failed" | "handshake-failed" | "aborted";

/** A dial that came to nothing; texts of noise.md 7 and cxo.md 13, `cause` has its own code. */
export class DialError extends CodedError {
  /** The step that failed. */
  declare readonly code: DialFailure;

  /** The text is complete. */
  constructor(code: DialFailure, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** How to dial. */
export interface DialOptions {
  /** Ends the attempt at once. */
  readonly signal?: AbortSignal | undefined;
}

/** Whom to dial and how; {@link dialLink} and `dialFeed` differ in this alone. */
export interface DialPlan extends DialOptions {
  /** Where to connect. */
  readonly target: { readonly host: string; readonly port: number; readonly address: string };
  /** The handshake. */
  readonly pattern: "XK" | "XX";
  /** The key that the peer must have; XX does without and learns it. */
  readonly remote?: PublicKey;
  /** Time for the handshake in milliseconds. */
  readonly limitMs: number;
  /** What the error texts begin with. */
  readonly prefix: { readonly connect: string; readonly handshake: string };
}

/** Where a stream is wanted from, and what ends the wait. */
interface ConnectRequest {
  readonly target: DialPlan["target"];
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
}

/**
 * Connects to a peer and proves both identities: at most 10 s for the connection and 10 s for the
 * handshake (noise.md 7). The link is ready to write; for the peer it exists a moment later.
 *
 * @throws {DialError}
 */
export function dialLink(
  context: LinkContext,
  endpoint: Endpoint,
  { signal }: DialOptions = {},
): Promise<Link> {
  const { peer } = endpoint;
  return openLink(context, {
    target: endpoint,
    pattern: "XK",
    remote: peer,
    limitMs: HANDSHAKE_LIMIT_MS,
    prefix: { connect: "tcpnoise: ", handshake: `tcpnoise: handshake (server pinned to ${peer})` },
    signal,
  });
}

/**
 * Connects and shakes hands as the plan says.
 *
 * @throws {DialError}
 */
export async function openLink(context: LinkContext, plan: DialPlan): Promise<Link> {
  const { clock, log, network } = context;
  const { target, pattern, remote, limitMs, prefix, signal } = plan;
  const stream = await connectWithin(network, { target, clock, signal })
    .catch((error: unknown) => {
      const code = signal?.aborted ? "aborted" : "connect-failed";
      const text = `${prefix.connect}dial ${target.address}: ${errorText(error)}`;
      throw new DialError(code, text, { cause: error });
    });
  const session = new SecureSession({
    role: "initiator",
    pattern,
    local: context.local,
    ...(remote === undefined ? {} : { remote }),
    random: context.random,
    requirePostQuantum: context.requirePostQuantum,
  });
  const done = await runHandshake({ stream, session }, { clock, signal, limitMs })
    .catch((error: HandshakeError) => {
      const code = signal?.aborted ? "aborted" : "handshake-failed";
      throw new DialError(code, `${prefix.handshake}: ${error.message}`, { cause: error });
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
  { target, clock, signal }: ConnectRequest,
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
    network.connect(target.host, target.port, controller.signal).then((stream) => {
      if (controller.signal.aborted) return stream.close();
      finish();
      resolve(stream);
    }, (error) => {
      finish();
      reject(error);
    });
  });
}
