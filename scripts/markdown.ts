/** The little of Markdown that the document checks need: tables, links, headings. */

/** Cells of every table row whose first header cell is `firstHeader`, without the header itself. */
export function tableRows(markdown: string, firstHeader: string): string[][] {
  const rows: string[][] = [];
  let inside = false;
  for (const line of markdown.split("\n")) {
    if (!line.startsWith("|")) {
      inside = false;
      continue;
    }
    const cells = line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim());
    if (cells[0] === firstHeader) inside = true;
    else if (inside && !/^:?-+:?$/.test(cells[0] ?? "")) rows.push(cells);
  }
  return rows;
}

/** Text between the first pair of backquotes, or the whole cell. */
export function codeOf(cell: string): string {
  return /`([^`]+)`/.exec(cell)?.[1] ?? cell;
}

/** Contents of the code quotes outside code blocks. */
export function codeSpans(markdown: string): string[] {
  return [...withoutCode(markdown, false).matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code);
}

/** Targets of the inline links outside code blocks. */
export function linkTargets(markdown: string): string[] {
  return [...withoutCode(markdown).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
}

/** The anchors that a page's headings make. */
export function anchors(markdown: string): string[] {
  return [...withoutCode(markdown, false).matchAll(/^#+\s+(.*)$/gm)].map(([, title = ""]) =>
    title.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").trim().replace(/\s/g, "-")
  );
}

function withoutCode(markdown: string, inlineToo = true): string {
  const text = markdown.replace(/^```[\s\S]*?^```/gm, "");
  return inlineToo ? text.replace(/`[^`\n]*`/g, "") : text;
}
