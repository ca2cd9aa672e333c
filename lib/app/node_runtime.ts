import type { Clock, Log, Random } from "#kit";
import type { Network } from "#net";
import type { Environment } from "./config.ts";
import type { ProcessMemory } from "./idle_collector.ts";

/** What a node needs from the machine it runs on. */
export interface NodeRuntime {
  /** Where it dials and accepts links. */
  readonly network: Network;
  /** Time for deadlines, waits and printed times. */
  readonly clock: Clock;
  /** Source of ephemeral keys and message ids. */
  readonly random: Random;
  /** Takes what the node has to say. */
  readonly log: Log;
  /** Looked at for the identity only ({@link SECRET_KEY_VARIABLE}). */
  readonly env: Environment;
  /** Counts the descriptors that can still be opened, at most so many; see `freeDescriptors`. */
  readonly countDescriptors?: ((most: number) => number | undefined) | undefined;
  /** The process's memory, where the runtime lets a program collect its garbage. */
  readonly memory?: ProcessMemory | undefined;
}

/** What a node tells once it serves. */
export interface Serving {
  /** Hex digits of its public key. */
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
