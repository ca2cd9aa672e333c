/** Longest key or value that is looked at, bytes: a public key has 66. */
const MOST_TEXT = 128;
/** Deepest nesting of a document. Ours: an archive has about five levels. */
export const MAX_JSON_DEPTH = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACE = 0x7d;
const CLOSE_BRACKET = 0x5d;
/** What numbers, `true`, `false` and `null` are made of. */
const LITERAL = /^[-+.0-9Ea-z]$/;
const SPACES = [0x20, 0x09, 0x0a, 0x0d];

/**
 * Follows a JSON object while its bytes pass by, without keeping it: whether it is one, whether it is
 * whole, and the texts of its outermost members. It knows brackets, texts and which bytes may stand
 * between them; whether the values are in order is for whoever reads the document.
 */
export class JsonScanner {
  readonly #onText: (member: string, value: string) => void;
  #fault: string | undefined;
  /** The brackets that are to come, innermost last. */
  readonly #closers: number[] = [];
  #begun = false;
  #inText = false;
  #escaped = false;
  /** The last text of the outermost object. */
  #text: number[] = [];
  /** The member that the next text is the value of. */
  #member = "";

  /** `onText` hears of each member of the outermost object that is a text, as it stands there. */
  constructor(onText: (member: string, value: string) => void) {
    this.#onText = onText;
  }

  /** Why this is no JSON object; undefined while it may be one. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Whether the object has come to its end. */
  get complete(): boolean {
    return this.#begun && this.#closers.length === 0 && this.#fault === undefined;
  }

  /** Looks at the next bytes. */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && this.#fault === undefined; at++) {
      const byte = bytes[at] ?? 0;
      if (this.#inText) this.#inside(byte);
      else this.#outside(byte);
    }
  }

  #inside(byte: number): void {
    if (byte < 0x20) {
      this.#fault = "control character in a text";
      return;
    }
    if (this.#escaped) this.#escaped = false;
    else if (byte === BACKSLASH) this.#escaped = true;
    else if (byte === QUOTE) {
      this.#inText = false;
      if (this.#outermost && this.#member !== "") this.#onText(this.#member, this.#readText());
      return;
    }
    if (this.#outermost && this.#text.length < MOST_TEXT) this.#text.push(byte);
  }

  #outside(byte: number): void {
    if (SPACES.includes(byte)) return;
    if (this.#closers.length === 0) return this.#atTop(byte);
    if (byte === QUOTE) {
      this.#inText = true;
      this.#text = [];
    } else if (byte === OPEN_BRACE) this.#open(CLOSE_BRACE);
    else if (byte === OPEN_BRACKET) this.#open(CLOSE_BRACKET);
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (this.#closers.pop() !== byte) this.#fault = "brackets that do not match";
    } else if (byte === COLON) {
      if (this.#outermost) this.#member = this.#readText();
    } else if (byte === COMMA) {
      if (this.#outermost) this.#member = "";
    } else if (!LITERAL.test(String.fromCharCode(byte))) this.#fault = "not JSON";
  }

  #atTop(byte: number): void {
    if (this.#begun) this.#fault = "more behind its end";
    else if (byte !== OPEN_BRACE) this.#fault = "not a JSON object";
    else {
      this.#begun = true;
      this.#open(CLOSE_BRACE);
    }
  }

  #open(closer: number): void {
    if (this.#closers.length === MAX_JSON_DEPTH) this.#fault = "nested too deeply";
    else this.#closers.push(closer);
  }

  get #outermost(): boolean {
    return this.#closers.length === 1;
  }

  #readText(): string {
    return String.fromCharCode(...this.#text);
  }
}
