import type { Clock } from "#kit";

/** How often something may happen for one key. */
export interface Rate {
  /** Sustained, a second. */
  readonly perSecond: number;
  /** At once, after a pause. */
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

/**
 * Token buckets by key. The table is bounded: when it is full the key that was quiet longest is
 * forgotten, which gives it a full bucket again.
 */
export class RateLimiter {
  readonly #clock: Clock;
  readonly #capacity: number;
  /** Least recently used first. */
  readonly #buckets = new Map<string, Bucket>();

  /** `capacity`: keys remembered at most. */
  constructor(options: { clock: Clock; capacity: number }) {
    this.#clock = options.clock;
    this.#capacity = options.capacity;
  }

  /** Keys remembered now. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Whether it may happen once more for this key now; if so, it counts. */
  take(key: string, { perSecond, burst }: Rate): boolean {
    const now = this.#clock.now();
    const bucket = this.#buckets.get(key) ?? { tokens: burst, at: now };
    bucket.tokens = Math.min(burst, bucket.tokens + (now - bucket.at) / 1_000 * perSecond);
    bucket.at = now;
    this.#buckets.delete(key);
    this.#makeRoom();
    this.#buckets.set(key, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  #makeRoom(): void {
    if (this.#buckets.size < this.#capacity) return;
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined) this.#buckets.delete(oldest);
  }
}
