import type { AliasBook } from "./alias_book.ts";
import { type JsonView, textField } from "./json_view.ts";
import type { Span } from "./output.ts";
import { escapeBody } from "./terminal_text.ts";

/** A stored message, read for printing. */
export interface StoredLine {
  /** As it came: RFC 3339 in UTC, up to nanoseconds. */
  readonly ts: string;
  /** Key of the other side, or "" for a message of a group. */
  readonly peer: string;
  readonly group: string;
  /** Author's key; "" when it is not told. */
  readonly from: string;
  readonly outgoing: boolean;
  readonly text: string;
}

/** Reads a record of `/history` or, with its other name for the time, a hit of `/search`. */
export function storedLine(view: JsonView, timeKey: "timestamp" | "ts"): StoredLine {
  return {
    ts: textField(view, timeKey),
    peer: textField(view, "peer"),
    group: textField(view, "group_id"),
    from: textField(view, "from"),
    outgoing: view["outgoing"] === true,
    text: textField(view, "text"),
  };
}

/** The line of cli.md 7: `<time> [in @ <peer or alias>] <text>`. */
export function storedSpans(
  line: StoredLine,
  { aliases, raw }: { aliases: AliasBook; raw: boolean },
): readonly Span[] {
  const direction = line.outgoing ? "out" : "in";
  const who = line.group === "" ? aliases.nameOf(line.peer) ?? line.peer : `group ${line.group}`;
  return [
    { text: `${escapeBody(wholeSeconds(line.ts))} `, style: "dim" },
    { text: `[${direction} @ ${escapeBody(who)}]`, style: direction },
    { text: ` ${raw ? line.text : escapeBody(line.text)}` },
  ];
}

/** The object of cli.md 7. */
export function storedJson({ ts, peer, group, from, outgoing, text }: StoredLine): string {
  return JSON.stringify({
    ts,
    peer: group === "" ? peer : undefined,
    group_id: group || undefined,
    from: from || undefined,
    outgoing,
    text,
  });
}

function wholeSeconds(ts: string): string {
  return ts.replace(/\.[0-9]+(?=Z$)/, "");
}
