import { clustersOf } from "./chat_width.ts";
import type { KeyName } from "./chat_keys.ts";

/**
 * Longest message that can be typed, UTF-16 code units. Ours: with all of them escaped in JSON it is
 * about what a frame takes (messages.md 1); the app refuses what is longer.
 */
export const MAX_INPUT_UNITS = 60_000;

/** Controls that cannot be part of a message; line feeds can. */
// deno-lint-ignore no-control-regex -- control characters are what this is about
const CONTROLS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g;

/** The line under the cursor: user-perceived characters, and how many of them are before it. */
export class LineEditor {
  #clusters: string[] = [];
  #cursor = 0;

  /** What has been typed. */
  get text(): string {
    return this.#clusters.join("");
  }

  /** What has been typed, character by character. */
  get clusters(): readonly string[] {
    return this.#clusters;
  }

  /** Characters before the cursor. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Puts a text in; false when it is too long, and then nothing changes. */
  insert(text: string): boolean {
    const clean = text.replace(/\r\n?/g, "\n").replaceAll("\t", " ").replace(CONTROLS, "");
    const before = this.#clusters.slice(0, this.#cursor).join("") + clean.toWellFormed();
    const after = this.#clusters.slice(this.#cursor).join("");
    if (before.length + after.length > MAX_INPUT_UNITS) return false;
    // Cut anew: a mark joins the letter before it.
    const head = clustersOf(before);
    this.#clusters = [...head, ...clustersOf(after)];
    this.#cursor = head.length;
    return true;
  }

  /** Does what a key means here; false when it means nothing. */
  press(name: KeyName): boolean {
    const action = this.#actions[name];
    action?.();
    return action !== undefined;
  }

  /** Takes the text out. */
  take(): string {
    const { text } = this;
    this.#clusters = [];
    this.#cursor = 0;
    return text;
  }

  readonly #actions: Partial<Record<KeyName, () => void>> = {
    "newline": () => this.insert("\n"),
    "backspace": () => this.#remove(this.#cursor - 1, this.#cursor),
    "delete": () => this.#remove(this.#cursor, this.#cursor + 1),
    "kill-line": () => this.#remove(0, this.#cursor),
    "kill-rest": () => this.#remove(this.#cursor, this.#clusters.length),
    "kill-word": () => this.#remove(this.#wordStart(), this.#cursor),
    "left": () => this.#moveTo(this.#cursor - 1),
    "right": () => this.#moveTo(this.#cursor + 1),
    "home": () => this.#moveTo(0),
    "end": () => this.#moveTo(this.#clusters.length),
  };

  #moveTo(position: number): void {
    this.#cursor = Math.min(Math.max(position, 0), this.#clusters.length);
  }

  #remove(from: number, to: number): void {
    const start = Math.max(from, 0);
    this.#clusters.splice(start, to - start);
    this.#moveTo(start);
  }

  #wordStart(): number {
    let start = this.#cursor;
    const isSpace = (index: number) => /^\s/.test(this.#clusters[index] ?? "");
    while (start > 0 && isSpace(start - 1)) start--;
    while (start > 0 && !isSpace(start - 1)) start--;
    return start;
  }
}
