import type { Clock, Timer } from "#kit";
import type { ComingObjects } from "./coming_objects.ts";
import { CxoFault } from "./fault.ts";
import { type Filler, MAX_FILL_REQUESTS } from "./fill.ts";
import type { CxoMessage } from "./messages.ts";
import type { ObjectId } from "./object_id.ts";
import { REQUEST_LIMIT_MS } from "./pending_requests.ts";
import type { RootSource } from "./shared_feed.ts";

/** Longest time for fetching the objects of one Root in milliseconds (cxo.md 5.6). */
export const FILL_LIMIT_MS = 120_000;

/** Objects of other feeds that are taken over before everything else gets a turn. */
const FOUND_AT_ONCE = 256;

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
  readonly #clock: Clock;
  readonly #coming: ComingObjects | undefined;
  /** Requests without an answer. */
  #asked = 0;
  /** Objects that did not come elsewhere. */
  readonly #late: ObjectId[] = [];
  /** The next turn, where there is much to take over. */
  #turn: Timer | undefined;
  /** Ends the waits for objects that are not wanted any more. */
  readonly #giveUps = new Set<() => void>();
  #resolve: ((end: FillEnd) => void) | undefined;

  /**
   * Starts at once. `requestMs`: for one object, instead of the usual time for an answer. `coming`: what is
   * on its way to other feeds.
   */
  constructor(
    filler: Filler,
    { source, clock, coming, requestMs = REQUEST_LIMIT_MS }: {
      source: RootSource;
      clock: Clock;
      coming?: ComingObjects | undefined;
      requestMs?: number;
    },
  ) {
    const { promise, resolve } = Promise.withResolvers<FillEnd>();
    this.ended = promise;
    this.#resolve = resolve;
    this.#filler = filler;
    this.#first = source;
    this.#requestMs = requestMs;
    this.#clock = clock;
    this.#coming = coming;
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
    this.#ask();
    const { fault } = this.#filler;
    if (fault !== undefined) {
      return this.#end({ kind: "hostile", fault, source: this.#current ?? this.#first });
    }
    if (this.#filler.isComplete) return this.#end({ kind: "complete" });
  }

  /** Requests what is wanted, but what another feed has by now, or is about to have. */
  #ask(): void {
    if (this.#turn !== undefined) return;
    for (let found = 0; this.#asked < MAX_FILL_REQUESTS && this.#resolve !== undefined;) {
      const late = this.#late.pop();
      const id = late ?? this.#filler.next(1)[0];
      if (id === undefined) return;
      if (this.#filler.find(id) === undefined) {
        const elsewhere = late === undefined ? this.#coming?.elsewhere(id) : undefined;
        if (elsewhere === undefined) this.#request(id);
        else void elsewhere.then(() => this.#onLate(id));
      } else if (++found === FOUND_AT_ONCE) {
        this.#turn = this.#clock.after(0, () => {
          this.#turn = undefined;
          this.#pump();
        });
        return;
      }
    }
  }

  /** It came elsewhere, or is asked for now. */
  #onLate(id: ObjectId): void {
    if (this.#resolve === undefined) return;
    this.#late.push(id);
    this.#pump();
  }

  #request(id: ObjectId): void {
    const source = this.#current;
    if (source === undefined || this.#resolve === undefined) return;
    const options = { giveUps: this.#giveUps, timeoutMs: this.#requestMs };
    this.#asked++;
    const answer = source.request({ type: "RqObject", id }, options);
    void answer.then((answer) => this.#take(id, { answer, source }));
    // Behind our own turn: whoever waits for it finds it then.
    this.#coming?.note(id, answer);
  }

  #take(
    id: ObjectId,
    { answer, source }: { answer: CxoMessage | "timeout" | "closed"; source: RootSource },
  ): void {
    this.#asked--;
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
    this.#turn?.cancel();
    this.#resolve?.(end);
    this.#resolve = undefined;
    for (const giveUp of this.#giveUps) giveUp();
  }
}
