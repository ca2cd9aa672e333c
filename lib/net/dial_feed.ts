import { type DialOptions, openLink } from "./dial_link.ts";
import type { Link } from "./link.ts";
import type { LinkContext } from "./link_context.ts";

/** Time for the whole handshake of a CXO connection in either role, in milliseconds (cxo.md 2.1). */
export const FEED_HANDSHAKE_LIMIT_MS = 30_000;

/**
 * Connects to whoever serves a feed: at most 10 s for the connection and 30 s for the handshake, which
 * tells who the peer is (cxo.md 2.1). No key is pinned: the signatures of the feed decide, and the node
 * id that comes next is to be compared with `link.peer`.
 *
 * @throws {DialError} with the texts `dial <address>: <cause>` and `cxo-tcp noise handshake: <cause>`.
 */
export function dialFeed(
  context: LinkContext,
  target: { readonly host: string; readonly port: number; readonly address: string },
  { signal }: DialOptions = {},
): Promise<Link> {
  return openLink(context, {
    target,
    pattern: "XX",
    limitMs: FEED_HANDSHAKE_LIMIT_MS,
    prefix: { connect: "", handshake: "cxo-tcp noise handshake" },
    signal,
  });
}
