import type { PublicKey } from "#crypto";
import { type LinkNetwork, networkOf } from "./chat_link.ts";
import { type ChatState, usableLink } from "./chat_state.ts";
import { NO_LINK_TEXT } from "./outbound.ts";

/** How a node stands with a peer. */
export interface LinkState {
  /** Whether there is a live connection. */
  readonly ready: boolean;
  /** Whether one is being made. */
  readonly connecting: boolean;
  /** Why the last attempt came to nothing. */
  readonly error?: string | undefined;
  /** What the connection goes over. */
  readonly network?: LinkNetwork;
}

/** How a node stands with a peer (http-api.md 4.18). */
export function linkState(peer: PublicKey, state: ChatState): LinkState {
  const { mesh } = state;
  const link = usableLink(peer, state);
  if (link !== undefined) return { ready: true, connecting: false, network: networkOf(link) };
  return {
    ready: false,
    connecting: mesh?.isDialling(peer.hex) ?? false,
    error: mesh?.failure(peer.hex),
  };
}

/** Begins to connect to a peer that is not connected; without a visor there is nothing to dial. */
export function connect(peer: PublicKey, network: string, state: ChatState): LinkState {
  const { mesh } = state;
  const known = linkState(peer, state);
  if (known.ready) return known;
  if (mesh === undefined) return { ...known, error: NO_LINK_TEXT };
  void mesh.reach(peer, network || "skynet");
  return { ready: false, connecting: true };
}
