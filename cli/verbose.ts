import { type JsonView, numberField, textListField } from "./json_view.ts";
import type { Output } from "./output.ts";

/** Writes `[verbose] <text>` lines, or nothing at all (cli.md 4.3). */
export type Verbose = (text: string) => void;

/** The writer for a command's `--verbose`. */
export function verboseWriter(output: Output, on: boolean): Verbose {
  return on ? (text) => output.note(`[verbose] ${text}`) : () => {};
}

/** Counters of `/status` that `--verbose` compares. */
const COUNTERS = [
  "outbound_msg_count",
  "outbound_fail_count",
  "outbound_retry_count",
  "outbound_fallback_count",
  "inbound_msg_count",
  "inbound_drop_count",
  "sse_subscribers",
  "sse_drop_count",
];

/** The counters on one line. */
export function counterSummary(status: JsonView): string {
  const count = (name: string) => numberField(status, name) ?? 0;
  return `outbound={msg=${count("outbound_msg_count")} fail=${count("outbound_fail_count")} ` +
    `retry=${count("outbound_retry_count")} fallback=${count("outbound_fallback_count")}} ` +
    `inbound={msg=${count("inbound_msg_count")} drop=${count("inbound_drop_count")}} ` +
    `sse={subs=${count("sse_subscribers")} drop=${count("sse_drop_count")}} ` +
    `peers=${textListField(status, "peers").length}`;
}

/** What changed between two readings: `name=+N`, or `<no change>`. */
export function counterDelta(before: JsonView, after: JsonView): string {
  const changes = COUNTERS.flatMap((name) => {
    const change = (numberField(after, name) ?? 0) - (numberField(before, name) ?? 0);
    return change === 0 ? [] : [`${name}=${change > 0 ? "+" : ""}${change}`];
  });
  return changes.length === 0 ? "<no change>" : changes.join(" ");
}
