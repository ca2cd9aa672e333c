/** What the bench was asked to do. */
export interface BenchOptions {
  readonly json: boolean;
  readonly quick: boolean;
  /** File for the JSON report, besides what goes to stdout. */
  readonly out: string | undefined;
  /** Names of parts to run; all when empty. */
  readonly only: ReadonlySet<string>;
  /** Records of the store part, if not its own number. */
  readonly records?: number;
}

/** Shown for `--help` and after a mistake. */
export const USAGE =
  `deno task bench [--quick] [--json] [--out FILE] [--only PART[,PART]] [--records N]
  --quick  a smoke run of a few seconds; its figures mean little
  --json   only JSON on stdout
  --out    also write the JSON to a file
  --only   run some parts; may be repeated
  --records  messages in the store of the store part; a million takes two minutes
SKYCHAT_BIN=<file> measures an executable, SKYCHAT_HELLO_BIN=<file> is the compiled floor/hello.ts.`;

/** The options, or what is wrong with them; the empty text when help was asked for. */
export function parseOptions(
  args: readonly string[],
  parts: readonly string[],
): BenchOptions | string {
  const only = new Set<string>();
  let [json, quick] = [false, false];
  let out: string | undefined;
  let records: string | undefined;
  for (let index = 0; index < args.length; index++) {
    const [flag, inline] = splitFlag(args[index] ?? "");
    const value = () => inline ?? args[++index] ?? "";
    if (flag === "--help") return "";
    if (flag === "--json") json = true;
    else if (flag === "--quick") quick = true;
    else if (flag === "--out") out = value();
    else if (flag === "--only") { for (const name of value().split(",")) only.add(name); }
    else if (flag === "--records") records = value();
    else return `Cannot use option "${flag}"`;
  }
  const unknown = [...only].filter((name) => !parts.includes(name));
  if (unknown.length > 0) return `Cannot run "${unknown[0]}": the parts are ${parts.join(", ")}`;
  if (out === "") return "Cannot write the report: --out needs a file name";
  if (records === undefined) return { json, quick, out, only };
  if (!/^[1-9]\d{2,6}$/.test(records)) return "Cannot fill the store: --records needs 100 or more";
  return { json, quick, out, only, records: Number(records) };
}

function splitFlag(arg: string): [string, string | undefined] {
  const at = arg.indexOf("=");
  return at < 0 ? [arg, undefined] : [arg.slice(0, at), arg.slice(at + 1)];
}
