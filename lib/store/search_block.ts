import type { Needle } from "./search_needle.ts";

/** Records of one packed block: a removal copies one block, a search makes one pass over each. */
export const BLOCK_RECORDS = 512;
/** Characters after which a block takes no further record. */
export const BLOCK_CHARACTERS = 65_536;
/** Removed texts that a block keeps before it is packed anew, so that evictions stay cheap. */
export const BLOCK_BURIED = 64;
/** Texts that wait to be joined to the string: each join copies it. */
export const BLOCK_PENDING = 64;
/** What a record costs beyond its text, in characters: its key, its end, what stands before it. */
export const RECORD_COST = 16;

/** Stands before each text. Folded texts and needles hold no ASCII capital: no match crosses it. */
const MARK = "A";

/** Folded texts of one conversation as one string, with the key of each beside it. */
export class TextBlock {
  #text = "";
  /** Texts that are not joined to `#text` yet. Many small strings would take twice the memory. */
  #pending: string[] = [];
  #keys = new BigInt64Array(4);
  /** Where each text ends in `#text`. */
  #ends = new Uint32Array(4);
  #count = 0;
  /** Positions of records that are removed while their text is still in `#text`. */
  readonly #buried = new Set<number>();
  #oldest = 0n;
  #newest = 0n;
  #longest = 0;

  /** Live records. */
  get size(): number {
    return this.#count - this.#buried.size;
  }

  /** Characters in memory, {@link RECORD_COST} for each record included. */
  get cost(): number {
    return this.#length + this.#count * RECORD_COST;
  }

  get isFull(): boolean {
    return this.#count >= BLOCK_RECORDS || this.#length >= BLOCK_CHARACTERS;
  }

  /** Characters of all texts, joined or not. */
  get #length(): number {
    return this.#count === 0 ? 0 : this.#ends[this.#count - 1] ?? 0;
  }

  /** No live record has a larger key; perhaps that of a record which was removed. */
  get newest(): bigint {
    return this.#newest;
  }

  /** The position of a live record; -1 when it is not here. */
  find(key: bigint): number {
    if (this.#count === 0 || key < this.#oldest || key > this.#newest) return -1;
    const index = this.#keys.subarray(0, this.#count).indexOf(key);
    return this.#buried.has(index) ? -1 : index;
  }

  /** Adds a folded text. The caller knows that no live record has the key. */
  add(key: bigint, folded: string): void {
    const index = this.#count;
    if (this.#buried.size > 0 && this.#keys.subarray(0, index).includes(key)) this.pack();
    if (this.#count === this.#keys.length) this.#resize(this.#count * 2);
    this.#append(key, folded.length);
    this.#pending.push(folded);
    if (this.#pending.length >= BLOCK_PENDING || this.isFull) this.#join();
  }

  /** Removes the record at a position of {@link find}; {@link pack} takes its text out of memory. */
  bury(index: number): void {
    this.#buried.add(index);
    if (this.#buried.size >= BLOCK_BURIED) this.pack();
  }

  /** Takes the texts of removed records out of memory. Positions change. */
  pack(): void {
    if (this.#buried.size === 0) return;
    const [text, keys, ends, count] = [this.#join(), this.#keys, this.#ends, this.#count];
    this.#keys = new BigInt64Array(Math.max(this.size, 4));
    this.#ends = new Uint32Array(this.#keys.length);
    [this.#count, this.#longest] = [0, 0];
    const kept = [""];
    for (let index = 0; index < count; index++) {
      if (this.#buried.has(index)) continue;
      const piece = text.slice(startOf(ends, index), ends[index]);
      this.#append(keys[index] ?? 0n, piece.length);
      kept.push(piece);
    }
    // Joining copies: a single slice would keep the whole old text alive.
    this.#text = kept.join(MARK);
    this.#buried.clear();
  }

  /** Calls back with the key of each live record that holds the needle, in the order of adding. */
  scan(needle: Needle, found: (key: bigint) => void): void {
    if (needle.length > this.#longest) return;
    const [text, ends] = [this.#join(), this.#ends];
    let index = 0;
    for (let at = text.indexOf(needle.head); at >= 0;) {
      index = entryAt(ends, { at, from: index, count: this.#count });
      const end = ends[index] ?? 0;
      if (!this.#buried.has(index) && needle.isWithin(text, at, end)) {
        found(this.#keys[index] ?? 0n);
      }
      at = text.indexOf(needle.head, end);
    }
  }

  /** All texts as one string. */
  #join(): string {
    if (this.#pending.length > 0) this.#text = [this.#text, ...this.#pending].join(MARK);
    this.#pending = [];
    return this.#text;
  }

  /** Writes down a record whose text comes next. */
  #append(key: bigint, length: number): void {
    const index = this.#count++;
    if (index === 0 || key < this.#oldest) this.#oldest = key;
    if (index === 0 || key > this.#newest) this.#newest = key;
    this.#keys[index] = key;
    this.#ends[index] = startOf(this.#ends, index) + length;
    this.#longest = Math.max(this.#longest, length);
  }

  #resize(length: number): void {
    const [keys, ends] = [this.#keys, this.#ends];
    this.#keys = new BigInt64Array(length);
    this.#keys.set(keys);
    this.#ends = new Uint32Array(length);
    this.#ends.set(ends);
  }
}

function startOf(ends: Uint32Array, index: number): number {
  return (index === 0 ? 0 : ends[index - 1] ?? 0) + MARK.length;
}

/** The record whose text the position `at` is in; it is at `from` or behind it. */
function entryAt(
  ends: Uint32Array,
  { at, from, count }: { at: number; from: number; count: number },
): number {
  let [low, high] = [from, count - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ends[middle] ?? 0) > at) high = middle;
    else low = middle + 1;
  }
  return low;
}
