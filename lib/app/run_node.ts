import type { AppConfig } from "./config.ts";
import type { NodeRun } from "./node_runtime.ts";

/**
 * Runs a node until the signal aborts and returns the exit code of cli.md 2.3. Everything a node is
 * made of is loaded here, so that commands which need no node start without it.
 */
export async function runNode(config: AppConfig, run: NodeRun): Promise<number> {
  const lifecycle = await import("./lifecycle.ts");
  return await lifecycle.runNode(config, run);
}
