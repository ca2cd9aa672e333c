import type { Timer } from "#kit";
import type { CliIo } from "./io.ts";

/**
 * Longest silence on a stream, ms: the app says something every 15 s (http-api.md 5.2), so a stream
 * that is silent for four times that is dead although nobody closed it.
 */
export const STREAM_SILENCE_MS = 60_000;

/** What to call it when a stream was silent for that long. */
export const SILENCE_TEXT = `no sign of life for ${STREAM_SILENCE_MS / 1_000}s`;

/** Aborts when a stream says nothing for too long, or when the command is told to stop. */
export class SilenceWatch {
  readonly #io: CliIo;
  readonly #outer: AbortSignal;
  readonly #abort = new AbortController();
  readonly #onStop = () => this.#abort.abort();
  #timer: Timer;
  #lastHeard: number;
  expired = false;

  constructor(io: CliIo, outer: AbortSignal) {
    this.#io = io;
    this.#outer = outer;
    this.#lastHeard = io.clock.now();
    this.#timer = this.#wait(STREAM_SILENCE_MS);
    outer.addEventListener("abort", this.#onStop);
    if (outer.aborted) this.#onStop();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  heard(): void {
    this.#lastHeard = this.#io.clock.now();
  }

  end(): void {
    this.#timer.cancel();
    this.#outer.removeEventListener("abort", this.#onStop);
  }

  #wait(ms: number): Timer {
    return this.#io.clock.after(ms, () => {
      const left = this.#lastHeard + STREAM_SILENCE_MS - this.#io.clock.now();
      if (left > 0) {
        this.#timer = this.#wait(left);
        return;
      }
      this.expired = true;
      this.#abort.abort();
    });
  }
}
