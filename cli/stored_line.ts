import type { AliasBook } from "./alias_book.ts";
import { CliError } from "./errors.ts";
import { isObject, type JsonView, parseJsonArray } from "./json_view.ts";
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

/**
 * Reads the answer of `/history` or, with its other name for the time, that of `/search`; `null` is the
 * empty list (http-api.md 1.3).
 *
 * @throws {CliError} when it is something else.
 */
export function storedLines(
  body: string,
  { name, timeKey }: { name: "history" | "search"; timeKey: "timestamp" | "ts" },
): readonly StoredLine[] {
  const records = parseJsonArray(body);
  if (records === undefined) throw new CliError(`${name}: the answer is no JSON list`);
  return records.map((record) => {
    const line = isObject(record) ? storedLine(record, timeKey) : undefined;
    if (line === undefined) throw new CliError(`${name}: not a ${name} answer`);
    return line;
  });
}

/** Undefined when a field has another type, or the conversation is missing. */
function storedLine(view: JsonView, timeKey: string): StoredLine | undefined {
  const texts = [timeKey, "peer", "group_id", "from", "text"].map((name) => view[name] ?? "");
  const { outgoing = false } = view;
  if (!texts.every((text) => typeof text === "string") || typeof outgoing !== "boolean") {
    return undefined;
  }
  const [ts = "", peer = "", group = "", from = "", text = ""] = texts;
  if (peer === "" && group === "") return undefined;
  return { ts, peer, group, from, outgoing, text };
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
