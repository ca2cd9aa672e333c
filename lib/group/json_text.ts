/** A number as it was written: 64 bits do not fit into a double. */
export interface WireNumber {
  /** The literal, a valid JSON number. */
  readonly digits: string;
}

/** An object by folded key: lower case, the last duplicate wins, members that are null left out. */
export type WireObject = ReadonlyMap<string, WireValue>;

/** Parsed JSON. */
export type WireValue = string | WireNumber | boolean | null | readonly WireValue[] | WireObject;

/** Levels of nesting at most (ours); an envelope has three. */
const MAX_DEPTH = 32;

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// deno-lint-ignore no-control-regex -- JSON forbids exactly these inside a string
const CONTROL = /[\u0000-\u001f]/;

/**
 * Parses JSON strictly (RFC 8259) into values that keep numbers as digits and fold the keys of
 * objects; undefined for anything else and for more than 32 levels. The caller bounds the length.
 *
 * `JSON.parse` would do neither: it rounds 64-bit numbers and forgets which of two keys that differ
 * in case came last.
 */
export function parseJson(text: string): WireValue | undefined {
  const parser = new JsonParser(text);
  const value = parser.value(0);
  return value !== undefined && parser.atEnd() ? value : undefined;
}

/** Every method moves behind what it reads, or gives undefined and leaves the place meaningless. */
class JsonParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  atEnd(): boolean {
    this.#skipSpace();
    return this.#at === this.#text.length;
  }

  value(depth: number): WireValue | undefined {
    this.#skipSpace();
    switch (this.#text[this.#at]) {
      case '"':
        return this.#string();
      case "{":
        return depth < MAX_DEPTH ? this.#object(depth + 1) : undefined;
      case "[":
        return depth < MAX_DEPTH ? this.#list(depth + 1) : undefined;
      case "t":
        return this.#word("true") ? true : undefined;
      case "f":
        return this.#word("false") ? false : undefined;
      case "n":
        return this.#word("null") ? null : undefined;
      default:
        return this.#number();
    }
  }

  #object(depth: number): WireObject | undefined {
    const members = new Map<string, WireValue>();
    this.#at++;
    if (this.#take("}")) return members;
    do {
      this.#skipSpace();
      const key = this.#text[this.#at] === '"' ? this.#string() : undefined;
      if (key === undefined || !this.#take(":")) return undefined;
      const value = this.value(depth);
      if (value === undefined) return undefined;
      if (value !== null) members.set(folded(key), value);
    } while (this.#take(","));
    return this.#take("}") ? members : undefined;
  }

  #list(depth: number): readonly WireValue[] | undefined {
    const items: WireValue[] = [];
    this.#at++;
    if (this.#take("]")) return items;
    do {
      const value = this.value(depth);
      if (value === undefined) return undefined;
      items.push(value);
    } while (this.#take(","));
    return this.#take("]") ? items : undefined;
  }

  #string(): string | undefined {
    const start = this.#at + 1;
    let end = this.#text.indexOf('"', start);
    while (end !== -1 && isEscaped(this.#text, end)) end = this.#text.indexOf('"', end + 1);
    if (end === -1) return undefined;
    this.#at = end + 1;
    const raw = this.#text.slice(start, end);
    if (!raw.includes("\\")) return CONTROL.test(raw) ? undefined : raw;
    try {
      return String(JSON.parse(`"${raw}"`));
    } catch {
      return undefined;
    }
  }

  #number(): WireNumber | undefined {
    NUMBER.lastIndex = this.#at;
    const digits = NUMBER.exec(this.#text)?.[0];
    if (digits === undefined) return undefined;
    this.#at += digits.length;
    return { digits };
  }

  #word(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }

  /** Moves behind a punctuation mark, if that is what comes next. */
  #take(mark: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== mark) return false;
    this.#at++;
    return true;
  }

  #skipSpace(): void {
    while (this.#at < this.#text.length && " \t\n\r".includes(this.#text.charAt(this.#at))) {
      this.#at++;
    }
  }
}

/** Whether the quotation mark at a place belongs to the string: an odd run of backslashes before it. */
function isEscaped(text: string, at: number): boolean {
  let run = at;
  while (text[run - 1] === "\\") run--;
  return (at - run) % 2 === 1;
}

/** A key without its case. The long s folds to s at deployed readers, and lower case does not say so. */
function folded(key: string): string {
  return key.toLowerCase().replaceAll("ſ", "s");
}
