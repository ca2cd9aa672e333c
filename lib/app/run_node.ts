import type { NodeRuntime } from "./compose.ts";
import type { AppConfig } from "./config.ts";

/** What a node tells once it serves. */
export interface Serving {
  /** Hex digits of its public key; empty when no network needs one. */
  readonly publicKey: string;
  /** `host:port` of the control surface, with the real port. */
  readonly controlAddress: string;
  /** Where it accepts links, with the real port; empty when it does not. */
  readonly linkAddress: string;
}

/** What a run of a node needs from the machine and from whoever started it. */
export interface NodeRun extends NodeRuntime {
  /** Asks the node to stop. */
  readonly signal: AbortSignal;
  /** Called once, when the control surface is bound. */
  readonly onServing?: ((serving: Serving) => void) | undefined;
}

/**
 * Runs a node until the signal aborts and returns the exit code of cli.md 2.3. Everything a node is
 * made of is loaded here, so that commands which need no node start without it.
 */
export async function runNode(config: AppConfig, run: NodeRun): Promise<number> {
  const lifecycle = await import("./lifecycle.ts");
  return await lifecycle.runNode(config, run);
}
