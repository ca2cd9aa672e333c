import { concat } from "#kit";
import type { ByteStream } from "#net";

/** A stream that takes what is written only when the test says so, and never gives anything. */
export class HandStream implements ByteStream {
  readonly localAddress = "127.0.0.1:2";
  readonly remoteAddress = "127.0.0.1:1";
  readonly released: Promise<void> = Promise.resolve();
  /** All writes so far. */
  readonly writes: Uint8Array[] = [];
  readonly #ends: (() => void)[] = [];
  readonly #closed = Promise.withResolvers<null>();

  write(bytes: Uint8Array): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.writes.push(bytes);
    this.#ends.push(resolve);
    return promise;
  }

  read(): Promise<null> {
    return this.#closed.promise;
  }

  close(): void {
    this.#closed.resolve(null);
  }

  /** Takes the newest write. */
  take(): void {
    this.#ends.at(-1)?.();
  }

  /** Everything that was written. */
  get bytes(): Uint8Array {
    return concat(...this.writes);
  }
}
