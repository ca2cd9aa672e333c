/** What the bench was asked to do. */
export interface BenchOptions {
  readonly json: boolean;
  readonly quick: boolean;
  /** File for the JSON report, besides what goes to stdout. */
  readonly out: string | undefined;
  /** Names of parts to run; all when empty. */
  readonly only: ReadonlySet<string>;
}

/** Shown for `--help` and after a mistake. */
export const USAGE = `deno task bench [--quick] [--json] [--out FILE] [--only PART[,PART]]
  --quick  a smoke run of a few seconds; its figures mean little
  --json   only JSON on stdout
  --out    also write the JSON to a file
  --only   run some parts; may be repeated
SKYCHAT_BIN=<file> measures an executable, SKYCHAT_HELLO_BIN=<file> is the compiled floor/hello.ts.`;

/** The options, or what is wrong with them; the empty text when help was asked for. */
export function parseOptions(
  args: readonly string[],
  parts: readonly string[],
): BenchOptions | string {
  const only = new Set<string>();
  let [json, quick] = [false, false];
  let out: string | undefined;
  for (let index = 0; index < args.length; index++) {
    const [flag, inline] = splitFlag(args[index] ?? "");
    const value = () => inline ?? args[++index] ?? "";
    if (flag === "--help") return "";
    if (flag === "--json") json = true;
    else if (flag === "--quick") quick = true;
    else if (flag === "--out") out = value();
    else if (flag === "--only") { for (const name of value().split(",")) only.add(name); }
    else return `Cannot use option "${flag}"`;
  }
  const unknown = [...only].filter((name) => !parts.includes(name));
  if (unknown.length > 0) return `Cannot run "${unknown[0]}": the parts are ${parts.join(", ")}`;
  if (out === "") return "Cannot write the report: --out needs a file name";
  return { json, quick, out, only };
}

function splitFlag(arg: string): [string, string | undefined] {
  const at = arg.indexOf("=");
  return at < 0 ? [arg, undefined] : [arg.slice(0, at), arg.slice(at + 1)];
}
