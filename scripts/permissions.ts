/**
 * What the program may do, in one place: baked into the executable, and used when it runs from source
 * (the tasks of deno.json hold the same list; a test compares them). There is no permission to run
 * programs, load native code or read system information, so a hole in the code cannot use them.
 */
import { ENVIRONMENT_VARIABLES } from "../cli/environment.ts";

/** The flags for `deno run` and `deno compile`. `--no-prompt`: nobody is asked to widen them. */
export const PERMISSIONS: readonly string[] = [
  "--no-prompt",
  "--allow-net",
  "--allow-read",
  "--allow-write",
  `--allow-env=${ENVIRONMENT_VARIABLES.join(",")}`,
];

/**
 * Everything the program is started with. The engine lets it collect its own garbage, because by itself
 * it does so only when it needs room (`lib/app/idle_collector.ts`).
 */
export const RUN_FLAGS: readonly string[] = [...PERMISSIONS, "--v8-flags=--expose-gc"];
