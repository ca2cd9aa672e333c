/** Slow password hashes that run at a time (ours): one thread gains nothing from a second, and each takes 32 MiB. */
export const MAX_HASHES_RUNNING = 1;
/** Slow password hashes that wait for their turn (ours); more get 503. */
export const MAX_HASHES_WAITING = 16;
/** Slow password hashes of one address, running and waiting (ours); more get 503. */
export const MAX_HASHES_PER_CLIENT = 4;

interface Waiter {
  readonly client: string;
  /** Lets it go on, or turns it away. */
  readonly settle: (turn: boolean) => void;
}

/**
 * Lets few slow hashes run at a time, so that strangers cannot burn the processor. Those of addresses
 * with fewer wrong tries come first, and may take the place of others that wait, so that strangers
 * cannot keep out whoever knows the password either.
 */
export class LoginQueue {
  readonly #failures: (client: string) => number;
  readonly #held = new Map<string, number>();
  #waiting: Waiter[] = [];
  #running = 0;

  /** `failures`: recent wrong tries of an address. */
  constructor(failures: (client: string) => number) {
    this.#failures = failures;
  }

  /** Hashes waiting now. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Does the work when it is its turn; `busy` when there is no room for it. */
  async run<T>(client: string, work: () => Promise<T>): Promise<T | "busy"> {
    const held = this.#held.get(client) ?? 0;
    if (held >= MAX_HASHES_PER_CLIENT) return "busy";
    this.#held.set(client, held + 1);
    try {
      if (!await this.#turn(client)) return "busy";
      try {
        return await work();
      } finally {
        this.#running--;
        this.#next();
      }
    } finally {
      this.#release(client);
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
    const [first] = this.#byFailures();
    if (first === undefined) return;
    this.#running++;
    this.#remove(first);
    first.settle(true);
  }

  /** Turns the worst waiter away if it is worse than this client. */
  #makeRoom(client: string): boolean {
    const worst = this.#byFailures().at(-1);
    if (worst === undefined) return false;
    if (this.#failures(worst.client) <= this.#failures(client)) return false;
    this.#remove(worst);
    worst.settle(false);
    return true;
  }

  /** Fewest failures first, then who came first. */
  #byFailures(): Waiter[] {
    return this.#waiting.toSorted((a, b) => this.#failures(a.client) - this.#failures(b.client));
  }

  #remove(waiter: Waiter): void {
    this.#waiting = this.#waiting.filter((other) => other !== waiter);
  }

  #release(client: string): void {
    const held = this.#held.get(client) ?? 0;
    if (held <= 1) this.#held.delete(client);
    else this.#held.set(client, held - 1);
  }
}
