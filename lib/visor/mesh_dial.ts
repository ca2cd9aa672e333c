import { within } from "./call_limit.ts";
import type { Clock } from "#kit";
import type { MeshLink, MeshNetwork } from "./mesh_link.ts";
import type { MeshLinks } from "./mesh_links.ts";
import type { DialledConn, VisorCalls } from "./visor_calls.ts";
import type { PublicKey } from "#crypto";

/** Milliseconds for a dial: newer visors give up after 90 s, older ones never (visor.md 6.3). */
export const MESH_DIAL_LIMIT_MS = 95_000;

/** What dialling needs. */
export interface MeshDialContext {
  readonly calls: VisorCalls;
  readonly clock: Clock;
  /** Where the new connection belongs. */
  readonly links: MeshLinks;
}

/** Whom to dial, and where. */
export interface MeshDialPlan {
  readonly peer: PublicKey;
  readonly network: MeshNetwork;
  readonly port: number;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Connects to a peer. A dial cannot be cancelled: one that we gave up and that succeeds nevertheless is
 * closed (visor.md 5.1). On skynet it succeeds even where nobody listens; then the first read says so.
 *
 * @throws {VisorError} `call-failed` with the network's text, `timeout`, `aborted`, `too-many-links`, …
 */
export async function dialMesh(
  { calls, clock, links }: MeshDialContext,
  { peer, network, port, signal }: MeshDialPlan,
): Promise<MeshLink> {
  const dialling = calls.dial({ net: network, key: peer, port });
  const { connId } = await within<DialledConn>(dialling, {
    clock,
    limitMs: MESH_DIAL_LIMIT_MS,
    signal,
    onLate: (late) => links.discard(late.connId),
    what: `dial ${network}`,
  });
  return links.open({ connId, direction: "out", network, peer });
}
