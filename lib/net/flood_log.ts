import type { Clock } from "#kit";

/** Milliseconds of one window of a {@link FloodLog}. */
export const FLOOD_WINDOW_MS = 10_000;
/** Milliseconds of one window for lines about a machine that is out of descriptors. */
export const TROUBLE_WINDOW_MS = 60_000;
/** Lines about failed handshakes and rejected peers in one window; the rest is summed up. */
export const FLOOD_LINES = 20;

/** Where and how much a {@link FloodLog} writes. */
export interface FloodLogOptions {
  /** For the windows. */
  readonly clock: Clock;
  /** Writes one line. */
  readonly write: (line: string) => void;
  /** Lines in one window. */
  readonly lines: number;
  /** Milliseconds of one window; {@link FLOOD_WINDOW_MS} when undefined. */
  readonly windowMs?: number | undefined;
  /** The line that stands for those left out. */
  readonly summary: (count: number) => string;
}

/**
 * Log lines that strangers can cause: at most so many in each window, then their number. The number
 * comes with the next line, or when {@link flush} is called: no timer waits for it.
 */
export class FloodLog {
  readonly #options: FloodLogOptions;
  #windowStart = Number.NEGATIVE_INFINITY;
  #written = 0;
  #omitted = 0;

  /** Nothing was written yet. */
  constructor(options: FloodLogOptions) {
    this.#options = options;
  }

  /** Writes the line, or counts it. */
  line(text: string): void {
    const now = this.#options.clock.now();
    if (now - this.#windowStart >= (this.#options.windowMs ?? FLOOD_WINDOW_MS)) {
      this.flush();
      this.#windowStart = now;
      this.#written = 0;
    }
    if (this.#written >= this.#options.lines) {
      this.#omitted++;
      return;
    }
    this.#written++;
    this.#options.write(text);
  }

  /** Writes the number of lines left out so far, if there are any. */
  flush(): void {
    if (this.#omitted > 0) this.#options.write(this.#options.summary(this.#omitted));
    this.#omitted = 0;
  }
}
