/** Longest key or value that is looked at, bytes: a public key has 66. */
const MOST_TEXT = 128;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = [0x7b, 0x5b];
const CLOSE = [0x7d, 0x5d];
const COLON = 0x3a;
const COMMA = 0x2c;

/**
 * Finds the `visor` of an archive (http-api.md 4.17) while its bytes pass by, wherever in the document
 * it stands. It checks nothing: whether the bytes are an archive is for the app to say.
 */
export class ArchiveOwner {
  #key: string | undefined;
  #depth = 0;
  #inText = false;
  #escaped = false;
  /** The last text of the outermost object. */
  #text: number[] = [];
  /** The member that the next text is the value of. */
  #member = "";

  /** The key of the node that the archive is of, once it came by. */
  get key(): string | undefined {
    return this.#key;
  }

  /** Looks at the next bytes. */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && this.#key === undefined; at++) {
      const byte = bytes[at] ?? 0;
      if (this.#inText) this.#inside(byte);
      else this.#outside(byte);
    }
  }

  #inside(byte: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (byte === BACKSLASH) this.#escaped = true;
    else if (byte === QUOTE) {
      this.#inText = false;
      if (this.#depth === 1 && this.#member === "visor") this.#key = this.#readText();
      return;
    }
    if (this.#depth === 1 && this.#text.length < MOST_TEXT) this.#text.push(byte);
  }

  #outside(byte: number): void {
    if (byte === QUOTE) {
      this.#inText = true;
      this.#text = [];
    } else if (OPEN.includes(byte)) this.#depth++;
    else if (CLOSE.includes(byte)) this.#depth--;
    else if (this.#depth !== 1) return;
    else if (byte === COLON) this.#member = this.#readText();
    else if (byte === COMMA) this.#member = "";
  }

  #readText(): string {
    return String.fromCharCode(...this.#text);
  }
}
