import { NO_BYTES } from "#kit";
import type { Deadlines } from "./deadlines.ts";
import type { CxoMessage } from "./messages.ts";
import type { Encode } from "./outgoing.ts";
import { type CxoWire, MAX_UNANSWERED } from "./wire.ts";

/** Time for the answer to a request in milliseconds, unless the caller says otherwise (cxo.md 2.4). */
export const REQUEST_LIMIT_MS = 59_000;

/** How a request is made. */
export interface CxoRequestOptions {
  /** From now to the answer, in milliseconds; default {@link REQUEST_LIMIT_MS}. */
  readonly timeoutMs?: number;
  /**
   * Where to put what ends the wait at once, as if the time were up; it is taken out when the wait ends. One
   * for all that is asked for the same reason, which an AbortSignal would do at several times the cost.
   */
  readonly giveUps?: Set<() => void>;
}

/** An answer of whatever type; `timeout` without one in time, `closed` when the connection ended. */
export type CxoOutcome = CxoMessage | "timeout" | "closed";

type Settle = (outcome: CxoOutcome) => void;

/** The requests of one connection that wait for their turn to be written, or for their answer. */
export class PendingRequests {
  readonly #wire: CxoWire;
  readonly #deadlines: Deadlines;
  readonly #waiting = new Set<Settle>();
  /** Those that were written, by number. */
  readonly #written = new Map<number, Settle>();

  /** The numbers come from the wire. */
  constructor(wire: CxoWire, deadlines: Deadlines) {
    this.#wire = wire;
    this.#deadlines = deadlines;
  }

  /**
   * Waits for the answer to a request, which `send` is given to be written. Never rejects.
   *
   * @throws {RangeError} with {@link MAX_UNANSWERED} unanswered ones.
   */
  ask(
    message: CxoMessage,
    { timeoutMs = REQUEST_LIMIT_MS, giveUps }: CxoRequestOptions,
    send: (encode: Encode) => void,
  ): Promise<CxoOutcome> {
    if (this.#waiting.size >= MAX_UNANSWERED) {
      throw new RangeError(`Cannot send a request: ${MAX_UNANSWERED} are unanswered`);
    }
    const { promise, resolve } = Promise.withResolvers<CxoOutcome>();
    let seq: number | undefined;
    const settle: Settle = (outcome) => {
      if (!this.#waiting.delete(settle)) return;
      deadline.cancel();
      giveUps?.delete(giveUp);
      if (seq !== undefined) this.#forget(seq);
      resolve(outcome);
    };
    const giveUp = () => settle("timeout");
    const deadline = this.#deadlines.after(timeoutMs, giveUp);
    giveUps?.add(giveUp);
    this.#waiting.add(settle);
    send(() => {
      // One that was given up before its turn is not worth asking any more.
      if (!this.#waiting.has(settle)) return NO_BYTES;
      const request = this.#wire.request(message);
      seq = request.seq;
      this.#written.set(seq, settle);
      return request.bytes;
    });
    return promise;
  }

  /** Hands an answer to whom it is for; one that nobody waits for any more is dropped. */
  answer(seq: number, message: CxoMessage): void {
    this.#written.get(seq)?.(message);
  }

  /** Ends every wait with `closed`. */
  close(): void {
    for (const settle of this.#waiting) settle("closed");
  }

  #forget(seq: number): void {
    this.#written.delete(seq);
    this.#wire.forget(seq);
  }
}
