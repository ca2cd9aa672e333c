import type { Random } from "#kit";

/** Repeatable bytes (xorshift32): for tests only, anybody can predict them. */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed = 1) {
    this.#state = seed >>> 0 || 1;
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.#next() & 0xff);
  }

  /** A whole number from 0 up to, but not including, `limit`. */
  below(limit: number): number {
    return this.#next() % limit;
  }

  #next(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return this.#state >>>= 0;
  }
}

/** Hands out prepared byte strings in order: for vectors that fix every random choice. */
export class ScriptedRandom implements Random {
  #left: Uint8Array[];

  constructor(...parts: readonly Uint8Array[]) {
    this.#left = [...parts];
  }

  bytes(count: number): Uint8Array {
    const next = this.#left.shift();
    if (next === undefined || next.length !== count) {
      throw new RangeError(
        `Cannot hand out ${count} bytes: the script has ${next?.length ?? "none"}`,
      );
    }
    return next.slice();
  }
}
