import type { ChatLink, MeshNetwork } from "./chat_link.ts";

/** Whether a message may go over a direct connection only, for which nothing is ever dialled through a visor. */
export function isDirectOnly(wanted: string | undefined): boolean {
  return wanted === "tcp-direct" || wanted === "cxo";
}

/**
 * The networks to dial, first to last: the one that was asked for, which is skynet unless it says otherwise
 * and dmsg for `auto`, then the other (visor.md 7.5).
 */
export function dialOrder(
  wanted: string | undefined,
  enabled: readonly MeshNetwork[],
): readonly MeshNetwork[] {
  if (isDirectOnly(wanted)) return [];
  const preferred: MeshNetwork = wanted === "auto" || wanted === "dmsg" ? "dmsg" : "skynet";
  return enabled.toSorted((a, b) => Number(b === preferred) - Number(a === preferred));
}

/**
 * Whether a connection ended with skynet's answer that nobody listens at its other end (visor.md 6.3): what
 * was written on it has reached nobody.
 */
export function isNobodyThere({ network }: Pick<ChatLink, "network">, reason: string): boolean {
  return network === "skynet" && reason.startsWith("no listener on port ");
}
