import { clustersOf, clusterWidth } from "../../cli/chat_width.ts";

/**
 * A terminal as far as the full-screen chat needs one. It throws for everything else, so that nothing
 * can reach a terminal that a test does not know about.
 */
export class ScreenEmulator {
  #cells: string[][] = [];
  #row = 0;
  #column = 0;
  #columns: number;
  #rows: number;
  readonly modes = new Set<string>();

  constructor({ columns, rows }: { columns: number; rows: number }) {
    this.#columns = columns;
    this.#rows = rows;
    this.#clear();
  }

  /** The text of each row. */
  get rows(): string[] {
    return this.#cells.map((cells) => cells.join("").trimEnd());
  }

  get cursor(): { row: number; column: number } {
    return { row: this.#row, column: this.#column };
  }

  resize(columns: number, rows: number): void {
    this.#columns = columns;
    this.#rows = rows;
    this.#clear();
  }

  write(text: string): void {
    for (const [part, mode, place, erase, colour] of text.matchAll(PARTS)) {
      if (mode !== undefined) this.#setMode(mode);
      else if (place !== undefined) {
        const [row = 1, column = 1] = place.split(";").map(Number);
        this.#row = row - 1;
        this.#column = column - 1;
        if (row > this.#rows || column > this.#columns) throw new Error(`${place} is outside`);
      } else if (erase === "2J") this.#clear();
      else if (erase === "2K") this.#cells[this.#row] = this.#emptyRow();
      else if (colour === undefined) this.#print(part);
    }
  }

  #setMode(mode: string): void {
    const [name = "", on] = [mode.slice(0, -1), mode.endsWith("h")];
    if (!["1049", "7", "2004", "25", "2026"].includes(name)) throw new Error(`mode ${mode}`);
    if (on) this.modes.add(name);
    else this.modes.delete(name);
  }

  #print(text: string): void {
    // deno-lint-ignore no-control-regex -- there must be none
    if (/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/.test(text)) {
      throw new Error(`a control character reached the terminal: ${JSON.stringify(text)}`);
    }
    for (const cluster of clustersOf(text)) {
      const width = clusterWidth(cluster);
      if (this.#column + width > this.#columns) throw new Error(`"${text}" is too wide`);
      const cells = this.#cells[this.#row] ?? [];
      if (width === 0) cells[this.#column - 1] += cluster;
      else {
        cells[this.#column] = cluster;
        if (width === 2) cells[this.#column + 1] = "";
      }
      this.#column += width;
    }
  }

  #clear(): void {
    this.#cells = Array.from({ length: this.#rows }, () => this.#emptyRow());
  }

  #emptyRow(): string[] {
    return Array.from({ length: this.#columns }, () => " ");
  }
}

/** A mode, a position, an erasure, colours, or text. */
const PARTS =
  // deno-lint-ignore no-control-regex -- escape sequences are what this reads
  /\x1b\[\?([0-9]+[hl])|\x1b\[([0-9]+;[0-9]+)H|\x1b\[(2[JK])|\x1b\[([0-9;]*)m|[^\x1b]+|\x1b/g;
