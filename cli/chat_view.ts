import type { ChatMessage, Delivery } from "./chat_log.ts";
import { safeLine, safeLines, wrapLine } from "./chat_text.ts";
import { fitted, textWidth } from "./chat_width.ts";
import type { TerminalSize } from "./terminal.ts";

/** Everything that is on the screen. */
export interface ChatState {
  /** The peer's alias or key, and the network, for the title. */
  readonly title: string;
  /** The peer's name beside its messages. */
  readonly peerName: string;
  readonly messages: readonly ChatMessage[];
  /** Rows that the history is scrolled up by; 0 follows the newest. */
  readonly scroll: number;
  /** New messages below what is shown. */
  readonly unseen: number;
  /** Trouble to tell about; "" when there is none. */
  readonly notice: string;
  readonly input: readonly string[];
  /** Characters of the input before the cursor. */
  readonly cursor: number;
}

/** How the view writes. */
export interface ViewStyle {
  readonly colour: boolean;
  /** Time of day of an RFC 3339 time, five columns. */
  timeOf(time: string): string;
}

/** What is on the screen: one string a row, colours included. */
export interface Frame {
  readonly rows: readonly string[];
  /** Row and column of the cursor, from 0. */
  readonly cursor: { readonly row: number; readonly column: number };
  /** The messages of which at least the end can be seen. */
  readonly visible: readonly ChatMessage[];
  /** The scroll position that was possible. */
  readonly scroll: number;
}

/** Rows that are not history: title, status line, input. */
const FIXED_ROWS = 3;

/** Rows that the history has on a screen of so many. */
export function historyHeight(rows: number): number {
  return Math.max(0, rows - FIXED_ROWS);
}

/** Rows that one message may take, so that nobody can push all others out of reach. Ours. */
export const MAX_MESSAGE_ROWS = 500;

const HELP = "Enter sends · PgUp/PgDn scroll · Esc leaves";
/** Two columns for each. */
const MARKS: Readonly<Record<Delivery, string>> = {
  none: "  ",
  pending: "… ",
  sent: "· ",
  received: "✓ ",
  read: "✓✓",
  failed: "! ",
};
const PROMPT = "> ";

/** Lays the screen out: title, history, status line, input. Small screens lose them in this order. */
export function chatFrame(state: ChatState, size: TerminalSize, style: ViewStyle): Frame {
  const { columns, rows } = size;
  const history = historyHeight(rows);
  const shown = historyRows(state, { columns, rows: history, style });
  const status = statusLine(state, columns);
  const input = inputLine(state, columns);
  const title = fitted(` skychat · ${safeLine(state.title)}`, columns);
  const padding = " ".repeat(Math.max(0, columns - textWidth(title)));
  const lines = [
    paint(title + padding, "7", style),
    ...Array.from({ length: history - shown.rows.length }, () => ""),
    ...shown.rows,
    paint(status, state.notice === "" ? "2" : "33", style),
    input.text,
  ].slice(-rows);
  return {
    rows: lines,
    cursor: { row: lines.length - 1, column: input.column },
    visible: shown.visible,
    scroll: shown.scroll,
  };
}

/** Rows that one message takes. */
export function messageHeight(message: ChatMessage, columns: number, peerName: string): number {
  return bodyRows(message, { columns, peerName }).length;
}

interface HistoryArea {
  readonly columns: number;
  readonly rows: number;
  readonly style: ViewStyle;
}

/** The rows of the history, from the newest up: no more are laid out than are needed. */
function historyRows(
  { messages, scroll, peerName }: ChatState,
  { columns, rows, style }: HistoryArea,
): { rows: string[]; visible: ChatMessage[]; scroll: number } {
  const lines: string[] = [];
  const ends: { message: ChatMessage; fromBottom: number }[] = [];
  for (let index = messages.length - 1; index >= 0 && lines.length < scroll + rows; index--) {
    const message = messages[index];
    if (message === undefined) break;
    ends.push({ message, fromBottom: lines.length });
    lines.push(...messageRows(message, { columns, peerName, style }).toReversed());
  }
  const possible = Math.max(0, Math.min(scroll, lines.length - rows));
  const visible = ends.filter(({ fromBottom }) =>
    fromBottom >= possible && fromBottom < possible + rows
  );
  return {
    rows: lines.slice(possible, possible + rows).reverse(),
    visible: visible.map(({ message }) => message),
    scroll: possible,
  };
}

