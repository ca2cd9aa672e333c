import type { PublicKey } from "#crypto";
import type { LinkEnd } from "#net";

/** A network that a visor reaches peers over (visor.md 7.1). */
export type MeshNetwork = "skynet" | "dmsg";

/** What a connection goes over, as events name it. */
export type LinkNetwork = "tcp-direct" | MeshNetwork;

/**
 * What direct messages need of a connection: `Link` of `#net`, or anything shaped like it.
 *
 * The peer's key is proven by the handshake; the bytes are a reliable, ordered stream.
 */
export interface ChatLink {
  /** Proven by the handshake. */
  readonly peer: PublicKey;
  /** What it goes over; tcp-direct where nothing is said. */
  readonly network?: LinkNetwork;
  /** `out` when we dialled, which only the operator can cause. */
  readonly direction: "in" | "out";
  /** Clock reading, milliseconds. */
  readonly openedAt: number;
  /** Resolves when the operating system took all bytes; rejects after 5 s or when the link is dead. */
  write(bytes: Uint8Array): Promise<void>;
  /** Reads until the end, once; awaits what the callback returns before it reads on. */
  serve(onData: (bytes: Uint8Array) => void | Promise<void>): Promise<LinkEnd>;
  /** Ends the link; the reason becomes its {@link LinkEnd}. */
  close(reason?: string): void;
  /** Resolves once, with the reason why the link ended. */
  readonly closed: Promise<LinkEnd>;
}

/** What a connection goes over. */
export function networkOf({ network = "tcp-direct" }: Pick<ChatLink, "network">): LinkNetwork {
  return network;
}
