import manifest from "../../deno.json" with { type: "json" };

/** The version of this program, such as `0.1.0`. `deno.json` is the one place that holds it. */
export const VERSION: string = manifest.version;
