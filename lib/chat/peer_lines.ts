import { type Clock, type Log, quoteForLog } from "#kit";
import { FLOOD_LINES, FloodLog } from "#net";
import { type ChatLink, networkOf } from "./chat_link.ts";

/** Levels of the lines that peers can cause. */
type Level = "debug" | "info" | "warn";

/**
 * Every log line that a peer can cause, whatever connection it uses: keys and connections cost a stranger
 * nothing, so all of them share one bound for each level.
 */
export class PeerLines {
  readonly #floods: Readonly<Record<Level, FloodLog>>;

  /** Nothing was written yet. */
  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    const flood = (level: Level) =>
      new FloodLog({
        clock,
        write: (line) => log[level](line),
        lines: FLOOD_LINES,
        summary: (count) => `skychat: ${count} more lines about peers left out`,
      });
    this.#floods = { debug: flood("debug"), info: flood("info"), warn: flood("warn") };
  }

  /** Writes the line, or counts it. */
  line(level: Level, text: string): void {
    this.#floods[level].line(text);
  }

  /** Writes how many were left out. */
  flush(): void {
    for (const flood of Object.values(this.#floods)) flood.flush();
  }
}

/** Says that there is a connection over the mesh, and once that it ended, as those over TCP do (messages.md 8). */
export function announceLink(link: ChatLink, lines: PeerLines): void {
  const network = networkOf(link);
  const { direction, peer } = link;
  if (direction === "in") lines.line("info", `skychat: ${network} conn accepted from ${peer.hex}`);
  else lines.line("info", `skychat: ${network} connected to ${peer.hex}`);
  void link.closed.then(({ message }) => {
    const why = quoteForLog(message);
    lines.line("info", `skychat: ${network} disconnected from ${peer.hex}: ${why}`);
  });
}