interface MessagePlace {
  readonly columns: number;
  readonly peerName: string;
}

function messageRows(
  message: ChatMessage,
  { columns, peerName, style }: MessagePlace & { readonly style: ViewStyle },
): string[] {
  const own = message.direction === "out";
  const body = bodyRows(message, { columns, peerName });
  const name = nameOf(message, peerName);
  const time = message.time === "" ? "     " : style.timeOf(message.time);
  const indent = " ".repeat(indentOf(name, columns));
  if (indent === "") return body;
  const mark = paint(MARKS[message.delivery], message.delivery === "failed" ? "31" : "2", style);
  const head = `${paint(time, "2", style)} ${mark} ${paint(`${name}:`, own ? "36" : "32", style)} `;
  return body.map((row, index) => index === 0 ? head + row : indent + row);
}

/** Cut texts by message: a message is laid out many times, and its object never changes. */
const cuts = new WeakMap<ChatMessage, { readonly width: number; readonly rows: string[] }>();

/** The text of a message, cut into rows of the width that its head leaves. */
function bodyRows(message: ChatMessage, { columns, peerName }: MessagePlace): string[] {
  const width = columns - indentOf(nameOf(message, peerName), columns);
  const known = cuts.get(message);
  if (known?.width === width) return known.rows;
  const lines = message.deleted ? ["(deleted)"] : safeLines(message.text);
  const rows = lines.flatMap((line) => wrapLine(line, width));
  if (rows.length > MAX_MESSAGE_ROWS) {
    const more = rows.length - MAX_MESSAGE_ROWS + 1;
    rows.splice(MAX_MESSAGE_ROWS - 1, more, fitted(`(${more} more rows)`, width));
  }
  cuts.set(message, { width, rows });
  return rows;
}

/** Longest name shown beside a message, columns. */
const NAME_COLUMNS = 16;

function nameOf(message: ChatMessage, peerName: string): string {
  return message.direction === "out" ? "me" : fitted(safeLine(peerName), NAME_COLUMNS);
}

/** Columns of time, mark and name; none on a screen that has no room for them. */
function indentOf(name: string, columns: number): number {
  const indent = "00:00 ✓✓ : ".length + textWidth(name);
  return indent * 2 > columns ? 0 : indent;
}

function statusLine({ notice, unseen, scroll }: ChatState, columns: number): string {
  const below = unseen > 0 ? `↓ ${unseen} new · ` : scroll > 0 ? "↓ more · " : "";
  return fitted(below + (notice === "" ? HELP : safeLine(notice)), columns);
}

/** The part of the input around the cursor; line feeds are shown as `↵`. */
function inputLine(
  { input, cursor }: ChatState,
  columns: number,
): { text: string; column: number } {
  const prompt = columns > 8 ? PROMPT : "";
  const room = Math.max(1, columns - prompt.length - 1);
  // Only what is near the cursor is looked at: an input can be long.
  const shown = (index: number) => input[index] === "\n" ? "↵" : safeLine(input[index] ?? "");
  const width = (index: number) => textWidth(shown(index));
  let [start, end, before] = [cursor, cursor, 0];
  while (start > 0 && before + width(start - 1) <= room) before += width(--start);
  let whole = before;
  while (end < input.length && whole + width(end) <= room) whole += width(end++);
  const text = Array.from({ length: end - start }, (_, index) => shown(start + index)).join("");
  return { text: prompt + text, column: Math.min(prompt.length + before, columns - 1) };
}

/** Puts our own colours (SGR codes) around a text that is safe already. */
function paint(text: string, codes: string, { colour }: ViewStyle): string {
  return colour && text !== "" ? `\x1b[${codes}m${text}\x1b[0m` : text;
}
