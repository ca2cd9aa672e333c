/** Memory that one kept event costs besides its characters: objects, headers, slots. A round guess. */
const ENTRY_OVERHEAD = 256;
/** Bytes of one character in memory, taking the wider of the two forms that strings have. */
const CHARACTER_BYTES = 2;

/** Bounds of a ring: whichever is reached first drops the oldest events. */
export interface RingLimits {
  /** Number of events. */
  readonly events: number;
  /** Memory in bytes, over-estimated (two per character). */
  readonly bytes: number;
  /** Milliseconds. */
  readonly age: number;
}

/** One event that may be replayed. Its JSON is built on first need, once for everybody. */
export class KeptEvent<T> {
  readonly source: T;
  /** {@link Clock.now} of its publication. */
  readonly at: number;
  /** Memory in bytes, over-estimated. */
  size: number;
  #build: (() => string) | undefined;
  #line = "";

  constructor(source: T, options: { at: number; characters: number; build: () => string }) {
    this.source = source;
    this.at = options.at;
    this.size = ENTRY_OVERHEAD + CHARACTER_BYTES * options.characters;
    this.#build = options.build;
  }

  /** The JSON text. Building it lets go of what it is built from. */
  get line(): string {
    if (this.#build !== undefined) {
      this.#line = this.#build();
      this.#build = undefined;
      this.size = ENTRY_OVERHEAD + CHARACTER_BYTES * this.#line.length;
    }
    return this.#line;
  }
}

/** The newest events, oldest first, bounded by number, memory and age. */
export class ReplayRing<T> {
  readonly #limits: RingLimits;
  /** `#events[#first]` is the oldest; what is before it was dropped and waits for compaction. */
  #events: (KeptEvent<T> | undefined)[] = [];
  #first = 0;
  #bytes = 0;
  #outgrown: T | undefined;

  constructor(limits: RingLimits) {
    this.#limits = limits;
  }

  /** Events held, those included that grew too old since the last call. */
  get length(): number {
    return this.#events.length - this.#first;
  }

  /** Memory they take, over-estimated. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Source of the newest event that the limits dropped by `now`; undefined when they dropped none. */
  outgrown(now: number): T | undefined {
    this.#trim(now);
    return this.#outgrown;
  }

  /**
   * Appends an event and drops what exceeds the limits. With `serialize`, its JSON is built as well
   * and returned; without, that is left for later.
   */
  add(event: KeptEvent<T>, serialize: boolean): string {
    const line = serialize ? event.line : "";
    this.#events.push(event);
    this.#bytes += event.size;
    this.#trim(event.at);
    return line;
  }

  /** JSON of the events that `wanted` picks and that are young enough, oldest first. */
  replay(now: number, wanted: (source: T) => boolean): string[] {
    this.#trim(now);
    const lines: string[] = [];
    for (let index = this.#first; index < this.#events.length; index++) {
      const event = this.#events[index];
      if (event === undefined || !wanted(event.source)) continue;
      const before = event.size;
      lines.push(event.line);
      this.#bytes += event.size - before;
    }
    this.#trim(now);
    return lines;
  }

  /**
   * Shows events, oldest first, while `visit` returns true: from the first one that `reached` picks,
   * which must pick all later ones too.
   */
  visit(reached: (source: T) => boolean, visit: (event: KeptEvent<T>) => boolean): void {
    let [low, high] = [this.#first, this.#events.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const event = this.#events[middle];
      if (event !== undefined && reached(event.source)) high = middle;
      else low = middle + 1;
    }
    for (let index = low; index < this.#events.length; index++) {
      const event = this.#events[index];
      if (event === undefined) continue;
      const before = event.size;
      const goOn = visit(event);
      this.#bytes += event.size - before;
      if (!goOn) return;
    }
  }

  /** Drops every event that `unwanted` picks. */
  drop(unwanted: (source: T) => boolean): void {
    const kept: KeptEvent<T>[] = [];
    for (const event of this.#events) {
      if (event !== undefined && !unwanted(event.source)) kept.push(event);
    }
    this.#events = kept;
    this.#first = 0;
    this.#bytes = kept.reduce((sum, event) => sum + event.size, 0);
  }

  /** Drops everything. */
  clear(): void {
    this.drop(() => true);
  }

  #trim(now: number): void {
    for (;;) {
      const oldest = this.#events[this.#first];
      if (oldest === undefined || !this.#exceeded(oldest, now)) break;
      this.#bytes -= oldest.size;
      this.#outgrown = oldest.source;
      this.#events[this.#first++] = undefined;
    }
    // Moving the rest costs one step per event on average, because half of the slots are dead by then.
    if (this.#first > 64 && this.#first * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#first);
      this.#first = 0;
    }
  }

  #exceeded(oldest: KeptEvent<T>, now: number): boolean {
    return this.length > this.#limits.events || this.#bytes > this.#limits.bytes ||
      now - oldest.at > this.#limits.age;
  }
}
