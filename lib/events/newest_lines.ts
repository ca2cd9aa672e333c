/** Characters of JSON held for readers that are behind, unless one event alone is longer: 1 Mi. */
export const MAX_QUEUED_CHARACTERS = 1_048_576;

const NOTHING: readonly string[] = [];

/** The newest lines of a stream, each at a position that counts from the first one ever. */
export class NewestLines {
  readonly #capacity: number;
  #lines: string[] = [];
  #first = 0;
  #characters = 0;
  /** What {@link since} gave, until the next line. */
  readonly #batches = new Map<number, readonly string[]>();

  /** `capacity` is in lines. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Position of the oldest line held. */
  get first(): number {
    return this.#first;
  }

  /** Position of the next line. */
  get end(): number {
    return this.#first + this.#lines.length;
  }

  /** Whether older lines must go before this one is added. One line is never too long. */
  isFullFor(line: string): boolean {
    return this.#lines.length >= this.#capacity ||
      (this.#lines.length > 0 && this.#characters + line.length > MAX_QUEUED_CHARACTERS);
  }

  /** Drops one line. */
  dropOldest(): void {
    const dropped = this.#lines.shift();
    if (dropped === undefined) return;
    this.#characters -= dropped.length;
    this.#first++;
  }

  /** Adds a line; {@link isFullFor} is to be asked before. */
  push(line: string): void {
    this.#lines.push(line);
    this.#characters += line.length;
    this.#batches.clear();
  }

  /** The lines from a position on that are still held; the same array until the next line. */
  since(position: number): readonly string[] {
    if (position >= this.end) return NOTHING;
    const from = Math.max(position, this.#first);
    let batch = this.#batches.get(from);
    if (batch === undefined) {
      batch = this.#lines.slice(from - this.#first);
      this.#batches.set(from, batch);
    }
    return batch;
  }

  /** Drops all lines; positions go on. */
  clear(): void {
    this.#first = this.end;
    this.#lines = [];
    this.#characters = 0;
    this.#batches.clear();
  }
}
