import type { Environment } from "#app";

/**
 * Every environment variable this program reads. The permissions of the executable are made from this
 * list (`scripts/permissions.ts`).
 */
export const ENVIRONMENT_VARIABLES: readonly string[] = [
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

/** The variables' values. One that may not be read counts as not set. */
export function readEnvironment(): Environment {
  return Object.fromEntries(ENVIRONMENT_VARIABLES.map((name) => [name, readVariable(name)]));
}

function readVariable(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

/** Whether to colour what goes to this output: `NO_COLOR` beats the forcing ones, else terminals only. */
export function wantsColour(environment: Environment, terminal: boolean): boolean {
  if (environment["NO_COLOR"]) return false;
  const forced = environment["FORCE_COLOR"] || environment["CLICOLOR_FORCE"];
  if (forced) return forced !== "0" && forced !== "false";
  return terminal;
}
