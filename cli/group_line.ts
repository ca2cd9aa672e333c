import type { CliIo } from "./io.ts";
import { wantsColour } from "./environment.ts";
import { wholeSecondsUtc } from "./group_time.ts";
import { escapeBody } from "./terminal_text.ts";

/** A message of a group, read for printing. */
export interface GroupMessageLine {
  /** The author's time as it came: RFC 3339 up to nanoseconds. */
  readonly ts: string;
  readonly group: string;
  /** Author's key. */
  readonly sender: string;
  readonly outgoing: boolean;
  readonly text: string;
}

/** Prints a message in one of the two forms of groups.md 6.6. */
export function printGroupLine(
  { output, environment }: CliIo,
  line: GroupMessageLine,
  { json, raw }: { json: boolean; raw: boolean },
): void {
  const { ts, group, sender, outgoing, text } = line;
  if (json) {
    output.json(JSON.stringify({ ts, group_id: group, sender_pk: sender, body: text }));
    return;
  }
  // What stands before the text is one line even with --raw, whatever an app says.
  output.spans([
    { text: `[${escapeBody(wholeSecondsUtc(ts))}] [${escapeBody(group)}] `, style: "dim" },
    { text: escapeBody(sender), style: outgoing ? "out" : "in" },
    { text: `: ${raw ? text : escapeBody(text)}` },
  ], wantsColour(environment, output.stdout.terminal));
}
