import type { Log } from "#kit";

/** Keeps every line as `LEVEL text`. */
export class RecordingLog implements Log {
  readonly lines: string[] = [];

  debug(text: string): void {
    this.lines.push(`DEBUG ${text}`);
  }
  info(text: string): void {
    this.lines.push(`INFO ${text}`);
  }
  warn(text: string): void {
    this.lines.push(`WARN ${text}`);
  }
  error(text: string): void {
    this.lines.push(`ERROR ${text}`);
  }
}
