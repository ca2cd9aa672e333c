/**
 * The table of docs/OPERATIONS.md, "The log", against the lines that the sources write.
 *
 * Sources are read as text: the literals that a log call gets, those that begin as log lines do, and
 * those that are named and handed over within one file. What is put into them at run time is a gap.
 */
import { codeSpans, tableRows } from "./markdown.ts";

/** Stands for whatever is filled in. */
const GAP = "…";

/** What passes on lines that are made, and found, elsewhere; the value says where. */
const FORWARDERS: ReadonlyMap<string, string> = new Map([
  ["cli/commands/app.ts warning", "warnings.push"],
  ["lib/app/compose.ts warning", "warnings.push"],
  ["lib/app/compose.ts text", "warnings.push"],
  ["lib/app/lifecycle.ts error.message", "StartError: said once, right before the process ends"],
  ["lib/net/accept_log.ts line", "FloodLog.line"],
  ["lib/cxo/feed_subscriber.ts line", "FloodLog.line"],
  ["lib/cxo/node.ts line", "FloodLog.line"],
  ["lib/group/member_link.ts line", "FloodLog.line"],
  ["lib/visor/mesh_listener.ts line", "FloodLog.line"],
  ["lib/chat/sender.ts text", "noReceiptText"],
]);

/** What begins as a line does and is an answer or an error. */
const NO_LINES: ReadonlySet<string> = new Set([
  "skychat/dm: empty message",
  "skychat/dm: no transport configured (dial unavailable)",
  "skychat: empty payload",
  "skychat: payload … > max …",
]);

/** Calls that take a line, up to their literal. Lines of level DEBUG are never seen. */
const CALLS =
  /(?:\blog|#log|\.log)\??\.(?:info|warn|error)\(|#log\("(?:info|warn|error)", |logEffect\("info", |\bwarnings\.push\(|#(?:failed|rejected|refused|trouble)\.line\(/g;
/** Literals of the library that look like lines, but for answers to clients and debug lines. */
const STARTS = /(?<!textReply\(\d+, |debug\(|"debug", )(?=["`]skychat(?:\/dm)?: )/g;

/** Lines that a source may write, gaps for what is filled in; `unclear` are calls that cannot be read. */
export interface FoundLines {
  readonly lines: readonly string[];
  readonly unclear: readonly string[];
}

/** The lines of one source file. */
export function linesOf(source: string, path: string): FoundLines {
  const lines = new Set<string>();
  const unclear: string[] = [];
  for (const { 0: call, index } of source.matchAll(CALLS)) {
    const argument = expressionAt(source, index + call.length);
    const line = lineOf(argument) ?? resolved(source, argument);
    if (line !== undefined) lines.add(line);
    else if (!FORWARDERS.has(`${path} ${argument}`)) unclear.push(`${path}: ${argument}`);
  }
  for (const { index } of path.startsWith("lib/") ? source.matchAll(STARTS) : []) {
    const line = lineOf(expressionAt(source, index));
    if (line !== undefined && !NO_LINES.has(line)) lines.add(line);
  }
  return { lines: [...lines], unclear };
}

/** Where the table and the lines differ, in both directions. */
export function logProblems(
  markdown: string,
  { lines, unclear }: FoundLines,
): string[] {
  const rows = tableRows(markdown, "line").flatMap(([cell = ""]) => codeSpans(cell));
  const shown = new Map(rows.map((row) => [row, row.replace(/<[^>]+>/g, GAP)]));
  const problems = unclear.map((call) =>
    `docs/OPERATIONS.md: cannot tell what is logged by ${call}`
  );
  for (const [row, text] of shown) {
    if (!lines.some((line) => agree(line, text))) {
      problems.push(`docs/OPERATIONS.md: no log line "${row}"`);
    }
  }
  for (const line of lines) {
    if (![...shown.values()].some((text) => agree(line, text))) {
      problems.push(`docs/OPERATIONS.md: the log line "${line}" is missing`);
    }
  }
  return problems;
}

/** Whether one is the other with gaps filled in. A gap at the start stands only for a gap. */
function agree(line: string, row: string): boolean {
  if (line.startsWith(GAP) !== row.startsWith(GAP)) return false;
  return pattern(line).test(row) || pattern(row).test(line);
}

function pattern(text: string): RegExp {
  const parts = text.split(GAP).map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s");
}

/** The text of an expression up to the comma, bracket or semicolon that ends it. */
function expressionAt(source: string, start: number): string {
  let at = start;
  for (let depth = 0; at < source.length; at++) {
    const char = source[at] ?? "";
    if (/["'`]/.test(char)) at = literalEnd(source, at) - 1;
    else if (/[([{]/.test(char)) depth++;
    else if (/[)\]}]/.test(char) && --depth < 0) break;
    else if (/[,;]/.test(char) && depth === 0) break;
  }
  return source.slice(start, at).trim();
}

/** The place after the string or template that begins here. */
function literalEnd(source: string, start: number): number {
  const quote = source[start];
  for (let at = start + 1; at < source.length; at++) {
    if (source[at] === "\\") at++;
    else if (source[at] === quote) return at + 1;
    else if (quote === "`" && source.startsWith("${", at)) at = bracketEnd(source, at + 2);
  }
  return source.length;
}

/** What literals and gaps joined by + come to; undefined without any literal. */
function lineOf(expression: string): string | undefined {
  let line = "";
  let rest = expression;
  let literals = 0;
  while (rest !== "") {
    const start = rest[0] ?? "";
    if (/["'`]/.test(start)) {
      const end = literalEnd(rest, 0);
      line += filled(rest.slice(0, end));
      rest = rest.slice(end).trimStart();
      literals++;
    } else {
      const end = plusIn(rest);
      line += GAP;
      rest = rest.slice(end);
    }
    if (rest !== "" && !rest.startsWith("+")) return undefined;
    rest = rest.replace(/^\+\s*/, "");
  }
  return literals === 0 ? undefined : line.replace(/…{2,}/g, GAP);
}

/** Where the next + outside brackets and literals stands, or the end. */
function plusIn(text: string): number {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? "";
    if (/["'`]/.test(char)) at = literalEnd(text, at) - 1;
    else if (/[([{]/.test(char)) depth++;
    else if (/[)\]}]/.test(char)) depth--;
    else if (char === "+" && depth === 0) return at;
  }
  return text.length;
}

/** A literal as it is printed, a gap for each of its expressions. */
function filled(literal: string): string {
  let text = "";
  for (let at = 1; at < literal.length - 1; at++) {
    if (literal[0] === "`" && literal.startsWith("${", at)) {
      const end = bracketEnd(literal, at + 2);
      text += GAP;
      at = end;
    } else if (literal[at] === "\\") text += literal[++at];
    else text += literal[at];
  }
  return text;
}

/** The place of the bracket that closes what is open here. */
function bracketEnd(text: string, start: number): number {
  let at = start;
  for (let depth = 1; at < text.length; at++) {
    const char = text[at] ?? "";
    if (/["'`]/.test(char)) at = literalEnd(text, at) - 1;
    else if (char === "{") depth++;
    else if (char === "}" && --depth === 0) break;
  }
  return at;
}

/** A constant of the same file, or what a function of it returns. */
function resolved(source: string, expression: string): string | undefined {
  const name = /^(\w+)(?:\(|$)/.exec(expression)?.[1];
  if (name === undefined) return undefined;
  const found = new RegExp(`const ${name} =\\s*|function ${name}\\([^{]*\\{\\s*return `).exec(
    source,
  );
  return found === null ? undefined : lineOf(expressionAt(source, found.index + found[0].length));
}
