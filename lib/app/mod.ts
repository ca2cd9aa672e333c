/**
 * The composition root: turns flags into a configuration, finds the identity, builds a node out of
 * every layer and runs it until it is told to stop.
 *
 * Sees all of `lib/`; only `cli/` is above. It never reads the environment or the arguments itself:
 * both are handed in. Flags, identity order, log lines and exit codes: `docs/spec/cli.md` section 2.
 *
 * @example
 * ```ts
 * import { systemRandom } from "#kit";
 * import { resolveIdentity } from "#app";
 *
 * const identity = await resolveIdentity({
 *   sk: "01".repeat(32),
 *   env: {},
 *   configPath: undefined,
 *   allowEphemeral: false,
 *   random: systemRandom,
 * });
 * console.assert(identity.source === "flag");
 * ```
 *
 * @module
 */
export * from "./bounded_file.ts";
export * from "./config.ts";
export * from "./embedded_log.ts";
export * from "./idle_collector.ts";
export * from "./free_descriptors.ts";
export * from "./identity.ts";
export * from "./log_lines.ts";
export * from "./node_runtime.ts";
export * from "./run_node.ts";
export * from "./version.ts";
