import { type Clock, sleepOn, type Timer } from "#kit";

/** A clock that stands still until the test moves it. */
export class ManualClock implements Clock {
  #now = 0;
  #wallStart: bigint;
  #timers: { at: number; order: number; action: () => void }[] = [];
  #order = 0;

  constructor(wallStart = 1_789_000_000_000_000_000n) {
    this.#wallStart = wallStart;
  }

  now(): number {
    return this.#now;
  }

  wall(): bigint {
    return this.#wallStart + BigInt(Math.round(this.#now * 1000)) * 1000n;
  }

  after(ms: number, action: () => void): Timer {
    const entry = { at: this.#now + ms, order: this.#order++, action };
    this.#timers.push(entry);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((timer) => timer !== entry);
      },
    };
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal);
  }

  /** Timers that wait; a test that leaves some behind forgot to stop something. */
  get pending(): number {
    return this.#timers.length;
  }

  /**
   * Moves time forward and fires what is due in order, letting the promises that each timer settles
   * run before the next one fires.
   */
  async advance(ms: number): Promise<void> {
    const target = this.#now + ms;
    await settle();
    for (;;) {
      const due = this.#timers
        .filter((timer) => timer.at <= target)
        .sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#now = Math.max(this.#now, due.at);
      due.action();
      await settle();
    }
    this.#now = target;
    await settle();
  }
}

/** Lets every promise that can make progress without time or I/O do so. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  await new Promise<void>((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      channel.port1.close();
      channel.port2.close();
      resolve();
    };
    channel.port2.postMessage(undefined);
  });
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}
