import type { PublicKey } from "#crypto";
import type { ChatLink, MeshNetwork } from "./chat_link.ts";

/** Opens connections through a visor. `VisorSession` of `#visor` has this shape. */
export interface MeshPort {
  /**
   * Networks that peers are dialled on: those that are not switched off, whether or not anything listens
   * there (visor.md 7.5); none once the visor is gone.
   */
  readonly networks: readonly MeshNetwork[];
  /**
   * Connects to the chat of a peer.
   *
   * @throws {Error} with the text of the network; also when the signal aborts
   */
  dial(peer: PublicKey, network: MeshNetwork, signal: AbortSignal): Promise<ChatLink>;
}
