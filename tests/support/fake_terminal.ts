import { utf8 } from "#kit";
import type { Terminal, TerminalSize } from "../../cli/terminal.ts";

/** A keyboard that a test types on, and a size that it changes. */
export class FakeTerminal implements Terminal {
  interactive: boolean;
  raw = false;
  #size: TerminalSize;
  readonly #typed: (Uint8Array | undefined)[] = [];
  #reader: PromiseWithResolvers<Uint8Array | undefined> | undefined;
  readonly #resizing = new Set<() => void>();
  readonly #crashing = new Set<() => void>();

  constructor({ interactive = true, columns = 60, rows = 12 } = {}) {
    this.interactive = interactive;
    this.#size = { columns, rows };
  }

  size(): TerminalSize {
    return this.#size;
  }

  setRaw(raw: boolean): void {
    this.raw = raw;
  }

  read(): Promise<Uint8Array | undefined> {
    if (this.#typed.length > 0) return Promise.resolve(this.#typed.shift());
    this.#reader = Promise.withResolvers();
    return this.#reader.promise;
  }

  /** Types a text, escape sequences included; undefined hangs up. */
  type(text: string | Uint8Array | undefined): void {
    const bytes = typeof text === "string" ? utf8(text) : text;
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader === undefined) this.#typed.push(bytes);
    else reader.resolve(bytes);
  }

  /** Makes reading fail. */
  fail(error: Error): void {
    this.#reader?.reject(error);
  }

  resize(columns: number, rows: number): void {
    this.#size = { columns, rows };
    for (const action of [...this.#resizing]) action();
  }

  crash(): void {
    for (const action of [...this.#crashing]) action();
  }

  onResize(action: () => void): () => void {
    this.#resizing.add(action);
    return () => this.#resizing.delete(action);
  }

  onCrash(action: () => void): () => void {
    this.#crashing.add(action);
    return () => this.#crashing.delete(action);
  }

  /** Callbacks that are still registered. */
  get listeners(): number {
    return this.#resizing.size + this.#crashing.size;
  }
}
