import { OutputClosed, type TextSink } from "#cli";

/** Keeps what a command prints, and lets a test wait for it. */
export class TextCapture implements TextSink {
  terminal: boolean;
  text = "";
  /** When set, the reader has gone away. */
  closed = false;
  #waiting = new Set<() => void>();

  constructor({ terminal = false }: { terminal?: boolean } = {}) {
    this.terminal = terminal;
  }

  write(text: string): void {
    if (this.closed) throw new OutputClosed();
    this.text += text;
    for (const look of this.#waiting) look();
  }

  /** All lines so far, without the empty one after the last line feed. */
  get lines(): string[] {
    return this.text.split("\n").slice(0, -1);
  }

  /** Waits until this many lines were printed. */
  untilLines(count: number): Promise<string[]> {
    return new Promise((resolve) => {
      const look = () => {
        if (this.lines.length < count) return;
        this.#waiting.delete(look);
        resolve(this.lines);
      };
      this.#waiting.add(look);
      look();
    });
  }
}
