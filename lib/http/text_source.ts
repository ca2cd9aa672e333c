import { utf8 } from "#kit";
import type { ByteSource } from "./stream_reply.ts";

/**
 * Pieces of text as a source of bytes with an end. The next piece is asked for only when the one
 * before was taken, so a slow client slows whatever makes them, and one that left ends it.
 */
export class TextSource implements ByteSource {
  readonly finite = true;
  readonly #texts: AsyncIterator<string, void>;
  readonly #onError: (error: unknown) => void;
  #piece: Uint8Array | undefined;
  #asking = false;
  #ready: () => void = () => {};
  over = false;
  cut = false;

  /** @param onError told when the texts fail after {@link begin}: the source is then cut. */
  constructor(texts: AsyncIterator<string, void>, onError: (error: unknown) => void) {
    this.#texts = texts;
    this.#onError = onError;
  }

  /** Asks for the first piece; rejects when there is none because of an error. */
  async begin(): Promise<void> {
    this.#accept(await this.#texts.next());
  }

  take(): Uint8Array | undefined {
    const piece = this.#piece;
    this.#piece = undefined;
    return piece;
  }

  whenReady(action: () => void): void {
    this.#ready = action;
    if (this.#asking || this.over) return;
    this.#asking = true;
    this.#texts.next().then((result) => {
      this.#asking = false;
      this.#accept(result);
    }, (error) => {
      if (this.over) return;
      this.over = this.cut = true;
      this.#onError(error);
    }).finally(() => this.#ready());
  }

  close(): void {
    if (this.over) return;
    this.over = this.cut = true;
    this.#piece = undefined;
    // Ends the reading of the store; what it may still say is of no interest.
    this.#texts.return?.().catch(() => {});
    this.#ready();
  }

  #accept({ done, value }: IteratorResult<string, void>): void {
    if (this.over) return;
    if (done) this.over = true;
    else this.#piece = utf8(value);
  }
}
