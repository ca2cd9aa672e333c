import { clustersOf, clusterWidth } from "./chat_width.ts";
import { hideControls } from "./terminal_text.ts";

/** Spaces that a tab becomes: a terminal's own tab stops would depend on the column. */
const TAB = "    ";

/**
 * Other people's text for the screen, as lines: nothing in it can move the cursor, change colours or
 * reorder the line.
 */
export function safeLines(text: string): string[] {
  return text.replace(/\r\n?/g, "\n").split("\n").map(safeLine);
}

/** One line of it; line feeds are shown as `\x0a`. */
export function safeLine(text: string): string {
  return hideControls(text.replaceAll("\t", TAB)).replaceAll("\n", "\\x0a");
}

/**
 * Cuts a safe line into rows of at most `columns`, at spaces where there are some. A cluster wider
 * than a row is shown as `?`. An empty line is one empty row.
 */
export function wrapLine(line: string, columns: number): string[] {
  const most = Math.max(1, columns);
  const rows: string[] = [];
  let row = "";
  let width = 0;
  /** Where the row may be cut: how much of it stays, and what of its width. */
  let cut = { length: 0, width: 0 };
  let cutAtSpace = false;
  for (const cluster of clustersOf(line)) {
    const own = clusterWidth(cluster);
    const [shown, columnsOfIt] = own > most ? ["?", 1] : [cluster, own];
    // Twice when the word behind the last space leaves no room either.
    while (row !== "" && width + columnsOfIt > most) {
      const kept = cut.length > 0 && shown !== " " ? cut : { length: row.length, width };
      rows.push(row.slice(0, kept.length).trimEnd());
      row = row.slice(kept.length);
      width -= kept.width;
      cut = { length: 0, width: 0 };
      cutAtSpace = shown === " ";
    }
    // The space at which a row ends is not carried over.
    if (cutAtSpace && shown === " " && row === "") continue;
    cutAtSpace = false;
    row += shown;
    width += columnsOfIt;
    if (shown === " ") cut = { length: row.length, width };
  }
  rows.push(row);
  return rows;
}
