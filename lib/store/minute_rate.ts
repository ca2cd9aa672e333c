const NANOS_PER_MINUTE = 60_000_000_000n;
/** Names whose minute is remembered before older minutes are dropped. */
const REMEMBERED = 1_024;

/** Counts what each name had in one calendar minute of UTC (history.md 5). */
export class MinuteRate {
  readonly #most: number;
  readonly #minutes = new Map<string, { minute: bigint; used: number }>();

  /** `most` units a minute for each name; 0 is no limit. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Takes a unit, at a time in nanoseconds since 1970; false where none is left. */
  take(name: string, wall: bigint): boolean {
    if (this.#most === 0) return true;
    const minute = wall / NANOS_PER_MINUTE;
    let window = this.#minutes.get(name);
    if (window?.minute !== minute) {
      if (this.#minutes.size >= REMEMBERED) this.#dropOther(minute);
      window = { minute, used: 0 };
      this.#minutes.set(name, window);
    }
    if (window.used >= this.#most) return false;
    window.used++;
    return true;
  }

  #dropOther(minute: bigint): void {
    for (const [name, window] of this.#minutes) {
      if (window.minute !== minute) this.#minutes.delete(name);
    }
  }
}
