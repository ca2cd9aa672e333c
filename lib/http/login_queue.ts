import type { Random } from "#kit";

/** Slow password hashes that run at a time (ours): one thread gains nothing from a second, and each takes 32 MiB. */
export const MAX_HASHES_RUNNING = 1;
/** Slow password hashes that wait for their turn (ours); then somebody gets 503. */
export const MAX_HASHES_WAITING = 64;

interface Waiter {
  readonly client: string;
  /** Lets it go on, or turns it away. */
  readonly settle: (turn: boolean) => void;
}

/**
 * Lets few slow hashes run at a time, so that strangers cannot burn the processor. Those of addresses
 * with fewer wrong tries come first, then who came first.
 *
 * Behind a proxy everybody has one address. So there is no share for an address, but room for many who
 * wait; and when that is full, somebody who waits gives way, picked by lot among the addresses with most
 * wrong tries. Whoever knows the password waits their turn among the guesses, and has the same chance as
 * each of them.
 */
export class LoginQueue {
  readonly #failures: (client: string) => number;
  readonly #random: Random;
  #waiting: Waiter[] = [];
  #running = 0;

  /** `failures`: recent wrong tries of an address. */
  constructor(options: { failures: (client: string) => number; random: Random }) {
    this.#failures = options.failures;
    this.#random = options.random;
  }

  /** Hashes waiting now. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Does the work when it is its turn; `busy` when there is no room for it. */
  async run<T>(client: string, work: () => Promise<T>): Promise<T | "busy"> {
    if (!await this.#turn(client)) return "busy";
    try {
      return await work();
    } finally {
      this.#running--;
      this.#next();
    }
  }

  /** Waits until the work may begin; false when it may not. */
  #turn(client: string): Promise<boolean> {
    if (this.#running < MAX_HASHES_RUNNING) {
      this.#running++;
      return Promise.resolve(true);
    }
    if (this.#waiting.length >= MAX_HASHES_WAITING && !this.#makeRoom(client)) {
      return Promise.resolve(false);
    }
    return new Promise((settle) => this.#waiting.push({ client, settle }));
  }

  #next(): void {
    let first: Waiter | undefined;
    for (const waiter of this.#waiting) {
      if (first && this.#failures(waiter.client) >= this.#failures(first.client)) continue;
      first = waiter;
    }
    if (first === undefined) return;
    this.#running++;
    this.#remove(first);
    first.settle(true);
  }

  /** Turns away one of the waiters with most failures, unless this client has more. */
  #makeRoom(client: string): boolean {
    const most = Math.max(...this.#waiting.map((waiter) => this.#failures(waiter.client)));
    if (this.#failures(client) > most) return false;
    const worst = this.#waiting.filter((waiter) => this.#failures(waiter.client) >= most);
    const [lot = 0] = new Uint32Array(this.#random.bytes(4).slice().buffer);
    const loser = worst[lot % worst.length];
    if (loser === undefined) return false;
    this.#remove(loser);
    loser.settle(false);
    return true;
  }

  #remove(waiter: Waiter): void {
    this.#waiting = this.#waiting.filter((other) => other !== waiter);
  }
}
