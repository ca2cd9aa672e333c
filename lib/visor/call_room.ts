/**
 * Calls that may wait for their answers, those that nobody waits for any more included and dials left
 * out: two for each connection over the mesh, and as many again for a visor that is slow (ours).
 */
export const MAX_VISOR_CALLS = 4_096;
/** So many of {@link MAX_VISOR_CALLS} are kept from writes and dials, for what keeps a node alive (ours). */
export const RESERVED_VISOR_CALLS = 1_024;
/**
 * Dials that may wait for their answers, apart from all other calls: a visor may never answer one, and
 * none can be cancelled (visor.md 5.1, 6.3) (ours).
 */
export const MAX_VISOR_DIALS = 512;

/** What kind of call it is, which says what happens when too many wait for their answers. */
export type CallKind =
  /** One of a handful in the life of a node: always goes out. */
  | "control"
  /** Opens a connection, which somebody may try again later: is refused. */
  | "dial"
  /** Accepts, reads or closes: waits for room, since without it something would be lost. */
  | "vital"
  /** Writes: waits for more room than a vital one needs, and until the bytes before it are sent. */
  | "write";

/** A call that wants to go out; exactly one of the two is called, once. */
export interface EnteringCall {
  /** What it is. */
  readonly kind: CallKind;
  /** Takes it out of the queue: `aborted`. */
  readonly signal: AbortSignal | undefined;
  /** Sends it; it counts until {@link CallRoom.leave}. */
  readonly start: () => void;
  /** It is never sent. */
  readonly refuse: (code: "aborted" | "too-many-calls") => void;
}

/** Decides which calls go out now, which wait until others are answered, and which are refused. */
export class CallRoom {
  readonly #backlogFull: () => boolean;
  /** Waiting calls, oldest first, with what forgets their signals. */
  readonly #waiting = {
    vital: new Map<EnteringCall, () => void>(),
    write: new Map<EnteringCall, () => void>(),
  };
  #dials = 0;
  #others = 0;

  /** `backlogFull` says whether too many bytes wait to be sent. */
  constructor(backlogFull: () => boolean) {
    this.#backlogFull = backlogFull;
  }

  /** Whether so many calls wait for their answers that nothing is written or dialled any more. */
  get crowded(): boolean {
    return this.#others >= MAX_VISOR_CALLS - RESERVED_VISOR_CALLS;
  }

  /** Starts a call, or does so later, or refuses it. */
  enter(call: EnteringCall): void {
    const { kind, refuse } = call;
    if (kind === "control") return this.#start(call);
    if (kind === "dial") {
      return this.#hasRoom("dial") ? this.#start(call) : refuse("too-many-calls");
    }
    if (call.signal?.aborted) return refuse("aborted");
    if (this.#waiting[kind].size === 0 && this.#hasRoom(kind)) return this.#start(call);
    this.#wait(call, this.#waiting[kind]);
  }

  /** A call of this kind was answered. */
  leave(kind: CallKind): void {
    if (kind === "dial") this.#dials--;
    else this.#others--;
    this.admit();
  }

  /** Starts what waits and has room now: to be called when bytes were sent. */
  admit(): void {
    for (const kind of ["vital", "write"] as const) {
      for (const [call, forget] of this.#waiting[kind]) {
        if (!this.#hasRoom(kind)) break;
        this.#waiting[kind].delete(call);
        forget();
        this.#start(call);
      }
    }
  }

  /** Refuses what waits: nothing can be sent any more. */
  clear(): void {
    for (const queue of [this.#waiting.vital, this.#waiting.write]) {
      for (const [call, forget] of queue) {
        forget();
        call.refuse("aborted");
      }
      queue.clear();
    }
  }

  #start({ kind, start }: EnteringCall): void {
    if (kind === "dial") this.#dials++;
    else this.#others++;
    start();
  }

  #wait(call: EnteringCall, queue: Map<EnteringCall, () => void>): void {
    const onAbort = () => {
      if (queue.delete(call)) call.refuse("aborted");
    };
    call.signal?.addEventListener("abort", onAbort, { once: true });
    queue.set(call, () => call.signal?.removeEventListener("abort", onAbort));
  }

  #hasRoom(kind: "dial" | "vital" | "write"): boolean {
    if (kind === "vital") return this.#others < MAX_VISOR_CALLS;
    if (this.crowded || this.#backlogFull()) return false;
    return kind === "write" || this.#dials < MAX_VISOR_DIALS;
  }
}
