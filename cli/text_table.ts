import { textWidth } from "./chat_width.ts";

/** Columns between two cells (groups.md 6.6). */
const GAP = 2;

/**
 * Rows as lines whose columns begin below each other: cells are padded to the widest one of their
 * column and two more, the last of a row is not.
 */
export function tableLines(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, textWidth(cell));
    }
  }
  return rows.map((row) =>
    row.map((cell, column) => {
      if (column === row.length - 1) return cell;
      return cell + " ".repeat((widths[column] ?? 0) + GAP - textWidth(cell));
    }).join("")
  );
}
