/**
 * What the program may do, in one place: baked into the executable, and used when it runs from source
 * (the tasks of deno.json hold the same list; a test compares them). There is no permission to run
 * programs, load native code or read system information, so a hole in the code cannot use them.
 */

/** Every environment variable the program may read. */
export const ENVIRONMENT: readonly string[] = [
  "DMSGCURL_SK",
  "SKYCHAT_ADDR",
  "SKYWIRE_REQUIRE_PQ",
  "PROC_CONFIG",
  "XDG_CONFIG_HOME",
  "HOME",
  "NO_COLOR",
  "FORCE_COLOR",
  "CLICOLOR_FORCE",
];

/** The flags for `deno run` and `deno compile`. `--no-prompt`: nobody is asked to widen them. */
export const PERMISSIONS: readonly string[] = [
  "--no-prompt",
  "--allow-net",
  "--allow-read",
  "--allow-write",
  `--allow-env=${ENVIRONMENT.join(",")}`,
];

/**
 * Everything the program is started with. The engine lets it collect its own garbage, because by itself
 * it does so only when it needs room (`lib/app/idle_collector.ts`).
 */
export const RUN_FLAGS: readonly string[] = [...PERMISSIONS, "--v8-flags=--expose-gc"];
