/**
 * Characters for which the runtime's own search is used. It is linear up to its table of 250; with a
 * longer needle one that was made for it costs the product of both lengths.
 */
export const NATIVE_NEEDLE = 200;

/** A folded text to look for in many, in time linear in what is looked through. */
export class Needle {
  /** All of it, or its first {@link NATIVE_NEEDLE} characters: to be looked for first. */
  readonly head: string;
  readonly #text: string;
  /** Knuth, Morris, Pratt: how long a beginning ends at each position; long needles only. */
  readonly #borders: Uint32Array | undefined;

  /** `text` is folded and not empty. */
  constructor(text: string) {
    this.#text = text;
    this.head = text.slice(0, NATIVE_NEEDLE);
    this.#borders = text.length > NATIVE_NEEDLE ? bordersOf(text) : undefined;
  }

  get length(): number {
    return this.#text.length;
  }

  /** Whether it begins somewhere from `start` on and ends at `end` at most; `head` is at `start`. */
  isWithin(text: string, start: number, end: number): boolean {
    const [needle, borders] = [this.#text, this.#borders];
    if (borders === undefined) return start + needle.length <= end;
    let matched = 0;
    for (let at = start; at < end; at++) {
      const code = text.charCodeAt(at);
      while (matched > 0 && code !== needle.charCodeAt(matched)) {
        matched = borders[matched - 1] ?? 0;
      }
      if (code === needle.charCodeAt(matched) && ++matched === needle.length) return true;
    }
    return false;
  }
}

function bordersOf(text: string): Uint32Array {
  const borders = new Uint32Array(text.length);
  let length = 0;
  for (let at = 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    while (length > 0 && code !== text.charCodeAt(length)) length = borders[length - 1] ?? 0;
    if (code === text.charCodeAt(length)) length++;
    borders[at] = length;
  }
  return borders;
}
