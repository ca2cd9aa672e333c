import { concat, type Timer } from "#kit";

/** Most messages that wait on one connection for their turn to be written (cxo.md 2.4). */
export const MAX_OUTGOING_FRAMES = 256;
/** Time in milliseconds after which a queue that stays full ends the connection (cxo.md 2.4). */
export const QUEUE_FULL_LIMIT_MS = 5_000;
/** Bytes up to which frames are joined into one write, and into which longer ones are cut (ours). */
export const WRITE_SLICE_BYTES = 65_536;

/** What an {@link Outgoing} needs. */
export interface OutgoingOptions {
  /** Where the bytes go; awaited before the next ones are made. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Waits, for the limit on a full queue. */
  readonly after: (ms: number, action: () => void) => Timer;
  /** Told once why nothing can be written any more: the text of a reason to close. */
  readonly onFailure: (error: unknown) => void;
}

/** Makes the bytes of a message when its turn came; none when it is not wanted any more. */
export type Encode = () => Uint8Array;

/**
 * The messages of one connection that wait to be written, in order. They are encoded when their turn
 * comes, so that one that waits costs nothing but what it refers to.
 */
export class Outgoing {
  readonly #options: OutgoingOptions;
  #waiting: Encode[] = [];
  #busy = false;
  #stopped = false;
  #fullLimit: Timer | undefined;
  #roomy: PromiseWithResolvers<void> | undefined;
  #written: PromiseWithResolvers<void> | undefined;

  /** Nothing waits. */
  constructor(options: OutgoingOptions) {
    this.#options = options;
  }

  /** Present while more than half of the room is taken: whoever makes messages waits for it. */
  get roomy(): Promise<void> | undefined {
    if (this.#waiting.length <= MAX_OUTGOING_FRAMES / 2) return undefined;
    return (this.#roomy ??= Promise.withResolvers<void>()).promise;
  }

  /** Present until everything that waits is written, or nothing can be any more. */
  get written(): Promise<void> | undefined {
    if (!this.#busy || this.#stopped) return undefined;
    return (this.#written ??= Promise.withResolvers<void>()).promise;
  }

  /** Appends a message. One for which there is no room is a failure: nothing is silently left out. */
  push(encode: Encode): void {
    if (this.#stopped) return;
    if (this.#waiting.length >= MAX_OUTGOING_FRAMES) return this.#fail(new Error(OVERFULL));
    this.#waiting.push(encode);
    if (this.#waiting.length === MAX_OUTGOING_FRAMES) {
      const onLimit = () => this.#fail(new Error(FULL));
      this.#fullLimit = this.#options.after(QUEUE_FULL_LIMIT_MS, onLimit);
    }
    if (this.#busy) return;
    this.#busy = true;
    // Whatever else is appended before the caller next waits goes into the same write.
    queueMicrotask(() => void this.#writeAll());
  }

  /** Drops what waits and all that comes. */
  stop(): void {
    this.#stopped = true;
    this.#waiting = [];
    this.#fullLimit?.cancel();
    this.#roomy?.resolve();
    this.#written?.resolve();
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const bytes = this.#takeTurn();
        for (let at = 0; at < bytes.length && !this.#stopped; at += WRITE_SLICE_BYTES) {
          await this.#options.write(bytes.subarray(at, at + WRITE_SLICE_BYTES));
        }
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#busy = false;
    this.#written?.resolve();
    this.#written = undefined;
  }

  /** Encodes frames until they fill a write. Only the last of them can reach beyond it. */
  #takeTurn(): Uint8Array {
    const frames: Uint8Array[] = [];
    let [count, length] = [0, 0];
    while (length < WRITE_SLICE_BYTES) {
      const frame = this.#waiting[count++]?.();
      if (frame === undefined) break;
      frames.push(frame);
      length += frame.length;
    }
    this.#waiting.splice(0, count);
    this.#makeRoom();
    const [only] = frames;
    return frames.length === 1 && only !== undefined ? only : concat(...frames);
  }

  #makeRoom(): void {
    this.#fullLimit?.cancel();
    this.#fullLimit = undefined;
    if (this.#waiting.length > MAX_OUTGOING_FRAMES / 2) return;
    this.#roomy?.resolve();
    this.#roomy = undefined;
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    this.stop();
    this.#options.onFailure(error);
  }
}

const FULL = `outgoing queue full for ${QUEUE_FULL_LIMIT_MS / 1_000} s`;
const OVERFULL = `outgoing queue of ${MAX_OUTGOING_FRAMES} messages overflows`;
