import { type Clock, type Log, type LogLevel, quoteForLog, utf8, utf8Text } from "#kit";

/** Name of the log's source in every line (cli.md 2.2). */
const SOURCE = "skychat-standalone";
/** The same of a node that a visor started. */
export const EMBEDDED_SOURCE = "skychat";
/** Bytes of a line that a visor is given at most: one above 64 KiB stops it from reading (visor.md 9). */
export const MAX_EMBEDDED_LINE_BYTES = 8_192;

const SEVERITY: Readonly<Record<LogLevel, number>> = {
  DEBUG: 0,
  INFO: 1,
  WARN: 2,
  ERROR: 3,
  FATAL: 4,
};

/** SGR parameters of each level on a terminal. */
const COLOUR: Readonly<Record<LogLevel, string>> = {
  DEBUG: "90",
  INFO: "36",
  WARN: "33",
  ERROR: "31",
  FATAL: "1;31",
};

/** Minutes that local time is ahead of UTC at a moment. Tests hand in a fixed one. */
export type ZoneOffset = (moment: Date) => number;

/** The machine's own zone. */
export const localZone: ZoneOffset = (moment: Date): number => -moment.getTimezoneOffset();

/** One log line without its line feed. */
export interface LogLine {
  /** Severity, printed in capitals. */
  readonly level: LogLevel;
  /** What happened. Line breaks and control characters are escaped. */
  readonly text: string;
  /** Nanoseconds since 1970-01-01 UTC. */
  readonly wall: bigint;
  /** Colours the level for a terminal; default false. */
  readonly colour?: boolean;
  /** Zone of the printed time; default {@link localZone}. */
  readonly zone?: ZoneOffset;
  /** Name of the log's source; default `skychat-standalone`. */
  readonly source?: string;
}

/**
 * `[<local time, 4 fraction digits, zone>] <LEVEL> [skychat-standalone]: <text>` (cli.md 2.2). The zone
 * is `Z` for UTC and `+hh:mm` elsewhere. A line break in the text is escaped: one call, one line.
 */
export function formatLogLine(
  { level, text, wall, colour = false, source = SOURCE, zone = localZone }: LogLine,
): string {
  const shown = colour ? `\x1b[${COLOUR[level]}m${level}\x1b[0m` : level;
  return `[${logTime(wall, zone)}] ${shown} [${source}]: ${oneLine(text)}`;
}

function logTime(wall: bigint, zone: ZoneOffset): string {
  const moment = new Date(Number(wall / 1_000_000n));
  const offset = zone(moment);
  const local = new Date(moment.getTime() + offset * 60_000).toISOString().slice(0, 19);
  const fraction = String(wall % 1_000_000_000n / 100_000n).padStart(4, "0");
  return `${local}.${fraction}${zoneText(offset)}`;
}

function zoneText(minutes: number): string {
  if (minutes === 0) return "Z";
  const whole = Math.abs(minutes);
  const hours = String(Math.floor(whole / 60)).padStart(2, "0");
  return `${minutes < 0 ? "-" : "+"}${hours}:${String(whole % 60).padStart(2, "0")}`;
}

/** Escapes control characters in pieces, because `quoteForLog` also cuts what is long. */
function oneLine(text: string): string {
  return (text.match(/[\s\S]{1,200}/g) ?? []).map(quoteForLog).join("");
}

/** Where log lines go and how they look. */
export interface LogOptions {
  /** Takes one line with its line feed. */
  readonly write: (line: string, level: LogLevel) => void;
  /** Gives each line its time. */
  readonly clock: Pick<Clock, "wall">;
  /** Only on a terminal and without NO_COLOR. */
  readonly colour?: boolean;
  /** Lines below it are dropped. `INFO` unless said otherwise. */
  readonly minimum?: LogLevel;
  /** Zone of the printed times; default {@link localZone}. */
  readonly zone?: ZoneOffset;
  /** Name of the log's source. */
  readonly source?: string;
  /** Takes out of a text what no line may have. */
  readonly redact?: (text: string) => string;
  /** Bytes of a line, the rest of which is cut off; no bound by default. */
  readonly longest?: number;
}

/** A {@link Log} that writes the server's log format. */
export function createLog(options: LogOptions): Log & { fatal(text: string): void } {
  const { write, clock, longest = Infinity, minimum = "INFO", redact, ...look } = options;
  const log = (level: LogLevel) => (text: string) => {
    if (SEVERITY[level] < SEVERITY[minimum]) return;
    const shown = redact === undefined ? text : redact(text);
    const line = formatLogLine({ ...look, level, text: shown, wall: clock.wall() });
    write(`${cut(line, longest)}\n`, level);
  };
  return {
    debug: log("DEBUG"),
    info: log("INFO"),
    warn: log("WARN"),
    error: log("ERROR"),
    fatal: log("FATAL"),
  };
}

/** At most so many bytes of a line. */
function cut(line: string, longest: number): string {
  // No character has more than three bytes a unit.
  if (3 * line.length <= longest) return line;
  const bytes = utf8(line);
  return bytes.length <= longest ? line : `${utf8Text(bytes.subarray(0, longest - 8))}…`;
}
