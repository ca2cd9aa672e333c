import { type Clock, formatDuration } from "#kit";
import { VisorError } from "./visor_error.ts";

/** How long to wait, and what to do with what comes after that. */
export interface CallLimit<T> {
  readonly clock: Clock;
  /** Milliseconds; undefined waits as long as it takes. */
  readonly limitMs?: number | undefined;
  /** Ends the wait with `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /** Undoes what was done although nobody waits for it any more: calls cannot be cancelled (visor.md 5.1). */
  readonly onLate?: (late: T) => void;
  /** What is waited for, in the text of the error. */
  readonly what: string;
}

/**
 * Waits for something that cannot be cancelled. Whatever it comes to after the wait was given up is
 * either handed to `onLate` or forgotten; nothing is ever left unhandled.
 *
 * @throws {VisorError} `timeout`, `aborted`, or what the promise rejects with.
 */
export function within<T>(call: Promise<T>, limit: CallLimit<T>): Promise<T> {
  const { clock, limitMs, signal, onLate, what } = limit;
  return new Promise((resolve, reject) => {
    let waiting = true;
    const finish = () => {
      waiting = false;
      timer?.cancel();
      signal?.removeEventListener("abort", onAbort);
    };
    const giveUp = (error: VisorError) => {
      finish();
      reject(error);
    };
    const onAbort = () => giveUp(new VisorError("aborted", `${what}: operation was canceled`));
    const timer = limitMs === undefined ? undefined : clock.after(limitMs, () => {
      const text = `${what}: no answer within ${formatDuration(limitMs)}`;
      giveUp(new VisorError("timeout", text));
    });
    call.then((value) => {
      if (!waiting) return onLate?.(value);
      finish();
      resolve(value);
    }, (error) => {
      if (!waiting) return;
      finish();
      reject(error);
    });
    signal?.addEventListener("abort", onAbort);
    if (signal?.aborted) onAbort();
  });
}
