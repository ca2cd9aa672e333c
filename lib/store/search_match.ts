import { unwrapBody } from "#events";
import type { SearchHit } from "./history.ts";
import type { HistoryRecord } from "./record.ts";

/**
 * A text in the form in which texts are compared: Unicode lower case, both forms of the Greek sigma as
 * one (lower-casing chooses by the neighbours, which a fragment does not have), lone surrogates as
 * U+FFFD, which is how every JSON answer shows them. It never holds an ASCII capital, and may be
 * longer than the text: İ becomes two characters.
 */
export function foldCase(text: string): string {
  return text.toWellFormed().toLowerCase().replaceAll("ς", "σ");
}

/** What to look for, trimmed and folded; undefined for a blank query, which finds nothing. */
export function needleOf(query: string): string | undefined {
  const needle = foldCase(query.trim());
  return needle === "" ? undefined : needle;
}

/** The visible text of a stored one, folded: structured bodies are unwrapped (messages.md 3.4). */
export function searchableText(text: string): string {
  return foldCase(unwrapBody(text).text);
}

/** Whether a search for this needle (of {@link needleOf}) finds the record (http-api.md 4.10). */
export function matches(record: HistoryRecord, needle: string): boolean {
  return searchableText(record.text).includes(needle);
}

/** A record as a search shows it, keys in the order of http-api.md 4.10. */
export function hitOf(record: HistoryRecord): SearchHit {
  return {
    peer: record.peer,
    ...(record.from === undefined ? {} : { from: record.from }),
    ...(record.outgoing ? { outgoing: true as const } : {}),
    text: unwrapBody(record.text).text,
    ts: record.timestamp,
  };
}
