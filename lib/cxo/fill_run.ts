import type { Clock, Timer } from "#kit";
import { CxoFault } from "./fault.ts";
import type { Filler } from "./fill.ts";
import type { CxoMessage } from "./messages.ts";
import type { ObjectId } from "./object_id.ts";
import { REQUEST_LIMIT_MS } from "./pending_requests.ts";
import type { RootSource } from "./shared_feed.ts";

/** Longest time for fetching the objects of one Root in milliseconds (cxo.md 5.6). */
export const FILL_LIMIT_MS = 120_000;

/** How fetching a Root ended. */
export type FillEnd =
  | { readonly kind: "complete" }
  /** The objects did not come: nobody need have done anything wrong. */
  | { readonly kind: "broken"; readonly reason: string }
  /** Something that no honest peer sends, and who sent it. */
  | { readonly kind: "hostile"; readonly fault: CxoFault; readonly source: RootSource };

/**
 * Fetches the objects of one Root over connections: requests what the filler names, and goes on with
 * another source where one fails.
 */
export class FillRun {
  /** Resolves once; never rejects. */
  readonly ended: Promise<FillEnd>;
  readonly #filler: Filler;
  readonly #first: RootSource;
  readonly #requestMs: number;
  readonly #sources: Set<RootSource>;
  readonly #timer: Timer;
  /** Ends the waits for objects that are not wanted any more. */
  readonly #giveUps = new Set<() => void>();
  #resolve: ((end: FillEnd) => void) | undefined;

  /** Starts at once. `requestMs`: for one object, instead of the usual time for an answer. */
  constructor(
    filler: Filler,
    { source, clock, requestMs = REQUEST_LIMIT_MS }: {
      source: RootSource;
      clock: Clock;
      requestMs?: number;
    },
  ) {
    const { promise, resolve } = Promise.withResolvers<FillEnd>();
    this.ended = promise;
    this.#resolve = resolve;
    this.#filler = filler;
    this.#first = source;
    this.#requestMs = requestMs;
    this.#sources = new Set([source]);
    this.#timer = clock.after(FILL_LIMIT_MS, () => this.stop("timeout"));
    this.#pump();
  }

  /** One more connection that has this Root. */
  addSource(source: RootSource): void {
    if (this.#resolve !== undefined) this.#sources.add(source);
  }

  /** Gives up. */
  stop(reason: string): void {
    this.#end({ kind: "broken", reason });
  }

  #pump(): void {
    const { fault } = this.#filler;
    if (fault !== undefined) {
      return this.#end({ kind: "hostile", fault, source: this.#current ?? this.#first });
    }
    if (this.#filler.isComplete) return this.#end({ kind: "complete" });
    for (const id of this.#filler.next()) this.#request(id);
  }

  #request(id: ObjectId): void {
    const source = this.#current;
    if (source === undefined || this.#resolve === undefined) return;
    const options = { giveUps: this.#giveUps, timeoutMs: this.#requestMs };
    void source.request({ type: "RqObject", id }, options)
      .then((answer) => this.#take(id, { answer, source }));
  }

  #take(
    id: ObjectId,
    { answer, source }: { answer: CxoMessage | "timeout" | "closed"; source: RootSource },
  ): void {
    if (this.#resolve === undefined) return;
    if (typeof answer === "object" && answer.type === "Object") {
      const step = this.#filler.accept(id, answer.value);
      return step instanceof CxoFault
        ? this.#end({ kind: "hostile", fault: step, source })
        : this.#pump();
    }
    this.#sources.delete(source);
    if (this.#sources.size > 0) return this.#request(id);
    this.stop(typeof answer === "string" ? answer : "an object is missing");
  }

  get #current(): RootSource | undefined {
    const [source] = this.#sources;
    return source;
  }

  #end(end: FillEnd): void {
    this.#timer.cancel();
    this.#resolve?.(end);
    this.#resolve = undefined;
    for (const giveUp of this.#giveUps) giveUp();
  }
}
