import {
  Acceptor,
  type AcceptorOptions,
  DEFAULT_ACCEPT_LIMITS,
  EndpointError,
  FEED_HANDSHAKE_LIMIT_MS,
  type LinkContext,
  parseListenAddress,
} from "#net";
import { quoteForLog } from "#kit";

/** Where feeds are served, and how many may connect. */
export interface FeedAcceptorOptions extends Pick<AcceptorOptions, "onLink"> {
  /** `--cxo-listen` as written; empty = nowhere. */
  readonly listen: string;
  /** Accepted links at a time. */
  readonly mostLinks: number;
  /** What the error texts begin with: `<title> on <listen>: <cause>`. */
  readonly title: string;
}

/**
 * The listener of a node that serves feeds; undefined where it serves them nowhere. Who connects proves
 * its key; what it may have is the node's matter.
 *
 * @throws {EndpointError} `<title> on <listen>: <cause>` for an address that cannot be one; binding throws
 * a `ListenError` of the same form.
 */
export function feedAcceptor(
  context: LinkContext,
  { listen, mostLinks, title, onLink }: FeedAcceptorOptions,
): Acceptor | undefined {
  if (listen === "") return undefined;
  return new Acceptor(context, {
    address: listenAddress(listen, title),
    label: listen,
    listenError: (cause) => `${title} on ${listen}: ${cause}`,
    name: "cxo",
    pattern: "XX",
    handshakeLimitMs: FEED_HANDSHAKE_LIMIT_MS,
    whitelist: { size: 0, allows: () => true },
    limits: {
      connections: mostLinks,
      // Whoever reaches the port may connect: one source gets a quarter of the places.
      linksPerSource: Math.min(DEFAULT_ACCEPT_LIMITS.linksPerSource, Math.ceil(mostLinks / 4)),
    },
    onLink,
  });
}

function listenAddress(listen: string, title: string): { host: string; port: number } {
  try {
    return parseListenAddress(listen);
  } catch (error) {
    if (!(error instanceof EndpointError)) throw error;
    throw new EndpointError(error.code, `${title} on ${quoteForLog(listen)}: ${error.message}`);
  }
}
