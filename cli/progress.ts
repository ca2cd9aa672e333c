import type { CliIo } from "./io.ts";

/** Least time between two updates, ms: ten a second. */
const UPDATE_MS = 100;
/** Back to the beginning of the line, which is emptied (ECMA-48). */
const NEW_START = "\r\x1b[K";

/** A line on a terminal's stderr that says how far a long task is; nothing where nobody looks. */
export class Progress {
  readonly #io: CliIo;
  #shown = false;
  #last = Number.NEGATIVE_INFINITY;

  constructor(io: CliIo) {
    this.#io = io;
  }

  /** Shows this instead of what was there, unless that was only just shown. */
  update(text: string): void {
    const now = this.#io.clock.now();
    if (!this.#io.output.stderr.terminal || now - this.#last < UPDATE_MS) return;
    this.#last = now;
    this.#shown = true;
    this.#io.output.log(`${NEW_START}${text}`);
  }

  /** Leaves an empty line to go on with. */
  clear(): void {
    if (this.#shown) this.#io.output.log(NEW_START);
    this.#shown = false;
  }
}

/** A number of bytes for people. */
export function byteCount(bytes: number): string {
  if (bytes < 1_024) return `${bytes} bytes`;
  const mebi = bytes / 1_048_576;
  return mebi < 1 ? `${(bytes / 1_024).toFixed(1)} KiB` : `${mebi.toFixed(1)} MiB`;
}
