import type { Clock, Timer } from "#kit";
import type { ObjectId } from "./object_id.ts";

/** Longest wait for an object that was asked of somebody else, milliseconds (ours). */
export const ELSEWHERE_MS = 500;

interface Coming {
  /** When it was asked for, on the clock of durations. */
  readonly at: number;
  /** Whom to tell when it came, or did not. */
  readonly over: PromiseWithResolvers<void>;
}

/**
 * Objects on their way to any of several feeds that are nearly the same tree: each is asked for once, and
 * feeds that are fetched at the same time ask for different parts. Whoever does not answer holds up nobody
 * for long.
 */
export class ComingObjects {
  readonly #clock: Clock;
  readonly #coming = new Map<ObjectId, Coming>();
  #sweep: Timer | undefined;

  /** Nothing is on its way. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes that an object was asked for; `answer` never rejects. */
  note(id: ObjectId, answer: Promise<unknown>): void {
    if (this.#coming.has(id)) return;
    const coming = { at: this.#clock.now(), over: Promise.withResolvers<void>() };
    this.#coming.set(id, coming);
    void answer.then(() => this.#end(id, coming));
  }

  /** Resolves when an object came, or did not come in time; undefined where it is not on its way. */
  elsewhere(id: ObjectId): Promise<void> | undefined {
    const coming = this.#coming.get(id);
    if (coming === undefined || this.#isLate(coming)) return undefined;
    this.#sweepSoon();
    return coming.over.promise;
  }

  #isLate({ at }: Coming): boolean {
    return this.#clock.now() - at >= ELSEWHERE_MS;
  }

  #end(id: ObjectId, coming: Coming): void {
    coming.over.resolve();
    if (this.#coming.get(id) === coming) this.#coming.delete(id);
    if (this.#coming.size > 0) return;
    this.#sweep?.cancel();
    this.#sweep = undefined;
  }

  /** One timer for all of them: each object with its own would cost more than the object. */
  #sweepSoon(): void {
    this.#sweep ??= this.#clock.after(ELSEWHERE_MS / 2, () => {
      this.#sweep = undefined;
      for (const [id, coming] of [...this.#coming]) if (this.#isLate(coming)) this.#end(id, coming);
      if (this.#coming.size > 0) this.#sweepSoon();
    });
  }
}
