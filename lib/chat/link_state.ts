import type { PublicKey } from "#crypto";
import { type LinkNetwork, networkOf } from "./chat_link.ts";
import { type ChatState, usableLink } from "./chat_state.ts";
import { isDirectOnly } from "./mesh_networks.ts";
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

/** How a node stands with a peer (http-api.md 4.18), over the network that was asked for if one was. */
export function linkState(peer: PublicKey, state: ChatState, wanted?: string): LinkState {
  const { mesh } = state;
  const link = usableLink(peer, state, wanted);
  if (link !== undefined) return { ready: true, connecting: false, network: networkOf(link) };
  return {
    ready: false,
    connecting: mesh?.isDialling(peer.hex) ?? false,
    error: mesh?.failure(peer.hex),
  };
}

/** Begins to connect to a peer that is not connected, where there is something to dial it over. */
export function connect(peer: PublicKey, network: string, state: ChatState): LinkState {
  const { mesh } = state;
  const known = linkState(peer, state, network);
  if (known.ready) return known;
  const away = { ready: false, connecting: false };
  if (mesh === undefined || isDirectOnly(network)) return { ...away, error: NO_LINK_TEXT };
  const plan = { wanted: network || "skynet", purpose: "link" } as const;
  const error = mesh.refusal(peer, plan);
  if (error !== undefined) return { ...away, error };
  void mesh.reach(peer, plan);
  return { ready: false, connecting: true };
}
