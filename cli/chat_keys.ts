import { utf8Text } from "#kit";

/** Keys that do something other than stand for themselves. */
export type KeyName =
  | "enter"
  | "newline"
  | "escape"
  | "interrupt"
  | "backspace"
  | "delete"
  | "left"
  | "right"
  | "up"
  | "down"
  | "home"
  | "end"
  | "page-up"
  | "page-down"
  | "kill-line"
  | "kill-word"
  | "kill-rest"
  | "redraw";

/** Something that was typed. Text comes one character at a time, a paste whole. */
export type Key =
  | { readonly kind: "key"; readonly name: KeyName }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "paste"; readonly text: string };

/** Longest escape sequence that is waited for, bytes. Ours: a terminal's own are shorter. */
export const MAX_SEQUENCE_BYTES = 64;
/** Most of a paste that is kept, bytes: a message cannot be longer (messages.md 1). */
export const MAX_PASTE_BYTES = 65_536;

const CONTROLS: Readonly<Record<number, KeyName>> = {
  0x01: "home",
  0x02: "left",
  0x03: "interrupt",
  0x04: "delete",
  0x05: "end",
  0x06: "right",
  0x08: "backspace",
  0x0a: "newline",
  0x0b: "kill-rest",
  0x0c: "redraw",
  0x0d: "enter",
  0x0e: "down",
  0x10: "up",
  0x15: "kill-line",
  0x17: "kill-word",
  0x7f: "backspace",
};

/** What follows `ESC [` or `ESC O`, without modifiers. */
const SEQUENCES: Readonly<Record<string, KeyName>> = {
  "A": "up",
  "B": "down",
  "C": "right",
  "D": "left",
  "F": "end",
  "H": "home",
  "1~": "home",
  "3~": "delete",
  "4~": "end",
  "5~": "page-up",
  "6~": "page-down",
  "7~": "home",
  "8~": "end",
};

const ESCAPE = 0x1b;
const INTERRUPT = 0x03;
const PASTE_START = "200~";
const PASTE_END = [0x1b, 0x5b, 0x32, 0x30, 0x31, 0x7e];

/**
 * Reads what a terminal sends for keys (xterm's sequences, bracketed paste): the same keys however the
 * bytes are cut. Only a lone Esc cannot be told from the start of a sequence; {@link flush} decides.
 */
export class KeyDecoder {
  #bytes: number[] = [];
  #paste: number[] | undefined;
  /** How much of the end of a paste has been seen. */
  #pasteEnd = 0;

  /** The keys that these bytes complete. */
  push(bytes: Uint8Array): Key[] {
    const keys: Key[] = [];
    for (const byte of bytes) {
      if (this.#paste !== undefined) this.#inPaste(byte, keys);
      else {
        this.#bytes.push(byte);
        this.#take(keys);
      }
    }
    return keys;
  }

  /** Whether an Esc waits for what follows it. */
  get waiting(): boolean {
    return this.#bytes[0] === ESCAPE;
  }

  /** Nothing followed for a while: a lone Esc is the key, and half a sequence is nothing. */
  flush(): Key[] {
    if (!this.waiting) return [];
    const alone = this.#bytes.length === 1;
    this.#bytes = [];
    return alone ? [{ kind: "key", name: "escape" }] : [];
  }

  #inPaste(byte: number, keys: Key[]): void {
    const paste = this.#paste ?? [];
    if (byte === INTERRUPT) {
      // The way out must not depend on a paste that ends.
      this.#paste = undefined;
      this.#pasteEnd = 0;
      keys.push({ kind: "key", name: "interrupt" });
      return;
    }
    if (byte === PASTE_END[this.#pasteEnd]) {
      this.#pasteEnd++;
      if (this.#pasteEnd < PASTE_END.length) return;
      keys.push({ kind: "paste", text: utf8Text(Uint8Array.from(paste)) });
      this.#paste = undefined;
      this.#pasteEnd = 0;
      return;
    }
    const held = PASTE_END.slice(0, this.#pasteEnd);
    // Only its first byte can begin the end again.
    this.#pasteEnd = byte === ESCAPE ? 1 : 0;
    if (this.#pasteEnd === 0) held.push(byte);
    if (paste.length + held.length <= MAX_PASTE_BYTES) paste.push(...held);
  }

  /** Takes one key off the front, if the bytes are one. */
  #take(keys: Key[]): void {
    const [first = 0, second] = this.#bytes;
    if (first === ESCAPE) {
      if (second !== undefined) this.#takeEscape(second, keys);
      return;
    }
    const name = CONTROLS[first];
    if (name !== undefined) return this.#done(keys, { kind: "key", name });
    if (first < 0x20) return this.#done(keys);
    this.#takeText(first, keys);
  }

  #takeEscape(second: number, keys: Key[]): void {
    if (second === ESCAPE) {
      this.#bytes.shift();
      keys.push({ kind: "key", name: "escape" });
      return;
    }
    // Alt and Enter is a line feed in the message; other keys mean nothing with Alt.
    if (second === 0x0d) return this.#done(keys, { kind: "key", name: "newline" });
    if (second !== 0x5b && second !== 0x4f) return this.#done(keys);
    const last = this.#bytes.at(-1) ?? 0;
    const count = this.#bytes.length;
    if (count === 2) return;
    if (last === ESCAPE) {
      // A new sequence has begun inside this one.
      this.#bytes = [ESCAPE];
      return;
    }
    const ends = last >= 0x40 && last <= 0x7e;
    if (!ends && count < MAX_SEQUENCE_BYTES) return;
    const text = String.fromCharCode(...this.#bytes.slice(2));
    if (second === 0x5b && text === PASTE_START) {
      this.#paste = [];
      return this.#done(keys);
    }
    // `1;5` and the like in front of the last letter are modifiers: Ctrl-Left is still Left.
    const plain = text.replace(/^1;\d+(?=[A-Z]$)/, "").replace(/;\d+(?=~$)/, "");
    const name = ends && Object.hasOwn(SEQUENCES, plain) ? SEQUENCES[plain] : undefined;
    this.#done(keys, name === undefined ? undefined : { kind: "key", name });
  }

  #takeText(first: number, keys: Key[]): void {
    const length = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    const last = this.#bytes.at(-1) ?? 0;
    const broken = this.#bytes.length > 1 && (last & 0xc0) !== 0x80;
    if (broken) this.#bytes.pop();
    if (!broken && this.#bytes.length < length) return;
    const text = utf8Text(Uint8Array.from(this.#bytes));
    this.#bytes = [];
    for (const character of text) keys.push({ kind: "text", text: character });
    if (!broken) return;
    this.#bytes = [last];
    this.#take(keys);
  }

  #done(keys: Key[], key?: Key): void {
    this.#bytes = [];
    if (key !== undefined) keys.push(key);
  }
}
