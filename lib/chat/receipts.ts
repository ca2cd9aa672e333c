import type { Clock, Timer } from "#kit";

/**
 * How waiting for one receipt ended: it came (`at` is a clock reading), the time was up, or nobody
 * waits any more (the write failed, too many others wait, shutdown).
 */
export type ReceiptOutcome =
  | { readonly kind: "acked"; readonly at: number }
  | { readonly kind: "silence" }
  | { readonly kind: "abandoned" };

/** One message whose receipt is expected. */
export class PendingReceipt {
  /** Settles once; never rejects. */
  readonly outcome: Promise<ReceiptOutcome>;
  readonly #settle: (outcome: ReceiptOutcome) => void;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #settled = false;

  constructor(options: { clock: Clock; onSettled: () => void }) {
    const { promise, resolve } = Promise.withResolvers<ReceiptOutcome>();
    this.#clock = options.clock;
    this.outcome = promise;
    this.#settle = (outcome) => {
      if (this.#settled) return;
      this.#settled = true;
      this.#timer?.cancel();
      options.onSettled();
      resolve(outcome);
    };
  }

  /** Starts the time, once the message is written. */
  startTimer(ms: number): void {
    if (this.#settled) return;
    this.#timer = this.#clock.after(ms, () => this.#settle({ kind: "silence" }));
  }

  /** The receipt came. */
  acknowledge(): void {
    this.#settle({ kind: "acked", at: this.#clock.now() });
  }

  /** Nobody waits any more. */
  abandon(): void {
    this.#settle({ kind: "abandoned" });
  }
}

/**
 * Who waits for which receipt, by peer and id: an id alone would let any peer release the waiter of
 * a message to somebody else (messages.md 4.4).
 */
export class ReceiptBook {
  readonly #clock: Clock;
  readonly #capacity: number;
  readonly #pending = new Map<string, PendingReceipt>();

  constructor(options: { clock: Clock; capacity: number }) {
    this.#clock = options.clock;
    this.#capacity = options.capacity;
  }

  /** Receipts that are awaited now. */
  get size(): number {
    return this.#pending.size;
  }

  /** Expects a receipt. To be called before the message is written: the answer may be fast. */
  expect(peer: string, id: string): PendingReceipt {
    const key = keyOf(peer, id);
    if (this.#pending.size >= this.#capacity) this.#oldest()?.abandon();
    const receipt: PendingReceipt = new PendingReceipt({
      clock: this.#clock,
      onSettled: () => {
        if (this.#pending.get(key) === receipt) this.#pending.delete(key);
      },
    });
    this.#pending.set(key, receipt);
    return receipt;
  }

  /** A receipt of this peer came; false when nobody waited for it, which is no error. */
  release(peer: string, id: string): boolean {
    const receipt = this.#pending.get(keyOf(peer, id));
    receipt?.acknowledge();
    return receipt !== undefined;
  }

  /** Abandons every receipt. */
  close(): void {
    for (const receipt of [...this.#pending.values()]) receipt.abandon();
  }

  #oldest(): PendingReceipt | undefined {
    return this.#pending.values().next().value;
  }
}

function keyOf(peer: string, id: string): string {
  return `${peer} ${id}`;
}
